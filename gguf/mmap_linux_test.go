package gguf_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"inferd/gguf"
)

// TestOpenSpecial opens what would hang or have side effects if read.
func TestOpenSpecial(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo.gguf")
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	_, err := gguf.Open(fifo)
	require.ErrorContains(t, err, "is a FIFO, not a regular file")

	_, err = gguf.Open("/dev/zero")
	require.ErrorContains(t, err, "is a device, not a regular file")
	require.ErrorAs(t, err, new(*gguf.ParseError))
}

// TestReadAfterShrink truncates a file that is open: a view would fault, a
// read must not.
func TestReadAfterShrink(t *testing.T) {
	path := write(t, start(1, 0).tensor("a", gguf.I8, 0, 100_000).data(32, 100_000).b)
	f, err := gguf.Open(path)
	require.NoError(t, err)
	defer f.Close()
	info, ok := f.Tensor("a")
	require.True(t, ok)
	require.NoError(t, os.Truncate(path, 50_000))
	dst := make([]byte, 60_000)
	require.NoError(t, f.ReadTensor(dst[:40_000], info, 0))
	err = f.ReadTensor(dst, info, 0)
	require.ErrorContains(t, err, "shrank")
	require.ErrorAs(t, err, new(*gguf.ParseError))
}

func TestReplacedByRename(t *testing.T) {
	path := write(t, twoTensors())
	f, err := gguf.Open(path)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, os.Rename(write(t, medium()), path))
	use(t, f)
	require.Len(t, f.Tensors(), 2)
}
