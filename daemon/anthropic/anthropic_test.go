package anthropic

import (
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
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

const (
	head = `{"model":"fake","max_tokens":200,`
	hi   = `"messages":[{"role":"user","content":"hi"}]`
)

// newService serves "fake", which can call tools, and "plain", which cannot.
func newService(tb testing.TB) (*servetest.Service, *servetest.Model) {
	fake := servetest.NewModel(tb, "fake")
	fake.CallsTools()
	return servetest.NewService(tb, New, fake, servetest.NewModel(tb, "plain")), fake
}

func post(t *testing.T, s *servetest.Service, path, body string) (int, map[string]any) {
	t.Helper()
	w := s.Do("POST", path, body)
	require.Equal(t, "application/json", w.Header().Get("Content-Type"), "%s", w.Body)
	var v map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &v), "%s", w.Body)
	return w.Code, v
}

// events returns the decoded events of a stream, whose names are their types.
func events(t *testing.T, s *servetest.Service, body string) (list []map[string]any) {
	t.Helper()
	w := s.Do("POST", "/v1/messages", body)
	require.Equal(t, http.StatusOK, w.Code, "%s", w.Body)
	require.Equal(t, "text/event-stream", w.Header().Get("Content-Type"))
	for _, text := range strings.Split(strings.TrimSuffix(w.Body.String(), "\n\n"), "\n\n") {
		name, data, ok := strings.Cut(text, "\n")
		require.True(t, ok, text)
		var v map[string]any
		require.NoError(t, json.Unmarshal([]byte(strings.TrimPrefix(data, "data: ")), &v), text)
		require.Equal(t, name, "event: "+v["type"].(string))
		require.Less(t, len(data), 64<<10)
		list = append(list, v)
	}
	return list
}

// rebuild makes an answer's content of events, as clients do.
func rebuild(t *testing.T, list []map[string]any) (content []any) {
	t.Helper()
	require.Equal(t, "message_start", list[0]["type"])
	require.Equal(t, "message_delta", list[len(list)-2]["type"])
	require.Equal(t, "message_stop", list[len(list)-1]["type"])
	open := false
	var input string
	for _, e := range list[1 : len(list)-2] {
		switch e["type"] {
		case "content_block_start":
			require.False(t, open)
			require.EqualValues(t, len(content), e["index"])
			content = append(content, e["content_block"])
			open, input = true, ""
		case "content_block_delta":
			require.True(t, open)
			block, d := content[len(content)-1].(map[string]any), e["delta"].(map[string]any)
			for kind, member := range map[string]string{"text_delta": "text", "thinking_delta": "thinking"} {
				if d["type"] == kind {
					block[member] = block[member].(string) + d[member].(string)
				}
			}
			if d["type"] == "input_json_delta" {
				input += d["partial_json"].(string)
			}
		case "content_block_stop":
			require.True(t, open)
			if open = false; input != "" {
				var v any
				require.NoError(t, json.Unmarshal([]byte(input), &v))
				content[len(content)-1].(map[string]any)["input"] = v
			}
		}
	}
	require.False(t, open)
	return content
}

func forgetIDs(content any) any {
	for _, block := range content.([]any) {
		if id, ok := block.(map[string]any)["id"].(string); ok && strings.HasPrefix(id, "toolu_") {
			delete(block.(map[string]any), "id")
		}
	}
	return content
}

