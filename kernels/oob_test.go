package kernels

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// beforeUnmapped returns n zero bytes that end where the address space has a
// hole: reading or writing past them faults. They start on a 64-byte boundary
// if n divides by 64.
func beforeUnmapped(t testing.TB, n int) []byte {
	t.Helper()
	page := unix.Getpagesize()
	size := (n + page - 1) / page * page
	buf, err := unix.Mmap(-1, 0, size+page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, unix.Munmap(buf)) })
	require.NoError(t, unix.Mprotect(buf[size:], unix.PROT_NONE))
	return buf[size-n : size : size]
}

// moved returns a copy of x that ends at unmapped memory.
func moved[T any](t testing.TB, x []T) []T {
	t.Helper()
	if x == nil {
		return nil
	}
	var zero T
	b := beforeUnmapped(t, len(x)*int(unsafe.Sizeof(zero)))
	y := unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(x))
	copy(y, x)
	return y
}
