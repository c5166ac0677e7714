package transport

import (
	"fmt"
	"net"
	"unsafe"

	"golang.org/x/sys/unix"

	"inferd/daemon/auth"
)

// peerOf asks the kernel who opened the connection. The answer is fixed at
// connect(2): a descriptor passed on later still names the one who opened it.
func peerOf(c *net.UnixConn) (auth.Peer, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return auth.Peer{}, err
	}
	var cred *unix.Ucred
	var groups []uint32
	var unit string
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		if credErr == nil {
			groups, credErr = peerGroups(fd)
			unit = peerUnit(int(fd), int(cred.Pid))
		}
	})
	if err != nil {
		return auth.Peer{}, err
	}
	if credErr != nil {
		return auth.Peer{}, fmt.Errorf("read peer credentials: %w", credErr)
	}
	return auth.Peer{UID: cred.Uid, GID: cred.Gid, PID: cred.Pid, Groups: groups, Unit: unit}, nil
}

// maxGroups is NGROUPS_MAX of Linux.
const maxGroups = 1 << 16

// peerGroups returns the supplementary groups that the peer had at connect(2),
// none on kernels before 4.13.
func peerGroups(fd uintptr) ([]uint32, error) {
	groups := make([]uint32, 32)
	for {
		nBytes := uint32(len(groups) * 4)
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&nBytes)), 0)
		switch {
		case errno == 0:
			return groups[:nBytes/4], nil
		case errno == unix.ENOPROTOOPT:
			return nil, nil
		case errno == unix.ERANGE && len(groups) < maxGroups:
			groups = make([]uint32, maxGroups)
		default:
			return nil, errno
		}
	}
}
