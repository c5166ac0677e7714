// Package graph is the llama architecture as a gorgonia ExprGraph in float32,
// for training and as an oracle. It shares no code with inferd's runtime and
// kernels, so that it can judge them.
//
// Reading order: config.go (sizes and parameters), block.go (the mathematics),
// graph.go (inputs, loss, running).
//
// gorgonia v0.9.18 has faults that this package works around; keep them in
// mind when changing the mathematics:
//
//   - Nodes are told apart by a 32-bit hash and equal hashes are taken for
//     equal nodes. New refuses a graph with two.
//   - Slice puts only one byte of its bounds into that hash, so [0:4] and
//     [256:260] are "the same" node. Nothing here slices.
//   - The gradient of InverseSqrt is wrong. The norm is Inverse(Sqrt(x)).
//   - Broadcasting operators are slow. Products with matrices of ones do it.
//
// Matrices are stored [in, out], so that x·W needs no transposition; GGUF has
// [out, in].
package graph
