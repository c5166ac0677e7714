package trials

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"inferd/testdata"
)

// startErrnos are how calls of a daemon that starts may fail; what toolErrnos
// leaves out is left out here, and write, with which Go's runtime wakes itself.
var startErrnos = errnos{
	"openat":            {"EMFILE", "ENFILE", "ENOMEM", "EIO", "EACCES", "SIGKILL"},
	"read":              {"EIO", "ENOMEM", "EINTR", "SIGKILL"},
	"pread64":           {"EIO", "ENOMEM"},
	"fstat":             {"EIO", "ENOMEM"},
	"newfstatat":        {"EIO", "ENOMEM", "EACCES"},
	"getdents64":        {"EIO", "ENOENT"},
	"madvise":           {"ENOMEM", "EAGAIN"},
	"memfd_create":      {"EMFILE", "ENOMEM", "ENOSYS"},
	"mkdirat":           {"EACCES", "ENOSPC", "EROFS"},
	"flock":             {"ENOLCK", "EAGAIN", "EINTR"},
	"socket":            {"EMFILE", "ENOBUFS", "EAFNOSUPPORT"},
	"bind":              {"EADDRINUSE", "EACCES", "ENOSPC", "SIGKILL"},
	"listen":            {"EADDRINUSE", "SIGKILL"},
	"fchmod":            {"EPERM", "EIO"},
	"fchmodat":          {"EPERM", "EIO"},
	"unlinkat":          {"EACCES", "EIO"},
	"renameat":          {"EACCES", "ENOSPC", "EIO", "SIGKILL"},
	"connect":           {"ECONNREFUSED", "EAGAIN", "ENOENT"},
	"setsockopt":        {"ENOBUFS", "EINVAL"},
	"getsockopt":        {"ENOBUFS"},
	"getsockname":       {"ENOBUFS"},
	"accept4":           {"EMFILE", "ENFILE", "ENOMEM", "ENOBUFS", "ECONNABORTED"},
	"inotify_init1":     {"EMFILE", "ENOMEM"},
	"inotify_add_watch": {"ENOSPC", "ENOMEM"},
	"ppoll":             {"ENOMEM", "EINTR"},
	"sched_getaffinity": {"EPERM"},
	"prlimit64":         {"EPERM"},
}

// TestFaultsOfStart breaks system calls of a daemon that starts and serves: it
// says why it cannot, or it can; and the next one always can.
func TestFaultsOfStart(t *testing.T) {
	needStrace(t)
	manager := newManager(t)
	counts := map[string]int{}
	for call := range startErrnos {
		counts[call] = 12
	}
	want := ""
	total, nFailed := 0, 0
	for i, f := range slices.Concat(mappingFaults("m"), startErrnos.pick(3, nFaults(t), counts)) {
		s := prepare(t, "--demo")
		s.cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+manager)
		s.put("m", "llama-tied")
		if f.path != "" {
			f.path = s.path("models", "m.gguf")
		}
		plain := s.cmd.Args
		s.strace(f)
		s.start()
		if s.waitReadyOrEnd() {
			if _, text := s.complete("m"); text != "" && want != "" {
				require.Equal(t, want, text, "%v", f)
			}
			s.terminate()
		}
		<-s.ended
		code := s.cmd.ProcessState.ExitCode()
		said := s.log.String()
		total += injected(t, s.path("strace"))
		require.False(t, crashed(said), "%d: %v: %s", i, f, said)
		if f.kills() && code == -1 {
			total++
		} else if code != 0 {
			require.Equal(t, 1, code, "%d: %v: %s", i, f, said)
			require.Contains(t, said, "inferd: error: ", "%d: %v", i, f)
		}
		if code == 0 && i > 0 {
			continue
		}
		nFailed++
		s.again(plain)
		s.waitReady()
		text := ""
		require.Eventually(t, func() bool { // the file must have settled
			_, text = s.complete("m")
			return text != ""
		}, time.Minute, 50*time.Millisecond, "%d: %v, after %s", i, f, said)
		if want == "" {
			want = text
		}
		require.Equal(t, want, text, "%d: %v", i, f)
		s.stop()
	}
	t.Logf("%d faults, %d starts failed", total, nFailed)
}

// newManager plays a service manager, which listens to all that services say, and
// returns its address.
func newManager(t *testing.T) string {
	dir, err := os.MkdirTemp("", "inferd")
	require.NoError(t, err)
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "n"), Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close(); os.RemoveAll(dir) })
	go func() { _, _ = io.Copy(io.Discard, conn) }()
	return filepath.Join(dir, "n")
}

