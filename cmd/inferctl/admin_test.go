package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"inferd/daemon/admin"
)

// adminDaemon stands in for a daemon's administration socket.
func adminDaemon(t *testing.T, status func() admin.Status) (socket string, calls *[]string) {
	t.Helper()
	calls = new([]string)
	socket = filepath.Join(t.TempDir(), "a")
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	d := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*calls = append(*calls, r.Method+" "+r.URL.Path+" "+string(body))
		switch r.URL.Path {
		case "/status":
			_ = json.NewEncoder(w).Encode(status())
		case "/reload":
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = io.WriteString(w, `{"error":{"message":"inferd.toml: line 3: nonsense"}}`)
		}
	})}}
	d.Start()
	t.Cleanup(d.Close)
	return socket, calls
}

func someStatus() admin.Status {
	return admin.Status{
		Version: "1.2", PID: 7, Uptime: time.Minute, Socket: "/run/inferd/inferd.sock", Kernels: "avx2", Threads: 2,
		Privacy: admin.Privacy{Overwrites: true},
		Memory:  admin.Memory{RSS: 50 << 20, Available: 3 << 30, Source: "memory.max"},
		Models: []admin.Model{
			{Name: "demo", Loaded: true, MemoryBytes: 9 << 20, Running: 3, Waiting: 1, KVPages: 8, KVUsed: 4, KVCached: 2, NGuessed: 8, NRight: 6, License: "Apache-2.0"},
			{Name: "idle", Quantisation: "Q4_0", FileBytes: 700 << 20},
			{Name: "half", Problem: "has 5 bytes less\x1b[2Jthan it says"},
		},
		Users: []admin.User{{UID: 1000, NRequests: 12345, NPrompt: 10, NGenerated: 20, KV: admin.UserKV{Used: 3 << 20, Cached: 4 << 20, Reserved: 5 << 20}}},
	}
}

func TestStatusCommands(t *testing.T) {
	socket, _ := adminDaemon(t, someStatus)
	for _, test := range []struct {
		command string
		want    []string
	}{
		{"status", []string{"1.2, process 7, up 1m0s", "(memory.max)", "freed memory is overwritten, other processes of its user may read", `demo +9 MiB +3 +1 +50 % +25 % +75 % +never`, `1000 +12,345 +10 +20 +3 MiB +4 MiB +5 MiB`}},
		{"ps", []string{`(?m)^demo +9 MiB`}},
		{"models", []string{`(?m)^demo +loaded .*Apache-2\.0`, `(?m)^idle +on request +700 MiB +Q4_0`, `(?m)^half +unusable`, `half: "has 5 bytes less\\x1b\[2Jthan it says"`}},
	} {
		out, stderr, code := inferctl("", test.command, "--admin-socket", socket)
		require.Zero(t, code, stderr)
		for _, want := range test.want {
			require.Regexp(t, want, out)
		}
		require.NotContains(t, out, "\x1b", "a file cannot command the terminal")
	}
	out, _, code := inferctl("", "ps", "--admin-socket", socket)
	require.Zero(t, code)
	require.NotContains(t, out, "idle")
	out, _, _ = inferctl("", "status", "--json", "--admin-socket", socket)
	var s admin.Status
	require.NoError(t, json.Unmarshal([]byte(out), &s))
	require.Equal(t, someStatus(), s)
}

func TestTopShowsRates(t *testing.T) {
	var seconds int64
	socket, _ := adminDaemon(t, func() admin.Status {
		s := someStatus()
		s.Uptime += time.Duration(seconds) * time.Second
		s.Models[0].NPrompt, s.Models[0].NGenerated = 100*seconds, 7*seconds
		seconds += 2
		return s
	})
	out, stderr, code := inferctl("", "top", "--every", "100ms", "--admin-socket", socket)
	require.Zero(t, code, stderr)
	require.Regexp(t, `demo .* 100 +7\.0`, out)
}

func TestAdminCommands(t *testing.T) {
	socket, calls := adminDaemon(t, someStatus)
	for _, args := range [][]string{{"load", "demo"}, {"unload", "demo"}} {
		_, stderr, code := inferctl("", append(args, "--admin-socket", socket)...)
		require.Zero(t, code, stderr)
	}
	_, stderr, code := inferctl("", "reload", "--admin-socket", socket)
	require.Equal(t, exitFailure, code)
	require.Contains(t, stderr, "inferd.toml: line 3: nonsense")
	require.Equal(t, []string{`POST /load {"model":"demo"}`, `POST /unload {"model":"demo"}`, "POST /reload "}, *calls)

	_, stderr, code = inferctl("", "load", "demo", "--admin-socket", "/nonexistent")
	require.Equal(t, exitFailure, code)
	require.Contains(t, stderr, "no daemon listens at /nonexistent")
}

func TestPolicyCheck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "policy.toml")
	require.NoError(t, os.WriteFile(path, []byte("contact = \"room 12\"\n[[rule]]\nusers = [1]\nmodels = [\"a\", \"b\"]\npriority = \"background\"\nmax-running = 1\n[default]\nrefuse = true\n"), 0o600))
	out, stderr, code := inferctl("", "policy", "check", path, "--user", "1", "--user", "0", "--user", "2")
	require.Zero(t, code, stderr)
	require.Equal(t, "1: models a, b; priority background; 1 request at once\n0: all models; administration\n2: refused, may ask room 12\n", out)

	require.NoError(t, os.WriteFile(path, []byte("[default]\nx = 1\n"), 0o600))
	_, stderr, code = inferctl("", "policy", "check", path)
	require.Equal(t, exitFailure, code)
	require.Contains(t, stderr, `policy.toml: line 2: unknown key "default.x"`)
}
