package pull

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// content is what the test servers serve.
var content = bytes.Repeat([]byte("all the weights of a model. "), 40_000)

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// hub is a server of one file. Its handler may be changed between requests.
type hub struct {
	*httptest.Server
	requests atomic.Int32
	ranges   []string // Range headers, in order
	handle   http.HandlerFunc
}

func newHub(t *testing.T, handle http.HandlerFunc) *hub {
	h := &hub{handle: handle}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.requests.Add(1)
		h.ranges = append(h.ranges, r.Header.Get("Range"))
		h.handle(w, r)
	}))
	t.Cleanup(h.Close)
	return h
}

// serve sends b as the version etag.
func serve(b []byte, etag string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
	}
}

// cutAfter sends n bytes of what is asked for and breaks the connection.
func cutAfter(n int, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		next(&cutter{ResponseWriter: w, left: n}, r)
	}
}

type cutter struct {
	http.ResponseWriter
	left int
}

func (c *cutter) Write(b []byte) (int, error) {
	if len(b) > c.left {
		_, _ = c.ResponseWriter.Write(b[:c.left])
		_ = http.NewResponseController(c.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	c.left -= len(b)
	return c.ResponseWriter.Write(b)
}

func puller(t *testing.T, h *hub) *Puller {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &Puller{Dir: t.TempDir(), Wait: time.Millisecond, Client: &http.Client{Transport: transport}}
}

func source(t *testing.T, h *hub) Source {
	t.Helper()
	s, err := ParseSource(h.URL+"/m/model.gguf", DefaultHub)
	require.NoError(t, err)
	return s
}

// names lists what is in a puller's directory.
func names(t *testing.T, l *Puller) []string {
	t.Helper()
	entries, err := os.ReadDir(l.Dir)
	require.NoError(t, err)
	list := []string{}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestPullPutsTheWholeFileInPlace(t *testing.T) {
	h := newHub(t, serve(content, `"v1"`))
	l := puller(t, h)
	var last int64
	l.Progress = func(done, total int64) {
		require.EqualValues(t, len(content), total)
		require.Greater(t, done, last)
		last = done
	}
	r, err := l.Pull(context.Background(), source(t, h))
	require.NoError(t, err)
	require.Equal(t, Result{Path: filepath.Join(l.Dir, "model.gguf"), SHA256: hexSum(content), NBytes: int64(len(content))}, r)
	got, err := os.ReadFile(r.Path)
	require.NoError(t, err)
	require.True(t, bytes.Equal(content, got))
	require.Equal(t, []string{"model.gguf"}, names(t, l))
	require.EqualValues(t, len(content), last)
}

func TestTransferIsResumedWithinARun(t *testing.T) {
	h := newHub(t, nil)
	h.handle = func(w http.ResponseWriter, r *http.Request) {
		if h.requests.Load() < 4 {
			cutAfter(300_000, serve(content, `"v1"`))(w, r)
		}
		serve(content, `"v1"`)(w, r)
	}
	l := puller(t, h)
	r, err := l.Pull(context.Background(), source(t, h))
	require.NoError(t, err)
	require.Equal(t, hexSum(content), r.SHA256)
	require.Equal(t, []string{"", "bytes=300000-", "bytes=600000-", "bytes=900000-"}, h.ranges)
}

func TestTransferIsResumedByTheNextRun(t *testing.T) {
	h := newHub(t, cutAfter(500_000, serve(content, `"v1"`)))
	l := puller(t, h)
	ctx, stop := context.WithCancelCause(context.Background())
	l.Progress = func(done, _ int64) {
		if done >= 500_000 {
			stop(fmt.Errorf("the user pressed Ctrl-C"))
		}
	}
	_, err := l.Pull(ctx, source(t, h))
	require.ErrorContains(t, err, "the user pressed Ctrl-C")
	require.Equal(t, []string{".model.gguf.part", ".model.gguf.part.json"}, names(t, l))

	h.handle = serve(content, `"v1"`)
	l.Progress = nil
	r, err := l.Pull(context.Background(), source(t, h))
	require.NoError(t, err)
	require.EqualValues(t, 500_000, r.Resumed)
	require.Equal(t, hexSum(content), r.SHA256)
	require.Equal(t, "bytes=500000-", h.ranges[len(h.ranges)-1])
	require.Equal(t, []string{"model.gguf"}, names(t, l))
}

// A file that has changed in between is not glued to the old beginning.
func TestOtherVersionIsDownloadedAnew(t *testing.T) {
	other := bytes.ToUpper(content)
	h := newHub(t, cutAfter(500_000, serve(content, `"v1"`)))
	l := puller(t, h)
	l.Retries = 1
	h.handle = func(w http.ResponseWriter, r *http.Request) {
		if h.requests.Load() == 1 {
			cutAfter(500_000, serve(content, `"v1"`))(w, r)
		}
		serve(other, `"v2"`)(w, r)
	}
	r, err := l.Pull(context.Background(), source(t, h))
	require.NoError(t, err)
	require.Equal(t, hexSum(other), r.SHA256)
}

// A server that knows no ranges, or lies about them, costs time but no bytes.
func TestOddServers(t *testing.T) {
	for name, second := range map[string]http.HandlerFunc{
		"no ranges": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(content) },
		"another range": func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") == "" {
				serve(content, `"v1"`)(w, r)
				return
			}
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(content)-1, len(content)))
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(content)
		},
		"not satisfiable": func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") == "" {
				serve(content, `"v1"`)(w, r)
				return
			}
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHub(t, nil)
			h.handle = func(w http.ResponseWriter, r *http.Request) {
				if h.requests.Load() == 1 {
					cutAfter(100_000, serve(content, `"v1"`))(w, r)
				}
				second(w, r)
			}
			r, err := puller(t, h).Pull(context.Background(), source(t, h))
			require.NoError(t, err)
			require.Equal(t, hexSum(content), r.SHA256)
		})
	}
}

