package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// settleTime is how long a file must not have changed before it is read. It is
// several times the grain of a file system's clock, and longer than the breaks
// of a program that copies.
const settleTime = 200 * time.Millisecond

// retryTime is when files are looked at again that the system could not read.
const retryTime = 2 * time.Second

// passing reports whether err is about the state of the system rather than about
// the file: it may be gone later though the file is the same.
func passing(err error) bool {
	for _, e := range []error{unix.EIO, unix.EINTR, unix.EAGAIN, unix.ENOMEM, unix.ENOBUFS, unix.EMFILE, unix.ENFILE, unix.ESTALE, unix.ETIMEDOUT} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// identity tells versions of a file apart without reading it.
type identity struct {
	dev, ino     uint64
	size         int64
	mtime, ctime unix.Timespec
}

func identityOf(st *unix.Stat_t) identity {
	return identity{uint64(st.Dev), st.Ino, st.Size, st.Mtim, st.Ctim}
}

// age is how long ago the file changed.
func (id identity) age(now time.Time) time.Duration {
	return now.Sub(time.Unix(id.ctime.Unix()))
}

// settled reports whether a later change of the file will show in its
// identity. A time in the future says nothing, and must not be waited for.
func (id identity) settled(now time.Time) bool {
	age := id.age(now)
	return age < 0 || age >= settleTime
}

// identify returns the identity of an open file.
func identify(f *os.File) (identity, error) {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return identity{}, &fs.PathError{Op: "fstat", Path: f.Name(), Err: err}
	}
	return identityOf(&st), nil
}

// lstat returns the identity of what is at path, and whether there is anything.
func lstat(path string) (identity, bool) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return identity{}, false
	}
	return identityOf(&st), true
}

// openStrict opens a regular file that is no link and that not everybody may
// write to.
func openStrict(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	switch {
	case errors.Is(err, unix.ELOOP):
		return nil, fmt.Errorf("%s: is a symbolic link", path)
	case errors.Is(err, unix.ENXIO):
		return nil, fmt.Errorf("%s: is a socket or a device without a driver", path)
	case err != nil:
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return checkOpen(os.NewFile(uintptr(fd), path))
}

// openNamed opens a regular file that the configuration names: it may be a link.
func openNamed(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	return checkOpen(f)
}

// checkOpen returns f if its kind and mode are allowed, else it closes it.
func checkOpen(f *os.File) (*os.File, error) {
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%s: is %s, not a regular file", f.Name(), kindOf(info.Mode()))
	case info.Mode().Perm()&0o002 != 0:
		err = fmt.Errorf("%s: everybody may write to it (mode %04o)", f.Name(), info.Mode().Perm())
	default:
		return f, nil
	}
	_ = f.Close()
	return nil, err
}

func kindOf(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "a special file"
}

// maxSmallBytes bounds the files beside models: settings, sums, signatures,
// templates.
const maxSmallBytes = 1 << 20

// readSmall returns the content of a small file, opened by open.
func readSmall(path string, open func(string) (*os.File, error)) ([]byte, error) {
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSmallBytes+1))
	if err == nil && len(text) > maxSmallBytes {
		err = fmt.Errorf("%s: has more than %d bytes", path, maxSmallBytes)
	}
	return text, err
}