// put puts a model of the test data into the folder of models as careful
// programs do.
func (s *service) put(name, model string) {
	s.t.Helper()
	content, err := os.ReadFile(testdata.Path("models", model+".gguf"))
	require.NoError(s.t, err)
	require.NoError(s.t, os.WriteFile(s.path("models", name+".new"), content, 0o640))
	require.NoError(s.t, os.Rename(s.path("models", name+".new"), s.path("models", name+".gguf")))
}

// strace lets the process, which has not started, run under a fault.
func (s *service) strace(f fault) {
	args := append([]string{"strace"}, f.args(s.path("strace"))...)
	if !f.kills() {
		args = append(args, "--seccomp-bpf")
	}
	path, err := exec.LookPath("strace")
	require.NoError(s.t, err)
	s.cmd.Path, s.cmd.Args = path, append(append(args, "-qq", s.cmd.Path), s.cmd.Args[1:]...)
}

// again starts a process with other arguments where one has ended.
func (s *service) again(args []string) {
	s.cmd = exec.Command(program(s.t, "inferd"), args[1:]...)
	s.log, s.ended = &text{}, make(chan struct{})
	s.cmd.Stderr = s.log
	s.start()
}

// terminate tells the daemon under strace to end.
func (s *service) terminate() {
	pid := s.cmd.Process.Pid
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	require.NoError(s.t, err)
	for _, child := range strings.Fields(string(children)) {
		n, err := strconv.Atoi(child)
		require.NoError(s.t, err)
		require.NoError(s.t, syscall.Kill(n, syscall.SIGTERM))
	}
}

// waitReadyOrEnd waits until the daemon is ready, or has ended; then it returns
// false.
func (s *service) waitReadyOrEnd() bool {
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); {
		select {
		case <-s.ended:
			return false
		case <-time.After(2 * time.Millisecond):
		}
		if status, _, err := ask(s.admin, "GET", "/ready", ""); err == nil && status == http.StatusOK {
			return true
		}
	}
	s.t.Fatalf("inferd neither gets ready nor ends\n%v\n%s", s.cmd.Args, s.log)
	return false
}

// complete asks a model; the text is empty unless the status is 200.
func (s *service) complete(model string) (int, string) {
	status, answer, err := ask(s.api, "POST", "/v1/completions", fmt.Sprintf(`{"model":%q,"prompt":"once","max_tokens":8,"temperature":0,"ignore_eos":true}`, model))
	if err != nil || status != http.StatusOK {
		return status, ""
	}
	return status, completionOf(answer)
}

// serveErrnos are how calls of a daemon that serves may fail. Besides what Go's
// runtime needs, these are left out: write (clients that hang up are
// TestServiceSoak's); close and munmap, which free what
// they are given also when they complain.
var serveErrnos = errnos{
	"openat":            {"EMFILE", "ENFILE", "ENOMEM", "EIO", "EACCES"},
	"read":              {"EIO", "ENOMEM", "ECONNRESET", "EINTR"},
	"pread64":           {"EIO", "ENOMEM"},
	"fstat":             {"EIO", "ENOMEM"},
	"newfstatat":        {"EIO", "ENOMEM", "EACCES"},
	"getdents64":        {"EIO", "ENOMEM"},
	"madvise":           {"ENOMEM", "EAGAIN"},
	"accept4":           {"EMFILE", "ENFILE", "ENOMEM", "ENOBUFS", "ECONNABORTED", "EPERM"},
	"getsockopt":        {"ENOBUFS", "ENOMEM"},
	"getsockname":       {"ENOBUFS"},
	"setsockopt":        {"ENOBUFS"},
	"epoll_ctl":         {"ENOMEM", "ENOSPC"},
	"fcntl":             {"EMFILE", "EINTR"},
	"inotify_add_watch": {"ENOSPC", "ENOMEM"},
	"ppoll":             {"ENOMEM", "EINTR"},
	"sched_getaffinity": {"EPERM"},
	"mmap":              {"ENOMEM", "EAGAIN"}, // of the model's file
}

