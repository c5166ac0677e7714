//go:build !noasm

package kernels

// scanMemory reads b as fast as the level can.
func scanMemory(b []byte) {
	switch Active() {
	case "amx", "avx512":
		scanAVX512(&b[0], len(b))
	case "avxvnni", "avx2":
		scanAVX2(&b[0], len(b))
	default:
		scanPortable(b)
	}
}

// doPeak does that many integer operations with the level's dot-product
// instructions at their full rate.
func doPeak(ops float64) {
	switch Active() {
	case "avxvnni":
		peakAVXVNNI(int(ops / 64 / 12))
	case "avx2":
		peakAVX2(int(ops / 64 / 12))
	default:
		peakAVX512(int(ops / 128 / 16))
	}
}
