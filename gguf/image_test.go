package gguf_test

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	goruntime "runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/gguf"
)

// image is a file under construction that remembers where its integers are,
// so that tests can damage each by name.
type image struct {
	b      []byte
	fields []field
}

type field struct {
	name  string
	off   int
	width int // bytes: 4 or 8
}

func (m *image) u32(name string, v uint32) *image {
	m.fields = append(m.fields, field{name, len(m.b), 4})
	m.b = binary.LittleEndian.AppendUint32(m.b, v)
	return m
}

func (m *image) u64(name string, v uint64) *image {
	m.fields = append(m.fields, field{name, len(m.b), 8})
	m.b = binary.LittleEndian.AppendUint64(m.b, v)
	return m
}

func (m *image) raw(b ...byte) *image {
	m.b = append(m.b, b...)
	return m
}

func (m *image) str(name, s string) *image {
	return m.u64(name+" length", uint64(len(s))).raw([]byte(s)...)
}

// start begins an image with a header of version 3.
func start(nTensors, nKeys uint64) *image {
	m := new(image).raw([]byte("GGUF")...)
	return m.u32("version", 3).u64("tensor count", nTensors).u64("key count", nKeys)
}

// key begins a pair; the value follows.
func (m *image) key(key string, t gguf.ValueType) *image {
	return m.str("key", key).u32("value type", uint32(t))
}

// tensor adds a description.
func (m *image) tensor(name string, t gguf.Type, off uint64, dims ...uint64) *image {
	m.str("tensor name", name).u32("dimension count", uint32(len(dims)))
	for _, d := range dims {
		m.u64("dimension", d)
	}
	return m.u32("tensor type", uint32(t)).u64("tensor offset", off)
}

// data pads to the alignment and adds n bytes of tensor data.
func (m *image) data(align, n int) *image {
	for len(m.b)%align != 0 {
		m.b = append(m.b, 0)
	}
	for i := range n {
		m.b = append(m.b, byte(i))
	}
	return m
}

// set overwrites an integer in place.
func (m *image) set(f field, v uint64) {
	if f.width == 4 {
		binary.LittleEndian.PutUint32(m.b[f.off:], uint32(v))
		return
	}
	binary.LittleEndian.PutUint64(m.b[f.off:], v)
}

// write puts bytes into a new file of the test's folder.
func write(tb testing.TB, b []byte) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "model.gguf")
	require.NoError(tb, os.WriteFile(path, b, 0o600))
	return path
}

// fixedBytes is what opening a file costs whatever its size: the File itself,
// descriptor, path and the text of an error.
const fixedBytes = 8 << 10

// openMeasured opens a file and requires a sound result: a File, or a
// ParseError that says where; and in either case at most four times the
// file's size of memory.
func openMeasured(tb testing.TB, path string, size int) (*gguf.File, error) {
	tb.Helper()
	var before, after goruntime.MemStats
	goruntime.ReadMemStats(&before)
	f, err := gguf.Open(path)
	goruntime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > uint64(4*size+fixedBytes) && !raceEnabled {
		tb.Fatalf("opening %d bytes allocated %d, error %v", size, got, err)
	}
	requireSound(tb, err, size)
	return f, err
}

// requireSound fails unless err is nil or a ParseError with all its fields.
func requireSound(tb testing.TB, err error, size int) {
	tb.Helper()
	if err == nil {
		return
	}
	var pe *gguf.ParseError
	if !errors.As(err, &pe) {
		tb.Fatalf("not a ParseError: %v", err)
	}
	if pe.Path == "" || pe.Field == "" || pe.Err == nil || pe.Offset < 0 || pe.Offset > int64(size) {
		tb.Fatalf("incomplete ParseError: %#v", pe)
	}
}

// use does everything one can do with an open file and fails where a promise
// does not hold.
func use(tb testing.TB, f *gguf.File) {
	tb.Helper()
	for _, kv := range f.Keys() {
		if kv.Value() == nil || kv.Len() < 0 {
			tb.Fatalf("key %q has no value", kv.Key)
		}
		if got, ok := f.KeyValue(kv.Key); !ok || got.Key != kv.Key {
			tb.Fatalf("key %q is listed but not found", kv.Key)
		}
	}
	for _, t := range f.Tensors() {
		if got, ok := f.Tensor(t.Name); !ok || got.Offset != t.Offset {
			tb.Fatalf("tensor %q is listed but not found", t.Name)
		}
		b, err := f.TensorBytes(t)
		if !t.Type.Known() {
			require.ErrorIs(tb, err, gguf.ErrUnknownType)
			continue
		}
		require.NoError(tb, err)
		if int64(len(b)) != t.Bytes || len(b) != t.Elements()/t.Type.BlockLen()*t.Type.BlockBytes() {
			tb.Fatalf("tensor %q %d of %s has a view of %d bytes", t.Name, t.Dims, t.Type, len(b))
		}
		last := make([]byte, 1)
		require.NoError(tb, f.ReadTensor(last, t, t.Bytes-1))
		if last[0] != b[len(b)-1] {
			tb.Fatalf("tensor %q: view and read differ", t.Name)
		}
		f.Release(t)
	}
}
