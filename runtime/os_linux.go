package runtime

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapAnonymous maps n zeroed bytes. Huge pages save most of the TLB misses of a
// walk over the weights; a core dump must not contain what users wrote. Both
// are advice, which a kernel may lack.
func mapAnonymous(n int) ([]byte, error) {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_NORESERVE)
	if err != nil {
		return nil, err
	}
	if n >= hugePageBytes {
		_ = unix.Madvise(b, unix.MADV_HUGEPAGE)
	}
	_ = unix.Madvise(b, unix.MADV_DONTDUMP)
	return b, nil
}

// hugePageBytes is a size from which huge pages are possible at all.
const hugePageBytes = 4 << 20

// unmapAnonymous cannot fail for a mapping of mapAnonymous.
func unmapAnonymous(b []byte) {
	if err := unix.Munmap(b); err != nil {
		panic("runtime: munmap: " + err.Error())
	}
}

// allowedCPUs lists the CPUs this process may run on.
func allowedCPUs() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, err
	}
	var cpus []int
	for i := range len(set) * 64 {
		if set.IsSet(i) {
			cpus = append(cpus, i)
		}
	}
	return cpus, nil
}

// yieldThread lets another thread have this CPU.
func yieldThread() { _, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }

// discard gives the memory of b back, as far as it covers whole pages; b reads
// as zeros afterwards.
func discard(b []byte) {
	page := unix.Getpagesize()
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & (page - 1)
	if len(b) > skip {
		_ = unix.Madvise(b[skip:len(b)-(len(b)-skip)%page], unix.MADV_DONTNEED)
	}
}
