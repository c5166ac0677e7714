package transport

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"
)

// Activated returns the listening socket that systemd passed to this process
// (sd_listen_fds(3)), or nil if it passed none. Anything but one listening
// Unix stream socket is an error: inferd serves no network, whoever opened it.
// The variables that announce the socket are removed from the environment.
func Activated() (net.Listener, error) {
	files := activation.Files(true)
	if len(files) == 0 {
		return nil, nil
	}
	l, err := passedListener(files)
	for _, f := range files {
		_ = f.Close() // a listener has its own duplicate
	}
	if err != nil {
		return nil, fmt.Errorf("socket activation: %w", err)
	}
	return l, nil
}

func passedListener(files []*os.File) (net.Listener, error) {
	if len(files) != 1 {
		return nil, fmt.Errorf("got %d sockets, want 1", len(files))
	}
	f := files[0]
	if err := checkListening(int(f.Fd())); err != nil {
		return nil, fmt.Errorf("descriptor %q: %w", f.Name(), err)
	}
	l, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	// The file belongs to the socket unit, which outlives this process.
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	return l, nil
}

// checkListening reports why fd is not a listening Unix stream socket.
func checkListening(fd int) error {
	for _, option := range []struct {
		name  int
		want  int
		wrong string
	}{
		{unix.SO_DOMAIN, unix.AF_UNIX, "not a Unix socket: inferd listens on no network"},
		{unix.SO_TYPE, unix.SOCK_STREAM, "not a stream socket"},
		{unix.SO_ACCEPTCONN, 1, "not listening (Accept=no is needed in the socket unit)"},
	} {
		got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, option.name)
		if err != nil {
			return err
		}
		if got != option.want {
			return errors.New(option.wrong)
		}
	}
	return nil
}
