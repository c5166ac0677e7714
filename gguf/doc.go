// Package gguf reads GGUF model files, versions 2 and 3, single or split.
//
// A GGUF file is a header, a list of typed key-value pairs (the metadata), a
// list of tensor descriptions, padding, and the tensors' bytes
// (ggml docs/gguf.md). Open checks all of it except the tensors' bytes, so a
// File that exists is consistent: every key is unique, every tensor of a known
// type lies inside its file, is aligned and overlaps no other.
//
// What a key means, which tensors a model needs and what the bytes of a block
// mean is for others; see packages runtime and kernels. Dimensions keep the
// file's order, fastest first. Strings are bytes as they stand in the file and
// need not be UTF-8, since vocabularies hold pieces of runes.
//
// # Reading order
//
//	file.go     File, Open, Close: one part, then the set
//	header.go   the parser: header, metadata, tensor index
//	cursor.go   the bounded reader under the parser
//	value.go    ValueType and KeyValue: metadata as stored
//	metadata.go typed getters that say which key failed and why
//	tensor.go   TensorInfo, and the only maker of views into the mapping
//	type.go     tensor types: block length and bytes, one table
//	split.go    names and checks of split sets
//	checked.go  the only arithmetic on integers that come from a file
//	limits.go   caps with reasons; error.go ParseError and sentinels
//	mmap_linux.go, mmap_other.go, fault.go   the mapping and its hazards
//
// # Untrusted input
//
// A file is an attacker's input. Counts and lengths are compared with the
// bytes that are left before anything is allocated, so opening a file allocates
// at most four times its size; every error about its content is a *ParseError
// with path, field and offset; nothing recurses. Only regular files are
// opened, and without blocking, so that a FIFO or a device cannot hang a
// caller.
//
// # Lifetime of bytes
//
// Metadata and tensor descriptions are copies and outlive Close. TensorBytes
// gives a view of the read-only mapping: it is valid until Close and must not
// be written to. The file may be replaced by renaming another over it, which
// leaves the mapping as it was. A file that is truncated in place, or a disk
// that fails, makes a view fault: reading it then raises SIGBUS, which ends the
// process. Long-lived programs read with ReadTensor instead, which gets an
// error in both cases; TensorBytes suits tools and tests.
//
// # Unexpected decisions
//
// Unknown types are listed: a file with a tensor of a type this package does
// not know opens, so that it can be inspected; only using that tensor fails,
// with ErrUnknownType.
//
// Zero-sized dimensions are refused: no model has a use for them and divisions
// further up are safer without.
//
// Lookup is a binary search in a sorted index: a map costs more than four
// times the bytes of the smallest key-value pair.
package gguf
