//go:build !amd64 || noasm

package kernels

// scanMemory reads b as fast as portable code can.
func scanMemory(b []byte) { scanPortable(b) }

var peakSink int32

// doPeak does that many integer operations, a multiplication and an addition
// in each of eight independent chains.
func doPeak(ops float64) {
	var acc [8]int32
	for i := range int(ops / 16) {
		for j := range acc {
			acc[j] += acc[j] * int32(i)
		}
	}
	peakSink = acc[0]
}