func TestWrongHashIsRefused(t *testing.T) {
	h := newHub(t, serve(content, `"v1"`))
	l := puller(t, h)
	l.SHA256 = strings.Repeat("ab", 32)
	_, err := l.Pull(context.Background(), source(t, h))
	require.ErrorIs(t, err, ErrWrongHash)
	require.ErrorContains(t, err, hexSum(content))
	require.Empty(t, names(t, l))

	// The hub's own word counts where the user says nothing.
	l.SHA256 = ""
	h.handle = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Linked-Etag", `"`+strings.Repeat("cd", 32)+`"`)
		serve(content, `"v1"`)(w, r)
	}
	_, err = l.Pull(context.Background(), source(t, h))
	require.ErrorIs(t, err, ErrWrongHash)
	require.Empty(t, names(t, l))
}

func TestRefusedFileGetsNoName(t *testing.T) {
	h := newHub(t, serve(content, `"v1"`))
	l := puller(t, h)
	old := filepath.Join(l.Dir, "model.gguf")
	require.NoError(t, os.WriteFile(old, []byte("old"), 0o600))

	_, err := l.Pull(context.Background(), source(t, h))
	require.ErrorIs(t, err, ErrExists)
	require.Zero(t, h.requests.Load())

	l.Replace = true
	l.Check = func(string) error { return fmt.Errorf("no GGUF file") }
	_, err = l.Pull(context.Background(), source(t, h))
	require.ErrorContains(t, err, "no GGUF file")
	require.Equal(t, []string{"model.gguf"}, names(t, l))

	l.Check = nil
	_, err = l.Pull(context.Background(), source(t, h))
	require.NoError(t, err)
	got, err := os.ReadFile(old)
	require.NoError(t, err)
	require.True(t, bytes.Equal(content, got))
}

func TestStatuses(t *testing.T) {
	for _, test := range []struct {
		status   int
		requests int32 // attempts that are made
	}{
		{http.StatusNotFound, 1},
		{http.StatusUnauthorized, 1},
		{http.StatusForbidden, 1},
		{http.StatusTooManyRequests, 3},
		{http.StatusServiceUnavailable, 3},
		{http.StatusInternalServerError, 3},
	} {
		h := newHub(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(test.status) })
		l := puller(t, h)
		l.Retries = 2
		_, err := l.Pull(context.Background(), source(t, h))
		require.ErrorContains(t, err, fmt.Sprintf("answers %d ", test.status))
		require.Equal(t, test.requests, h.requests.Load(), "status %d", test.status)
	}
}

func TestRetryAfterIsKept(t *testing.T) {
	for _, test := range []struct {
		err   error
		delay time.Duration
		again bool
	}{
		{&StatusError{Status: 429, After: 7 * time.Second}, 7 * time.Second, true},
		{&StatusError{Status: 429}, 2 * time.Second, true},
		{&StatusError{Status: 404, After: 7 * time.Second}, 7 * time.Second, false},
		{&brokenError{context.DeadlineExceeded}, 2 * time.Second, true},
		{os.ErrPermission, 2 * time.Second, false},
	} {
		delay, again := retryDelay(test.err, 2*time.Second)
		require.Equal(t, test.delay, delay, "%v", test.err)
		require.Equal(t, test.again, again, "%v", test.err)
	}
}

