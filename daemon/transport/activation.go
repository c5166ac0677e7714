package transport

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/coreos/go-systemd/v22/activation"
	"golang.org/x/sys/unix"
)

// AdminName is the FileDescriptorName= of the socket for administrators
// (systemd.socket(5)).
const AdminName = "admin"

// Passed are the listening sockets that systemd passed to this process; nil where
// it passed none.
type Passed struct {
	API, Admin net.Listener
}

// Activated returns the listening sockets that systemd passed to this process
// (sd_listen_fds(3)): one for programs, and beside it perhaps one named AdminName.
// Anything but listening Unix stream sockets is an error: inferd serves no network,
// whoever opened it. The variables that announce sockets are removed from the
// environment.
func Activated() (Passed, error) {
	files := activation.Files(true)
	if len(files) == 0 {
		return Passed{}, nil
	}
	p, err := passedListeners(files)
	for _, f := range files {
		_ = f.Close() // a listener has its own duplicate
	}
	if err != nil {
		p.close()
		return Passed{}, fmt.Errorf("socket activation: %w", err)
	}
	return p, nil
}

func passedListeners(files []*os.File) (p Passed, err error) {
	for _, f := range files {
		at := &p.API
		if f.Name() == AdminName {
			at = &p.Admin
		}
		if *at != nil {
			return p, fmt.Errorf("got two sockets for the same, descriptor %q is the second", f.Name())
		}
		if err := checkListening(int(f.Fd())); err != nil {
			return p, fmt.Errorf("descriptor %q: %w", f.Name(), err)
		}
		l, err := net.FileListener(f)
		if err != nil {
			return p, err
		}
		// The file belongs to the socket unit, which outlives this process.
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		*at = l
	}
	if p.API == nil {
		return p, errors.New("got no socket for programs")
	}
	return p, nil
}

func (p Passed) close() {
	for _, l := range []net.Listener{p.API, p.Admin} {
		if l != nil {
			_ = l.Close()
		}
	}
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
