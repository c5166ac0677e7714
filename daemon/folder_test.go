package daemon

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"inferd/daemon/admin"
	"inferd/gguf"
	"inferd/gguf/ggufwrite"
	"inferd/testdata"
)

// folder is a daemon with a folder of models.
type folder struct {
	*testDaemon
	dir string
}

// serveFolder runs a daemon over files, by name: a text is a file's content, and
// the name of a model of testdata in front of .gguf a copy of that.
func serveFolder(t *testing.T, files map[string]string, change func(*Config)) *folder {
	f := &folder{dir: t.TempDir()}
	for name, text := range files {
		if filepath.Ext(name) == ".gguf" {
			raw, err := os.ReadFile(testdata.Path("models", text+".gguf"))
			require.NoError(t, err)
			text = string(raw)
		}
		require.NoError(t, os.WriteFile(filepath.Join(f.dir, name), []byte(text), 0o640))
	}
	time.Sleep(2 * changedPause) // a file must not have changed a moment ago
	f.testDaemon = run(t, func(c *Config) {
		c.Models, c.ModelsDir = nil, f.dir
		c.KVBudget = 4 << 20
		if change != nil {
			change(c)
		}
	})
	return f
}

// state returns what the administration socket says of a model.
func (f *folder) state(name string) admin.Model {
	f.t.Helper()
	_, text := administer(f.t, f.testDaemon, "GET", "/status", "")
	var s admin.Status
	require.NoError(f.t, json.Unmarshal([]byte(text), &s))
	for _, m := range s.Models {
		if m.Name == name {
			return m
		}
	}
	require.Fail(f.t, "no such model", name)
	return admin.Model{}
}

// eventually waits until a model is loaded or not.
func (f *folder) eventually(name string, loaded bool) {
	f.t.Helper()
	require.Eventually(f.t, func() bool { return f.state(name).Loaded == loaded }, 20*time.Second, 10*time.Millisecond)
}

// api is a way to ask for an answer of 16 tokens.
type api struct {
	path, body string // to fill in: a model's name, sampling parameters
	text       func(answer map[string]any) any
}

