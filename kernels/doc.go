// Package kernels holds the arithmetic of inference: quantised matrix products,
// norms, rotary positions, attention, activations and recurrent scans. It knows
// nothing of files, models or threads. Every function is pure: it starts no
// goroutine, allocates nothing, logs nothing, and is safe to call concurrently
// on disjoint outputs. A length that disagrees is the caller's mistake and
// panics.
//
// # One arithmetic
//
// Each operation has a portable reference in Go (xxxGeneric), and every other
// level (see [Implementations]) equals it bit for bit, on any shape, in any
// division of the work. The comment of an operation states the sequence of its
// roundings; this page states what they share. [ContractVersion] numbers the
// whole: a change of any bit changes it.
//
//   - All arithmetic is IEEE 754 float32, rounding to nearest even, with
//     subnormals, unless a comment says float64. FMA is one rounding. Where a
//     reference writes float32(a*b) + c, nothing may be fused.
//   - Any NaN equals any NaN. The sign of a zero is part of the contract.
//   - Reductions over a vector run in 16 virtual lanes: lane i takes elements i,
//     i+16, … in ascending order from +0, then lane i takes lane i+8, i+4, i+2
//     and i+1 (reduce.go).
//   - A dot product of floats is a chain from +0, one FMA per element in ascending
//     order, and has a lane to itself: output rows, positions or channels lie in
//     lanes, so that no lane ever meets another.
//   - exp, log, tanh, sigmoid and the like are our own polynomials (exp.go,
//     log.go, tanh.go, gelu.go); sines and angles are computed in float64
//     (math64.go).
//
// # Matrix products
//
// y[t][n] = Σ_k W[n][k]·x[t][k]. The weights keep their quantised values; the
// activations become int8 where the weights are quantised (quantize.go), with
// one float32 scale dx per 32 values for the formats of up to 128 values to a
// block, and per 256 for the super-block formats. An output starts at +0 and
// takes the blocks in ascending order; i, isum and msum are exact in int32, and
// converting them to float32 rounds to nearest even:
//
//	F32 F16 BF16              acc = fma(w[k], x[k], acc), k ascending
//
//	Q4_0 Q5_0 Q8_0 IQ4_NL     i = Σ q·xq over 32 values
//	MXFP4 Q1_0 Q2_0           acc = fma(i, d·dx, acc)
//
//	Q4_1 Q5_1                 the same, then
//	                          acc = fma(Σ xq, m·dx, acc)
//
//	NVFP4                     i = Σ q·xq over 16 values
//	                          acc = fma(i, d·dx, acc), twice per dx
//
//	Q4_K Q5_K Q2_K            isum = Σ_s scale[s]·Σ q·xq over 256 values
//	                          msum = Σ_s min[s]·Σ xq
//	                          acc  = fma(isum, d·dx, acc)
//	                          acc  = fma(-msum, dmin·dx, acc)
//
//	Q6_K Q3_K IQ4_XS IQ1_*    acc  = fma(isum, d·dx, acc)
//	IQ2_* IQ3_* TQ1_0 TQ2_0
//
// q is the signed value of a weight with its offset or table applied, s counts
// sub-blocks of 16 (or 32) values, and d·dx, m·dx, dmin·dx are rounded once.
// The d of MXFP4, NVFP4 and the IQ1 to IQ3 formats contains a power of two that
// makes q an integer; it is exact. The sequence of an output depends on its row
// and its token alone: one token or five hundred, one panel or all, any k
// blocking give the same bits.
//
// # Panels
//
// [Pack] rearranges weights into panels of 16 output rows, a SIMD lane each, in
// which blocks follow each other along k as one sequential stream. A packed
// block is a head, the scales of the 16 rows side by side, and a body, the
// quants in words: word g of a row is its four bytes 4g to 4g+3, and the words g
// of the 16 rows lie together in 64 bytes. Words of neighbouring values are
// neighbours, too, so that a product asks memory for lines one after the other at
// an even pace, which the hardware can foresee. Where a head has an odd number of
// half cache lines, blocks lie in pairs (packedBlock). Float weights are
// [nIn][16]. The file of each format gives its head and its words. Rows past the
// end of the matrix are zero bytes.
//
// # Reading order
//
// format.go, fma.go, float16.go; matmul.go, quantize.go, pack.go, rowblock.go,
// matmul_generic.go, lookup.go; a format: q8_0.go, q4_0.go, q5_0.go, q1_0.go,
// q4_nonlinear.go, q4_k.go, q6_k.go, q2_k.go, q_ternary.go, q_grid.go; impl.go,
// levels.go, limits.go and the levels; then reduce.go, rmsnorm.go, layernorm.go,
// rope.go, exp.go, softmax.go, activation.go, attention.go, kvpages.go, conv.go,
// mamba.go, deltanet.go; lanekernels.go, attentiontiles.go and recurrentlanes.go,
// what the SIMD levels have in common there.
// Apart from the contract, for files and tools: dequant.go, grid.go, encode.go;
// and clear.go, which leaves nothing of a text in registers.
//
// # Decisions
//
// Why rows in lanes: there is no horizontal sum, and so neither vector width nor
// the number of rows at hand can change the order of additions.
//
// Why unpacking in the reference goes row by row: rowBlock says what a format
// means, once, for the product, the look-up and the reader.
package kernels

// ContractVersion numbers the arithmetic of this package. Equal versions give
// equal bits.
const ContractVersion = 1
