package ollama

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"inferd/daemon/serve"
	"inferd/daemon/serve/servetest"
	"inferd/runtime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const hi = `"messages":[{"role":"user","content":"hi"}]`

// newService serves "fake", which can call tools, and "plain", which cannot.
func newService(tb testing.TB) (*servetest.Service, *servetest.Model) {
	fake := servetest.NewModel(tb, "fake")
	fake.CallsTools()
	return servetest.NewService(tb, New, fake, servetest.NewModel(tb, "plain")), fake
}

// post returns the status and the decoded answer.
func post(t *testing.T, s *servetest.Service, path, body string) (int, map[string]any) {
	t.Helper()
	w := s.Do("POST", path, body)
	require.Equal(t, "application/json", w.Header().Get("Content-Type"), "%s", w.Body)
	var v map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &v), "%s", w.Body)
	return w.Code, v
}

// lines returns the decoded lines of an answer.
func lines(t *testing.T, s *servetest.Service, path, body string) (list []map[string]any) {
	t.Helper()
	w := s.Do("POST", path, body)
	require.Equal(t, http.StatusOK, w.Code, "%s", w.Body)
	require.Equal(t, "application/x-ndjson", w.Header().Get("Content-Type"))
	for line := range strings.Lines(w.Body.String()) {
		require.Less(t, len(line), 512<<10)
		var v map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &v), line)
		list = append(list, v)
	}
	return list
}

func TestChat(t *testing.T) {
	s, m := newService(t)
	m.Reply = func(runtime.GenerationOptions) string { return "<think>Hm.</think>Hello" }
	status, whole := post(t, s, "/api/chat", `{"model":"fake","stream":false,`+hi+`}`)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, map[string]any{"role": "assistant", "content": "Hello", "thinking": "Hm."}, whole["message"])
	require.Equal(t, true, whole["done"])
	require.Equal(t, "stop", whole["done_reason"])
	require.Equal(t, "fake", whole["model"])
	require.EqualValues(t, len("<think>Hm.</think>Hello")+1, whole["eval_count"])
	_, prompt := m.Asked(t)
	require.EqualValues(t, len(prompt)+1, whole["prompt_eval_count"])
	require.Positive(t, whole["total_duration"])

	var text, thinking string
	list := lines(t, s, "/api/chat", `{"model":"fake:latest",`+hi+`}`)
	for i, line := range list {
		require.Equal(t, i == len(list)-1, line["done"])
		require.Equal(t, "fake:latest", line["model"], "as the client wrote it")
		_, err := time.Parse(time.RFC3339Nano, line["created_at"].(string))
		require.NoError(t, err)
		message := line["message"].(map[string]any)
		text += message["content"].(string)
		if more, ok := message["thinking"].(string); ok {
			thinking += more
		}
	}
	require.Equal(t, "Hello", text)
	require.Equal(t, "Hm.", thinking)
	require.Equal(t, whole["eval_count"], list[len(list)-1]["eval_count"])
}

func TestLinesOfLongAnswersAreShort(t *testing.T) {
	s, m := newService(t)
	m.Size = 300_000
	m.Reply = func(runtime.GenerationOptions) string {
		return "<think>" + strings.Repeat("\x01", 100_000) + "</think>ok"
	}
	list := lines(t, s, "/api/chat", `{"model":"fake",`+hi+`}`)
	require.Equal(t, "ok", list[len(list)-3]["message"].(map[string]any)["content"].(string)+list[len(list)-2]["message"].(map[string]any)["content"].(string))
}

