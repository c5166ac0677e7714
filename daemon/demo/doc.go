// Package demo carries a language model small enough to be part of the
// program, so that a fresh clone answers without a download.
//
// demo.gguf is ours: cmd/inferd-tune generated its training text and trained
// it from scratch, and "make demo-model" makes it again. It has about a million
// parameters and answers questions about inferd, an invented library and
// station, the calendar and small sums. Its licence is the program's.
package demo
