package kernels

import (
	"unsafe"

	"github.com/klauspost/cpuid/v2"
)

// Prefetch asks for b in the second-level cache and does not wait. Where there is
// no such instruction it does nothing.
func Prefetch(b []byte) {
	if len(b) > 0 {
		prefetch(unsafe.SliceData(b), len(b))
	}
}

// PrefetchBytes is how many bytes a thread may ask for before it needs them: a
// small part of a second-level cache, which several cores may share.
func PrefetchBytes() int {
	return min(max(cpuid.CPU.Cache.L2/8, 32<<10), 128<<10)
}