// The token is for the hub, not for where it sends us; what the hub says of the
// file counts.
func TestRedirect(t *testing.T) {
	var tokens []string
	far := newHub(t, nil)
	far.handle = func(w http.ResponseWriter, r *http.Request) {
		tokens = append(tokens, r.Header.Get("Authorization"))
		serve(content, `"far"`)(w, r)
	}
	h := newHub(t, func(w http.ResponseWriter, r *http.Request) {
		tokens = append(tokens, r.Header.Get("Authorization"))
		w.Header().Set("X-Linked-Etag", hexSum(content))
		// Another name of the same machine is another host.
		http.Redirect(w, r, strings.Replace(far.URL, "127.0.0.1", "localhost", 1)+"/blob", http.StatusFound)
	})
	l := puller(t, h)
	l.Token = "secret"
	r, err := l.Pull(context.Background(), source(t, h))
	require.NoError(t, err)
	require.True(t, r.Trusted)
	require.Equal(t, []string{"Bearer secret", ""}, tokens)

	h.handle = func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://example.com/model.gguf", http.StatusFound)
	}
	l = puller(t, h)
	l.Retries = 1
	_, err = l.Pull(context.Background(), source(t, h))
	require.ErrorContains(t, err, "http is for servers on this machine")
}

func TestStalledTransferIsCutOff(t *testing.T) {
	h := newHub(t, nil)
	h.handle = func(w http.ResponseWriter, r *http.Request) {
		if h.requests.Load() > 1 {
			serve(content, `"v1"`)(w, r)
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		_, _ = w.Write(content[:1000])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	l := puller(t, h)
	l.Stall = 50 * time.Millisecond
	r, err := l.Pull(context.Background(), source(t, h))
	require.NoError(t, err)
	require.Equal(t, hexSum(content), r.SHA256)
}

func TestTwoRunsDoNotMeet(t *testing.T) {
	h := newHub(t, serve(content, `"v1"`))
	l := puller(t, h)
	p, err := openPart(filepath.Join(l.Dir, "model.gguf"))
	require.NoError(t, err)
	defer p.close()
	_, err = l.Pull(context.Background(), source(t, h))
	require.ErrorIs(t, err, errBusy)
}

func TestNoRoom(t *testing.T) {
	h := newHub(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(int64(1)<<55))
		w.WriteHeader(http.StatusOK)
	})
	_, err := puller(t, h).Pull(context.Background(), source(t, h))
	require.ErrorIs(t, err, ErrNoRoom)
	require.ErrorContains(t, err, fmt.Sprint(int64(1)<<55))
}

func TestParseSource(t *testing.T) {
	for text, want := range map[string]string{
		"hf:Owner/Repo/model.Q4_0.gguf":          "https://huggingface.co/Owner/Repo/resolve/main/model.Q4_0.gguf",
		"hf:Owner/Repo@v1.0/sub dir/model.gguf":  "https://huggingface.co/Owner/Repo/resolve/v1.0/sub%20dir/model.gguf",
		"https://example.com/a/model.gguf?x=y":   "https://example.com/a/model.gguf?x=y",
		"http://127.0.0.1:8080/model.gguf":       "http://127.0.0.1:8080/model.gguf",
		"http://[::1]:8080/model.gguf":           "http://[::1]:8080/model.gguf",
		"hf:Owner/Repo@refs%2Fpr%2F1/model.gguf": "https://huggingface.co/Owner/Repo/resolve/refs%2Fpr%2F1/model.gguf",
	} {
		s, err := ParseSource(text, DefaultHub)
		require.NoError(t, err, text)
		require.Equal(t, want, s.URL.String())
	}
	for text, want := range map[string]string{
		"":                                   "want hf:OWNER/REPO/FILE or an https URL",
		"model.gguf":                         "want hf:OWNER/REPO/FILE or an https URL",
		"hf:Owner/model.gguf":                "want hf:OWNER/REPO/FILE",
		"hf:Owner//model.gguf":               "want hf:OWNER/REPO/FILE",
		"http://example.com/model.gguf":      "want https",
		"ftp://example.com/model.gguf":       `scheme "ftp"`,
		"https://u:p@example.com/model.gguf": "--token-file",
		"https://example.com/model.bin":      `file name "model.bin"`,
		"https://example.com/..gguf":         `file name "..gguf"`,
		"https://example.com/a%2Fb.gguf":     "", // the escaped slash separates too: b.gguf
	} {
		_, err := ParseSource(text, DefaultHub)
		if want == "" {
			require.NoError(t, err, text)
			continue
		}
		require.ErrorContains(t, err, want, text)
	}
}

func TestParts(t *testing.T) {
	s, err := ParseSource("https://example.com/x/big-00002-of-00003.gguf?d=1", DefaultHub)
	require.NoError(t, err)
	parts, err := s.Parts()
	require.NoError(t, err)
	require.Len(t, parts, 3)
	require.Equal(t, "https://example.com/x/big-00001-of-00003.gguf?d=1", parts[0].URL.String())
	require.Equal(t, "big-00003-of-00003.gguf", parts[2].Name)

	s.Name = "big-00001-of-99999.gguf"
	_, err = s.Parts()
	require.ErrorContains(t, err, "99999 parts")
}
