package daemon

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"inferd/testdata"
)

// torturePrompt is what the models of the folder are asked.
const torturePrompt = `{"model":%q,"prompt":"abc","max_tokens":12,"temperature":0,"ignore_eos":true}`

// TestModelFolderTorture does to a folder what careless programs do, while
// clients ask: each answer is one of a whole model, whichever was there, and the
// daemon goes on. INFERD_TORTURE says how many operations, 60 by default.
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
	var expected map[string]bool
	t.Run("alone", func(t *testing.T) { expected = answersAlone(t, contents) })
	require.Len(t, expected, len(contents), "the models answer differently")

	dir := t.TempDir()
	d := run(t, func(c *Config) {
		c.Models, c.ModelsDir = nil, dir
		c.KeepAlive = 30 * time.Millisecond
		c.KVBudget = 4 << 20
		c.LogLevel = slog.LevelError + 1
	})
	names := []string{"a", "b", "c"}
	var good, refused atomic.Int64
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for i := range 4 {
		clients.Go(func() {
			client := d.http()
			for n := i; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				status, text := complete(t, client, names[n%len(names)])
				switch {
				case status == http.StatusOK && expected[text]:
					good.Add(1)
				case status == http.StatusOK:
					t.Errorf("%q is no model's answer", text)
				case status == http.StatusNotFound, status == http.StatusInternalServerError, status == http.StatusServiceUnavailable:
					refused.Add(1)
					time.Sleep(5 * time.Millisecond)
				default:
					t.Errorf("status %d: %s", status, text)
				}
			}
		})
	}
	r := rand.New(rand.NewPCG(7, 7))
	for range nOperations {
		disturb(t, r, dir, names, contents)
		time.Sleep(time.Duration(r.IntN(60)) * time.Millisecond)
		if r.IntN(8) == 0 {
			time.Sleep(2 * changedPause) // let it be seen
		}
	}
	// After all that, whole files are served.
	for _, name := range names {
		require.NoError(t, os.RemoveAll(filepath.Join(dir, name+".gguf")))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".gguf"), contents["llama-tied"], 0o640))
	}
	client := d.http()
	for _, name := range names {
		require.Eventually(t, func() bool {
			status, text := complete(t, client, name)
			return status == http.StatusOK && expected[text]
		}, 20*time.Second, 50*time.Millisecond)
	}
	close(stop)
	clients.Wait()
	t.Logf("%d operations, %d answers, %d refusals", nOperations, good.Load(), refused.Load())
	require.Positive(t, good.Load())
}

// disturb does one thing to the folder.
func disturb(t *testing.T, r *rand.Rand, dir string, names []string, contents map[string][]byte) {
	path := filepath.Join(dir, names[r.IntN(len(names))]+".gguf")
	other := filepath.Join(dir, names[r.IntN(len(names))]+".gguf")
	var text []byte
	for _, text = range contents { // Go's order is random enough
		break
	}
	var err error
	switch r.IntN(10) {
	case 0, 1: // copied in place, in pieces
		var f *os.File
		if f, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640); err == nil {
			for piece := range strings.SplitSeq(string(text), "\x00\x00\x00\x00\x00\x00") {
				_, _ = f.WriteString(piece + "\x00\x00\x00\x00\x00\x00")
			}
			err = f.Close()
		}
		if err == nil {
			err = os.Truncate(path, int64(len(text)))
		}
	case 2, 3: // renamed into place
		if err = os.WriteFile(path+".tmp", text, 0o640); err == nil {
			err = os.Rename(path+".tmp", path)
		}
	case 4:
		err = os.Truncate(path, r.Int64N(int64(len(text))))
	case 5: // swapped
		if err = os.Rename(path, path+".tmp"); err == nil {
			_ = os.Rename(other, path)
			err = os.Rename(path+".tmp", other)
		}
	case 6:
		err = os.Remove(path)
	case 7:
		err = os.Chmod(path, []os.FileMode{0o640, 0o666, 0o600}[r.IntN(3)])
	case 8: // corrupted where it shows without a sum
		var f *os.File
		if f, err = os.OpenFile(path, os.O_WRONLY, 0); err == nil {
			_, err = f.WriteAt([]byte{byte(r.Uint32())}, r.Int64N(4))
			_ = f.Close()
		}
	case 9:
		_ = os.Remove(path)
		err = os.Symlink(other, path)
	}
	if err != nil && !os.IsNotExist(err) && !strings.Contains(err.Error(), "too many levels") {
		t.Errorf("the test is broken: %v", err)
	}
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
func answersAlone(t *testing.T, contents map[string][]byte) map[string]bool {
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
	answers := map[string]bool{}
	for name := range contents {
		require.Eventually(t, func() bool {
			status, text := complete(t, client, name)
			if status == http.StatusOK {
				answers[text] = true
			}
			return status == http.StatusOK
		}, 20*time.Second, 50*time.Millisecond, name)
	}
	return answers
}
