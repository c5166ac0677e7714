package kernels

import "encoding/binary"

// scanPortable reads b; it returns a value so that it is not optimised away.
//
//go:noinline
func scanPortable(b []byte) (x uint64) {
	for i := 0; i+8 <= len(b); i += 8 {
		x ^= binary.LittleEndian.Uint64(b[i:])
	}
	return x
}
