package ggufwrite_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/gguf"
	"inferd/gguf/ggufwrite"
)

func TestWriteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.gguf")
	data := bytes.Repeat([]byte{1, 2, 3, 4}, 6)
	w := ggufwrite.New()
	w.Set("general.architecture", "llama")
	w.Set("general.alignment", uint32(64))
	w.Set("general.architecture", "qwen3")
	w.Tensor("a", gguf.F32, []int{3, 2}, ggufwrite.Bytes(data))
	w.Tensor("b", gguf.Q8_0, []int{32, 2}, func(out io.Writer) error { // in pieces
		for i := range 68 {
			if _, err := out.Write([]byte{byte(i)}); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, w.WriteFile(path))

	f, err := gguf.Open(path)
	require.NoError(t, err)
	defer f.Close()
	require.Len(t, f.Keys(), 2)
	arch, err := f.String("general.architecture")
	require.NoError(t, err)
	require.Equal(t, "qwen3", arch, "Set replaces")
	for _, name := range []string{"a", "b"} {
		info, ok := f.Tensor(name)
		require.True(t, ok)
		require.Zero(t, info.Offset%64)
		b, err := f.TensorBytes(info)
		require.NoError(t, err)
		if name == "a" {
			require.Equal(t, []int{3, 2}, info.Dims)
			require.Equal(t, data, b)
		} else {
			require.Equal(t, byte(67), b[67])
		}
	}
	require.Zero(t, f.Size()%64, "the last tensor is padded too")

	var out bytes.Buffer
	n, err := w.WriteTo(&out)
	require.NoError(t, err)
	require.Equal(t, int64(out.Len()), n)
	require.Equal(t, n, w.Size())
	onDisk, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, onDisk, out.Bytes())
}

// TestMistakes: a mistake is reported by the write, which leaves the folder as
// it was.
func TestMistakes(t *testing.T) {
	broken := errors.New("broken source")
	tests := []struct {
		name string
		make func(w *ggufwrite.Writer)
		want string
	}{
		{"value type", func(w *ggufwrite.Writer) { w.Set("k", 1) }, `key "k": metadata cannot hold a int`},
		{"nested array", func(w *ggufwrite.Writer) { w.Set("k", [][]string{{"a"}}) }, "cannot hold"},
		{"empty key", func(w *ggufwrite.Writer) { w.Set("", true) }, "key is empty"},
		{"alignment", func(w *ggufwrite.Writer) { w.Set("general.alignment", uint32(33)) }, "power of two"},
		{"alignment's type", func(w *ggufwrite.Writer) { w.Set("general.alignment", int32(32)) }, "must be a uint32"},
		{"twice", func(w *ggufwrite.Writer) {
			w.Tensor("a", gguf.I8, []int{1}, ggufwrite.Bytes([]byte{1}))
			w.Tensor("a", gguf.I8, []int{1}, ggufwrite.Bytes([]byte{1}))
		}, "added twice"},
		{"unknown type", func(w *ggufwrite.Writer) { w.Tensor("a", 4, []int{32}, nil) }, "Q4_2 (removed)"},
		{"zero dimension", func(w *ggufwrite.Writer) { w.Tensor("a", gguf.I8, []int{2, 0}, nil) }, "must be positive"},
		{"overflow", func(w *ggufwrite.Writer) { w.Tensor("a", gguf.F64, []int{1 << 40, 1 << 40}, nil) }, "overflow"},
		{"half a block", func(w *ggufwrite.Writer) { w.Tensor("a", gguf.Q4_0, []int{16}, nil) }, "no multiple"},
		{"too few bytes", func(w *ggufwrite.Writer) { w.Tensor("a", gguf.I8, []int{4}, ggufwrite.Bytes(make([]byte, 3))) }, "wrote 3 bytes"},
		{"too many bytes", func(w *ggufwrite.Writer) { w.Tensor("a", gguf.I8, []int{4}, ggufwrite.Bytes(make([]byte, 5))) }, "more than"},
		{"source fails", func(w *ggufwrite.Writer) {
			w.Tensor("a", gguf.I8, []int{4}, func(io.Writer) error { return broken })
		}, "broken source"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "model.gguf")
			require.NoError(t, os.WriteFile(path, []byte("the old file"), 0o600))
			w := ggufwrite.New()
			test.make(w)
			w.Set("later", "a later call does not hide the mistake")
			require.ErrorContains(t, w.WriteFile(path), test.want)
			old, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, "the old file", string(old))
			entries, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Len(t, entries, 1, "no temporary file is left")
		})
	}
}

func TestWriteFileNowhere(t *testing.T) {
	require.ErrorIs(t, ggufwrite.New().WriteFile(filepath.Join(t.TempDir(), "absent", "model.gguf")), os.ErrNotExist)
}