func TestTools(t *testing.T) {
	s, m := newService(t)
	m.Size = 2000
	const tools = `"tools":[{"type":"function","function":{"name":"weather","description":"d","parameters":{"type":"object","properties":{"z":{"type":"string"},"a":{"type":"string"}},"required":["z"]}}}]`
	m.Reply = func(runtime.GenerationOptions) string {
		return `I look.<tool_call>{"name":"weather","arguments":{"z":"Bern","a":"é"}}</tool_call><tool_call>{"name":"weather","arguments":{}}</tool_call>`
	}
	_, whole := post(t, s, "/api/chat", `{"model":"fake","stream":false,`+hi+`,`+tools+`}`)
	message := whole["message"].(map[string]any)
	require.Equal(t, "I look.", message["content"])
	calls := message["tool_calls"].([]any)
	require.Len(t, calls, 2)
	first := calls[0].(map[string]any)["function"].(map[string]any)
	require.Equal(t, map[string]any{"z": "Bern", "a": "é"}, first["arguments"], "an object, not a string")
	require.EqualValues(t, 1, calls[1].(map[string]any)["function"].(map[string]any)["index"])
	_, prompt := m.Asked(t)
	require.Contains(t, prompt, `{"type":"function","function":{"name":"weather","description":"d","parameters":{"type":"object","properties":{"z"`)

	m.Reply = nil
	status, _ := post(t, s, "/api/chat", `{"model":"fake","stream":false,`+tools+`,"messages":[
		{"role":"user","content":"Bern?"},
		{"role":"assistant","content":"","thinking":"Hm.","tool_calls":[
			{"function":{"name":"weather","arguments":{"z":"Bern"}}},{"function":{"name":"clock","arguments":{}}},{"id":"mine","function":{"name":"weather"}}]},
		{"role":"tool","tool_name":"clock","content":"noon"},
		{"role":"tool","tool_call_id":"mine","content":"dry"},
		{"role":"TOOL","content":"wet"}]}`)
	require.Equal(t, http.StatusOK, status)
	_, prompt = m.Asked(t)
	require.True(t, strings.HasSuffix(prompt, "user/: Bern?\nassistant/: Hm.\n"+
		"call00000=weather{\"z\":\"Bern\"}\ncall00001=clock{}\nmine=weather{}\n"+
		"tool/clockcall00001: noon\ntool/mine: dry\ntool/call00000: wet\n"), prompt)
}

func TestGenerate(t *testing.T) {
	s, m := newService(t)
	_, whole := post(t, s, "/api/generate", `{"model":"fake","prompt":"hi","system":"be brief","stream":false,"suffix":"","template":"","context":[],"images":[],"options":null,"format":"","keep_alive":null}`)
	require.Equal(t, "ok", whole["response"])
	require.NotContains(t, whole, "message")
	_, prompt := m.Asked(t)
	require.Equal(t, "system/: be brief\nuser/: hi\n", prompt)

	list := lines(t, s, "/api/generate", `{"model":"fake","prompt":"hi</s>","raw":true}`)
	require.Equal(t, "o", list[0]["response"])
	require.Equal(t, "k", list[1]["response"])
	require.Equal(t, "", list[2]["response"])
	_, prompt = m.Asked(t)
	require.Equal(t, "hi</s>", prompt)

	for body, reason := range map[string]string{
		`{"model":"fake"}`: "load",
		`{"model":"fake","prompt":"","keep_alive":0}`:    "unload",
		`{"model":"fake","keep_alive":"5m","raw":false}`: "load",
	} {
		_, none := post(t, s, "/api/generate", body)
		require.Equal(t, reason, none["done_reason"], body)
		require.Equal(t, "", none["response"])
	}
	s.Do("POST", "/api/generate", `{"model":"fake","keep_alive":300}`)
	require.Equal(t, serve.Want{Model: "fake", Endpoint: "generate", KeepAlive: new(5 * time.Minute)}, s.Wants[len(s.Wants)-1])

	for path, body := range map[string]string{"chat": hi, "generate": `"prompt":"hi"`, "embed": `"input":"hi"`, "embeddings": `"prompt":"hi"`} {
		s.Do("POST", "/api/"+path, `{"model":"fake","adapter":["a",{"name":"b","scale":0.5}],`+body+`}`)
		require.Equal(t, serve.Want{Model: "fake", Endpoint: path, Adapters: []serve.Adapter{{Name: "a", Scale: 1}, {Name: "b", Scale: 0.5}}}, s.Wants[len(s.Wants)-1])
	}
}

