package transport

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// ProgramsMode lets a socket's owner and group connect. Connecting needs
	// write permission (unix(7)).
	ProgramsMode fs.FileMode = 0o660

	// AdminMode lets the owner connect alone.
	AdminMode fs.FileMode = 0o600

	// maxPathBytes is the room in sockaddr_un for a path and its final zero,
	// less one byte for the temporary name.
	maxPathBytes = 108 - 1 - 1

	// probeTimeout bounds the question whether a socket still answers.
	probeTimeout = 2 * time.Second
)

// ErrInUse is returned by Listen for a socket that another process serves.
var ErrInUse = errors.New("socket is in use by another process")

// Listen makes a Unix socket of a mode at path, and removes it when the listener
// is closed. The folder is made if only its last element is missing.
// A file already at path is replaced only if it is a socket that nobody
// answers; otherwise Listen fails, with ErrInUse where somebody does.
//
// The socket appears at path complete, with its final mode, by rename: no
// client can reach a socket that is half made. A lock file beside it keeps
// two daemons from both finding the path free; it stays when the listener is
// closed, since removing a lock file is itself a race.
func Listen(path string, mode fs.FileMode) (net.Listener, error) {
	if len(path) > maxPathBytes {
		return nil, fmt.Errorf("listen on %s: path has %d bytes, a socket's may have %d", path, len(path), maxPathBytes)
	}
	if err := makeFolder(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	l, err := listenLocked(path, mode)
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	return &listener{UnixListener: l, path: path, lock: lock}, nil
}

// makeFolder makes dir, but no parents: a missing parent is a mistake in the
// configuration more often than something to be made.
func makeFolder(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// lockFile takes an exclusive lock that ends with the process at the latest.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrInUse
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return f, nil
}

// listenLocked binds under a temporary name and renames. The lock on path
// must be held.
func listenLocked(path string, mode fs.FileMode) (*net.UnixListener, error) {
	if err := checkFree(path); err != nil {
		return nil, err
	}
	temp := path + "~"
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	// A socket's inode mode before bind, less the umask, becomes the file's:
	// set early, the file is never wider than mode.
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var chmodErr error
		err := c.Control(func(fd uintptr) { chmodErr = unix.Fchmod(int(fd), uint32(mode)) })
		return errors.Join(err, chmodErr)
	}}
	l, err := config.Listen(context.Background(), "unix", temp)
	if err != nil {
		return nil, err
	}
	unixListener := l.(*net.UnixListener)
	unixListener.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(temp, mode), os.Rename(temp, path)); err != nil {
		_ = l.Close()
		_ = os.Remove(temp)
		return nil, err
	}
	return unixListener, nil
}

// checkFree reports why path may not be replaced, nil if it may.
func checkFree(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("a %s is in the way, only a dead socket is replaced", fileKind(info.Mode()))
	}
	conn, err := net.DialTimeout("unix", path, probeTimeout)
	switch {
	case err == nil:
		_ = conn.Close()
		return ErrInUse
	case errors.Is(err, unix.ECONNREFUSED):
		return nil
	default: // a full backlog or a missing permission is somebody's living socket
		return fmt.Errorf("%w: %w", ErrInUse, err)
	}
}

func fileKind(m fs.FileMode) string {
	switch m.Type() {
	case 0:
		return "regular file"
	case fs.ModeDir:
		return "folder"
	case fs.ModeSymlink:
		return "symbolic link"
	default:
		return "special file"
	}
}

// listener is a socket that Listen made. Close removes it, then lets go of
// the lock.
type listener struct {
	*net.UnixListener
	path string
	lock *os.File
	once sync.Once
}

// Addr returns the path that clients use, not the one of the bind.
func (l *listener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

func (l *listener) Close() error {
	err := net.ErrClosed
	l.once.Do(func() {
		// Removed first: who finds no file knows at once that nobody serves.
		removeErr := os.Remove(l.path)
		if errors.Is(removeErr, fs.ErrNotExist) {
			removeErr = nil
		}
		err = errors.Join(removeErr, l.UnixListener.Close(), l.lock.Close())
	})
	return err
}
