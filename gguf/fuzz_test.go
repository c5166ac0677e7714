package gguf_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/gguf"
	"inferd/gguf/ggufwrite"
)

// FuzzOpen opens arbitrary bytes. What opens must be usable, and must come
// back unchanged from the writer.
func FuzzOpen(f *testing.F) {
	for _, k := range kinds {
		f.Add(k.file().b)
	}
	f.Add(tiny().b)
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "model.gguf")
		require.NoError(t, os.WriteFile(path, b, 0o600))
		file, err := gguf.Open(path)
		requireSound(t, err, len(b))
		if err != nil {
			return
		}
		defer file.Close()
		use(t, file)
		requireRewritable(t, file)
	})
}

// requireRewritable writes what a file holds to another file and compares.
func requireRewritable(t *testing.T, f *gguf.File) {
	t.Helper()
	w := ggufwrite.New()
	for _, kv := range f.Keys() {
		w.Copy(kv)
	}
	known := 0
	for _, info := range f.Tensors() {
		if info.Type.Known() {
			b, err := f.TensorBytes(info)
			require.NoError(t, err)
			w.Tensor(info.Name, info.Type, info.Dims, ggufwrite.Bytes(b))
			known++
		}
	}
	if align, err := f.Uint("general.alignment"); err == nil && align > 1<<16 {
		return // the padding would fill the disk
	}
	var out bytes.Buffer
	_, err := w.WriteTo(&out)
	require.NoError(t, err)
	again, err := gguf.Open(write(t, out.Bytes()))
	require.NoError(t, err)
	defer again.Close()
	require.Len(t, again.Tensors(), known)
	for i, kv := range again.Keys() {
		require.Equal(t, f.Keys()[i].Key, kv.Key)
		// As text, in which NaN equals itself.
		require.Equal(t, fmt.Sprintf("%T %[1]v", f.Keys()[i].Value()), fmt.Sprintf("%T %[1]v", kv.Value()))
	}
	for _, info := range again.Tensors() {
		old, ok := f.Tensor(info.Name)
		require.True(t, ok)
		require.Equal(t, old.Dims, info.Dims)
		want, err := f.TensorBytes(old)
		require.NoError(t, err)
		got, err := again.TensorBytes(info)
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, got), "tensor %q", info.Name)
	}
}