// at digs in an answer.
func at(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := v.(map[string]any)
			v = object[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

const hello = `"messages":[{"role":"user","content":"hello"}]`

var apis = []api{
	{"/v1/completions", `{"model":%q,"prompt":"hello","max_tokens":16,"ignore_eos":true%s}`,
		func(a map[string]any) any { return at(a, "choices", 0, "text") }},
	{"/v1/chat/completions", `{"model":%q,"max_tokens":16,"ignore_eos":true,` + hello + `%s}`,
		func(a map[string]any) any { return at(a, "choices", 0, "message", "content") }},
	{"/v1/responses", `{"model":%q,"input":"hello","max_output_tokens":16,"ignore_eos":true%s}`,
		func(a map[string]any) any { return at(a, "output", 0, "content", 0, "text") }},
	{"/api/generate", `{"model":%q,"prompt":"hello","raw":true,"stream":false,"options":{"num_predict":16%s}}`,
		func(a map[string]any) any { return at(a, "response") }},
	{"/api/chat", `{"model":%q,"stream":false,` + hello + `,"options":{"num_predict":16%s}}`,
		func(a map[string]any) any { return at(a, "message", "content") }},
	{"/v1/messages", `{"model":%q,"max_tokens":16,` + hello + `%s}`,
		func(a map[string]any) any { return at(a, "content", 0, "text") }},
}

// say asks, and returns the text.
func (f *folder) say(a api, model, more string) any {
	f.t.Helper()
	if more != "" {
		more = "," + more
	}
	status, answer := f.ask(a.path, fmt.Sprintf(a.body, model, more))
	require.Equal(f.t, http.StatusOK, status, "%s: %v", a.path, answer)
	text := a.text(answer)
	require.NotNil(f.t, text, "%s: %v", a.path, answer)
	return text
}

// varies reports whether a model also says something else.
func (f *folder) varies(a api, model, more string, than any) bool {
	for range 10 {
		if f.say(a, model, more) != than {
			return true
		}
	}
	return false
}

// TestSamplingBesideAModelReachesItsAnswers: what NAME.toml says holds where a
// request says nothing, whatever the API; what a request says goes before it.
func TestSamplingBesideAModelReachesItsAnswers(t *testing.T) {
	f := serveFolder(t, map[string]string{
		"a.gguf": "llama-tied",
		"a.toml": "[sampling]\ntemperature = 0\n",
		"b.gguf": "llama-tied",
	}, nil)
	for _, a := range apis {
		greedy := f.say(a, "b", `"temperature":0`)
		for range 2 {
			require.Equal(t, greedy, f.say(a, "a", ""), a.path)
		}
		require.True(t, f.varies(a, "a", `"temperature":1`, greedy), a.path)
		require.True(t, f.varies(a, "b", "", greedy), a.path)
	}
	_, answer := f.ask("/v1/completions", `{"model":"a","prompt":"hello","max_tokens":1,"receipt":true}`)
	require.EqualValues(t, 0, at(answer, "receipt", "sampling", "temperature"))
	_, answer = f.ask("/v1/responses", `{"model":"a","input":"hello","max_output_tokens":1,"top_p":0.5}`)
	require.EqualValues(t, 0, at(answer, "temperature"))
	require.EqualValues(t, 0.5, at(answer, "top_p"))
}

// TestKeepAliveOfRequests: in every API a request says how long its model stays.
func TestKeepAliveOfRequests(t *testing.T) {
	f := serveFolder(t, map[string]string{"a.gguf": "llama-tied"}, func(c *Config) { c.KeepAlive = time.Hour })
	for _, a := range apis {
		for _, test := range []struct {
			keepAlive string
			loaded    bool
			expires   bool
		}{{`"10m"`, true, true}, {`-1`, true, false}, {`0`, false, false}} {
			body := strings.Replace(a.body, "%q", `%q,"keep_alive":`+test.keepAlive, 1)
			status, answer := f.ask(a.path, fmt.Sprintf(body, "a", ""))
			require.Equal(t, http.StatusOK, status, "%s: %v", a.path, answer)
			f.eventually("a", test.loaded)
			require.Eventually(t, func() bool { return f.state("a").Expires.IsZero() != test.expires }, 10*time.Second, 5*time.Millisecond, a.path)
		}
	}
}

// TestSettingsBesideModels: aliases, preload, pin and keep-alive do what they say.
func TestSettingsBesideModels(t *testing.T) {
	f := serveFolder(t, map[string]string{
		"plain.gguf":  "llama-tied",
		"pinned.gguf": "llama-tied",
		"pinned.toml": "pin = true\npreload = true\nalias = [\"gpt-4o\", \"embedder@embeddings\"]\n",
		"brief.gguf":  "llama-tied",
		"brief.toml":  "keep-alive = 0\nalias = \"other\"\nn-ctx = 64\n",
	}, func(c *Config) { c.KeepAlive = time.Hour })
	require.True(t, f.state("pinned").Loaded, "preloaded")
	require.False(t, f.state("plain").Loaded)

	f.ask("/v1/completions", `{"model":"brief","prompt":"a","max_tokens":1,"keep_alive":"1h"}`)
	require.Equal(t, 64, f.state("brief").NCtx)
	for _, name := range []string{"plain", "brief", "other", "gpt-4o"} {
		f.say(apis[0], name, "")
	}
	f.eventually("brief", false)
	require.True(t, f.state("plain").Loaded)

	status, _ := f.ask("/v1/embeddings", `{"model":"embedder","input":"a","keep_alive":0}`)
	require.Equal(t, http.StatusOK, status)
	status, _ = f.ask("/v1/completions", `{"model":"embedder","prompt":"a"}`)
	require.Equal(t, http.StatusNotFound, status, "an alias for embeddings")
	f.ask("/v1/completions", `{"model":"plain","prompt":"a","max_tokens":1,"keep_alive":0}`)
	f.eventually("plain", false)
	require.True(t, f.state("pinned").Loaded, "whatever a request says")
	require.Zero(t, f.state("pinned").Expires)
}

// TestLicencePolicy: a model whose licence is not allowed is there for nobody, in
// every API, and the list of models does not have it.
func TestLicencePolicy(t *testing.T) {
	f := serveFolder(t, map[string]string{"free.gguf": "llama-tied", "odd.gguf": "llama-tied"}, func(c *Config) {
		c.Licenses.Allow = []string{"mit"}
	})
	w := licensed(t, testdata.Path("models", "llama-tied.gguf"), "mit")
	require.NoError(t, w.WriteFile(filepath.Join(f.dir, "free.gguf.new")))
	require.NoError(t, os.Rename(filepath.Join(f.dir, "free.gguf.new"), filepath.Join(f.dir, "free.gguf")))
	require.Eventually(t, func() bool {
		status, _ := f.ask(apis[0].path, fmt.Sprintf(apis[0].body, "free", ""))
		return status == http.StatusOK
	}, 20*time.Second, 50*time.Millisecond)
	for _, a := range apis {
		status, answer := f.ask(a.path, fmt.Sprintf(a.body, "odd", ""))
		require.Equal(t, http.StatusForbidden, status, "%s: %v", a.path, answer)
		require.Contains(t, fmt.Sprint(answer), "it names no licence")
	}
	resp, err := f.http().Get("http://inferd/v1/models")
	require.NoError(t, err)
	defer resp.Body.Close()
	var list struct{ Data []struct{ ID string } }
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&list))
	require.Len(t, list.Data, 1)
	require.Equal(t, "free", list.Data[0].ID)
	require.Contains(t, f.state("odd").Problem, "licence")
}