func TestOptions(t *testing.T) {
	s, m := newService(t)
	ask := func(options string) runtime.GenerationOptions {
		status, answer := post(t, s, "/api/chat", `{"model":"fake","stream":false,`+hi+`,"options":`+options+`}`)
		require.Equal(t, http.StatusOK, status, "%s: %v", options, answer)
		o, _ := m.Asked(t)
		return o
	}
	for _, none := range []string{`null`, `{}`, `{"seed":-1,"num_predict":-1,"num_ctx":0,"stop":[],"top_k":null}`,
		`{"num_keep":4,"num_batch":512,"num_gpu":-1,"main_gpu":0,"use_mmap":true,"num_thread":8,"mirostat":0,"tfs_z":1.0,"typical_p":1,"penalize_newline":true,"num_predict":-2}`} {
		o := ask(none)
		want := runtime.DefaultSampling()
		want.Temperature, want.TopK, want.TopP, want.RepeatLastN = 0.8, 40, 0.9, 64
		want.Seed = o.Sampling.Seed
		require.Equal(t, want, o.Sampling, none)
		require.NotEqual(t, o.Sampling.Seed, ask(none).Sampling.Seed, "random")
		require.Equal(t, m.Size-len("user/: hi\n")-1, o.MaxTokens)
	}
	o := ask(`{"temperature":1.5,"top_k":-1,"top_p":0.5,"min_p":0.1,"seed":7,"num_predict":9,"stop":["a","b"],"repeat_penalty":1.1,"repeat_last_n":-1,"presence_penalty":1,"frequency_penalty":-1}`)
	want := runtime.SamplingParams{Temperature: 1.5, TopP: 0.5, MinP: 0.1, Seed: 7, RepeatPenalty: 1.1, PresencePenalty: 1, FrequencyPenalty: -1}
	require.Equal(t, want, o.Sampling)
	require.Equal(t, []string{"a", "b"}, o.Stop)
	require.Equal(t, 9, o.MaxTokens)
	require.InDelta(t, 1, ask(`{"repeat_penalty":1.1,"repeat_last_n":0}`).Sampling.RepeatPenalty, 0)
	require.Equal(t, 4, ask(`{"num_ctx":15}`).MaxTokens, "of 15 tokens the prompt has 11")
	require.Equal(t, []string{"x"}, ask(`{"stop":"x"}`).Stop)
}

func TestThink(t *testing.T) {
	s, m := newService(t)
	for think, want := range map[string]string{
		`null`: "", `true`: "enable_thinking=true\n", `false`: "enable_thinking=false\n",
		`"high"`: "enable_thinking=true\nreasoning_effort=high\n",
	} {
		for path, body := range map[string]string{"/api/chat": hi, "/api/generate": `"prompt":"hi"`} {
			status, answer := post(t, s, path, `{"model":"fake","stream":false,"think":`+think+`,`+body+`}`)
			require.Equal(t, http.StatusOK, status, "%v", answer)
			_, prompt := m.Asked(t)
			require.Equal(t, want+"user/: hi\n", prompt)
		}
	}
}

// TestNamesOfOpenAI: what stands beside the options counts, what is in them more.
func TestNamesOfOpenAI(t *testing.T) {
	s, m := newService(t)
	m.Size = 2000
	const tools = `"tools":[{"type":"function","function":{"name":"a"}}],`
	post(t, s, "/api/chat", `{"model":"fake","stream":false,"temperature":0.1,"top_p":0.2,"max_output_tokens":3,"options":{"top_p":0.3},`+tools+`"tool_choice":"required",`+hi+`}`)
	o, _ := m.Asked(t)
	require.Equal(t, []float32{0.1, 0.3}, []float32{o.Sampling.Temperature, o.Sampling.TopP})
	require.Equal(t, 3, o.MaxTokens)
	require.NotNil(t, o.Grammar)
	post(t, s, "/api/chat", `{"model":"fake","stream":false,`+tools+`"tool_choice":"none",`+hi+`}`)
	_, prompt := m.Asked(t)
	require.Equal(t, "user/: hi\n", prompt)
}

func TestFormats(t *testing.T) {
	s, m := newService(t)
	for format, held := range map[string]bool{`""`: false, `null`: false, `"json"`: true, `{"type":"integer"}`: true} {
		status, _ := post(t, s, "/api/generate", `{"model":"fake","prompt":"hi","stream":false,"format":`+format+`}`)
		require.Equal(t, http.StatusOK, status)
		o, _ := m.Asked(t)
		require.Equal(t, held, o.Grammar != nil, format)
	}
}

