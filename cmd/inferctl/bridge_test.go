package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// startBridge runs the program before a daemon that handle stands in for, and
// returns its address.
func startBridge(t *testing.T, handle http.HandlerFunc, args ...string) (address string, lines []string) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	daemon := &httptest.Server{Listener: l, Config: &http.Server{Handler: handle}}
	daemon.Start()
	t.Cleanup(daemon.Close)

	cmd := exec.Command("inferctl", append([]string{"bridge", "--listen", "127.0.0.1:0", "--socket", socket}, args...)...)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	for scanner := bufio.NewScanner(out); scanner.Scan(); {
		lines = append(lines, scanner.Text())
		if url, ok := strings.CutPrefix(scanner.Text(), "listening on "); ok {
			return url, lines
		}
	}
	t.Fatalf("the bridge does not start: %q", lines)
	return "", nil
}

// send sends one request and returns status and body.
func send(t *testing.T, url string, change func(*http.Request)) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, strings.NewReader("question"))
	require.NoError(t, err)
	change(req)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

func TestBridge(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	url, lines := startBridge(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, r.URL.Path+" "+string(body)+" "+r.Header.Get("Authorization")+r.Header.Get("X-Api-Key"))
	}, "--token-file", file)
	require.Len(t, lines, 1, "a token in a file is not printed")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	token := strings.TrimSpace(string(text))
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode().Perm())

	good := func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	status, body := send(t, url+"/v1/x", good)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "/v1/x question ", body, "the token stays here")
	status, _ = send(t, url+"/v1/x", func(r *http.Request) { r.Header.Set("X-Api-Key", token) })
	require.Equal(t, http.StatusOK, status)

	for name, test := range map[string]struct {
		change func(*http.Request)
		status int
	}{
		"no token":     {func(*http.Request) {}, http.StatusUnauthorized},
		"wrong token":  {func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token+"x") }, http.StatusUnauthorized},
		"empty token":  {func(r *http.Request) { r.Header.Set("Authorization", "Bearer ") }, http.StatusUnauthorized},
		"web page":     {func(r *http.Request) { good(r); r.Header.Set("Origin", "http://127.0.0.1") }, http.StatusForbidden},
		"web link":     {func(r *http.Request) { good(r); r.Header.Set("Referer", "http://127.0.0.1") }, http.StatusForbidden},
		"foreign name": {func(r *http.Request) { good(r); r.Host = "rebound.example" }, http.StatusForbidden},
	} {
		status, body := send(t, url+"/v1/x", test.change)
		require.Equal(t, test.status, status, "%s: %s", name, body)
		require.NotContains(t, body, "question", name)
	}
}

// A stream arrives as it is sent, not at its end.
func TestBridgeStreams(t *testing.T) {
	next := make(chan struct{})
	url, lines := startBridge(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: 1\n\n")
		_ = http.NewResponseController(w).Flush()
		<-next
		_, _ = io.WriteString(w, "data: 2\n\n")
	})
	token, ok := strings.CutPrefix(lines[0], "token ")
	require.True(t, ok)
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	line, err := bufio.NewReader(resp.Body).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "data: 1\n", line)
	close(next)
}

func TestBridgeFaults(t *testing.T) {
	loose := filepath.Join(t.TempDir(), "loose")
	require.NoError(t, os.WriteFile(loose, []byte("0123456789abcdef"), 0o644))
	short := filepath.Join(t.TempDir(), "short")
	require.NoError(t, os.WriteFile(short, []byte("abc"), 0o600))
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--listen", "0.0.0.0:0"}, exitUsage, "want a loopback address"},
		{[]string{"--listen", ":0"}, exitUsage, "want a loopback address"},
		{[]string{"--listen", "localhost:0"}, exitUsage, "want a loopback address"},
		{[]string{"--token-file", loose}, exitFailure, "hint: chmod 600"},
		{[]string{"--token-file", short}, exitFailure, "holds 3 characters"},
	} {
		_, stderr, code := inferctl("", append([]string{"bridge", "--listen", "127.0.0.1:0"}, test.args...)...)
		require.Equal(t, test.code, code, stderr)
		require.Contains(t, stderr, test.want)
	}
}
