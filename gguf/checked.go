package gguf

import "math/bits"

// All arithmetic on integers that come from a file is done by the functions
// below. Each returns false where the exact result does not fit in 63 bits,
// so that a good result converts to int64 as it is.

const maxInt63 = 1<<63 - 1

// checkedAdd returns a + b.
func checkedAdd(a, b uint64) (uint64, bool) {
	sum, carry := bits.Add64(a, b, 0)
	return sum, carry == 0 && sum <= maxInt63
}

// checkedMul returns a * b.
func checkedMul(a, b uint64) (uint64, bool) {
	hi, lo := bits.Mul64(a, b)
	return lo, hi == 0 && lo <= maxInt63
}

// checkedAlign returns n rounded up to a multiple of align, a power of two.
func checkedAlign(n, align uint64) (uint64, bool) {
	sum, ok := checkedAdd(n, align-1)
	return sum &^ (align - 1), ok
}

// tensorSize returns the number of elements and bytes of a tensor with the
// given dimensions. bytes is 0 where the type is unknown.
func tensorSize(dims []uint64, t Type) (elements, bytes uint64, ok bool) {
	elements = 1
	for _, d := range dims {
		if elements, ok = checkedMul(elements, d); !ok {
			return 0, 0, false
		}
	}
	if !t.Known() {
		return elements, 0, elements <= maxInt63
	}
	bytes, ok = checkedMul(elements/uint64(t.BlockLen()), uint64(t.BlockBytes()))
	return elements, bytes, ok
}