func TestLogProbs(t *testing.T) {
	s, _ := newService(t)
	list := lines(t, s, "/api/chat", `{"model":"fake","logprobs":true,"top_logprobs":1,`+hi+`}`)
	require.Len(t, list, 3)
	l := list[0]["logprobs"].([]any)[0].(map[string]any)
	require.Equal(t, "o", l["token"])
	require.InDelta(t, -1.11, l["logprob"], 1e-6)
	require.Equal(t, []any{111.0}, l["bytes"])
	require.Len(t, l["top_logprobs"], 1)
	require.NotContains(t, list[2], "logprobs", "the end is no part of the text")
}

func TestEmbeddings(t *testing.T) {
	s, m := newService(t)
	m.What.Dim = 2
	status, answer := post(t, s, "/api/embed", `{"model":"fake","input":["ab","abcdef"],"truncate":false,"dimensions":2,"options":{"num_ctx":7},"keep_alive":"1m"}`)
	require.Equal(t, http.StatusOK, status, "%v", answer)
	require.EqualValues(t, 3+7, answer["prompt_eval_count"])
	vectors := answer["embeddings"].([]any)
	require.InDeltaSlice(t, []any{0.9486833, 0.31622777}, vectors[0], 1e-6)
	require.Len(t, vectors, 2)
	_, one := post(t, s, "/api/embed", `{"model":"fake","input":"ab"}`)
	require.Equal(t, vectors[:1], one["embeddings"])
	_, old := post(t, s, "/api/embeddings", `{"model":"fake","prompt":"ab"}`)
	require.Equal(t, map[string]any{"embedding": vectors[0]}, old)
	_, none := post(t, s, "/api/embed", `{"model":"fake","input":[]}`)
	require.Equal(t, []any{}, none["embeddings"])
}