func TestMessages(t *testing.T) {
	const weather = `"tools":[{"name":"weather","description":"d","input_schema":{"type":"object","properties":{"city":{"type":"string"}}}}],`
	text := func(s string) any { return map[string]any{"type": "text", "text": s} }
	thinking := func(s string) any { return map[string]any{"type": "thinking", "thinking": s, "signature": ""} }
	use := func(city string) any {
		return map[string]any{"type": "tool_use", "name": "weather", "input": map[string]any{"city": city}}
	}
	for name, test := range map[string]struct {
		ask, reply, reason string
		content            []any
	}{
		"text":           {``, "Hello", "end_turn", []any{text("Hello")}},
		"thinking":       {`"thinking":{"type":"enabled","budget_tokens":1024},`, "<think>Hm.</think>\n\nHello", "end_turn", []any{thinking("Hm."), text("Hello")}},
		"adaptive":       {`"thinking":{"type":"adaptive"},`, "<think>Hm.</think>\n\nHello", "end_turn", []any{thinking("Hm."), text("Hello")}},
		"not shown":      {`"thinking":{"type":"adaptive","display":"omitted"},`, "<think>Hm.</think>Hello", "end_turn", []any{text("Hello")}},
		"not asked":      {``, "<think>Hm.</think>Hello", "end_turn", []any{text("Hello")}},
		"calls":          {weather, `I look.<tool_call>{"name":"weather","arguments":{"city":"Bern"}}</tool_call>` + "\n" + `<tool_call>{"name":"weather","arguments":{"city":"Chur"}}</tool_call>`, "tool_use", []any{text("I look."), use("Bern"), use("Chur")}},
		"one call":       {weather + `"tool_choice":{"type":"auto","disable_parallel_tool_use":true},`, `<tool_call>{"name":"weather","arguments":{"city":"Bern"}}</tool_call><tool_call>{"name":"weather","arguments":{"city":"Chur"}}</tool_call>`, "tool_use", []any{use("Bern")}},
		"no calls":       {weather + `"tool_choice":{"type":"none"},`, "Hello", "end_turn", []any{text("Hello")}},
		"stop":           {`"stop_sequences":["lo","xx"],`, "Hello", "stop_sequence", []any{text("Hel")}},
		"white space":    {``, "  Hello ", "end_turn", []any{text("  Hello ")}},
		"nothing":        {``, " ", "end_turn", []any{}},
		"long":           {``, strings.Repeat("é\x01", 90), "max_tokens", []any{text(strings.Repeat("é\x01", 66) + "é")}},
		"nothing at all": {``, "", "end_turn", []any{}},
	} {
		t.Run(name, func(t *testing.T) {
			s, m := newService(t)
			m.Size = 2000
			m.Reply = func(runtime.GenerationOptions) string { return test.reply }
			status, whole := post(t, s, "/v1/messages", head+test.ask+hi+`}`)
			require.Equal(t, http.StatusOK, status, "%v", whole)
			require.Equal(t, test.content, forgetIDs(whole["content"]))
			require.Equal(t, test.reason, whole["stop_reason"])
			require.Equal(t, "message", whole["type"])
			require.Equal(t, "assistant", whole["role"])
			require.Equal(t, "fake", whole["model"])
			if test.reason == "stop_sequence" {
				require.Equal(t, "lo", whole["stop_sequence"])
			} else {
				require.Nil(t, whole["stop_sequence"])
			}
			_, prompt := m.Asked(t)
			u := whole["usage"].(map[string]any)
			require.EqualValues(t, len(prompt)+1, u["input_tokens"].(float64)+u["cache_read_input_tokens"].(float64))
			require.EqualValues(t, 1, u["cache_read_input_tokens"])

			list := events(t, s, head+`"stream":true,`+test.ask+hi+`}`)
			content := append([]any{}, rebuild(t, list)...)
			require.Equal(t, test.content, forgetIDs(content))
			last := list[len(list)-2]
			require.Equal(t, map[string]any{"stop_reason": whole["stop_reason"], "stop_sequence": whole["stop_sequence"]}, last["delta"])
			require.Equal(t, u, last["usage"])
			start := list[0]["message"].(map[string]any)
			require.Equal(t, []any{}, start["content"])
			require.Nil(t, start["stop_reason"])
		})
	}
}

