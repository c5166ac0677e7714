package daemon

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"inferd/daemon/store"
	"inferd/testdata"
)

// torturePrompt is what the models of the folder are asked.
const torturePrompt = `{"model":%q,"prompt":"abc","max_tokens":12,"temperature":0,"ignore_eos":true}`

// TestModelFolderTorture does to a folder what careless programs do, while
// clients ask: each answer is one of a whole model, whichever was there, and the
// daemon goes on. Without sums, damage is such as shows in a file's structure;
// with them it is any, and each name has but one model that may answer.
// INFERD_TORTURE says how many operations, 60 by default.
func TestModelFolderTorture(t *testing.T) {
	nOperations := 60
	if s := os.Getenv("INFERD_TORTURE"); s != "" {
		var err error
		nOperations, err = strconv.Atoi(s)
		require.NoError(t, err)
	}
	contents := map[string][]byte{}
	for _, name := range []string{"llama-tied", "llama-Q4_K", "llama-moe", "mamba2"} {
		text, err := os.ReadFile(testdata.Path("models", name+".gguf"))
		require.NoError(t, err)
		contents[name] = text
	}
	answers := map[string]string{}
	t.Run("alone", func(t *testing.T) { answersAlone(t, contents, answers) })
	require.Len(t, answers, len(contents))
	all := map[string]bool{}
	for _, answer := range answers {
		all[answer] = true
	}
	require.Len(t, all, len(contents), "the models answer differently")
	t.Run("structure", func(t *testing.T) {
		newTorture(t, contents, map[string]map[string]bool{"a": all, "b": all, "c": all}, false).run(nOperations)
	})
	t.Run("sums", func(t *testing.T) {
		newTorture(t, contents, map[string]map[string]bool{
			"a": {answers["llama-tied"]: true}, "b": {answers["llama-Q4_K"]: true}, "c": {answers["mamba2"]: true},
		}, true).run(nOperations)
	})
}

// tortureEnd are the models that each name has at the end, and by SHA256SUMS.
var tortureEnd = map[string]string{"a": "llama-tied", "b": "llama-Q4_K", "c": "mamba2"}

// torture is a daemon whose folder is disturbed.
type torture struct {
	*testDaemon
	dir           string
	names         []string
	contents      map[string][]byte
	kinds         []string                   // the names of contents
	expected      map[string]map[string]bool // answers, by name
	hasSums       bool
	random        *rand.Rand
	good, refused atomic.Int64
}

func newTorture(t *testing.T, contents map[string][]byte, expected map[string]map[string]bool, hasSums bool) *torture {
	x := &torture{dir: t.TempDir(), names: []string{"a", "b", "c"}, contents: contents, kinds: slices.Sorted(maps.Keys(contents)),
		expected: expected, hasSums: hasSums, random: rand.New(rand.NewPCG(7, 7))}
	x.testDaemon = run(t, func(c *Config) {
		c.Models, c.ModelsDir = nil, x.dir
		c.KeepAlive = 30 * time.Millisecond
		c.KVBudget = 4 << 20
		c.LogLevel = slog.LevelError + 1
		if hasSums {
			c.Require = store.RequireSum
		}
	})
	t.Setenv("NOTIFY_SOCKET", "") // nobody reads there until the end, and the daemon would wait
	if hasSums {
		var sums strings.Builder
		for name, kind := range tortureEnd {
			fmt.Fprintf(&sums, "%x  %s.gguf\n", sha256.Sum256(contents[kind]), name)
		}
		require.NoError(t, os.WriteFile(filepath.Join(x.dir, "SHA256SUMS"), []byte(sums.String()), 0o640))
	}
	return x
}

// run disturbs the folder n times, and then sets it right.
func (x *torture) run(n int) {
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for i := range 4 {
		clients.Go(func() { x.client(i, stop) })
	}
	for range n {
		x.disturb()
		time.Sleep(time.Duration(x.random.IntN(60)) * time.Millisecond)
		if x.random.IntN(8) == 0 {
			time.Sleep(2 * changedPause) // let it be seen
		}
	}
	// After all that, whole files are served.
	for name, kind := range tortureEnd {
		path := filepath.Join(x.dir, name+".gguf")
		require.NoError(x.t, os.RemoveAll(path))
		require.NoError(x.t, os.WriteFile(path, x.contents[kind], 0o640))
	}
	client := x.http()
	for _, name := range x.names {
		require.Eventually(x.t, func() bool {
			status, text := complete(x.t, client, name)
			return status == http.StatusOK && x.expected[name][text]
		}, 20*time.Second, 50*time.Millisecond, name)
	}
	close(stop)
	clients.Wait()
	x.t.Logf("%d operations, %d answers, %d refusals", n, x.good.Load(), x.refused.Load())
	require.Positive(x.t, x.good.Load())
}

