package gguf_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/gguf"
)

// twoTensors is a file with a of 32 bytes and b of 34.
func twoTensors() []byte {
	return start(2, 0).tensor("a", gguf.F32, 0, 4, 2).tensor("b", gguf.Q8_0, 32, 32).data(32, 66).b
}

func TestTensorAccess(t *testing.T) {
	b := twoTensors()
	f, err := gguf.Open(write(t, b))
	require.NoError(t, err)
	defer f.Close()
	require.Equal(t, int64(len(b)), f.Size())
	list := f.Tensors()
	require.Equal(t, []int{4, 2}, list[0].Dims)
	require.Equal(t, 8, list[0].Elements())
	require.Equal(t, int64(34), list[1].Bytes)

	want := b[len(b)-34:]
	view, err := f.TensorBytes(list[1])
	require.NoError(t, err)
	require.Equal(t, want, view)
	require.Equal(t, len(view), cap(view), "a view must not reach past its tensor")

	f.Release(list[1])
	require.Equal(t, want, view, "a view outlives Release")
	part := make([]byte, 10)
	require.NoError(t, f.ReadTensor(part, list[1], 24))
	require.Equal(t, want[24:], part)
	require.ErrorContains(t, f.ReadTensor(part, list[1], 25), "outside")
	require.ErrorContains(t, f.ReadTensor(part, list[1], -1), "outside")
	_, ok := f.Tensor("c")
	require.False(t, ok)
}

// TestForeignTensorInfo asks for tensors that the file never listed.
func TestForeignTensorInfo(t *testing.T) {
	b := twoTensors()
	f, err := gguf.Open(write(t, b))
	require.NoError(t, err)
	defer f.Close()
	size := int64(len(b))
	edges := []int64{-1 << 63, -1, 0, 1, size - 1, size, size + 1, 1 << 31, 1<<63 - 2, 1<<63 - 1}
	for _, off := range edges {
		for _, n := range edges {
			info := gguf.TensorInfo{Name: "x", Type: gguf.I8, Offset: off, Bytes: n}
			view, err := f.TensorBytes(info)
			if inside := off >= 0 && n >= 0 && off <= size && n <= size-off; inside {
				require.NoError(t, err)
				require.True(t, bytes.Equal(b[off:off+n], view))
				require.NoError(t, f.ReadTensor(make([]byte, n), info, 0))
			} else {
				require.Error(t, err, "%d bytes at %d", n, off)
				require.Error(t, f.ReadTensor(make([]byte, 1), info, 0), "%d bytes at %d", n, off)
			}
			f.Release(info)
		}
	}
}

func TestClosed(t *testing.T) {
	f, err := gguf.Open(write(t, medium()))
	require.NoError(t, err)
	info := f.Tensors()[0]
	require.NoError(t, f.Close())
	require.NoError(t, f.Close())
	_, err = f.TensorBytes(info)
	require.ErrorIs(t, err, os.ErrClosed)
	require.ErrorIs(t, f.ReadTensor(nil, info, 0), os.ErrClosed)
	f.Release(info)
	arch, err := f.String("general.architecture")
	require.NoError(t, err)
	require.Equal(t, "llama", arch, "metadata outlives Close")
}

func TestOpenNotAFile(t *testing.T) {
	dir := t.TempDir()
	_, err := gguf.Open(filepath.Join(dir, "absent.gguf"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "absent.gguf")

	empty := filepath.Join(dir, "empty.gguf")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	_, err = openMeasured(t, empty, 0)
	require.ErrorContains(t, err, "is empty")

	_, err = gguf.Open(dir)
	require.ErrorContains(t, err, "is a directory, not a regular file")
	require.ErrorAs(t, err, new(*gguf.ParseError))

	loop := filepath.Join(dir, "loop.gguf")
	require.NoError(t, os.Symlink(loop, loop))
	_, err = gguf.Open(loop)
	require.ErrorContains(t, err, "loop.gguf")

	link := filepath.Join(dir, "link.gguf")
	require.NoError(t, os.Symlink(write(t, twoTensors()), link))
	f, err := gguf.Open(link)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}