func TestRequest(t *testing.T) {
	s, m := newService(t)
	m.Size = 2000
	status, answer := post(t, s, "/v1/messages?beta=true", `{"model":"fake","max_tokens":7,"temperature":0.5,"top_p":0.9,"top_k":5,"stop_sequences":[],
		"metadata":{"user_id":"me"},"service_tier":"auto","cache_control":{"type":"ephemeral"},"container":null,"output_config":{"effort":"high"},
		"system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}},{"type":"text","text":"Be kind."}],
		"tools":[{"type":"custom","name":"weather","input_schema":{"type":"object"},"strict":true,"cache_control":null}],
		"messages":[
			{"role":"user","content":[{"type":"text","text":"Bern?"},{"type":"text","text":"Now."}]},
			{"role":"assistant","content":[{"type":"thinking","thinking":"Hm.","signature":"x"},{"type":"text","text":"I look."},
				{"type":"tool_use","id":"a","name":"weather","input":{"city":"Bern"}},{"type":"tool_use","id":"b","name":"weather","input":{}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"wet"},
				{"type":"tool_result","tool_use_id":"b","content":[{"type":"text","text":"where?"}],"is_error":true},{"type":"text","text":"And?"}]},
			{"role":"user","content":"Well?"}]}`)
	require.Equal(t, http.StatusOK, status, "%v", answer)
	o, prompt := m.Asked(t)
	require.True(t, strings.HasPrefix(prompt, "enable_thinking=false\nreasoning_effort=high\n[{"), prompt)
	require.True(t, strings.HasSuffix(prompt, "system/: Be brief.\nBe kind.\nuser/: Bern?\nNow.\nassistant/: Hm.I look.\na=weather{\"city\":\"Bern\"}\nb=weather{}\n"+
		"tool/a: wet\ntool/b: Error: where?\nuser/: And?\nWell?\n"), prompt)
	require.Equal(t, 7, o.MaxTokens)
	want := runtime.DefaultSampling()
	want.Temperature, want.TopP, want.TopK, want.Seed = 0.5, 0.9, 5, o.Sampling.Seed
	require.Equal(t, want, o.Sampling)

	_, _ = post(t, s, "/v1/messages", head+`"thinking":{"type":"adaptive"},`+hi+`}`)
	_, prompt = m.Asked(t)
	require.Equal(t, "enable_thinking=true\nuser/: hi\n", prompt)

	for _, form := range []string{`"output_config":{"format":{"type":"json_schema","schema":{"type":"integer"}}},`, `"output_format":{"type":"json_schema","schema":{"type":"integer"}},`,
		`"tool_choice":{"type":"any"},"tools":[{"name":"a","input_schema":{"type":"object"}}],`,
		`"tool_choice":{"type":"tool","name":"a"},"tools":[{"name":"a","input_schema":{"type":"object"}}],`} {
		status, answer := post(t, s, "/v1/messages", head+form+hi+`}`)
		require.Equal(t, http.StatusOK, status, "%v", answer)
		o, _ := m.Asked(t)
		require.NotNil(t, o.Grammar)
	}
}

// TestWant: which model a request is for, as every format lets it say.
func TestWant(t *testing.T) {
	s, _ := newService(t)
	for _, path := range []string{"messages", "messages/count_tokens"} {
		body := `{"model":"fake","adapter":{"name":"a","scale":-1},"keep_alive":"5m",` + hi
		if path == "messages" {
			body += `,"max_tokens":5`
		}
		status, answer := post(t, s, "/v1/"+path, body+`}`)
		require.Equal(t, http.StatusOK, status, "%v", answer)
		want := serve.Want{Model: "fake", Endpoint: filepath.Base(path), Adapters: []serve.Adapter{{Name: "a", Scale: -1}}, KeepAlive: new(5 * time.Minute)}
		require.Equal(t, want, s.Wants[len(s.Wants)-1])
	}
}

func TestCountTokens(t *testing.T) {
	s, _ := newService(t)
	for _, n := range []int{2, 1000} {
		status, answer := post(t, s, "/v1/messages/count_tokens", `{"model":"fake","messages":[{"role":"user","content":"`+strings.Repeat("x", n)+`"}]}`)
		require.Equal(t, http.StatusOK, status)
		require.Equal(t, map[string]any{"input_tokens": float64(len("enable_thinking=false\nuser/: \n") + n + 1)}, answer)
	}
}

