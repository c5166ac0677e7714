package daemon

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"inferd/testdata"
)

// copyModel copies a model of testdata.
func copyModel(t *testing.T, path, model string) {
	raw, err := os.ReadFile(testdata.Path("models", model+".gguf"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, raw, 0o640))
}

// reloadable is a daemon with its files, as a service has them.
type reloadable struct {
	*testDaemon
	dir string
}

func (r *reloadable) write(name, text string) {
	require.NoError(r.t, os.WriteFile(filepath.Join(r.dir, name), []byte(strings.ReplaceAll(text, "DIR", r.dir)), 0o640))
}

// config replaces the configuration by one with more lines.
func (r *reloadable) config(more string) {
	r.write("inferd.toml", "models-dir = \"DIR/models\"\npolicy = \"DIR/policy.toml\"\nkv-budget = \"4MiB\"\n"+more)
}

// policy replaces the rule for this user.
func (r *reloadable) policy(text string) {
	r.write("policy.toml", fmt.Sprintf("contact = \"the desk\"\n[[rule]]\nusers = [%d]\nadmin = true\n%s", os.Getuid(), text))
}

// reload asks for it, and returns the status and the answer.
func (r *reloadable) reload() (int, string) {
	return administer(r.t, r.testDaemon, "POST", "/reload", "")
}

// status asks a model and returns the status.
func (r *reloadable) status(model string) int {
	status, _ := r.ask("/v1/completions", fmt.Sprintf(`{"model":%q,"prompt":"a","max_tokens":1}`, model))
	return status
}

func startReloadable(t *testing.T) *reloadable {
	r := &reloadable{dir: t.TempDir()}
	r.testDaemon = &testDaemon{t: t}
	require.NoError(t, os.Mkdir(filepath.Join(r.dir, "models"), 0o750))
	for _, name := range []string{"a", "b"} {
		copyModel(t, filepath.Join(r.dir, "models", name+".gguf"), "llama-tied")
	}
	time.Sleep(2 * changedPause)
	r.config("")
	r.policy("")
	parse := func() (Config, error) {
		return ParseArgs([]string{"--config", filepath.Join(r.dir, "inferd.toml"), "--log-level", "error"}, io.Discard)
	}
	c, err := parse()
	require.NoError(t, err)
	r.testDaemon = runReloading(t, c, parse)
	return r
}

// TestReloadTakesAllOrNothing: a good configuration holds from then on; a mistake in
// it, or in the policy, leaves everything as it was and is named with its line.
func TestReloadTakesAllOrNothing(t *testing.T) {
	r := startReloadable(t)
	require.Equal(t, http.StatusOK, r.status("a"))

	r.policy(`models = ["b"]`)
	require.Equal(t, http.StatusOK, r.status("a"), "nobody has said reload")
	status, text := r.reload()
	require.Equal(t, http.StatusOK, status, text)
	require.Equal(t, http.StatusForbidden, r.status("a"))
	require.Equal(t, http.StatusOK, r.status("b"))

	for want, mistake := range map[string]func(){
		"policy.toml: line 2: rule 1: kv-reserve: want 0 to 0.9, found 2": func() { r.policy("kv-reserve = 2.0"); r.config(`alias = "c=b"`) },
		"policy.toml: line 5: rule.weight: ":                              func() { r.policy("weight = \n"); r.config(`alias = "c=b"`) },
		"line 4: treads: unknown key":                                     func() { r.policy(""); r.config("treads = 2\nalias = \"c=b\"") },
		"line 2: policy: ":                                                func() { require.NoError(t, os.Remove(filepath.Join(r.dir, "policy.toml"))) },
		"inferd.toml: line 5: keep-alive: must be":                        func() { r.policy(""); r.config("alias = \"c=b\"\nkeep-alive = \"soon\"") },
	} {
		mistake()
		status, text := r.reload()
		require.Equal(t, http.StatusUnprocessableEntity, status, text)
		require.Contains(t, text, want)
		require.Equal(t, http.StatusForbidden, r.status("a"), want)
		require.Equal(t, http.StatusOK, r.status("b"), want)
		require.Equal(t, http.StatusForbidden, r.status("c"), want)
	}

	r.policy("")
	r.config("alias = \"c=a\"\nthreads = 1")
	status, text = r.reload()
	require.Equal(t, http.StatusOK, status, text)
	require.Equal(t, http.StatusOK, r.status("a"))
	require.Equal(t, http.StatusOK, r.status("c"))
}

// TestHangupReloads: SIGHUP is the same, while an answer is streamed.
func TestHangupReloads(t *testing.T) {
	own := make(chan os.Signal, 1)
	signal.Notify(own, syscall.SIGHUP) // so that this process survives, come what may
	defer signal.Stop(own)
	r := startReloadable(t)
	stream := r.send("/v1/completions", `{"model":"a","prompt":"a","max_tokens":400,"ignore_eos":true,"stream":true}`)
	resp, err := http.ReadResponse(bufio.NewReader(stream), nil)
	require.NoError(t, err)
	defer resp.Body.Close()
	r.policy(`models = ["b"]`)
	require.NoError(t, unix.Kill(os.Getpid(), unix.SIGHUP))
	require.Eventually(t, func() bool { return r.status("a") == http.StatusForbidden }, 20*time.Second, 10*time.Millisecond)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Contains(t, string(body), "data: [DONE]")
	require.NotContains(t, string(body), "error")
}

// TestPressureEmptiesCachesThenMemory: told that memory is short, by a FIFO as
// MEMORY_PRESSURE_WATCH may name one, the daemon lets go of what is cached, and told again of
// a model that nobody uses; what is asked for then is there again.
func TestPressureEmptiesCachesThenMemory(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "pressure")
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	t.Setenv("MEMORY_PRESSURE_WATCH", fifo)
	t.Setenv("MEMORY_PRESSURE_WRITE", "")
	f := serveFolder(t, map[string]string{"a.gguf": "llama-tied", "b.gguf": "llama-tied", "b.toml": "pin = true\npreload = true"}, nil)
	short := func() {
		w, err := os.OpenFile(fifo, os.O_WRONLY|unix.O_NONBLOCK, 0)
		require.NoError(t, err)
		_, err = w.WriteString("x")
		require.NoError(t, err)
		require.NoError(t, w.Close())
	}
	long := fmt.Sprintf(`{"model":"a","prompt":%q,"max_tokens":1,"temperature":0}`, strings.Repeat("memory ", 40))
	status, first := f.ask("/v1/completions", long)
	require.Equal(t, http.StatusOK, status, first)
	require.Positive(t, f.state("a").KVCached)
	short()
	require.Eventually(t, func() bool { return f.state("a").KVCached == 0 }, 20*time.Second, 10*time.Millisecond)
	require.True(t, f.state("a").Loaded)
	short()
	f.eventually("a", false)
	require.True(t, f.state("b").Loaded, "it is pinned")
	status, again := f.ask("/v1/completions", long)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, at(first, "choices"), at(again, "choices"))
}
