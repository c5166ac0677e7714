package trials

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"inferd/testdata"
)

// smallDisk mounts a file system of a size and returns its folder.
func smallDisk(t *testing.T, nBytes int) string {
	dir := t.TempDir()
	if err := unix.Mount("none", dir, "tmpfs", 0, "size="+strconv.Itoa(nBytes)); err != nil {
		t.Skipf("*** NO DISK GETS FULL: mounting one: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, 0)) })
	return dir
}

// fill leaves a disk nBytes, about, until free is called.
func fill(t *testing.T, dir string, nBytes int64) (free func()) {
	var st unix.Statfs_t
	require.NoError(t, unix.Statfs(dir, &st))
	path := filepath.Join(dir, "filler")
	require.NoError(t, os.WriteFile(path, make([]byte, int64(st.Bavail)*st.Bsize-nBytes), 0o600))
	return func() { require.NoError(t, os.Remove(path)) }
}

// tool runs inferctl.
func tool(t *testing.T, args ...string) ended {
	cmd := exec.Command(program(t, "inferctl"), args...)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	_ = cmd.Run() // ended tells
	return ended{out: out.String(), err: stderr.String(), code: cmd.ProcessState.ExitCode()}
}

// TestQuantizeToAFullDisk: what was there stays, and the error tells how much room
// is missing.
func TestQuantizeToAFullDisk(t *testing.T) {
	dir := smallDisk(t, 1<<20)
	in, out := testdata.Path("models", "llama-tied.gguf"), filepath.Join(dir, "out.gguf")
	require.NoError(t, os.WriteFile(out, []byte("old"), 0o600))
	free := fill(t, dir, 32<<10)
	e := tool(t, "quantize", in, out, "Q8_0")
	require.Equal(t, 1, e.code)
	require.Regexp(t, `out\.gguf: not enough room on the file system: \d{6} bytes are needed, 32768 are free`, e.err)
	content, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Equal(t, "old", string(content))
	require.Equal(t, []string{"filler"}, names(t, dir, "out.gguf"))
	free()
	e = tool(t, "quantize", in, out, "Q8_0")
	require.Zero(t, e.code, e.err)
	require.Zero(t, tool(t, "inspect", out).code)
}

// names lists a folder but for one file.
func names(t *testing.T, dir, but string) (list []string) {
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		if e.Name() != but {
			list = append(list, e.Name())
		}
	}
	return list
}

// TestPullToAFullDisk: a download for which there is no room does not begin, one
// that the server has not measured ends where the disk does, and goes on later.
func TestPullToAFullDisk(t *testing.T) {
	content, err := os.ReadFile(testdata.Path("models", "llama-tied.gguf"))
	require.NoError(t, err)
	var announced atomic.Bool
	announced.Store(true)
	ranges := make(chan string, 16)
	hub := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ranges <- r.Header.Get("Range")
		w.Header().Set("ETag", `"v1"`)
		if announced.Load() || r.Header.Get("Range") != "" {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
			return
		}
		for part := range bytes.Lines(content) {
			_, _ = w.Write(part)
			_ = http.NewResponseController(w).Flush()
		}
	}))
	defer hub.Close()
	dir := smallDisk(t, 32<<20)
	path := filepath.Join(dir, "model.gguf")
	pull := func() ended { return tool(t, "pull", hub.URL+"/model.gguf", "--dir", dir) }

	free := fill(t, dir, 64<<10)
	e := pull()
	require.Equal(t, 1, e.code)
	require.Contains(t, e.err, "not enough room on the file system: "+strconv.Itoa(len(content))+" bytes are needed")
	require.Equal(t, []string{"filler"}, names(t, dir, ""))

	announced.Store(false)
	e = pull()
	require.Equal(t, 1, e.code)
	require.Contains(t, e.err, "no space left on device\ninferctl: hint: make room and run the command again")
	require.NoFileExists(t, path)
	free()
	for len(ranges) > 0 {
		<-ranges
	}
	e = pull()
	require.Zero(t, e.code, e.err)
	require.Len(t, ranges, 1)
	require.Regexp(t, `^bytes=\d{5}-$`, <-ranges, "it goes on where it stopped")
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.Equal(content, got))
	require.Empty(t, names(t, dir, "model.gguf"))
}
