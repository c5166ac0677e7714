//go:build !noasm

package kernels

// scanMemory reads b as fast as the machine can.
func scanMemory(b []byte) {
	if Active() == "avx512" {
		scanAVX512(&b[0], len(b))
		return
	}
	scanPortable(b)
}

// doPeak does that many integer operations with the level's dot-product
// instruction at its full rate.
func doPeak(ops float64) { peakAVX512(int(ops / 128 / 16)) }
