package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"inferd/testdata"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"inferd": main})
}

// TestScripts runs the command lines in testdata/*.txtar.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// exits runs a command and checks its exit code: exits CODE command args…
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE command [args...]")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if want, err := strconv.Atoi(args[0]); err != nil || got != want {
		ts.Fatalf("%s exits with %d, want %s", args[1], got, args[0])
	}
}

// The program serves a model, refuses a second daemon on its socket, and ends
// in order when it is told to.
func TestServe(t *testing.T) {
	dir, err := os.MkdirTemp("", "inferd") // short: socket paths end at 108 bytes
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	args := []string{"--model", testdata.Path("models", "llama-tied.gguf"), "--socket", socket}

	cmd := exec.Command("inferd", args...)
	log, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := bufio.NewScanner(log)
	for ready := false; !ready; ready = strings.Contains(lines.Text(), "msg=ready") {
		require.True(t, lines.Scan(), "inferd ended before it was ready")
	}

	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	resp, err := client.Get("http://inferd/v1/models")
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	require.Contains(t, string(body), `"llama-tied"`)

	out, err := exec.Command("inferd", args...).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "inferd: error: listen on "+socket)
	require.Contains(t, string(out), "inferd: hint: another inferd serves this socket")

	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	_, err = io.Copy(io.Discard, log)
	require.NoError(t, err)
	require.NoError(t, cmd.Wait(), "exit code")
	_, err = os.Stat(socket)
	require.ErrorIs(t, err, os.ErrNotExist, "the socket is removed")
}
