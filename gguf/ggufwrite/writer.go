package ggufwrite

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"inferd/gguf"
)

const (
	version          = 3
	defaultAlignment = 32
	keyAlignment     = "general.alignment"
)

// Writer collects the content of a file. It is not safe for concurrent use.
type Writer struct {
	keys      []pair
	tensors   []tensor
	names     map[string]bool // of tensors
	alignment uint64
	err       error // the first mistake
}

type pair struct {
	key   string
	value []byte // type and value as in the file
}

type tensor struct {
	name   string
	typ    gguf.Type
	dims   []int
	nBytes uint64
	data   Source
}

// Source writes one tensor's bytes, exactly as many as its type and dimensions
// call for. It runs once for each write of the file.
type Source func(io.Writer) error

// Bytes returns a Source of bytes already in memory.
func Bytes(b []byte) Source {
	return func(w io.Writer) error {
		_, err := w.Write(b)
		return err
	}
}

// New returns a Writer of an empty file.
func New() *Writer { return &Writer{names: map[string]bool{}, alignment: defaultAlignment} }

// Set adds a metadata pair, or replaces the value of a key that is there
// already. The value's Go type selects its type in the file: bool, string,
// a sized integer or float, or a slice of one of those. Setting
// general.alignment (uint32) aligns the tensor data to it.
func (w *Writer) Set(key string, value any) {
	if key == "" {
		w.fail(fmt.Errorf("ggufwrite: a key is empty"))
		return
	}
	encoded, err := encodeValue(value)
	if err != nil {
		w.fail(fmt.Errorf("ggufwrite: key %q: %w", key, err))
		return
	}
	if key == keyAlignment {
		align, ok := value.(uint32)
		if !ok || align == 0 || align&(align-1) != 0 {
			w.fail(fmt.Errorf("ggufwrite: key %q: must be a uint32 power of two, is %v", key, value))
			return
		}
		w.alignment = uint64(align)
	}
	if i := slices.IndexFunc(w.keys, func(p pair) bool { return p.key == key }); i >= 0 {
		w.keys[i].value = encoded
		return
	}
	w.keys = append(w.keys, pair{key, encoded})
}

// Copy adds a metadata pair of another file.
func (w *Writer) Copy(kv gguf.KeyValue) { w.Set(kv.Key, kv.Value()) }

// Tensor adds a tensor; dims are in the file's order, fastest first.
func (w *Writer) Tensor(name string, t gguf.Type, dims []int, data Source) {
	nBytes, err := sizeBytes(t, dims)
	switch {
	case err != nil:
		w.fail(fmt.Errorf("ggufwrite: tensor %q: %w", name, err))
	case w.names[name]:
		w.fail(fmt.Errorf("ggufwrite: tensor %q: added twice", name))
	default:
		w.names[name] = true
		w.tensors = append(w.tensors, tensor{name, t, slices.Clone(dims), nBytes, data})
	}
}

