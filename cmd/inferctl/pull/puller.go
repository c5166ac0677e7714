package pull

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Puller downloads files into a directory.
type Puller struct {
	Dir     string
	Token   string // bearer token for the source's own host; may be empty
	SHA256  string // what the file must have, in hexadecimal; empty: what the server says, if it does
	Replace bool   // an existing file of the same name gives way

	// Check looks at the complete file before it gets its name; an error
	// refuses it.
	Check func(path string) error

	// Progress is told how many bytes are there, of how many; total is 0
	// where the server does not say.
	Progress func(done, total int64)

	// Retries is how often in a row a transfer may fail without a new byte;
	// 0 means 5.
	Retries int

	Client *http.Client  // nil: one of its own
	Stall  time.Duration // how long a transfer may stand still; 0: a minute
	Wait   time.Duration // before the first retry, doubled each time; 0: a second
}

// Result is a file in its place.
type Result struct {
	Path    string
	SHA256  string // hexadecimal
	NBytes  int64
	Resumed int64 // bytes that were there before
	Trusted bool  // the hash was known beforehand and is equal
	Known   bool  // the file was there already; nothing was downloaded
}

const (
	defaultRetries = 5
	maxWait        = time.Minute
	spareBytes     = 16 << 20 // left free on the file system
)

// ErrExists says that a file of this name is there already.
var ErrExists = errors.New("a file of this name exists")

// ErrWrongHash says that a complete file is not the one that was meant.
var ErrWrongHash = errors.New("wrong SHA-256")

// ErrNoRoom says that the file system is too full.
var ErrNoRoom = errors.New("not enough room on the file system")

// Pull downloads s. Where it fails, a file that was there before is untouched,
// and what has come is kept for the next run unless it is wrong.
func (l *Puller) Pull(ctx context.Context, s Source) (Result, error) {
	path := filepath.Join(l.Dir, s.Name)
	if _, err := os.Lstat(path); err == nil && !l.Replace {
		return Result{}, fmt.Errorf("%s: %w", path, ErrExists)
	}
	p, err := openPart(path)
	if err != nil {
		return Result{}, fmt.Errorf("%s: %w", path, err)
	}
	defer p.close()
	if p.version.URL != s.URL.String() {
		if err := p.restart(version{}); err != nil {
			return Result{}, fmt.Errorf("%s: %w", path, err)
		}
	}
	resumed := p.nBytes
	if err := l.complete(ctx, s, p); err != nil {
		if p.nBytes == 0 {
			p.discard()
		}
		return Result{}, fmt.Errorf("%s: %w", s.Name, err)
	}
	r := Result{Path: path, SHA256: p.digest(), NBytes: p.nBytes, Resumed: min(resumed, p.nBytes)}
	want := strings.ToLower(cmp.Or(l.SHA256, p.version.SHA256))
	if r.Trusted = want != ""; r.Trusted && want != r.SHA256 {
		p.discard()
		return Result{}, fmt.Errorf("%s: %w: want %s, found %s", s.Name, ErrWrongHash, want, r.SHA256)
	}
	if l.Check != nil {
		if err := l.Check(p.partPath()); err != nil {
			p.discard()
			return Result{}, fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	return r, p.commit()
}

// complete makes attempts until p is whole.
func (l *Puller) complete(ctx context.Context, s Source, p *part) error {
	wait := cmp.Or(l.Wait, time.Second)
	for failed, before := 0, p.nBytes; ; {
		err := l.fetch(ctx, s, p)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if p.nBytes > before {
			failed = 0
		}
		before = p.nBytes
		failed++
		delay, again := retryDelay(err, wait<<min(failed-1, 10))
		if !again || failed > cmp.Or(l.Retries, defaultRetries) {
			return err
		}
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// retryDelay says whether an attempt after err makes sense, and how long to
// wait before it.
func retryDelay(err error, wait time.Duration) (time.Duration, bool) {
	if e, ok := errors.AsType[*StatusError](err); ok {
		return max(e.After, min(wait, maxWait)), e.temporary()
	}
	_, broken := errors.AsType[*brokenError](err)
	return min(wait, maxWait), broken || errors.Is(err, errStalled)
}

// room checks that the rest of p fits on the file system.
func (l *Puller) room(p *part) error {
	var st unix.Statfs_t
	if p.version.Size == 0 || unix.Fstatfs(int(p.file.Fd()), &st) != nil {
		return nil // then the write says so
	}
	need, have := p.version.Size-p.nBytes, int64(st.Bavail)*st.Bsize-spareBytes
	if need > have {
		return fmt.Errorf("%w: %d bytes are needed, %d are free", ErrNoRoom, need, max(0, have))
	}
	return nil
}

func (l *Puller) client() *http.Client {
	if l.Client != nil {
		return l.Client
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = l.stallTimeout()
	return &http.Client{Transport: t}
}

func (l *Puller) stallTimeout() time.Duration { return cmp.Or(l.Stall, time.Minute) }

func (l *Puller) progress(done, total int64) {
	if l.Progress != nil {
		l.Progress(done, total)
	}
}
