package kernels

import (
	"fmt"
	"math"
	"unsafe"
)

// ActivationKind says in which form activations enter a matrix product.
type ActivationKind uint8

const (
	ActF32    ActivationKind = iota // float32, for float weights
	ActQ8x32                        // int8, one scale per 32 values
	ActQ8x256                       // int8, one scale per 256 values
	numActivationKinds
)

// String returns the kind's name.
func (k ActivationKind) String() string {
	return [...]string{"F32", "Q8x32", "Q8x256"}[k]
}

// blockLen is the number of activations that share a scale.
func (k ActivationKind) blockLen() int { return [...]int{1, 32, 256}[k] }

// Activation is the kind of activations that weights of format f multiply.
func (f Format) Activation() ActivationKind {
	switch {
	case f <= BF16:
		return ActF32
	case f < Q2_K:
		return ActQ8x32
	default:
		return ActQ8x256
	}
}

// Activations are nTokens rows of nIn activations, ready for MatMul. The slices
// a kind does not use are nil.
type Activations struct {
	Kind         ActivationKind
	NTokens, NIn int

	F32    []float32 // [nTokens, nIn] (ActF32)
	Quants []int8    // [nTokens, quantStride(nIn)], the first nIn of each
	Scales []float32 // [nTokens, nIn/32 or nIn/256]
	Corr   []int32   // [nTokens, nIn/32] -128 × the sum of each 32 quants (ActQ8x32)
	Sums   []int16   // [nTokens, nIn/256, 24] the sums of each 16 quants, then of each 32 (ActQ8x256)
}

// nSums is the number of sums of a block of 256 quants.
const nSums = 16 + 8

// quantStride is the distance of two rows of quants: nIn and padding to an odd
// number of cache lines, because rows a power of two apart would all compete
// for the same few sets of a cache.
func quantStride(nIn int) int { return align64(nIn) | 64 }

// quantsLen is the number of quants of nTokens rows, with padding.
func quantsLen(nTokens, nIn int) int {
	if nIn == 0 {
		return 0
	}
	return nTokens * quantStride(nIn)
}

// ActivationBytes is the size of the buffer NewActivations divides.
func ActivationBytes(kind ActivationKind, nTokens, nIn int) int {
	n := nTokens * nIn
	switch kind {
	case ActF32:
		return align64(4 * n)
	case ActQ8x32:
		return quantsLen(nTokens, nIn) + 2*align64(n/32*4)
	default:
		return quantsLen(nTokens, nIn) + align64(n/256*4) + align64(n/256*nSums*2)
	}
}

// align64 rounds n up to a multiple of 64, the bytes of a cache line.
func align64(n int) int { return (n + 63) &^ 63 }

// NewActivations returns activations that live in buf, which has
// ActivationBytes(kind, nTokens, nIn) bytes and is 64-byte aligned. It panics
// if nIn does not divide by the kind's block, and allocates nothing.
func NewActivations(kind ActivationKind, nTokens, nIn int, buf []byte) Activations {
	if nIn%kind.blockLen() != 0 {
		panic(fmt.Sprintf("kernels: NewActivations: nIn %d, %v needs a multiple of %d", nIn, kind, kind.blockLen()))
	}
	if n := ActivationBytes(kind, nTokens, nIn); len(buf) < n {
		panic(fmt.Sprintf("kernels: NewActivations: buffer of %d bytes for %d tokens of %d, needs %d", len(buf), nTokens, nIn, n))
	}
	a := Activations{Kind: kind, NTokens: nTokens, NIn: nIn}
	n := nTokens * nIn
	if n == 0 {
		return a
	}
	switch kind {
	case ActF32:
		a.F32 = carve[float32](&buf, n)
	case ActQ8x32:
		a.Quants = carve[int8](&buf, quantsLen(nTokens, nIn))
		a.Scales = carve[float32](&buf, n/32)
		a.Corr = carve[int32](&buf, n/32)
	case ActQ8x256:
		a.Quants = carve[int8](&buf, quantsLen(nTokens, nIn))
		a.Scales = carve[float32](&buf, n/256)
		a.Sums = carve[int16](&buf, n/256*nSums)
	}
	return a
}

// FloatActivations returns ActF32 activations over x [nTokens, nIn] itself.
func FloatActivations(x []float32, nTokens, nIn int) Activations {
	a := Activations{Kind: ActF32, NTokens: nTokens, NIn: nIn, F32: x}
	a.check("FloatActivations")
	return a
}

// carve takes n elements and the padding to 64 bytes from the front of buf.
func carve[T any](buf *[]byte, n int) []T {
	var zero T
	s := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(*buf))), n)
	*buf = (*buf)[align64(n*int(unsafe.Sizeof(zero))):]
	return s
}

// check panics unless every slice has the length the shape needs.
func (a Activations) check(op string) {
	n := a.NTokens * a.NIn
	want := [...]int{0, 0, 0, 0, 0}
	switch a.Kind {
	case ActF32:
		want[0] = n
	case ActQ8x32:
		want = [...]int{0, quantsLen(a.NTokens, a.NIn), n / 32, n / 32, 0}
	case ActQ8x256:
		want = [...]int{0, quantsLen(a.NTokens, a.NIn), n / 256, 0, n / 256 * nSums}
	}
	got := [...]int{len(a.F32), len(a.Quants), len(a.Scales), len(a.Corr), len(a.Sums)}
	if got != want || a.NIn%a.Kind.blockLen() != 0 {
		panic(fmt.Sprintf("kernels: %s: %v activations [%d, %d] need slices of %v, have %v", op, a.Kind, a.NTokens, a.NIn, want, got))
	}
}

