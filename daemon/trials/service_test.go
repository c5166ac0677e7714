package trials

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
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
)

// built is the folder of the programs, which the first test that needs them
// builds.
var built struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// program returns the path of inferd or inferctl.
func program(t *testing.T, name string) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "inferd"); built.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-o", built.dir+"/", "inferd/cmd/inferd", "inferd/cmd/inferctl")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%w: %s", err, out)
		}
	})
	require.NoError(t, built.err)
	return filepath.Join(built.dir, name)
}

// text collects what a process says.
type text struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (b *text) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *text) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// service is a running daemon.
type service struct {
	t          *testing.T
	dir        string // of its own; models are in dir/models
	cmd        *exec.Cmd
	log        *text
	api, admin *http.Client
	ended      chan struct{} // closed when the process has
	err        error         // of the process, when ended
}

// prepare returns a service that is not running, with an empty folder of models.
func prepare(t *testing.T, args ...string) *service {
	dir, err := os.MkdirTemp("", "inferd") // short: socket paths end at 108 bytes
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Mkdir(filepath.Join(dir, "models"), 0o750))
	s := &service{t: t, dir: dir, log: &text{}, ended: make(chan struct{})}
	s.api, s.admin = clientOf(t, s.path("api")), clientOf(t, s.path("admin"))
	s.cmd = exec.Command(program(t, "inferd"), append([]string{
		"--socket", s.path("api"), "--admin-socket", s.path("admin"), "--models-dir", s.path("models"), "--log-level", "warn"}, args...)...)
	s.cmd.Stderr = s.log
	return s
}

// path returns a path in the service's folder.
func (s *service) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

// start starts the process, which ends with the test.
func (s *service) start() {
	require.NoError(s.t, s.cmd.Start())
	go func() {
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	s.t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		<-s.ended
	})
}

func (s *service) waitReady() {
	require.Eventually(s.t, func() bool {
		select {
		case <-s.ended:
			s.t.Fatalf("inferd ended: %v\n%s", s.err, s.log)
		default:
		}
		status, _, err := ask(s.admin, "GET", "/ready", "")
		return err == nil && status == http.StatusOK
	}, 5*time.Minute, 2*time.Millisecond)
}

// stop ends the process as a service manager does, and checks that it ends in
// order.
func (s *service) stop() {
	require.NoError(s.t, s.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-s.ended:
	case <-time.After(time.Minute):
		s.t.Fatalf("inferd does not end\n%s", s.log)
	}
	require.NoError(s.t, s.err, s.log.String())
}

// clientOf returns a client whose requests have a connection each.
func clientOf(t *testing.T, socket string) *http.Client {
	return &http.Client{Timeout: 5 * time.Minute, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
}

// ask sends a request and returns the whole answer.
func ask(c *http.Client, method, path, body string) (status int, answer string, err error) {
	req, err := http.NewRequest(method, "http://inferd"+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// metric returns a number that the daemon tells without labels.
func (s *service) metric(name string) float64 {
	_, answer, err := ask(s.admin, "GET", "/metrics", "")
	require.NoError(s.t, err)
	for line := range strings.Lines(answer) {
		var v float64
		if n, _ := fmt.Sscanf(line, name+" %g", &v); n == 1 {
			return v
		}
	}
	s.t.Fatalf("there is no metric %q", name)
	return 0
}

// resident returns the bytes of memory that are in RAM and belong to the process
// alone.
func (s *service) resident() float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	require.NoError(s.t, err)
	for line := range strings.Lines(string(status)) {
		var kib float64
		if n, _ := fmt.Sscanf(line, "RssAnon: %g kB", &kib); n == 1 {
			return kib * 1024
		}
	}
	s.t.Fatal("no RssAnon")
	return 0
}

// nDescriptors counts the process's open files.
func (s *service) nDescriptors() int {
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid))
	require.NoError(s.t, err)
	return len(files)
}

// completionOf reads the text of an answer to /v1/completions.
func completionOf(answer string) string {
	var c struct{ Choices []struct{ Text string } }
	if json.Unmarshal([]byte(answer), &c) != nil || len(c.Choices) == 0 {
		return ""
	}
	return c.Choices[0].Text
}
