//go:build !linux

package runtime

import (
	goruntime "runtime"
	"unsafe"
)

// mapAnonymous allocates on the Go heap, page-aligned, where the system's own
// calls are not used.
func mapAnonymous(n int) ([]byte, error) {
	const page = 4096
	b := make([]byte, n+page)
	skip := -int(uintptr(unsafe.Pointer(&b[0]))) & (page - 1)
	return b[skip : skip+n : skip+n], nil
}

func unmapAnonymous([]byte) {}

// allowedCPUs lists all CPUs.
func allowedCPUs() ([]int, error) {
	cpus := make([]int, goruntime.NumCPU())
	for i := range cpus {
		cpus[i] = i
	}
	return cpus, nil
}

// yieldThread lets another goroutine run.
func yieldThread() { goruntime.Gosched() }

// discard cannot give memory back.
func discard([]byte) {}
