// Package tokenizer turns text into tokens and tokens into text, for every
// kind of vocabulary that a GGUF file may hold. Ids are those of llama.cpp,
// which the models' files are made for, string by string.
//
// It takes a plain Vocab and knows no file, no model and no chat format.
//
// # Reading order
//
//	tokenizer.go    Tokenizer, New, Encode, EncodeSegments
//	vocab.go        Vocab, what is checked, what each kind assumes
//	special.go      attributes of special tokens, end of generation
//	partition.go    finding special tokens in text; trie.go
//	merge.go        the merge loop of both BPE kinds; queue.go, joints.go
//	spm.go          SentencePiece BPE ("llama")
//	bpe.go          BPE over bytes ("gpt2") and code points ("gemma4"); bytelevel.go
//	pretokenize.go  the split rules by name
//	scan_*.go       the scanners that the rules are made of
//	unicode.go      the character classes that the scanners ask for
//	wordpiece.go    WordPiece ("bert")
//	unigram.go      unigram ("t5"); charsmap.go its normaliser
//	decode.go       Piece, Decode
//	stream.go       StreamDecoder
//
// # Invariants
//
//   - A Tokenizer is immutable and safe for concurrent use.
//   - No input text and no token list makes it panic; New returns a
//     *VocabError for a vocabulary that cannot work.
//   - Encoding takes time linear in the text, whatever the text: there is no
//     backtracking scanner and no quadratic merge. A test counts operations.
//   - Text that is encoded stays in no buffer: scratch memory is cleared
//     before another call sees it.
//   - Encoding a text of ordinary length into a slice that is large enough
//     allocates nothing.
//
// # Decisions
//
// Who may write a special token: Encode parses control tokens only when asked
// and user-defined tokens always, as the reference does. EncodeSegments is
// for prompts made of trusted and untrusted parts; there an untrusted part
// yields neither control tokens nor any user-defined token that looks like
// markup (<|user|>, </s>, [INST]), even where the parts join. And merges never
// produce a control token, which in the reference an odd vocabulary allows.
//
// Why one merge loop: SentencePiece and byte-level BPE differ in how they rank
// a pair, not in the order in which they merge. Texts are first cut where no
// merge can reach across (joints.go), so that a document merges in chunks of
// a word or so, with the same result.
//
// Invalid UTF-8 follows the reference: byte-level BPE sees U+FFFD for each
// offending byte but keeps encoded surrogates, SentencePiece falls back to
// byte tokens, WordPiece drops the bytes. A SentencePiece vocabulary without
// byte tokens, on which the reference aborts, yields one UNK a character.
//
// What the reference leaves to chance is settled here: of special tokens of
// the same length the smaller id is looked for first, and of several names
// for the end of a turn the more specific one counts.
package tokenizer
