package gguf

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const openNonblock = unix.O_NONBLOCK

// mapFile maps the whole file, which has size > 0 bytes, read-only.
func mapFile(file *os.File, size int) ([]byte, error) {
	b, err := unix.Mmap(int(file.Fd()), 0, size, unix.PROT_READ, unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("mapping %d bytes: %w", size, err)
	}
	return b, nil
}

func unmapFile(b []byte) error { return unix.Munmap(b) }

// release drops the pages that lie wholly inside b[off:off+n] from the
// process. It is advice: a failure changes nothing.
func release(b []byte, off, n int) {
	page := os.Getpagesize()
	start, end := (off+page-1)/page*page, (off+n)/page*page
	if start < end {
		_ = unix.Madvise(b[start:end], unix.MADV_DONTNEED)
	}
}
