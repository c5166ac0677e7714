//go:build !linux

package gguf

import (
	"fmt"
	"io"
	"os"
	"syscall"
)

const openNonblock = syscall.O_NONBLOCK

// mapFile stands in for a mapping where we have none: it reads the whole file,
// which has size > 0 bytes.
func mapFile(file *os.File, size int) ([]byte, error) {
	b := make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(file, 0, int64(size)), b); err != nil {
		return nil, fmt.Errorf("reading %d bytes: %w", size, err)
	}
	return b, nil
}

func unmapFile([]byte) error { return nil }

func release([]byte, int, int) {}
