// Command inferd-tune makes the demo model that inferd carries: it writes the
// training text, trains the vocabulary and the model with gorgonia, and writes
// and judges the GGUF file. It also trains classifier heads.
//
//	inferd-tune corpus --out DIR          training text and held-out questions
//	inferd-tune vocab --dir DIR           vocabulary
//	inferd-tune train --dir DIR           model, from a checkpoint if there is one
//	inferd-tune export --dir DIR --out F  GGUF
//	inferd-tune eval --model F --dir DIR  held-out loss, share of right answers
//	inferd-tune intents --out F           labelled texts for a classifier head
//	inferd-tune head --model F --data D   the head
//
// One file per subcommand; the work is done by the packages below: corpus,
// bpe, graph (the llama architecture as a gorgonia graph), train, sgemm.
//
// It is a binary of its own because gorgonia must not be linked into the
// daemon. Exit codes: 0 done, 1 failure, 2 wrong usage.
package main
