package transport

import (
	"io"
	"net/http"
	"sync"
)

// bodies counts the bytes of request bodies that handlers hold, by user, so
// that nobody fills the memory with many large requests at once.
type bodies struct {
	maxPerUser int64

	mu   sync.Mutex // guards held
	held map[uint32]int64
}

// BodiesError is what reading a body fails with when the user has too many
// bytes of bodies under way.
type BodiesError struct{}

func (BodiesError) Error() string {
	return "you have too many large requests under way, try again later"
}

// StatusCode is how the error is answered.
func (BodiesError) StatusCode() int { return http.StatusTooManyRequests }

// take adds n bytes to what a user holds, if that stays within the limit.
func (b *bodies) take(uid uint32, n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held[uid]+n > b.maxPerUser {
		return false
	}
	b.held[uid] += n
	return true
}

func (b *bodies) release(uid uint32, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.held[uid] -= n; b.held[uid] == 0 {
		delete(b.held, uid)
	}
}

// body is the body of one request. What has been read of it counts until
// release.
type body struct {
	io.ReadCloser
	bodies *bodies
	uid    uint32
	nRead  int64
}

func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if !b.bodies.take(b.uid, int64(n)) {
		clear(p[:n])
		return 0, BodiesError{}
	}
	b.nRead += int64(n)
	return n, err
}

func (b *body) release() { b.bodies.release(b.uid, b.nRead) }
