package main

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func writeText(text string) func(*bufio.Writer) error {
	return func(w *bufio.Writer) error {
		_, err := w.WriteString(text)
		return err
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	require.NoError(t, writeFile(path, writeText("first")))
	require.NoError(t, writeFile(path, writeText("second")))
	requireContent(t, path, "second")

	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink("out", link))
	require.NoError(t, writeFile(link, writeText("third")))
	requireContent(t, path, "third")
	target, err := os.Readlink(link)
	require.NoError(t, err)
	require.Equal(t, "out", target)

	// What fails half-way leaves the old file and nothing else.
	broken := errors.New("broken")
	err = writeFile(path, func(w *bufio.Writer) error {
		require.NoError(t, writeText("half")(w))
		require.NoError(t, w.Flush())
		return broken
	})
	require.ErrorIs(t, err, broken)
	requireContent(t, path, "third")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 2)
}

func TestWriteFileToSpecialFile(t *testing.T) {
	require.NoError(t, writeFile(os.DevNull, writeText("gone")))
	info, err := os.Stat(os.DevNull)
	require.NoError(t, err)
	require.False(t, info.Mode().IsRegular(), "still a device")
}

func requireContent(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want, string(got))
}
