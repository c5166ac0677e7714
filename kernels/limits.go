package kernels

import "encoding/binary"

// The limits of a step: reading the weights, multiplying by them, and
// multiplying floats.

// ScanMemory reads b as fast as one thread of the active level can, up to seven
// bytes at its end excepted. What it returns depends on the first bytes of each
// 64, so that the reading is not left out. It allocates nothing.
func ScanMemory(b []byte) uint64 {
	if raceEnabled {
		raceRead(b)
	}
	return active.Scan(b)
}

// DotPeak does about as many integer operations (two for each product that is
// added) as ops says, in registers, with the instructions that the active
// level multiplies quantised weights with, at their full rate. Level generic
// multiplies integers one by one. It returns a value so that the work is not
// left out.
func DotPeak(ops float64) int32 { return active.DotPeak(ops) }

// FloatPeak is DotPeak for float32: the fused multiply-adds that attention and
// float weights are made of. The NEON levels do as level generic does, which
// multiplies floats one by one.
func FloatPeak(ops float64) int32 { return active.FloatPeak(ops) }

// scanBytes is what the assembly reads at a time.
const scanBytes = 256

// scanWith completes a kernel that reads whole multiples of scanBytes.
func scanWith(kernel func(b *byte, n int) uint64) func(b []byte) uint64 {
	return func(b []byte) (x uint64) {
		n := len(b) / scanBytes * scanBytes
		if n > 0 {
			x = kernel(&b[0], n)
		}
		return x ^ scanGeneric(b[n:])
	}
}

// peakOf makes a peak of a kernel that does perStep operations n times.
func peakOf(kernel func(n int), perStep float64) func(ops float64) int32 {
	return func(ops float64) int32 {
		kernel(max(1, int(ops/perStep)))
		return 0
	}
}

func scanGeneric(b []byte) (x uint64) {
	for ; len(b) >= 8; b = b[8:] {
		x ^= binary.LittleEndian.Uint64(b)
	}
	return x
}

// floatPeakGeneric is peakGeneric for floats, with a rounding of each operation.
func floatPeakGeneric(ops float64) int32 {
	var acc [8]float32
	for i := range int32(max(1, min(ops/16, 1<<30))) {
		for j := range acc {
			acc[j] += float32(acc[j] * float32(i))
		}
	}
	var sum float32
	for _, a := range acc {
		sum += a
	}
	return int32(sum)
}

// peakGeneric multiplies and adds in eight independent chains.
func peakGeneric(ops float64) (sum int32) {
	var acc [8]int32
	for i := range int32(max(1, min(ops/16, 1<<30))) {
		for j := range acc {
			acc[j] += acc[j]*i + i
		}
	}
	for _, a := range acc {
		sum += a
	}
	return sum
}