// Every mistake is told with its place, in the one shape that clients take.
func TestMistakes(t *testing.T) {
	s, _ := newService(t)
	for _, test := range []struct {
		path, body string
		status     int
		want       string
	}{
		{"chat", `{"model":"nobody",` + hi + `}`, 404, `the model "nobody" does not exist; there is "fake", "plain"`},
		{"chat", `{` + hi + `}`, 400, `"model" is required`},
		{"chat", `{"model":"fake"`, 400, "not valid JSON"},
		{"chat", `{"model":"fake","nonsense":1,` + hi + `}`, 400, `"nonsense" is not a known parameter`},
		{"chat", `{"model":"fake","options":{"nonsense":1},` + hi + `}`, 400, `"options.nonsense" is not a known parameter`},
		{"chat", `{"model":"fake","options":{"temperature":-1},` + hi + `}`, 400, `"options.temperature" must be a number from 0 to 10, found -1`},
		{"chat", `{"model":"fake","options":{"mirostat":1},` + hi + `}`, 400, `"options.mirostat" is not supported`},
		{"chat", `{"model":"fake","options":[],` + hi + `}`, 400, `"options" must be an object`},
		{"chat", `{"model":"fake","options":{"num_ctx":11},` + hi + `}`, 400, `is 11 tokens, but the prompt has 11 tokens`},
		{"chat", `{"model":"fake","format":"xml",` + hi + `}`, 400, `"format" must be "json" or a JSON Schema`},
		{"chat", `{"model":"fake","format":{"type":"nonsense"},` + hi + `}`, 400, `"format" cannot be followed`},
		{"chat", `{"model":"fake","think":"much",` + hi + `}`, 400, `"think" must be true, false or one of`},
		{"chat", `{"model":"fake","think":1,` + hi + `}`, 400, `"think" must be`},
		{"chat", `{"model":"plain","think":true,` + hi + `}`, 400, `model "plain" does not support thinking`},
		{"chat", `{"model":"fake","keep_alive":"soon",` + hi + `}`, 400, `"keep_alive" must be a number of seconds`},
		{"chat", `{"model":"fake","messages":[{"role":"king"}]}`, 400, `"messages[0].role" must be system, user, assistant or tool, found "king"`},
		{"chat", `{"model":"fake","messages":[{"role":"user","images":["aGk="]}]}`, 400, `"messages[0].images" is not supported`},
		{"chat", `{"model":"fake","messages":[{"role":"user","content":"refuse me"}]}`, 400, `the template refuses this`},
		{"chat", `{"model":"fake","messages":[{"role":"user","tool_calls":[{}]}]}`, 400, `"messages[0].tool_calls" is not supported`},
		{"chat", `{"model":"fake","messages":[{"role":"assistant","tool_calls":[{"function":{"name":"a","arguments":"{}"}}]}]}`, 400, `"messages[0].tool_calls[0].function.arguments" must be an object, found a string`},
		{"chat", `{"model":"fake","tools":[{"type":"function","function":{"name":"a b"}}],` + hi + `}`, 400, `"tools[0].function.name" must be 1 to 64`},
		{"chat", `{"model":"plain","tools":[{"type":"function","function":{"name":"a"}}],` + hi + `}`, 400, `model "plain" knows no tools`},
		{"chat", `{"model":"fake","messages":[{"role":"user","content":"` + strings.Repeat("a", 300) + `"}]}`, 400, `is 200 tokens, but the prompt has 309 tokens`},
		{"generate", `{"model":"fake","prompt":"` + strings.Repeat("a", 300) + `","raw":true,"truncate":true}`, 400, `is 200 tokens, but the prompt has 301 tokens`},
		{"chat", `{"model":"fake","tool_choice":"required",` + hi + `}`, 400, `"tool_choice" asks for a call, but there are no tools`},
		{"generate", `{"model":"fake","prompt":"a","suffix":"b"}`, 400, `"suffix" is not supported`},
		{"generate", `{"model":"fake","prompt":"a","template":"b"}`, 400, `"template" is not supported`},
		{"generate", `{"model":"fake","prompt":"a","context":[1]}`, 400, `"context" is not supported`},
		{"generate", `{"model":"fake","prompt":"a","images":["aGk="]}`, 400, `"images" is not supported`},
		{"generate", `{"model":"fake","prompt":"a","raw":true,"system":"b"}`, 400, `"system" has no place in a raw prompt`},
		{"embed", `{"model":"fake"}`, 400, `"input" is required`},
		{"embed", `{"model":"fake","input":[1]}`, 400, `"input" must be a string or an array of strings, found a number`},
		{"embed", `{"model":"fake","input":"a","dimensions":1}`, 400, `must not be cut`},
		{"embed", `{"model":"fake","input":"ab","options":{"num_ctx":2}}`, 400, `is 2 tokens, but the prompt has 3 tokens`},
		{"embed", `{"model":"fake","input":"` + strings.Repeat("a", 300) + `","truncate":true}`, 400, `1 to 200 tokens, this one has 301`},
		{"embeddings", `{"model":"nobody","prompt":"a"}`, 404, `does not exist`},
		{"show", `{"model":"nobody"}`, 404, `the model "nobody" does not exist`},
		{"show", `{}`, 400, `"model" is required`},
		{"pull", `{"model":"nobody"}`, 404, `inferd has no network`},
		{"push", `{"model":"fake"}`, 501, `inferd has no network`},
		{"create", `{"model":"fake"}`, 501, `read-only`},
		{"copy", `{"source":"fake","destination":"x"}`, 501, `read-only`},
		{"nothing", `{}`, 404, `there is no such path`},
		{"tags", `{}`, 405, `this path takes GET`},
	} {
		status, answer := post(t, s, "/api/"+test.path, test.body)
		require.Equal(t, test.status, status, "%s %s: %v", test.path, test.body, answer)
		require.Len(t, answer, 1)
		require.Contains(t, answer["error"], test.want, "%s %s", test.path, test.body)
	}
	require.Equal(t, http.StatusNotImplemented, s.Do("DELETE", "/api/delete", `{"model":"fake"}`).Code)
}

func TestFailures(t *testing.T) {
	s, m := newService(t)
	m.Busy = serve.ErrBusy
	w := s.Do("POST", "/api/chat", `{"model":"fake",`+hi+`}`)
	require.Equal(t, http.StatusTooManyRequests, w.Code)
	require.Equal(t, "1", w.Header().Get("Retry-After"))

	m.Busy, m.Fail = nil, errors.New("disk is on fire at /secret")
	list := lines(t, s, "/api/chat", `{"model":"fake",`+hi+`}`)
	require.Equal(t, map[string]any{"error": "internal error"}, list[len(list)-1])
	require.Contains(t, s.Log.String(), "disk is on fire", "for the log only")
	status, answer := post(t, s, "/api/chat", `{"model":"fake","stream":false,`+hi+`}`)
	require.Equal(t, http.StatusInternalServerError, status)
	require.Equal(t, map[string]any{"error": "internal error"}, answer)
}

