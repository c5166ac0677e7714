package trials

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fault is a system call that fails, by the hand of strace(1).
type fault struct {
	call      string
	err       string // name of an errno, or of a signal that comes instead of the call
	nth, step int    // the nth such call of each thread, and then each step-th; step 0: no other
	path      string // calls about this file alone; "" for all
}

func (f fault) String() string {
	return fmt.Sprintf("%s of %q fails with %s at %d+%d", f.call, filepath.Base(f.path), f.err, f.nth, f.step)
}

// kills reports whether the fault is a signal that ends the process.
func (f fault) kills() bool { return f.err == "SIGKILL" }

// args are those of strace, which logs what it does to a file.
func (f fault) args(log string) []string {
	what := "error"
	if f.kills() {
		what = "signal"
	}
	when := strconv.Itoa(f.nth)
	if f.step > 0 {
		when += "+" + strconv.Itoa(f.step)
	}
	args := []string{"-f", "-o", log, "-e", "trace=" + f.call, "-e", "signal=none",
		"-e", fmt.Sprintf("inject=%s:%s=%s:when=%s", f.call, what, f.err, when)}
	if f.path != "" {
		args = append(args, "-P", f.path)
	}
	return args
}

// nFaults is how many runs with faults a trial makes: INFERD_FAULTS, few by
// default.
func nFaults(t *testing.T) int {
	s := os.Getenv("INFERD_FAULTS")
	if s == "" {
		return 4
	}
	n, err := strconv.Atoi(s)
	require.NoError(t, err)
	return n
}

// needStrace skips the test where there is no strace that may trace.
func needStrace(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("strace", "-f", "--seccomp-bpf", "-e", "trace=openat", "-o", "/dev/null", "true").CombinedOutput(); err != nil {
		t.Skipf("*** NO FAULTS ARE INJECTED: strace: %v %s", err, out)
	}
}

// errnos are ways for calls to fail, by call.
type errnos map[string][]string

// pick draws n faults, of calls that a run without faults makes this often. The
// seed says which.
func (e errnos) pick(seed uint64, n int, counts map[string]int) (all []fault) {
	random := rand.New(rand.NewPCG(seed, 0))
	var calls []string
	for call := range e {
		if counts[call] > 0 {
			calls = append(calls, call)
		}
	}
	slices.Sort(calls)
	for range n {
		call := calls[random.IntN(len(calls))]
		all = append(all, fault{call: call, err: e[call][random.IntN(len(e[call]))], nth: 1 + random.IntN(counts[call])})
	}
	return all
}

// callLine is a call in strace's log; the other half of one that took long is not.
var callLine = regexp.MustCompile(`^\d+ +(\w+)\(`)

// count runs a command without faults and counts the calls that could fail, per
// thread at most.
func (e errnos) count(t *testing.T, name string, args ...string) map[string]int {
	log := filepath.Join(t.TempDir(), "strace")
	var calls []string
	for call := range e {
		calls = append(calls, call)
	}
	args = append([]string{"-f", "--seccomp-bpf", "-qq", "-o", log, "-e", "trace=" + strings.Join(calls, ","), "-e", "signal=none", program(t, name)}, args...)
	out, err := exec.Command("strace", args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	text, err := os.ReadFile(log)
	require.NoError(t, err)
	counts := map[string]int{}
	for line := range strings.Lines(string(text)) {
		if m := callLine.FindStringSubmatch(line); m != nil {
			counts[m[1]]++
		}
	}
	return counts
}

// ended is how a program came to an end.
type ended struct {
	out, err  string
	code      int // -1: by a signal
	nInjected int
}

// command runs a program under the fault to its end.
func (f fault) command(t *testing.T, name string, args ...string) ended {
	log := filepath.Join(t.TempDir(), "strace")
	options := f.args(log)
	if !f.kills() { // signals need all calls to stop
		options = append(options, "--seccomp-bpf")
	}
	cmd := exec.Command("strace", append(append(options, "-qq", program(t, name)), args...)...)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	_ = cmd.Run() // ended tells
	e := ended{out.String(), stderr.String(), cmd.ProcessState.ExitCode(), injected(t, log)}
	if f.kills() && e.code == -1 { // strace goes the same way
		e.nInjected++
	}
	return e
}

// injected counts what strace has done, and takes its log away.
func injected(t *testing.T, log string) (n int) {
	f, err := os.Open(log)
	if os.IsNotExist(err) {
		return 0
	}
	require.NoError(t, err)
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if strings.HasSuffix(lines.Text(), "(INJECTED)") {
			n++
		}
	}
	require.NoError(t, lines.Err())
	require.NoError(t, os.Remove(log))
	return n
}

// crashed reports whether a program says that it, or Go's runtime, broke.
func crashed(said string) bool {
	for _, sign := range []string{"panic", "fatal error:", "goroutine ", "SIGSEGV", "SIGBUS", "runtime error"} {
		if strings.Contains(said, sign) {
			return true
		}
	}
	return false
}