// licensed copies a model's file, with a licence.
func licensed(t *testing.T, path, license string) *ggufwrite.Writer {
	f, err := gguf.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	w := ggufwrite.New()
	for _, kv := range f.Keys() {
		w.Copy(kv)
	}
	w.Set("general.license", license)
	for _, info := range f.Tensors() {
		raw, err := f.TensorBytes(info)
		require.NoError(t, err)
		w.Tensor(info.Name, info.Type, info.Dims, ggufwrite.Bytes(raw))
	}
	return w
}

// writeAdapter makes an adapter of rank 1 for one matrix of llama-tied that
// changes much.
func writeAdapter(t *testing.T, path string, strength float32) {
	const matrix = "blk.0.ffn_down.weight"
	f, err := gguf.Open(testdata.Path("models", "llama-tied.gguf"))
	require.NoError(t, err)
	defer f.Close()
	w := ggufwrite.New()
	w.Set("general.type", "adapter")
	w.Set("general.architecture", "llama")
	w.Set("adapter.type", "lora")
	w.Set("adapter.lora.alpha", float32(1))
	for _, info := range f.Tensors() {
		if info.Name == matrix {
			floats := func(n int) ggufwrite.Source {
				raw := make([]byte, 4*n)
				for i := range n {
					_, err := binary.Encode(raw[4*i:], binary.LittleEndian, strength*float32(i%7-3))
					require.NoError(t, err)
				}
				return ggufwrite.Bytes(raw)
			}
			w.Tensor(matrix+".lora_a", gguf.F32, []int{info.Dims[0], 1}, floats(info.Dims[0]))
			w.Tensor(matrix+".lora_b", gguf.F32, []int{1, info.Dims[1]}, floats(info.Dims[1]))
		}
	}
	require.NoError(t, w.WriteFile(path))
}

// TestAdaptersThroughTheSocket: a request chooses among a model's adapters, and the
// default ones hold in every API where it chooses none.
func TestAdaptersThroughTheSocket(t *testing.T) {
	dir := t.TempDir()
	for name, strength := range map[string]float32{"loud": 3, "soft": 1} {
		writeAdapter(t, filepath.Join(dir, name), strength)
	}
	f := serveFolder(t, map[string]string{"plain.gguf": "llama-tied"}, nil)
	for _, name := range []string{"loud", "soft"} {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(f.dir, name+".lora"), raw, 0o640))
	}
	require.NoError(t, os.WriteFile(filepath.Join(f.dir, "a.toml"), []byte(
		"[adapters]\nloud = { file = \"loud.lora\", default = true }\nsoft = \"soft.lora\"\n[sampling]\ntemperature = 0\n"), 0o640))
	raw, err := os.ReadFile(testdata.Path("models", "llama-tied.gguf"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(f.dir, "a.gguf"), raw, 0o640))
	require.Eventually(t, func() bool {
		status, _ := f.ask(apis[0].path, fmt.Sprintf(apis[0].body, "a", ""))
		return status == http.StatusOK
	}, 20*time.Second, 50*time.Millisecond)

	text := apis[0]
	plain := f.say(text, "plain", `"temperature":0`)
	loud, soft := f.say(text, "a", `"adapter":"loud"`), f.say(text, "a", `"adapter":[{"name":"soft"}]`)
	require.NotEqual(t, plain, loud)
	require.NotEqual(t, plain, soft)
	require.NotEqual(t, loud, soft)
	require.Equal(t, plain, f.say(text, "a", `"adapter":[]`), "none")
	require.Equal(t, plain, f.say(text, "a", `"adapter":{"name":"loud","scale":0}`), "no strength")
	require.Equal(t, loud, f.say(text, "a", ""), "the default one")
	for _, a := range apis {
		require.NotEqual(t, f.say(a, "plain", `"temperature":0`), f.say(a, "a", ""), a.path)
	}
	status, answer := f.ask(text.path, fmt.Sprintf(text.body, "a", `,"adapter":"shrill"`))
	require.Equal(t, http.StatusNotFound, status)
	require.Contains(t, fmt.Sprint(at(answer, "error", "message")), `the adapter "shrill" does not exist; there is "loud", "soft"`)
	_, answer = f.ask(text.path, fmt.Sprintf(text.body, "a", `,"receipt":true`))
	require.Equal(t, "loud", at(answer, "receipt", "adapters", 0, "name"))
}