// client asks one name after another until stop is closed.
func (x *torture) client(first int, stop <-chan struct{}) {
	client := x.http()
	for n := first; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		name := x.names[n%len(x.names)]
		status, text := complete(x.t, client, name)
		switch {
		case status == http.StatusOK && x.expected[name][text]:
			x.good.Add(1)
		case status == http.StatusOK:
			x.t.Errorf("%q is no answer of %s", text, name)
		case status == http.StatusNotFound, status == http.StatusInternalServerError, status == http.StatusServiceUnavailable:
			x.refused.Add(1)
			time.Sleep(5 * time.Millisecond)
		default:
			x.t.Errorf("status %d: %s", status, text)
		}
	}
}

// file returns the path of one of the files.
func (x *torture) file() string {
	return filepath.Join(x.dir, x.names[x.random.IntN(len(x.names))]+".gguf")
}

// disturb does one thing to the folder.
func (x *torture) disturb() {
	path, other, text := x.file(), x.file(), x.contents[x.kinds[x.random.IntN(len(x.kinds))]]
	var err error
	switch x.random.IntN(10) {
	case 0, 1:
		err = copySlowly(path, text)
	case 2, 3: // renamed into place
		if err = os.WriteFile(path+".tmp", text, 0o640); err == nil {
			err = os.Rename(path+".tmp", path)
		}
	case 4: // cut off; growing leaves zeros, which only a sum tells from weights
		var info os.FileInfo
		size := int64(len(text))
		if info, err = os.Stat(path); err == nil && !x.hasSums {
			size = info.Size()
		}
		if size > 0 && err == nil {
			err = os.Truncate(path, x.random.Int64N(size))
		}
	case 5: // swapped
		if err = os.Rename(path, path+".tmp"); err == nil {
			_ = os.Rename(other, path)
			err = os.Rename(path+".tmp", other)
		}
	case 6:
		err = os.Remove(path)
	case 7:
		err = os.Chmod(path, []os.FileMode{0o640, 0o666, 0o600}[x.random.IntN(3)])
	case 8:
		err = x.corrupt(path)
	case 9:
		_ = os.Remove(path)
		err = os.Symlink(other, path)
	}
	if err != nil && !os.IsNotExist(err) && !strings.Contains(err.Error(), "too many levels") {
		x.t.Errorf("the test is broken: %v", err)
	}
}

// copySlowly copies in place, in pieces.
func copySlowly(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	defer f.Close()
	for piece := range slices.Chunk(text, 4096) {
		if _, err := f.Write(piece); err != nil {
			return err
		}
	}
	return nil
}

// corrupt changes a byte: in the magic, where it shows without a sum, or anywhere.
func (x *torture) corrupt(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	size := int64(4)
	if info, err := f.Stat(); err == nil && x.hasSums {
		size = max(size, info.Size())
	}
	_, err = f.WriteAt([]byte{byte(x.random.Uint32())}, x.random.Int64N(size))
	return err
}

// complete asks a model and returns the status, and the text or the body.
func complete(t *testing.T, client *http.Client, model string) (int, string) {
	resp, err := client.Post("http://inferd/v1/completions", "application/json", strings.NewReader(fmt.Sprintf(torturePrompt, model)))
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer resp.Body.Close()
	var c struct {
		Choices []struct{ Text string }
		Error   struct{ Message string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&c); err != nil {
		t.Error(err)
	}
	if len(c.Choices) == 0 {
		return resp.StatusCode, c.Error.Message
	}
	return resp.StatusCode, c.Choices[0].Text
}

// answersAlone asks each model alone.
func answersAlone(t *testing.T, contents map[string][]byte, answers map[string]string) {
	dir := t.TempDir()
	for name, text := range contents {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".gguf"), text, 0o640))
	}
	d := run(t, func(c *Config) {
		c.Models, c.ModelsDir = nil, dir
		c.KVBudget = 4 << 20
		c.LogLevel = slog.LevelError + 1
	})
	client := d.http()
	for name := range contents {
		require.Eventually(t, func() bool {
			status, text := complete(t, client, name)
			if status == http.StatusOK {
				answers[name] = text
			}
			return status == http.StatusOK
		}, 20*time.Second, 50*time.Millisecond, name)
	}
}
