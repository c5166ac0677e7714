// Package bpe trains the demo model's vocabulary: byte-pair merges over
// words, laid out as a SentencePiece vocabulary with scores and byte fallback
// (GGUF tokenizer model "llama"). Encoding is package tokenizer's work.
//
// Merges never cross a space and never join digits or punctuation, so a
// number is spelled digit by digit and a full stop is always its own piece.
// That costs a few tokens and makes sums and sentence ends easier to learn.
package bpe
