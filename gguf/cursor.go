package gguf

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// cursor reads a header field by field and never past the end. item, index
// and name say whose fields they are; they are put into words only when a
// field fails, because a file may have many.
type cursor struct {
	path string
	data []byte // the file up to the header cap
	off  uint64 // ≤ len(data)
	end  error  // why there is no more

	item  string // "key", "tensor", or "" in the file header
	index int
	name  string // of the item, once it is read

	dims [maxDims]uint64 // scratch for a tensor's dimensions
}

// begin starts the fields of the item with the given index.
func (c *cursor) begin(item string, index int) {
	c.item, c.index, c.name = item, index, ""
}

// fail reports a field that begins at byte at.
func (c *cursor) fail(field string, at uint64, format string, args ...any) error {
	switch {
	case c.item != "" && c.name != "":
		field = fmt.Sprintf("%s %s %s", c.item, quote(c.name), field)
	case c.item != "":
		field = fmt.Sprintf("%s %d %s", c.item, c.index, field)
	}
	return &ParseError{c.path, field, int64(at), fmt.Errorf(format, args...)}
}

var (
	errTruncated = errors.New("the file is cut off")
	errHeaderCap = fmt.Errorf("the header exceeds %d bytes", maxHeaderBytes)
)

// newCursor returns a cursor over the header of the file with this content.
func newCursor(path string, content []byte) *cursor {
	if len(content) > maxHeaderBytes {
		return &cursor{path: path, data: content[:maxHeaderBytes], end: errHeaderCap}
	}
	return &cursor{path: path, data: content, end: errTruncated}
}

func (c *cursor) left() uint64 { return uint64(len(c.data)) - c.off }

// take returns the next n bytes.
func (c *cursor) take(field string, n uint64) ([]byte, error) {
	if n > c.left() {
		return nil, c.fail(field, c.off, "needs %d bytes, %d are left: %w", n, c.left(), c.end)
	}
	b := c.data[c.off : c.off+n]
	c.off += n
	return b, nil
}

func (c *cursor) u32(field string) (uint32, error) {
	b, err := c.take(field, 4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (c *cursor) u64(field string) (uint64, error) {
	b, err := c.take(field, 8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// text reads a string: its length as uint64, then that many bytes.
func (c *cursor) text(field string, maxBytes uint64) ([]byte, error) {
	at := c.off
	n, err := c.u64(field)
	if err != nil {
		return nil, err
	}
	if n > maxBytes {
		return nil, c.fail(field, at, "has %d bytes, at most %d are allowed", n, maxBytes)
	}
	return c.take(field, n)
}

// count reads the number of items that follow and bounds it by limit and by
// the bytes left, of which each item takes at least minBytes.
func (c *cursor) count(field string, limit, minBytes uint64) (uint64, error) {
	at := c.off
	n, err := c.u64(field)
	if err != nil {
		return 0, err
	}
	if n > limit {
		return 0, c.fail(field, at, "is %d, at most %d are allowed", n, limit)
	}
	if n > c.left()/minBytes {
		return 0, c.fail(field, at, "is %d, but the %d bytes left cannot hold as many: %w", n, c.left(), c.end)
	}
	return n, nil
}
