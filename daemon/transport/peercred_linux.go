package transport

import (
	"fmt"
	"net"

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
	var credErr error
	err = raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err != nil {
		return auth.Peer{}, err
	}
	if credErr != nil {
		return auth.Peer{}, fmt.Errorf("read SO_PEERCRED: %w", credErr)
	}
	return auth.Peer{UID: cred.Uid, GID: cred.Gid, PID: cred.Pid}, nil
}
