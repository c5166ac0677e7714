package transport

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"inferd/daemon/auth"
)

// acceptor wraps a listener: each connection it returns knows its peer and
// cannot block a writer for long.
type acceptor struct {
	net.Listener
	writeTimeout time.Duration
	maxPerUser   int
	log          *slog.Logger

	mu    sync.Mutex // guards nOpen
	nOpen map[uint32]int
}

// acceptPause is how long nothing is accepted after the system could not.
const acceptPause = 100 * time.Millisecond

// lasting reports whether a listener that failed with err will never accept
// again. All else that accept(2) names passes, above all a lack of memory or of
// descriptors.
func lasting(err error) bool {
	for _, e := range []error{net.ErrClosed, unix.EBADF, unix.EINVAL, unix.ENOTSOCK, unix.EOPNOTSUPP} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Accept returns the next connection that has credentials and whose user has
// not too many open. Others are closed; they are never an error, or one bad
// client would stop the server.
func (a *acceptor) Accept() (net.Conn, error) {
	for {
		c, err := a.Listener.Accept()
		if err != nil && lasting(err) {
			return nil, err
		}
		if err != nil {
			a.log.Warn("connection not accepted", "err", err)
			time.Sleep(acceptPause)
			continue
		}
		unixConn := c.(*net.UnixConn)
		peer, err := peerOf(unixConn)
		if err != nil {
			a.log.Warn("connection closed: no peer credentials", "err", err)
			_ = c.Close()
			continue
		}
		if !a.enter(peer.UID) {
			a.log.Warn("connection closed: user has too many", "peer", peer, "limit", a.maxPerUser)
			_ = c.Close()
			continue
		}
		return &conn{UnixConn: unixConn, peer: peer, acceptor: a}, nil
	}
}

func (a *acceptor) enter(uid uint32) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.nOpen[uid] >= a.maxPerUser {
		return false
	}
	a.nOpen[uid]++
	return true
}

func (a *acceptor) leave(uid uint32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.nOpen[uid]--; a.nOpen[uid] == 0 {
		delete(a.nOpen, uid)
	}
}

// conn is an accepted connection. Its CloseWrite is what net/http calls so
// that a client which is still sending can read why it was refused.
type conn struct {
	*net.UnixConn
	peer     auth.Peer
	acceptor *acceptor
	closed   sync.Once
}

// Read clears p first. It is room in net/http's buffer, which has held an earlier
// request or the last piece of a body, and now waits for the next: maybe long.
func (c *conn) Read(p []byte) (int, error) {
	clear(p)
	return c.UnixConn.Read(p)
}

// connBuffer is the size of the buffer that net/http gathers an answer in.
const connBuffer = 4 << 10

// Write gives the peer one write timeout to take all of p. Every byte of
// every answer passes here, also those that net/http writes by itself. net/http's
// own buffer is cleared behind it, since it lives as long as the connection. Its
// capacity tells it from a handler's slice: one of that capacity fits into the
// buffer, so it is copied and never comes here itself.
func (c *conn) Write(p []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.acceptor.writeTimeout)); err != nil {
		return 0, err
	}
	n, err := c.UnixConn.Write(p)
	if cap(p) == connBuffer {
		clear(p)
	}
	return n, err
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.closed.Do(func() { c.acceptor.leave(c.peer.UID) })
	return c.UnixConn.Close()
}