// TestFaultsWhileServing breaks system calls of a daemon that answers, loads,
// unloads, reloads and finds new models: what it answers is right, and when the
// faults are over it serves as before.
func TestFaultsWhileServing(t *testing.T) {
	needStrace(t)
	s := prepare(t, "--demo")
	s.cmd.Args = append(s.cmd.Args, "--config", s.path("config"))
	require.NoError(t, os.WriteFile(s.path("config"), []byte("keep-alive = \"1m\"\n"), 0o600))
	s.put("m", "llama-tied")
	s.start()
	s.waitReady()
	v := visitor{service: s, answers: map[string]string{}}
	v.learn()
	random := rand.New(rand.NewPCG(4, 0))
	faults := serveErrnos.pick(4, nFaults(t), v.calls())
	total := 0
	for i, f := range faults {
		f.nth, f.step = 1+random.IntN(8), 2+random.IntN(8) // what fails always, by EINTR, is tried for ever
		if f.call == "mmap" {
			f.path = s.path("models", "m.gguf")
		}
		n := v.under(f)
		if f.err != "EINTR" { // which is no failure
			total += n
		}
		t.Logf("%d: %v: %d times", i, f, n)
		v.heal(f)
		require.False(t, crashed(s.log.String()), "%d: %v: %s", i, f, s.log)
	}
	t.Logf("%d faults", total)
	s.stop()
}

// visitor asks a daemon for all that touches the system.
type visitor struct {
	*service
	answers map[string]string // what each model answers
	nVisits int
}

// learn notes the right answers.
func (v *visitor) learn() {
	for _, model := range []string{"mamba2", "llama-tied"} {
		v.put("m", model)
		require.Eventually(v.t, func() bool {
			_, text := v.complete("m")
			v.answers[model] = text
			return text != "" && (model == "mamba2" || text != v.answers["mamba2"])
		}, time.Minute, 300*time.Millisecond)
	}
	_, v.answers["demo"] = v.complete("demo")
	require.NotEmpty(v.t, v.answers["demo"])
}

// calls says that any call may come.
func (v *visitor) calls() map[string]int {
	counts := map[string]int{}
	for call := range serveErrnos {
		counts[call] = 1
	}
	return counts
}

// visit does everything once and returns what has failed. A wrong answer ends the
// test.
func (v *visitor) visit() (failed []string) {
	v.nVisits++
	check := func(what string, ok bool) {
		if !ok {
			failed = append(failed, what)
		}
	}
	_, text := v.complete("demo")
	check("demo", text != "")
	require.Contains(v.t, []string{"", v.answers["demo"]}, text)
	model := []string{"mamba2", "llama-tied"}[v.nVisits%2]
	v.put("m", model)
	for _, path := range []string{"/unload", "/load"} {
		status, _, err := ask(v.admin, "POST", path, `{"model":"m"}`)
		check(path, err == nil && status == http.StatusOK)
	}
	time.Sleep(300 * time.Millisecond) // so that the file has settled
	_, text = v.complete("m")
	check("m", text != "")
	require.Contains(v.t, []string{"", v.answers["mamba2"], v.answers["llama-tied"]}, text)
	for _, path := range []string{"/reload", "/status", "/metrics"} {
		method := "GET"
		if path == "/reload" {
			method = "POST"
		}
		status, _, err := ask(v.admin, method, path, "")
		check(path, err == nil && status == http.StatusOK)
	}
	status, _, err := ask(v.api, "GET", "/v1/models", "")
	check("/v1/models", err == nil && status == http.StatusOK)
	return failed
}

// under visits the daemon while calls fail, and returns how many have.
func (v *visitor) under(f fault) int {
	log := v.path("strace")
	cmd := exec.Command("strace", append(f.args(log), "-p", strconv.Itoa(v.cmd.Process.Pid))...)
	said, err := cmd.StderrPipe()
	require.NoError(v.t, err)
	require.NoError(v.t, cmd.Start())
	lines := bufio.NewScanner(said)
	require.True(v.t, lines.Scan(), "strace says nothing")
	require.Contains(v.t, lines.Text(), "attached")
	go func() { // it must not wait for us
		for lines.Scan() {
		}
	}()
	for range 2 {
		v.visit()
	}
	require.NoError(v.t, cmd.Process.Signal(syscall.SIGINT))
	_ = cmd.Wait() // it ends by the signal
	return injected(v.t, log)
}

// heal visits until all is well.
func (v *visitor) heal(f fault) {
	var failed []string
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); {
		select {
		case <-v.ended:
			v.t.Fatalf("%v: inferd ended: %v\n%s", f, v.err, v.log)
		default:
		}
		if failed = v.visit(); len(failed) == 0 {
			return
		}
		time.Sleep(time.Second)
	}
	v.t.Fatalf("%v: after that these do not work any more: %v\n%s", f, failed, v.log)
}
