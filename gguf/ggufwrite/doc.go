// Package ggufwrite writes GGUF files, version 3, for tools and tests.
//
// A Writer collects metadata and tensor descriptions; the tensors' bytes come
// from Source functions that run while the file is written, so a model of any
// size passes through without being held in memory. WriteFile replaces its
// target atomically: readers see the old file or the whole new one.
//
// Package gguf reads what this package writes, and is the authority on types
// and block sizes. Mistakes of the caller (an unsupported Go type, a duplicate
// tensor, a size that does not fit the type) are kept and returned by the
// write, which then leaves no file behind.
package ggufwrite
