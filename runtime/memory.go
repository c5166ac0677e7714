package runtime

import (
	"fmt"
	"unsafe"
)

// region is memory outside the Go heap: weights, keys and values, scratch. It
// starts zeroed, is aligned to a page, and costs nothing until it is touched.
type region struct {
	bytes []byte
}

// newRegion reserves n bytes. what names them in an error.
func newRegion(n int64, what string) (region, error) {
	if n == 0 {
		return region{}, nil
	}
	if n < 0 || n != int64(int(n)) {
		return region{}, fmt.Errorf("runtime: %s: %d bytes cannot be addressed", what, n)
	}
	b, err := mapAnonymous(int(n))
	if err != nil {
		return region{}, fmt.Errorf("runtime: %s: reserve %d bytes: %w", what, n, err)
	}
	return region{b}, nil
}

// free gives the memory back. No view of it may be used afterwards.
func (r *region) free() {
	if r.bytes != nil {
		unmapAnonymous(r.bytes)
		r.bytes = nil
	}
}

// vectorAlign is the alignment of everything in a region: a cache line, and the
// widest vector.
const vectorAlign = 64

// alignUp rounds n up to a multiple of vectorAlign.
func alignUp[T int | int64](n T) T { return (n + vectorAlign - 1) &^ (vectorAlign - 1) }

// cast views b as values of type T, which must be plain numbers. b must be
// aligned for T and hold a whole number of them.
func cast[T byte | int32 | float32](b []byte) []T {
	if len(b) == 0 {
		return nil
	}
	var zero T
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(zero)))
}

// arena is scratch memory for one step: allocation moves a pointer, and mark
// and release free in reverse order. An arena without memory counts instead:
// allocations return nil, and peak tells how large the arena must be.
type arena struct {
	mem  []byte
	off  int
	peak int
}

// alloc returns n values with arbitrary content, or nil where the arena only
// counts.
func alloc[T byte | int32 | float32](a *arena, n int) []T {
	var zero T
	from := a.off
	a.off = alignUp(from + n*int(unsafe.Sizeof(zero)))
	a.peak = max(a.peak, a.off)
	if a.mem == nil {
		return nil
	}
	if a.off > len(a.mem) {
		panic(fmt.Sprintf("runtime: arena of %d bytes, needs %d", len(a.mem), a.off))
	}
	b := a.mem[from : from+n*int(unsafe.Sizeof(zero))]
	if invariants {
		for i := range b {
			b[i] = 0xff // NaN as a float, and no valid index
		}
	}
	return cast[T](b)
}

// mark returns a point to release to.
func (a *arena) mark() int { return a.off }

// release frees everything allocated since mark.
func (a *arena) release(mark int) { a.off = mark }
