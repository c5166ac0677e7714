package main

import (
	"bufio"
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// writeFile makes write's output the content of path: all of it or nothing.
// Bytes go to a temporary file beside the target, which is synced and renamed
// at the end, so an error, a signal or a full disk leaves an older file as it
// was. A target that is no regular file (a pipe, /dev/null) is written to
// directly, and a symbolic link to a file keeps pointing at it.
func writeFile(path string, write func(w *bufio.Writer) error) error {
	switch st, err := os.Stat(path); {
	case err == nil && !st.Mode().IsRegular():
		return writeDirect(path, write)
	case err == nil:
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	tmp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+rand.Text()[:8]+".tmp")
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		// The temporary name means nothing to the user.
		return &fs.PathError{Op: "create", Path: path, Err: errors.Unwrap(err)}
	}
	w := bufio.NewWriterSize(f, 1<<20)
	err = cmp.Or(write(w), w.Flush(), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		_ = os.Remove(tmp)
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok && e.Path == tmp {
		e.Path = path
	}
	return err
}

// checkRoom returns an error if a file of nBytes that writeFile is to make at path
// has no room on its file system. Where nobody can tell, writing does.
func checkRoom(path string, nBytes int64) error {
	if st, err := os.Stat(path); err == nil && !st.Mode().IsRegular() {
		return nil
	}
	var st unix.Statfs_t
	if unix.Statfs(filepath.Dir(path), &st) != nil {
		return nil
	}
	if free := int64(st.Bavail) * st.Bsize; nBytes > free {
		return withHint(fmt.Errorf("%s: not enough room on the file system: %d bytes are needed, %d are free", path, nBytes, free),
			"a file that is there already stays until the new one is whole")
	}
	return nil
}

// writeDirect opens an existing special file and writes to it.
func writeDirect(path string, write func(w *bufio.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	return cmp.Or(write(w), w.Flush(), f.Close())
}