func (w *Writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// sizeBytes returns the bytes of a tensor.
func sizeBytes(t gguf.Type, dims []int) (uint64, error) {
	if !t.Known() {
		return 0, fmt.Errorf("%s: %w", t, gguf.ErrUnknownType)
	}
	row := 1
	n := uint64(t.BlockBytes())
	for i, d := range dims {
		if d <= 0 {
			return 0, fmt.Errorf("dimensions %d: each must be positive", dims)
		}
		if i == 0 {
			row, d = d, max(1, d/t.BlockLen())
		}
		if n > math.MaxInt64/uint64(d) {
			return 0, fmt.Errorf("dimensions %d of %s overflow", dims, t)
		}
		n *= uint64(d)
	}
	if row%t.BlockLen() != 0 {
		return 0, fmt.Errorf("rows of %d elements are no multiple of the %d in a block of %s", row, t.BlockLen(), t)
	}
	return n, nil
}

// Size returns the bytes that the file will have.
func (w *Writer) Size() int64 {
	round := func(n uint64) uint64 { return (n + w.alignment - 1) &^ (w.alignment - 1) }
	n := round(uint64(len(w.header())))
	for _, t := range w.tensors {
		n += round(t.nBytes)
	}
	return int64(n)
}

// WriteTo writes the file to out.
func (w *Writer) WriteTo(out io.Writer) (int64, error) {
	if w.err != nil {
		return 0, w.err
	}
	c := &counter{w: bufio.NewWriterSize(out, 1<<16), limit: math.MaxInt64}
	if err := w.writeAll(c); err != nil {
		return c.n, err
	}
	return c.n, c.w.Flush()
}

func (w *Writer) writeAll(c *counter) error {
	if _, err := c.Write(w.header()); err != nil {
		return err
	}
	for i := range w.tensors {
		if err := c.pad(w.alignment); err != nil {
			return err
		}
		t := &w.tensors[i]
		start := c.n
		c.limit = start + int64(t.nBytes)
		if err := t.data(c); err != nil {
			return fmt.Errorf("ggufwrite: tensor %q: %w", t.name, err)
		}
		if got := uint64(c.n - start); got != t.nBytes {
			return fmt.Errorf("ggufwrite: tensor %q: its source wrote %d bytes, %s %d needs %d", t.name, got, t.typ, t.dims, t.nBytes)
		}
		c.limit = math.MaxInt64
	}
	return c.pad(w.alignment)
}

// header returns everything before the tensor data, without padding.
func (w *Writer) header() []byte {
	var b []byte
	le := binary.LittleEndian
	b = append(b, "GGUF"...)
	b = le.AppendUint32(b, version)
	b = le.AppendUint64(b, uint64(len(w.tensors)))
	b = le.AppendUint64(b, uint64(len(w.keys)))
	for _, p := range w.keys {
		b = appendString(b, p.key)
		b = append(b, p.value...)
	}
	offset := uint64(0)
	for _, t := range w.tensors {
		b = appendString(b, t.name)
		b = le.AppendUint32(b, uint32(len(t.dims)))
		for _, d := range t.dims {
			b = le.AppendUint64(b, uint64(d))
		}
		b = le.AppendUint32(b, uint32(t.typ))
		b = le.AppendUint64(b, offset)
		offset += (t.nBytes + w.alignment - 1) &^ (w.alignment - 1)
	}
	return b
}

// WriteFile writes the file to path, replacing what is there in one step. The
// new file is readable by its owner and group.
func (w *Writer) WriteFile(path string) (err error) {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, filepath.Base(path)+".*.partial")
	if err != nil {
		return fmt.Errorf("ggufwrite: %w", err)
	}
	defer func() {
		if err != nil {
			_ = tmp.Close()
			_ = os.Remove(tmp.Name())
		}
	}()
	if _, err = w.WriteTo(tmp); err != nil {
		return err
	}
	if err = tmp.Chmod(0o640); err != nil {
		return fmt.Errorf("ggufwrite: %w", err)
	}
	// Without this a crash could leave the new name with half its bytes.
	if err = tmp.Sync(); err != nil {
		return fmt.Errorf("ggufwrite: %w", err)
	}
	if err = tmp.Close(); err != nil {
		return fmt.Errorf("ggufwrite: %w", err)
	}
	if err = os.Rename(tmp.Name(), path); err != nil {
		return fmt.Errorf("ggufwrite: %w", err)
	}
	return nil
}

// counter counts the bytes written and refuses more than limit.
type counter struct {
	w     *bufio.Writer
	n     int64
	limit int64
}

func (c *counter) Write(b []byte) (int, error) {
	if int64(len(b)) > c.limit-c.n {
		return 0, fmt.Errorf("its source wrote more than the tensor's bytes")
	}
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// pad writes zeros up to the next multiple of align.
func (c *counter) pad(align uint64) error {
	var zeros [4096]byte
	for n := -uint64(c.n) & (align - 1); n > 0; {
		k, err := c.Write(zeros[:min(n, uint64(len(zeros)))])
		if err != nil {
			return err
		}
		n -= uint64(k)
	}
	return nil
}