func TestModels(t *testing.T) {
	s, m := newService(t)
	m.What = serve.Info{
		Name: "fake", Aliases: []string{"other"}, Modified: time.Unix(1700000000, 0), Bytes: 12, SHA256: strings.Repeat("a", 64),
		Architecture: "llama", NParams: 1_240_000_000, Quantisation: "Q4_K", License: "mit", NCtxTrain: 4096, NCtx: 2048, Dim: 64,
		ChatTemplate: "{{ x }}", Capabilities: []serve.Capability{serve.Completion, serve.Tools}, Loaded: true, MemoryBytes: 99,
	}
	s.List[1].What.Problem = "broken"
	var tags struct{ Models []map[string]any }
	require.NoError(t, json.Unmarshal(s.Do("GET", "/api/tags", "").Body.Bytes(), &tags))
	require.Len(t, tags.Models, 1)
	require.Equal(t, "fake", tags.Models[0]["name"])
	require.Equal(t, "fake", tags.Models[0]["model"])
	require.Equal(t, strings.Repeat("a", 64), tags.Models[0]["digest"])
	require.EqualValues(t, 12, tags.Models[0]["size"])
	require.Equal(t, map[string]any{
		"parent_model": "", "format": "gguf", "family": "llama", "families": []any{"llama"},
		"parameter_size": "1.24B", "quantization_level": "Q4_K", "context_length": 2048.0, "embedding_length": 64.0,
	}, tags.Models[0]["details"])

	require.NoError(t, json.Unmarshal(s.Do("GET", "/api/ps", "").Body.Bytes(), &tags))
	require.EqualValues(t, 99, tags.Models[0]["size"])
	require.EqualValues(t, 2048, tags.Models[0]["context_length"])
	expires, err := time.Parse(time.RFC3339, tags.Models[0]["expires_at"].(string))
	require.NoError(t, err)
	require.Greater(t, expires.Year(), 2900)

	for _, name := range []string{`"model":"fake"`, `"name":"other"`, `"model":"fake:latest"`} {
		status, shown := post(t, s, "/api/show", `{`+name+`,"verbose":true,"system":"","template":"","options":null}`)
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, []any{"completion", "tools"}, shown["capabilities"])
		require.Equal(t, map[string]any{"general.architecture": "llama", "general.parameter_count": 1.24e9, "llama.context_length": 4096.0, "llama.embedding_length": 64.0}, shown["model_info"])
	}
	progress := lines(t, s, "/api/pull", `{"name":"fake","insecure":false}`)
	require.Equal(t, "success", progress[len(progress)-1]["status"])
}

func TestGreetings(t *testing.T) {
	s, _ := newService(t)
	w := s.Do("GET", "/", "")
	require.Equal(t, "Ollama is running", w.Body.String())
	for _, path := range []string{"/", "/api/tags", "/api/version"} {
		require.Equal(t, http.StatusOK, s.Do("HEAD", path, "").Code, path)
	}
}

// FuzzBodies: whatever is sent, the answer is JSON, and a mistake has a text.
func FuzzBodies(f *testing.F) {
	for _, seed := range []string{
		`{"model":"fake","stream":false,` + hi + `}`,
		`{"model":"fake","prompt":"hi","raw":true,"options":{"num_ctx":64,"stop":["a"]},"format":{"type":"object"},"keep_alive":"5m"}`,
		`{"model":"fake","messages":[{"role":"assistant","tool_calls":[{"function":{"name":"a","arguments":{}}}]},{"role":"tool","content":"b"}],"tools":[{"type":"function","function":{"name":"a"}}],"think":"high"}`,
		`{"name":"fake","options":[],"messages":{},"tools":1,"format":7,"think":[],"keep_alive":{}}`,
	} {
		f.Add(seed)
	}
	s, _ := newService(f)
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{"/api/chat", "/api/generate", "/api/embed", "/api/embeddings", "/api/show", "/api/pull"} {
			w := s.Do("POST", path, body)
			for line := range strings.Lines(w.Body.String()) {
				var v map[string]any
				require.NoError(t, json.Unmarshal([]byte(line), &v), "%s: %s", path, line)
				if w.Code != http.StatusOK {
					require.NotEmpty(t, v["error"], path)
				}
			}
			require.NotEqual(t, http.StatusInternalServerError, w.Code, "%s: %s", path, w.Body)
		}
	})
}
