package transport

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"inferd/daemon/auth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// socketPath returns a path for a socket, short enough for sockaddr_un
// whatever the test is called.
func socketPath(t *testing.T) string {
	dir, err := os.MkdirTemp("", "inferd")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// logBuffer collects a log that several goroutines write.
type logBuffer struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// testServer is a server under test, its socket and its log.
type testServer struct {
	*Server
	path string
	log  *logBuffer
}

// serve runs a server until the test ends. changeOptions may be nil; changes
// are made to the server before it starts.
func serve(t *testing.T, handler http.HandlerFunc, changeOptions func(*Options), changes ...func(*Server)) *testServer {
	log := &logBuffer{}
	o := Options{
		Handler: handler,
		Policy:  auth.Default,
		Refuse: func(w http.ResponseWriter, _ *http.Request, status int, message string) {
			http.Error(w, message, status)
		},
		Ended:            func() {},
		MaxBodyBytes:     1 << 20,
		MaxBodiesPerUser: 1 << 22,
		MaxConnsPerUser:  100,
		WriteTimeout:     10 * time.Second,
		Log:              slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if changeOptions != nil {
		changeOptions(&o)
	}
	s := &testServer{Server: NewServer(o), path: socketPath(t), log: log}
	for _, change := range changes {
		change(s.Server)
	}
	l, err := Listen(s.path, ProgramsMode)
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(t, s.Shutdown(ctx))
		require.NoError(t, <-served)
	})
	return s
}

// client returns an HTTP client for the server's socket.
func (s *testServer) client(t *testing.T) *http.Client {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", s.path)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// dial opens a bare connection for requests that no client library would send.
func (s *testServer) dial(t *testing.T) net.Conn {
	c, err := net.Dial("unix", s.path)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// roundTrip writes a request as it stands and reads the answer.
func roundTrip(t *testing.T, c net.Conn, request string) (*http.Response, string) {
	_, err := io.WriteString(c, request)
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(body)
}
