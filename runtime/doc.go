// Package runtime loads a model and computes with it. An Engine is a loaded
// model, immutable and shared; a Session is one timeline of tokens with its
// keys and values; Step advances many sessions at once, mixing chunks of
// prompts with single tokens of running answers. A Generation makes an answer
// out of a session: sampling, stop strings, text.
//
//	e, err := runtime.Load("model.gguf", runtime.Options{})
//	defer e.Close()
//	s, err := e.NewSession(runtime.SessionOptions{})
//	defer s.Close()
//	prompt := e.Tokenizer().Encode("Once upon a time", tokenizer.EncodeOptions{AddSpecial: true})
//	g, err := runtime.NewGeneration(s, prompt, runtime.GenerationOptions{Sampling: runtime.Greedy()})
//	defer g.Close()
//	err = g.Run(ctx, func(d runtime.Delta) error { _, err := os.Stdout.Write(d.Text); return err })
//
// It leaves to others: what bytes mean (gguf, kernels), what text means
// (tokenizer), and whose turn it is (daemon/sched).
//
// # Reading order
//
//	engine.go session.go batch.go step.go   load a model; one timeline; one step
//	writer.go generation.go                 an answer's text; an answer in a session
//	params.go sampler.go penalties.go       logits to a token
//	philox.go logprobs.go stop.go           random numbers; probabilities; stop strings
//	constraint.go                           answers inside a grammar (package grammar)
//	plan.go info.go                         what loading will take; what a file is
//	hparams.go config.go vocab.go           metadata, checked once
//	weights.go pack.go                      binder: tensors to packed weights
//	decoder.go                              the block, and what is before and after all blocks
//	arch.go llama.go                        an architecture: which pieces its blocks are made of
//	norm.go attention.go latent.go          the pieces: norms; kinds of attention
//	rope.go position.go window.go           encodings of positions; which positions a layer sees
//	ffn.go moe.go route.go                  feed-forward networks; experts and their choice
//	backend.go cpu*.go                      the operations of a block, and their division among threads
//	encoder.go tail.go embed.go             models that read a text at once; vectors of texts
//	recurrent.go mamba*.go deltanet.go      the pieces that carry a state along
//	kvcache.go prefix.go state.go           pages of keys and values; their reuse; recurrent states
//	shed.go                                 giving memory back
//	adapter.go cpu_adapter.go               low-rank changes of the weights, by session
//	memory.go pool.go threads.go os_*.go    memory off the Go heap; threads, and how many
//	limits.go                               what a step costs at least, for measuring
//	invariants_*.go                         costly checks, with the build tag invariants
//	perplexity.go                           how well a model predicts a text
//
// # Ownership
//
// An Engine lives until all its users have closed it: the loader, whoever
// called Acquire, and every session. A session belongs to one goroutine at a
// time. Steps of one engine run one after another, and while a batch has logits
// that it has not given back all others are refused; sessions may be opened,
// rewound and closed by other goroutines meanwhile, as long as they are not in
// the step's batch. The threads of a step spin between its operations, so a
// program that has other work meanwhile sets GOMAXPROCS a little above the
// number of threads. Weights, keys and values, and scratch memory are mapped
// outside the Go heap: the garbage collector never walks them, and a step
// allocates nothing on it.
//
// # Invariants
//
// One arithmetic: a session's logits depend on its tokens and adapters alone.
// How they were cut into steps, what else was in a batch, how many threads ran,
// and whether keys and values were computed or reused, changes no bit.
// Operations are divided among threads by output, never by sum, and whatever is
// added up is added in an order fixed by position.
//
// Pages of keys and values, the tokens they were made of, and recurrent states
// are cleared when their last user lets go of them, and never pass from one user
// to another.
//
// A model loads whole or not at all, and an error lists everything that is
// wrong with it. Hyper-parameters are checked in hparams.go, tensors in
// weights.go, and not again after that.
//
// # Adding an architecture
//
// Write a file named after general.architecture with a constructor, and add a
// line to archs. The constructor reads the hyper-parameters and returns a
// decoder whose layers are composite literals, so that they read like a
// picture of the block:
//
//	m.layers = append(m.layers, decoderLayer{
//		mixerNorm: c.norm("attn_norm", c.dim),
//		mixer:     c.attention(i).normHeads(&c),
//		ffnNorm:   c.norm("ffn_norm", c.dim),
//		ffn:       c.glu(i, kernels.SiLU),
//	})
//
// As a rule this is all: newConfig reads what all transformers have, newRoPE the
// positions, and each piece binds its own tensors and knows its sizes. Which
// norms there are and what they are called, which layers have windows or
// experts or no positions, is decided in the constructor, by the metadata and
// the layer's number; an option that only some models have is a field of its
// piece, set by a line after the piece is made (attn.Softcap = …).
//
// A part that works otherwise is a new mixer or feedForward: a struct of its
// matrices, bind with one line per tensor, and apply, which fits a page and
// calls only Backend (latent.go is one). A model that does more than add layers
// to a stream embeds decoder and has a forward of its own (gemma4.go). What no
// piece can say with the operations there are is a new operation of Backend, and
// of cpu, which divides it by rows.
//
// Every value that comes from a file goes through hparams or the binder, which
// note faults: a constructor must not fail, divide by what may be 0, or
// allocate by what has no bound, whatever the file says. Golden logits
// (testdata/README.md) tell when it is right: a line in tinyDecoders tests them,
// and the same bits in any division of the work, decoding without allocation,
// and bad values of every key.
//
// # Unexpected decisions
//
// Scratch memory is measured, not computed: before a load a model runs once on
// a backend without memory, which counts what each operation takes.
//
// Logits of all positions live in scratch memory that is mapped for the largest
// batch but touched only when they are wanted, and given back after.
//
// Behind the last layer's keys and values a prompt's tokens are of no use but for
// those whose logits are wanted, so that the step narrows there to these: a mixer
// may do it (attention.go does), and the layer does what the mixer left.
//
// A file's unused tensors are an error: a tensor that the block does not name
// is more often a missing feature than a harmless rest.
//
// The KV cache is F32 for models that are not block-quantised: they are small,
// and are loaded to be exact.
//
// A recurrent state cannot be cut back. Copies are kept where pages end, in a
// memory of their own, for a state is often larger than a page by far: with too
// many pages the copies used least recently go, and what follows the last one
// left is computed again, to the same bits, by the step that needs it.
//
// A generated BOS token ends an answer, as an end-of-generation token does:
// models trained on documents that BOS separates begin another one with it.
package runtime
