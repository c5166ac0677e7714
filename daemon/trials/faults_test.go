package trials

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"inferd/testdata"
)

// toolErrnos are how calls of inferctl may fail. Left out are those that Go's
// runtime makes for itself and cannot do without: it ends the process when
// clone3, futex, epoll_create1, epoll_pwait (other than by EINTR), eventfd2,
// sigaltstack, rt_sigaction, getrandom or its first epoll_ctl and fcntl fail, and
// so it does when it gets no memory of its own by mmap.
var toolErrnos = errnos{
	"openat":     {"EMFILE", "ENFILE", "ENOMEM", "EIO", "EACCES", "SIGKILL"},
	"read":       {"EIO", "ENOMEM", "EINTR", "SIGKILL"},
	"pread64":    {"EIO", "ENOMEM", "SIGKILL"},
	"write":      {"EIO", "ENOSPC", "EDQUOT", "EINTR", "SIGKILL"},
	"fsync":      {"EIO", "ENOSPC", "EDQUOT", "SIGKILL"},
	"renameat":   {"EIO", "ENOSPC", "EACCES", "EBUSY", "SIGKILL"},
	"unlinkat":   {"EIO", "EACCES", "SIGKILL"},
	"ftruncate":  {"EIO", "ENOSPC", "SIGKILL"},
	"lseek":      {"EIO"},
	"flock":      {"ENOLCK", "EAGAIN", "EINTR"},
	"fstat":      {"EIO", "ENOMEM"},
	"newfstatat": {"EIO", "ENOMEM", "EACCES"},
	"fstatfs":    {"EIO", "ENOSYS"},
	"close":      {"EIO", "EINTR", "ENOSPC"},
	"madvise":    {"ENOMEM", "EAGAIN"},
	"munmap":     {"ENOMEM"},
	"socket":     {"EMFILE", "ENOBUFS", "EACCES"},
	"connect":    {"ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH", "EINTR"},
	"setsockopt": {"ENOBUFS", "EINVAL"},
	"getsockopt": {"ENOBUFS"},
}

// TestFaultsOfQuantize breaks system calls of inferctl quantize: what was there
// before stays, or the new model is there whole, and what went wrong is told.
func TestFaultsOfQuantize(t *testing.T) {
	needStrace(t)
	dir := t.TempDir()
	in, out := testdata.Path("models", "llama-tied.gguf"), filepath.Join(dir, "out.gguf")
	counts := toolErrnos.count(t, "inferctl", "quantize", in, out, "Q8_0")
	want, err := os.ReadFile(out)
	require.NoError(t, err)
	old := []byte("what was there before")
	total := 0
	for i, f := range append(toolErrnos.pick(1, nFaults(t), counts), mappingFaults(in)...) {
		require.NoError(t, os.WriteFile(out, old, 0o600))
		e := f.command(t, "inferctl", "quantize", in, out, "Q8_0")
		total += e.nInjected
		got, err := os.ReadFile(out)
		require.NoError(t, err, "%d: %v", i, f)
		isNew := bytes.Equal(got, want)
		require.True(t, isNew || bytes.Equal(got, old), "%d: %v: torn file of %d bytes", i, f, len(got))
		require.True(t, isNew || e.code != 0, "%d: %v: nothing is written, but all is well: %s", i, f, e.err)
		checkEnd(t, f, e)
		if left := leftovers(t, dir, "out.gguf"); !f.kills() && f.call != "unlinkat" {
			require.Empty(t, left, "%v", f)
		}
	}
	t.Logf("%d faults", total)
}

// mappingFaults break the mapping of a file.
func mappingFaults(path string) []fault {
	return []fault{{call: "mmap", err: "ENOMEM", nth: 1, path: path}, {call: "mmap", err: "EAGAIN", nth: 1, path: path}}
}

// checkEnd checks that a program that failed says why, in a line or two.
func checkEnd(t *testing.T, f fault, e ended) {
	t.Helper()
	require.False(t, crashed(e.err), "%v: %s", f, e.err)
	switch {
	case f.kills() && e.nInjected > 0:
	case e.code != 0 && f.call == "write" && e.err == "": // the message itself could not be written
	case e.code != 0:
		require.Contains(t, []int{1, 2}, e.code, "%v: %s", f, e.err)
		require.Contains(t, e.err, ": error: ", "%v", f)
		require.LessOrEqual(t, strings.Count(strings.TrimSpace(e.err), "\n"), 2, "%v: %s", f, e.err)
	}
}

// leftovers lists what is in a folder besides a file, and removes it.
func leftovers(t *testing.T, dir, file string) (names []string) {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		if e.Name() != file {
			names = append(names, e.Name())
			require.NoError(t, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return names
}

// TestFaultsOfPull breaks system calls of inferctl pull: the file is there whole
// or not at all, and the next run completes it.
func TestFaultsOfPull(t *testing.T) {
	needStrace(t)
	source := testdata.Path("models", "llama-tied.gguf")
	want, err := os.ReadFile(source)
	require.NoError(t, err)
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"v1"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(want))
	}))
	defer hub.Close()
	url := hub.URL + "/model.gguf"
	dir := t.TempDir()
	path := filepath.Join(dir, "model.gguf")
	counts := toolErrnos.count(t, "inferctl", "pull", url, "--dir", dir)
	total, nFailed := 0, 0
	for i, f := range toolErrnos.pick(2, nFaults(t), counts) {
		if f.call == "write" { // Go's runtime wakes itself so
			f.path = filepath.Join(dir, ".model.gguf.part")
		}
		require.NoError(t, os.RemoveAll(path))
		e := f.command(t, "inferctl", "pull", url, "--dir", dir)
		total += e.nInjected
		got, err := os.ReadFile(path)
		require.True(t, os.IsNotExist(err) || bytes.Equal(got, want), "%d: %v: torn file of %d bytes", i, f, len(got))
		require.True(t, err == nil || e.code != 0, "%d: %v: nothing is there, but all is well: %s", i, f, e.err)
		checkEnd(t, f, e)
		if err == nil {
			leftovers(t, dir, "model.gguf")
			continue
		}
		nFailed++
		again := fault{call: "fsync", err: "EIO", nth: 99}.command(t, "inferctl", "pull", url, "--dir", dir)
		require.Zero(t, again.code, "%d: %v: %s, then %s", i, f, e.err, again.err)
		got, err = os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, bytes.Equal(got, want), "%d: %v: wrong file of %d bytes", i, f, len(got))
		require.Empty(t, leftovers(t, dir, "model.gguf"), "%v", f)
	}
	t.Logf("%d faults, %d runs failed", total, nFailed)
}