func TestMistakes(t *testing.T) {
	s, _ := newService(t)
	for _, test := range []struct {
		body   string
		status int
		kind   string
		want   string
	}{
		{`{"model":"nobody","max_tokens":1,` + hi + `}`, 404, "not_found_error", `the model "nobody" does not exist; there is "fake", "plain"`},
		{`{"model":"fake",` + hi + `}`, 400, "invalid_request_error", `"max_tokens" is required`},
		{head + `"messages":[]}`, 400, "invalid_request_error", `"messages" is empty`},
		{head + `"nonsense":1,` + hi + `}`, 400, "invalid_request_error", `"nonsense" is not a known parameter`},
		{head + `"temperature":1.1,` + hi + `}`, 400, "invalid_request_error", `"temperature" must be a number from 0 to 1, found 1.1`},
		{head + `"container":"x",` + hi + `}`, 400, "invalid_request_error", `"container" is not supported`},
		{head + `"thinking":{"type":"much"},` + hi + `}`, 400, "invalid_request_error", `"thinking.type" must be enabled, adaptive or disabled`},
		{head + `"thinking":{"type":"enabled"},` + hi + `}`, 400, "invalid_request_error", `"thinking.budget_tokens" is required`},
		{`{"model":"plain","max_tokens":1,"thinking":{"type":"enabled","budget_tokens":9},` + hi + `}`, 400, "invalid_request_error", `does not support thinking`},
		{head + `"system":7,` + hi + `}`, 400, "invalid_request_error", `"system" must be a string or an array of blocks, found a number`},
		{head + `"messages":[{"role":"king","content":"hi"}]}`, 400, "invalid_request_error", `"messages[0].role" must be user or assistant`},
		{head + `"messages":[{"role":"user","content":[{"type":"image","source":{}}]}]}`, 400, "invalid_request_error", `"messages[0].content[0].type" "image" is not supported in a turn of the user`},
		{head + `"messages":[{"role":"user","content":[{"type":"tool_use"}]}]}`, 400, "invalid_request_error", `"tool_use" is not supported in a turn of the user`},
		{head + `"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}`, 400, "invalid_request_error", `must not end with a turn of the assistant`},
		{head + `"messages":[{"role":"user","content":"refuse me"}]}`, 400, "invalid_request_error", `the template refuses this`},
		{head + `"tools":[{"type":"web_search_20250305","name":"web_search"}],` + hi + `}`, 400, "invalid_request_error", `"web_search_20250305" is not supported`},
		{head + `"tool_choice":{"type":"any"},` + hi + `}`, 400, "invalid_request_error", `asks for a call, but there are no tools`},
		{head + `"tool_choice":{"type":"tool","name":"b"},"tools":[{"name":"a","input_schema":{}}],` + hi + `}`, 400, "invalid_request_error", `is "b", which is not among the tools`},
		{head + `"output_config":{"format":{"type":"json_schema","schema":{"type":"nonsense"}}},` + hi + `}`, 400, "invalid_request_error", `"output_config.format.schema" cannot be followed`},
		{head + `"output_config":{"effort":"much"},` + hi + `}`, 400, "invalid_request_error", `"output_config.effort" must be one of`},
		{head + `"messages":[{"role":"user","content":"` + strings.Repeat("a", 300) + `"}]}`, 400, "invalid_request_error", `is 200 tokens, but the prompt has 331 tokens`},
	} {
		status, answer := post(t, s, "/v1/messages", test.body)
		require.Equal(t, test.status, status, "%s: %v", test.body, answer)
		require.Equal(t, "error", answer["type"])
		e := answer["error"].(map[string]any)
		require.Equal(t, test.kind, e["type"])
		require.Contains(t, e["message"], test.want, test.body)
	}
	require.Equal(t, http.StatusMethodNotAllowed, s.Do("GET", "/v1/messages", "").Code)
	_, answer := post(t, s, "/v1/messages", head+`"thread":{"type":"create"},"nonsense":1,`+hi+`}`)
	require.Equal(t, map[string]any{"error_code": "thread_unsupported_request", "param": "thread", "unsupported": []any{"thread"}}, answer["error"].(map[string]any)["details"])
}

func TestFailures(t *testing.T) {
	s, m := newService(t)
	for err, want := range map[error]string{serve.ErrBusy: "rate_limit_error", serve.ErrStopping: "overloaded_error"} {
		m.Busy = err
		_, answer := post(t, s, "/v1/messages", head+hi+`}`)
		require.Equal(t, want, answer["error"].(map[string]any)["type"])
	}
	m.Busy, m.Fail = nil, errors.New("disk is on fire at /secret")
	list := events(t, s, head+`"stream":true,`+hi+`}`)
	require.Equal(t, map[string]any{"type": "error", "error": map[string]any{"type": "api_error", "message": "internal error", "details": map[string]any{"error_code": "internal_error"}}}, list[len(list)-1])
	require.Contains(t, s.Log.String(), "disk is on fire", "for the log only")
}

// FuzzBodies: whatever is sent, the answer is JSON, and a mistake has a text.
func FuzzBodies(f *testing.F) {
	for _, seed := range []string{
		head + hi + `}`,
		head + `"system":[{"type":"text","text":"a"}],"tools":[{"name":"a","input_schema":{"type":"object"}}],"tool_choice":{"type":"any"},"thinking":{"type":"enabled","budget_tokens":5},` + hi + `}`,
		head + `"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"b","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[]}]}],"output_format":{"type":"json_schema","schema":{}}}`,
		head + `"messages":{},"tools":[7],"tool_choice":"any","thinking":[],"system":{},"stop_sequences":"a","output_config":{"format":[]}}`,
	} {
		f.Add(seed)
	}
	s, _ := newService(f)
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{"/v1/messages", "/v1/messages/count_tokens"} {
			w := s.Do("POST", path, body)
			if w.Code == http.StatusOK && strings.HasPrefix(w.Header().Get("Content-Type"), "text/") {
				continue
			}
			var v map[string]any
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &v), "%s: %s", path, w.Body)
			if w.Code != http.StatusOK {
				require.NotEmpty(t, v["error"].(map[string]any)["message"], path)
			}
			require.NotEqual(t, http.StatusInternalServerError, w.Code, "%s: %s", path, w.Body)
		}
	})
}
