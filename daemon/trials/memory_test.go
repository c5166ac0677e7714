package trials

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// memoryLimit is that of the daemon's control group: enough for one model of
// 500 to 900 MB.
const memoryLimit = 1 << 30

// TestMemoryLimit loads a model of about 700 MB, that INFERD_TRIAL_MODEL names, in
// a control group of 1 GiB. A second one is refused while the first has to stay,
// and else takes its place; INFERD_ROUNDS (100) times loading and unloading leave
// nothing behind, and the kernel never has to kill.
func TestMemoryLimit(t *testing.T) {
	model := os.Getenv("INFERD_TRIAL_MODEL")
	if model == "" {
		t.Skip("INFERD_TRIAL_MODEL names no model file of 500 to 900 MB")
	}
	nRounds, err := strconv.Atoi(cmp.Or(os.Getenv("INFERD_ROUNDS"), "100"))
	require.NoError(t, err)
	g := newGroup(t, memoryLimit)
	s := prepare(t, "--keep-alive", "1h", "--kv-budget", "64MiB")
	for _, name := range []string{"a", "b", "pinned"} {
		s.link(model, name)
	}
	require.NoError(t, os.WriteFile(s.path("models", "pinned.toml"), []byte("pin = true\n"), 0o640))
	s.cmd = g.command(s.cmd)
	s.start()
	s.waitReady()
	idle := s.resident()

	require.Eventually(t, func() bool { return s.loads("a") }, time.Minute, 100*time.Millisecond) // once it has settled
	whole := s.resident()
	release := s.answering("a")
	refused := s.load("b", http.StatusServiceUnavailable)
	require.Regexp(t, `needs \d{9} bytes of memory, \d{7,9} are available, while other models are in use`, refused)
	release()
	require.Eventually(t, func() bool { return s.loads("b") }, time.Minute, 100*time.Millisecond)
	require.Equal(t, 1.0, s.metric("inferd_models_loaded"), "the first has left")
	s.load("pinned", http.StatusOK)
	refused = s.load("a", http.StatusInsufficientStorage)
	require.Regexp(t, `needs \d{9} bytes of memory, \d{7,9} are available`, refused)
	t.Logf("refused: %s", strings.TrimSpace(refused))
	s.unload("pinned")

	var first, most float64
	for i := range nRounds {
		s.load("a", http.StatusOK)
		status, text := s.complete("a")
		require.Equal(t, http.StatusOK, status, text)
		s.unload("a")
		after := s.resident()
		if i == 0 {
			first = after
		}
		require.Eventually(t, func() bool { // the heap is given back after the model
			after = s.resident()
			return after-first < 0.05*first+1<<20
		}, 30*time.Second, 20*time.Millisecond, "round %d: %.1f MiB", i, after/(1<<20))
		most = max(most, after)
	}
	t.Logf("%d rounds: %.1f MiB idle, %.1f MiB loaded, %.1f MiB after the first round, %.1f MiB at most after one",
		nRounds, idle/(1<<20), whole/(1<<20), first/(1<<20), most/(1<<20))
	require.Less(t, most-idle, 0.05*whole)
	require.Zero(t, g.nKills(t), "killed for want of memory")
	s.stop()
}

// group is a control group for memory (cgroups(7), version 1 or 2).
type group struct {
	dir    string
	events string // file that counts kills
}

func newGroup(t *testing.T, limit int64) group {
	name := fmt.Sprintf("inferd-trial-%d", os.Getpid())
	g, file := group{filepath.Join("/sys/fs/cgroup/memory", name), "memory.oom_control"}, "memory.limit_in_bytes"
	if _, err := os.Stat("/sys/fs/cgroup/memory"); errors.Is(err, os.ErrNotExist) {
		g, file = group{filepath.Join("/sys/fs/cgroup", name), "memory.events"}, "memory.max"
	}
	if err := os.Mkdir(g.dir, 0o755); err != nil {
		t.Skipf("no control group can be made: %v", err)
	}
	t.Cleanup(func() {
		require.Eventually(t, func() bool { return os.Remove(g.dir) == nil }, 10*time.Second, 10*time.Millisecond)
	})
	require.NoError(t, os.WriteFile(filepath.Join(g.dir, file), []byte(strconv.FormatInt(limit, 10)), 0o644))
	return g
}

// nKills returns how many processes the kernel has killed in the group.
func (g group) nKills(t *testing.T) (n int) {
	text, err := os.ReadFile(filepath.Join(g.dir, g.events))
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Sscanf(line, "oom_kill %d", &n); err == nil {
			return n
		}
	}
	t.Fatalf("%s does not tell of kills: %s", g.events, text)
	return 0
}

// command returns cmd as it starts in the group.
func (g group) command(cmd *exec.Cmd) *exec.Cmd {
	inGroup := exec.Command("/bin/sh", append([]string{"-c", `echo $$ >"$0" && exec "$@"`, filepath.Join(g.dir, "cgroup.procs")}, cmd.Args...)...)
	inGroup.Args[4] = cmd.Path
	inGroup.Stderr = cmd.Stderr
	return inGroup
}

// link puts a large model into the folder of models, without copying if it can.
func (s *service) link(model, name string) {
	path := s.path("models", name+".gguf")
	if os.Link(model, path) == nil {
		return
	}
	from, err := os.Open(model)
	require.NoError(s.t, err)
	defer from.Close()
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	require.NoError(s.t, err)
	_, err = io.Copy(to, from)
	require.NoError(s.t, errors.Join(err, to.Close()))
}

// load asks for a model to be loaded and returns the answer.
func (s *service) load(model string, want int) string {
	s.t.Helper()
	status, answer, err := ask(s.admin, "POST", "/load", fmt.Sprintf(`{"model":%q}`, model))
	require.NoError(s.t, err, s.log.String())
	require.Equal(s.t, want, status, "%s: %s", model, answer)
	return answer
}

// unload unloads a model and waits for it to be gone.
func (s *service) unload(model string) {
	status, answer, err := ask(s.admin, "POST", "/unload", fmt.Sprintf(`{"model":%q}`, model))
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusOK, status, answer)
	require.Eventually(s.t, func() bool { return s.metric("inferd_models_loaded") == 0 }, time.Minute, 5*time.Millisecond)
	time.Sleep(100 * time.Millisecond)
}

// loads asks for a model to be loaded and reports whether it was.
func (s *service) loads(model string) bool {
	status, _, err := ask(s.admin, "POST", "/load", fmt.Sprintf(`{"model":%q}`, model))
	return err == nil && status == http.StatusOK
}

// answering asks for a long answer and returns once it has begun, and how to end
// it.
func (s *service) answering(model string) (hangUp func()) {
	req, err := http.NewRequest("POST", "http://inferd/v1/completions", strings.NewReader(fmt.Sprintf(
		`{"model":%q,"prompt":"on and on","max_tokens":1000,"ignore_eos":true,"stream":true}`, model)))
	require.NoError(s.t, err)
	resp, err := s.api.Do(req)
	require.NoError(s.t, err)
	require.True(s.t, bufio.NewScanner(resp.Body).Scan())
	return func() { _ = resp.Body.Close() }
}