// Quantize fills the rows tokens of a from the same rows of x [nTokens, nIn].
//
// A block of 32 or 256 values with largest magnitude amax becomes
//
//	scale = amax/127, quant = x*(127/amax) rounded to the nearest integer, ties to even
//
// each operation rounded to float32. A block with amax < 2^-100 becomes zeros
// with scale 0; one that holds an infinity or a NaN becomes zeros with scale
// NaN, so that what it touches is NaN and nothing faults. It panics if lengths
// disagree, allocates nothing, and is safe to call concurrently on disjoint
// rows.
func Quantize(a Activations, x []float32, tokens Range) {
	a.check("Quantize")
	if len(x) != a.NTokens*a.NIn {
		panic(fmt.Sprintf("kernels: Quantize: x of %d for [%d, %d]", len(x), a.NTokens, a.NIn))
	}
	tokens.check("Quantize tokens", a.NTokens)
	if tokens.len() == 0 || a.NIn == 0 {
		return
	}
	if raceEnabled {
		raceRead(x[tokens.From*a.NIn : tokens.To*a.NIn])
		for t := tokens.From; t < tokens.To; t++ {
			a.race(t, true)
		}
	}
	active.Quantize[a.Kind](a, x, tokens)
}

// race tells the race detector that a token is read or written.
func (a Activations) race(token int, write bool) {
	touch8, touch32, touchF, touch16 := raceRead[int8], raceRead[int32], raceRead[float32], raceRead[int16]
	if write {
		touch8, touch32, touchF, touch16 = raceWrite[int8], raceWrite[int32], raceWrite[float32], raceWrite[int16]
	}
	n := a.NIn / a.Kind.blockLen()
	switch a.Kind {
	case ActF32:
		touchF(a.F32[token*a.NIn:][:a.NIn])
		return
	case ActQ8x32:
		touch32(a.Corr[token*n:][:n])
	case ActQ8x256:
		touch16(a.Sums[token*n*nSums:][:n*nSums])
	}
	touch8(a.quants(token, 0, a.NIn))
	touchF(a.Scales[token*n:][:n])
}

// minAmax is the least block maximum that is not taken for zero: 127/amax stays
// far from overflow, and no activation that matters is as small.
const minAmax = 0x1p-100

func quantizeF32Generic(a Activations, x []float32, tokens Range) {
	copy(a.F32[tokens.From*a.NIn:tokens.To*a.NIn], x[tokens.From*a.NIn:])
}

func quantizeQ8x32Generic(a Activations, x []float32, tokens Range) {
	nBlocks := a.NIn / 32
	for t := tokens.From; t < tokens.To; t++ {
		for b := range nBlocks {
			q := a.quants(t, b*32, 32)
			a.Scales[t*nBlocks+b] = quantizeBlock(q, x[t*a.NIn+b*32:][:32])
			a.Corr[t*nBlocks+b] = -128 * sumInt8(q)
		}
	}
}

func quantizeQ8x256Generic(a Activations, x []float32, tokens Range) {
	nBlocks := a.NIn / 256
	for t := tokens.From; t < tokens.To; t++ {
		for b := range nBlocks {
			q := a.quants(t, b*256, 256)
			a.Scales[t*nBlocks+b] = quantizeBlock(q, x[t*a.NIn+b*256:][:256])
			sums := a.Sums[(t*nBlocks+b)*nSums:][:nSums]
			for s := range 16 {
				sums[s] = int16(sumInt8(q[s*16:][:16]))
			}
			for s := range 8 {
				sums[16+s] = sums[2*s] + sums[2*s+1]
			}
		}
	}
}

// quants returns the n quants of a token from k on.
func (a Activations) quants(token, k, n int) []int8 {
	return a.Quants[token*quantStride(a.NIn)+k:][:n:n]
}

// quantizeBlock quantises one block and returns its scale.
func quantizeBlock(q []int8, x []float32) (scale float32) {
	var top uint32 // magnitudes compare as integers, and NaN above all
	for _, v := range x {
		top = max(top, math.Float32bits(v)&0x7fffffff)
	}
	amax := math.Float32frombits(top)
	switch {
	case top >= 0x7f800000:
		clear(q)
		return float32(math.NaN())
	case amax < minAmax:
		clear(q)
		return 0
	}
	inv := 127 / amax
	for i, v := range x {
		q[i] = int8(roundToEven(float32(v * inv)))
	}
	return amax / 127
}

// roundToEven rounds |v| < 2^22 to the nearest integer, ties to even: the sum
// has no bits below 1, and the difference is exact.
func roundToEven(v float32) int32 {
	const magic = 3 << 22
	return int32(math.Float32bits(v+magic)) - int32(math.Float32bits(magic))
}

func sumInt8(q []int8) (sum int32) {
	for _, v := range q {
		sum += int32(v)
	}
	return sum
}
