package daemon

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/daemon/demo"
	"inferd/gguf"
	"inferd/gguf/ggufwrite"
	"inferd/runtime/head"
	"inferd/testdata"
)

// demoDim is the width of the demo model.
const demoDim = 128

// writeHead makes a head for the model of a sum: label i is the sign that
// weight i gives to the first value of an embedding.
func writeHead(t *testing.T, sum string, weights ...float32) string {
	t.Helper()
	w := ggufwrite.New()
	w.Set("general.architecture", head.Architecture)
	w.Set(head.KeyBaseSHA256, sum)
	w.Set(head.KeyThreshold, float32(0.5))
	var labels []string
	matrix := make([]byte, 4*demoDim*len(weights))
	for i, x := range weights {
		labels = append(labels, fmt.Sprint("label", i))
		_, err := binary.Encode(matrix[4*demoDim*i:], binary.LittleEndian, x)
		require.NoError(t, err)
	}
	w.Set(head.KeyLabels, labels)
	w.Tensor(head.TensorWeight, gguf.F32, []int{demoDim, len(weights)}, ggufwrite.Bytes(matrix))
	w.Tensor(head.TensorBias, gguf.F32, []int{len(weights)}, ggufwrite.Bytes(make([]byte, 4*len(weights))))
	path := filepath.Join(t.TempDir(), "intents.gguf")
	require.NoError(t, w.WriteFile(path))
	return path
}

// demoSum is the sha256 of the demo model's file.
func demoSum(t *testing.T) string {
	path, err := demo.Write(t.TempDir())
	require.NoError(t, err)
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// ask posts a body and decodes the answer.
func (d *testDaemon) ask(path, body string) (int, map[string]any) {
	resp, text := d.receive(d.send(path, body))
	var got map[string]any
	require.NoError(d.t, json.Unmarshal([]byte(text), &got), text)
	return resp.StatusCode, got
}

func TestHeadsAreServedBesideAnswers(t *testing.T) {
	path := writeHead(t, demoSum(t), 5, -5)
	for name, budget := range map[string]Bytes{"room to spare": 64 << 20, "one context": 512 << 10} {
		t.Run(name, func(t *testing.T) {
			d := run(t, func(c *Config) { c.Demo, c.Heads, c.KVBudget = true, []string{path}, budget })
			const classify = `{"model":"intents","input":["When does the library open?","Hello"]}`
			_, alone := d.ask("/v1/classifications", classify)
			require.Len(t, alone["data"], 2)

			// Answers that fill the cache, and texts read beside them: neither
			// may take the other's pages.
			long := fmt.Sprintf(`{"model":"demo","prompt":%q,"max_tokens":20,"temperature":0}`, strings.Repeat("the library ", 15))
			want, err := d.complete(long)
			require.NoError(t, err)
			var all sync.WaitGroup
			for range 6 {
				all.Go(func() {
					got, err := d.complete(long)
					if err != nil || got != want {
						t.Errorf("got %q, %v, want %q", got, err, want)
					}
				})
				all.Go(func() {
					if _, got := d.ask("/v1/classifications", classify); fmt.Sprint(got) != fmt.Sprint(alone) {
						t.Errorf("got %v, want %v", got, alone)
					}
				})
			}
			all.Wait()

			// What the context does not hold is the client's error, with numbers.
			for _, c := range []struct{ path, body string }{
				{"/v1/completions", fmt.Sprintf(`{"model":"demo","prompt":%q}`, strings.Repeat("the library ", 300))},
				{"/v1/classifications", fmt.Sprintf(`{"model":"intents","input":%q}`, strings.Repeat("the library ", 300))},
			} {
				status, got := d.ask(c.path, c.body)
				require.Equal(t, http.StatusBadRequest, status, got)
				require.Equal(t, "context_length_exceeded", got["error"].(map[string]any)["code"])
			}
		})
	}
}

func TestHeadsThatCannotBeServed(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"belongs to another model": func(c *Config) { c.Heads = []string{writeHead(t, strings.Repeat("0", 64), 1, 2)} },
		`expected "inferd-head"`:   func(c *Config) { c.Heads = []string{testdata.Path("models", "llama-tied.gguf")} },
		"no such file":             func(c *Config) { c.Heads = []string{"/nowhere.gguf"} },
	} {
		c := DefaultConfig()
		c.Socket, c.LogLevel, c.Demo = socketPath(t), slog.LevelError, true
		change(&c)
		require.ErrorContains(t, Run(t.Context(), c, nil), want)
		require.NoFileExists(t, c.Socket)
	}
}
