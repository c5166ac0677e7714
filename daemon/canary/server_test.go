package canary

import (
	"bytes"
	"context"
	"flag"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"inferd/daemon/audit"
	"inferd/daemon/transport"
)

// server is an inferd, built from this tree, in a process of its own.
type server struct {
	t      *testing.T
	dir    string // everything that it may write
	socket string
	pid    int
	log    lockedBuffer
}

// lockedBuffer takes what a process prints while others look.
type lockedBuffer struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

var program = flag.String("inferd", "", "test this `PROGRAM`; default: one built from this tree")

// buildOnce builds the program for all tests, if it is not given.
var buildOnce = sync.OnceValues(func() (string, error) {
	if *program != "" {
		return *program, nil
	}
	dir, err := os.MkdirTemp("", "canary")
	if err != nil {
		return "", err
	}
	built := filepath.Join(dir, "inferd")
	build := exec.Command("go", "build", "-o", built, "inferd/cmd/inferd")
	build.Stderr = os.Stderr
	return built, build.Run()
})

// start starts the daemon with the demo model. It ends with the test.
func start(t *testing.T, args ...string) *server {
	inferd, err := buildOnce()
	require.NoError(t, err)
	s := &server{t: t, dir: t.TempDir()}
	s.socket = filepath.Join(s.dir, "s")
	key := filepath.Join(t.TempDir(), "key")
	require.NoError(t, audit.WriteKey(key))
	args = append([]string{"--audit-key", key, "--demo", "--models-dir", "", "--socket", s.socket, "--kv-budget", "32MiB", "--keep-prompts", "0", "--log-level", "debug"}, args...)
	s.run(exec.Command(inferd, args...), func() bool { return strings.Contains(s.log.String(), "msg=ready") })
	return s
}

// run runs the process until the test ends, and waits until it is ready.
func (s *server) run(cmd *exec.Cmd, ready func() bool) {
	cmd.Dir = s.dir
	if cmd.Env == nil {
		cmd.Env = append(os.Environ(), "STATE_DIRECTORY="+s.dir)
	}
	cmd.Stdout, cmd.Stderr = &s.log, &s.log
	require.NoError(s.t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	s.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-ended:
			require.NoError(s.t, err, s.log.String())
		case <-time.After(time.Minute):
			_ = cmd.Process.Kill()
			s.t.Error("the process does not end:", s.log.String())
		}
	})
	s.pid = cmd.Process.Pid
	require.Eventually(s.t, func() bool {
		select {
		case err := <-ended:
			ended <- err
			s.t.Fatal("the process ended at once:", err, s.log.String())
		default:
		}
		return ready()
	}, time.Minute, 5*time.Millisecond)
}

// client keeps connections open, as programs do.
func (s *server) client(socket string) *http.Client {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// dial opens a connection for what no HTTP client does.
func (s *server) dial() net.Conn {
	c, err := net.Dial("unix", s.socket)
	require.NoError(s.t, err)
	require.NoError(s.t, c.SetDeadline(time.Now().Add(2*time.Minute)))
	return c
}

// requireUnwritten fails if anything that the process has written, its log or a
// file, holds what was said or answered. Metrics count as written.
func (s *server) requireUnwritten(f *flock) {
	written := []byte(s.log.String())
	require.NotEmpty(s.t, written)
	if resp, err := s.client(transport.AdminPath(s.socket)).Get("http://inferd/metrics"); err == nil {
		metrics, err := io.ReadAll(resp.Body)
		require.NoError(s.t, err)
		resp.Body.Close()
		require.Contains(s.t, string(metrics), "inferd_answers_total")
		written = append(written, metrics...)
	}
	require.NoError(s.t, filepath.WalkDir(s.dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		written = append(written, content...)
		return err
	}))
	if found := f.text.find(nil, written, 0, "what was written"); len(found) > 0 {
		s.t.Error(report(found))
	}
}
