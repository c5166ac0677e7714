package gguf

import (
	"os"
	"path/filepath"
	goruntime "runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestGuardFault reads a mapping whose file has lost its pages, byte by byte
// and by a bulk copy, which is assembly.
func TestGuardFault(t *testing.T) {
	if goruntime.GOOS != "linux" {
		t.Skip("files are not mapped here")
	}
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, make([]byte, 1<<16), 0o600))
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	b, err := mapFile(file, 1<<16)
	require.NoError(t, err)
	defer func() { require.NoError(t, unmapFile(b)) }()
	require.NoError(t, os.Truncate(path, 4096))

	sum := 0
	require.ErrorIs(t, guardFault(func() error {
		for _, v := range b {
			sum += int(v)
		}
		return nil
	}), errShrunk)
	dst := make([]byte, 1<<16)
	require.ErrorIs(t, guardFault(func() error { copy(dst, b); return nil }), errShrunk)
	require.NoError(t, guardFault(func() error { copy(dst, b[:4096]); return nil }))
	require.ErrorIs(t, guardFault(func() error { return os.ErrInvalid }), os.ErrInvalid)
	require.PanicsWithValue(t, "ours", func() { _ = guardFault(func() error { panic("ours") }) })
}
