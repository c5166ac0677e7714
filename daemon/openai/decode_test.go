package openai

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	goruntime "runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/daemon/ask"
	"inferd/daemon/serve"
	"inferd/daemon/wire"
)

// TestMistakesAreNamed sends requests with one thing wrong. The text after
// the model's name is added to a good request; want is the parameter and the
// code of the error.
func TestMistakesAreNamed(t *testing.T) {
	const user = `"messages":[{"role":"user","content":"hi"}]`
	for _, test := range []struct{ path, rest, param, code string }{
		{chatPath, ``, "messages", "missing_required_parameter"},
		{chatPath, `"messages":null`, "messages", "missing_required_parameter"},
		{chatPath, `"messages":[]`, "messages", "invalid_value"},
		{chatPath, `"messages":"hi"`, "messages", "invalid_type"},
		{chatPath, `"messages":["hi"]`, "messages[0]", "invalid_type"},
		{chatPath, `"messages":[{"content":"hi"}]`, "messages[0].role", "missing_required_parameter"},
		{chatPath, `"messages":[{"role":7,"content":"hi"}]`, "messages[0].role", "invalid_type"},
		{chatPath, `"messages":[{"role":"king","content":"hi"}]`, "messages[0].role", "invalid_value"},
		{chatPath, `"messages":[{"role":"function","content":"hi","name":"x"}]`, "messages[0].role", "unsupported_parameter"},
		{chatPath, `"messages":[{"role":"tool","content":"hi"}]`, "messages[0].tool_call_id", "missing_required_parameter"},
		{chatPath, `"messages":[{"role":"user","content":"hi","tool_call_id":"x"}]`, "messages[0].tool_call_id", "unsupported_parameter"},
		{chatPath, `"messages":[{"role":"user","content":"hi","tool_calls":[{}]}]`, "messages[0].tool_calls", "unsupported_parameter"},
		{chatPath, `"messages":[{"role":"user"}]`, "messages[0].content", "missing_required_parameter"},
		{chatPath, `"messages":[{"role":"assistant","content":null}]`, "messages[0].content", "missing_required_parameter"},
		{chatPath, `"messages":[{"role":"user","content":7}]`, "messages[0].content", "invalid_type"},
		{chatPath, `"messages":[{"role":"user","content":"a"},{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]`, "messages[1].content[0].type", "unsupported_parameter"},
		{chatPath, `"messages":[{"role":"user","content":["hi"]}]`, "messages[0].content[0]", "invalid_type"},
		{chatPath, `"messages":[{"role":"user","content":[{"type":"text"}]}]`, "messages[0].content[0].text", "missing_required_parameter"},
		{chatPath, `"messages":[{"role":"user","content":"hi","contents":"x"}]`, "messages[0].contents", "unknown_parameter"},
		{chatPath, `"messages":[{"role":"assistant","tool_calls":[{"id":"x"}]}]`, "messages[0].tool_calls[0].function", "missing_required_parameter"},
		{chatPath, `"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f"}}]}]`, "messages[0].tool_calls[0].id", "missing_required_parameter"},
		{chatPath, `"messages":[{"role":"assistant","tool_calls":[{"id":"x","type":"custom","function":{"name":"f"}}]}]`, "messages[0].tool_calls[0].type", "unsupported_parameter"},
		{chatPath, `"messages":[{"role":"assistant","tool_calls":[{"id":"x","function":{"name":"f","arguments":"[1]"}}]}]`, "messages[0].tool_calls[0].function.arguments", "invalid_value"},
		{chatPath, `"messages":[{"role":"assistant","tool_calls":{}}]`, "messages[0].tool_calls", "invalid_type"},
		{chatPath, `"messages":[{"role":"user","content":"refuse me"}]`, "messages", "invalid_value"},

		{chatPath, user + `,"max_token":5`, "max_token", "unknown_parameter"},
		{chatPath, user + `,"Temperature":1`, "Temperature", "unknown_parameter"},
		{chatPath, user + `,"temperature":1,"temperature":2`, "temperature", "duplicate_parameter"},
		{chatPath, user + `,"temperature":"1"`, "temperature", "invalid_type"},
		{chatPath, user + `,"temperature":true`, "temperature", "invalid_type"},
		{chatPath, user + `,"temperature":-0.1`, "temperature", "invalid_value"},
		{chatPath, user + `,"temperature":2.1`, "temperature", "invalid_value"},
		{chatPath, user + `,"temperature":1e308`, "temperature", "invalid_value"},
		{chatPath, user + `,"temperature":1e999`, "temperature", "invalid_value"},
		{chatPath, user + `,"top_p":1.01`, "top_p", "invalid_value"},
		{chatPath, user + `,"min_p":-1`, "min_p", "invalid_value"},
		{chatPath, user + `,"top_k":-1`, "top_k", "invalid_value"},
		{chatPath, user + `,"top_k":1.5`, "top_k", "invalid_type"},
		{chatPath, user + `,"presence_penalty":3`, "presence_penalty", "invalid_value"},
		{chatPath, user + `,"frequency_penalty":-3`, "frequency_penalty", "invalid_value"},
		{chatPath, user + `,"repeat_penalty":0`, "repeat_penalty", "invalid_value"},
		{chatPath, user + `,"repeat_penalty":1,"repetition_penalty":1`, "repetition_penalty", "invalid_value"},
		{chatPath, user + `,"n":0`, "n", "invalid_value"},
		{chatPath, user + `,"n":1000000000`, "n", "invalid_value"},
		{chatPath, user + `,"n":9223372036854775808`, "n", "invalid_value"},
		{chatPath, user + `,"max_tokens":0`, "max_tokens", "invalid_value"},
		{chatPath, user + `,"max_tokens":-1`, "max_tokens", "invalid_value"},
		{chatPath, user + `,"max_tokens":2147483648`, "max_tokens", "invalid_value"},
		{chatPath, user + `,"max_tokens":5,"max_completion_tokens":5`, "max_tokens", "invalid_value"},
		{chatPath, user + `,"seed":"1"`, "seed", "invalid_type"},
		{chatPath, user + `,"seed":1.5`, "seed", "invalid_type"},
		{chatPath, user + `,"stop":7`, "stop", "invalid_type"},
		{chatPath, user + `,"stop":["a",7]`, "stop", "invalid_type"},
		{chatPath, user + `,"stop":[null]`, "stop", "invalid_type"},
		{chatPath, user + `,"stop":""`, "stop", "invalid_value"},
		{chatPath, user + `,"stop":["` + strings.Repeat(`a","`, maxStops) + `a"]`, "stop", "invalid_value"},
		{chatPath, `"messages":[` + strings.Repeat(`{"role":"user","content":""},`, maxMessages) + `{}]`, "messages", "invalid_value"},
		{chatPath, `"messages":[{"role":"user","content":[]}]`, "messages[0].content", "invalid_value"},
		{chatPath, user + `,"logit_bias":[1]`, "logit_bias", "invalid_type"},
		{chatPath, user + `,"logit_bias":{"hello":1}`, "logit_bias.hello", "invalid_value"},
		{chatPath, user + `,"logit_bias":{"5":101}`, "logit_bias.5", "invalid_value"},
		{chatPath, user + `,"logit_bias":{"5":1,"05":1}`, "logit_bias", "duplicate_parameter"},
		{chatPath, user + `,"logit_bias":{"100000":1}`, "logit_bias token", "invalid_value"},
		{chatPath, user + `,"logprobs":3`, "logprobs", "invalid_type"},
		{chatPath, user + `,"top_logprobs":3`, "top_logprobs", "invalid_value"},
		{chatPath, user + `,"logprobs":true,"top_logprobs":21`, "top_logprobs", "invalid_value"},
		{chatPath, user + `,"stream":"true"`, "stream", "invalid_type"},
		{chatPath, user + `,"stream_options":{"include_usage":true}`, "stream_options", "invalid_value"},
		{chatPath, user + `,"stream":true,"stream_options":{"usage":true}`, "stream_options.usage", "unknown_parameter"},
		{chatPath, user + `,"stream":true,"stream_options":{"include_obfuscation":true}`, "stream_options.include_obfuscation", "unsupported_parameter"},
		{chatPath, user + `,"tools":[{"type":"function"}]`, "tools[0].function", "missing_required_parameter"},
		{chatPath, user + `,"tools":[{"type":"web_search"}]`, "tools[0].type", "unsupported_parameter"},
		{chatPath, user + `,"tools":[{"type":"function","function":{"name":"a b"}}]`, "tools[0].function.name", "invalid_value"},
		{chatPath, user + `,"tools":[{"type":"function","function":{"name":"f","parameters":[]}}]`, "tools[0].function.parameters", "invalid_type"},
		{chatPath, user + `,"tools":[{"type":"function","function":{"name":"f","extra":1}}]`, "tools[0].function.extra", "unknown_parameter"},
		{chatPath, user + `,"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"f"}}]`, "tools[1].function.name", "invalid_value"},
		{chatPath, user + `,"tools":{}`, "tools", "invalid_type"},
		{chatPath, user + `,"tools":[{"type":"function","function":{"name":"f"}}]`, "tools", "unsupported_parameter"},
		{chatPath, user + `,"tools":[{"type":"function","function":{"name":"f"}}],"response_format":{"type":"json_object"}`, "response_format", "invalid_value"},
		{chatPath, user + `,"tools":[{"type":"function","function":{"name":"f"}}],"grammar":"root ::= \"a\""`, "grammar", "invalid_value"},
		{chatPath, user + `,"tool_choice":"required"`, "tool_choice", "invalid_value"},
		{chatPath, user + `,"tool_choice":"any"`, "tool_choice", "invalid_value"},
		{chatPath, user + `,"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"function","function":{"name":"g"}}`, "tool_choice", "invalid_value"},
		{chatPath, user + `,"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"function"}`, "tool_choice.function", "missing_required_parameter"},
		{chatPath, user + `,"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"custom"}`, "tool_choice.type", "unsupported_parameter"},
		{chatPath, user + `,"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"allowed_tools"}`, "tool_choice.allowed_tools", "missing_required_parameter"},
		{chatPath, user + `,"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"g"}}]}}`, "tool_choice.allowed_tools.tools[0]", "invalid_value"},
		{chatPath, user + `,"response_format":{"type":"xml"}`, "response_format.type", "invalid_value"},
		{chatPath, user + `,"modalities":["audio"]`, "modalities", "unsupported_parameter"},
		{chatPath, user + `,"reasoning_effort":"lots"`, "reasoning_effort", "invalid_value"},
		{chatPath, user + `,"verbosity":"loud"`, "verbosity", "invalid_value"},
		{chatPath, user + `,"chat_template_kwargs":{"tools":"x"}`, "chat_template_kwargs.tools", "invalid_value"},
		{chatPath, user + `,"chat_template_kwargs":{"a b":"x"}`, "chat_template_kwargs.a b", "invalid_value"},
		{chatPath, user + `,"chat_template_kwargs":{"x":[1]}`, "chat_template_kwargs.x", "invalid_type"},
		{chatPath, user + `,"prompt_logprobs":21`, "prompt_logprobs", "invalid_value"},
		{chatPath, user + `,"prompt_logprobs":1,"stream":true`, "prompt_logprobs", "invalid_value"},
		{chatPath, user + `,"receipt":1`, "receipt", "invalid_type"},
		{chatPath, user + `,"keep_alive":"soon"`, "keep_alive", "invalid_value"},
		{textPath, `"prompt":"a","max_tokens":0,"echo":true,"receipt":true`, "receipt", "invalid_value"},
		{chatPath, user + `,"store":true`, "store", "unsupported_parameter"},
		{chatPath, user + `,"echo":true`, "echo", "unknown_parameter"},

		{textPath, ``, "prompt", "missing_required_parameter"},
		{textPath, `"prompt":7`, "prompt", "invalid_type"},
		{textPath, `"prompt":[]`, "prompt", "invalid_value"},
		{textPath, `"prompt":[[]]`, "prompt", "invalid_value"},
		{textPath, `"prompt":[{}]`, "prompt", "invalid_type"},
		{textPath, `"prompt":[1,null]`, "prompt", "invalid_type"},
		{textPath, `"prompt":[1,"a"]`, "prompt", "invalid_type"},
		{textPath, `"prompt":[1.5]`, "prompt", "invalid_type"},
		{textPath, `"prompt":[-1]`, "prompt", "invalid_value"},
		{textPath, `"prompt":[260]`, "prompt", "invalid_value"},
		{textPath, `"prompt":["a"` + strings.Repeat(`,"a"`, maxPrompts) + `]`, "prompt", "invalid_value"},
		{textPath, `"prompt":["a","b"],"n":100`, "n", "invalid_value"},
		{textPath, `"prompt":"a","max_tokens":0`, "max_tokens", "invalid_value"},
		{textPath, `"prompt":"a","logprobs":true`, "logprobs", "invalid_type"},
		{textPath, `"prompt":"a","logprobs":21`, "logprobs", "invalid_value"},
		{textPath, `"prompt":"a","best_of":3`, "best_of", "unsupported_parameter"},
		{textPath, `"prompt":"a","suffix":"b"`, "suffix", "unsupported_parameter"},
		{textPath, `"prompt":"a","messages":[]`, "messages", "unknown_parameter"},
		{textPath, `"prompt":"a","logit_bias":{"260":1}`, "logit_bias token", "invalid_value"},
	} {
		s, m := newService(t)
		body := `{"model":"fake"`
		if test.rest != "" {
			body += "," + test.rest
		}
		status, got := s.post(t, test.path, body+"}")
		require.Equal(t, http.StatusBadRequest, status, test.rest)
		require.Equal(t, "invalid_request_error", at(t, got, "error", "type"))
		require.Equal(t, test.param, at(t, got, "error", "param"), "%s: %v", test.rest, got)
		require.Equal(t, test.code, at(t, got, "error", "code"), "%s: %v", test.rest, got)
		require.NotEmpty(t, at(t, got, "error", "message"))
		require.Empty(t, m.asked)
	}
}

func TestBodiesThatAreNoObject(t *testing.T) {
	for body, code := range map[string]string{
		``:                                 "invalid_json",
		` `:                                "invalid_json",
		`{`:                                "invalid_json",
		`{"model"`:                         "invalid_json",
		`{"model":"fake",}`:                "invalid_json",
		`{"model":"fake"} {}`:              "invalid_json",
		`{"model":"fake"}x`:                "invalid_json",
		`{"model":"` + "\xff\"}":           "invalid_json",
		`{7:1}`:                            "invalid_json",
		`[]`:                               "invalid_type",
		`"model"`:                          "invalid_type",
		`null`:                             "invalid_type",
		strings.Repeat(`[`, 1e5):           "invalid_type",
		`{"a":` + strings.Repeat(`[`, 1e5): "invalid_json",
	} {
		for _, path := range []string{chatPath, textPath} {
			s, _ := newService(t)
			status, got := s.post(t, path, body)
			require.Equal(t, http.StatusBadRequest, status)
			require.Equal(t, code, at(t, got, "error", "code"), "%.40q: %v", body, got)
			require.Nil(t, at(t, got, "error", "param"))
		}
	}
}

// TestHostileBodiesCostLittle sends large bodies made
// of what costs most in memory, and bounds what decoding them allocates.
func TestHostileBodiesCostLittle(t *testing.T) {
	const size = 1 << 20
	fill := func(before, element, after string) []byte {
		return []byte(before + strings.Repeat(element, (size-len(before)-len(after))/len(element)) + after)
	}
	var members strings.Builder
	for i := 0; members.Len() < size-100; i++ {
		fmt.Fprintf(&members, `"%d":1,`, i)
	}
	for name, body := range map[string][]byte{
		"members":     []byte("{" + members.String() + `"x":1}`),
		"logit_bias":  []byte(`{"model":"m","logit_bias":{` + members.String() + `"x":1}}`),
		"stop":        fill(`{"model":"m","stop":[`, `"a",`, `"a"]}`),
		"messages":    fill(`{"model":"m","messages":[`, `{},`, `{}]}`),
		"parts":       fill(`{"model":"m","messages":[{"role":"user","content":[`, `{},`, `{}]}]}`),
		"prompts":     fill(`{"model":"m","prompt":[`, `[],`, `[]]}`),
		"tokens":      fill(`{"model":"m","prompt":[`, `1,`, `1]}`),
		"nested":      fill(`{"model":"m","metadata":`, `[`, ``),
		"ignored":     fill(`{"model":"m","metadata":{"a":"`, `x`, `"}}`),
		"unsupported": fill(`{"model":"m","tools":[`, `1,`, `1]}`),
	} {
		for _, decode := range []func([]byte) error{
			func(b []byte) error { _, err := decodeChat(wire.ParseBody(b)); return err },
			func(b []byte) error { _, err := decodeText(wire.ParseBody(b)); return err },
		} {
			var before, after goruntime.MemStats
			goruntime.ReadMemStats(&before)
			err := decode(body)
			goruntime.ReadMemStats(&after)
			require.True(t, err != nil || name == "tokens" || name == "ignored", name)
			require.Less(t, (after.TotalAlloc-before.TotalAlloc)/size, uint64(20), name)
		}
	}
}

func TestUnknownModelListsTheOthers(t *testing.T) {
	s, _ := newService(t)
	status, got := s.post(t, chatPath, `{"model":"gpt-4","messages":[{"role":"user","content":"hi"}]}`)
	require.Equal(t, http.StatusNotFound, status)
	require.Equal(t, "model_not_found", at(t, got, "error", "code"))
	require.Equal(t, `the model "gpt-4" does not exist; there is "fake"`, at(t, got, "error", "message"))

	status, got = s.post(t, chatPath, `{"messages":[{"role":"user","content":"hi"}]}`)
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, "model", at(t, got, "error", "param"))
}

func TestPromptOverTheContextNamesBothNumbers(t *testing.T) {
	s, m := newService(t)
	for _, test := range []struct {
		path, body string
		status     int
	}{
		{chatPath, fmt.Sprintf(`"messages":[{"role":"user","content":%q}]`, strings.Repeat("x", 191)), http.StatusBadRequest},
		{chatPath, fmt.Sprintf(`"messages":[{"role":"user","content":%q}]`, strings.Repeat("x", 190)), http.StatusOK},
		{textPath, fmt.Sprintf(`"prompt":%q`, strings.Repeat("x", 199)), http.StatusBadRequest},
		{textPath, fmt.Sprintf(`"prompt":["a",%q]`, strings.Repeat("x", 199)), http.StatusBadRequest},
		{textPath, fmt.Sprintf(`"prompt":%q`, strings.Repeat("x", 198)), http.StatusOK},
		{textPath, fmt.Sprintf(`"prompt":%q,"echo":true,"max_tokens":0`, strings.Repeat("x", 199)), http.StatusOK},
		{textPath, fmt.Sprintf(`"prompt":%q,"echo":true,"max_tokens":0`, strings.Repeat("x", 200)), http.StatusBadRequest},
	} {
		status, got := s.post(t, test.path, `{"model":"fake",`+test.body+`}`)
		require.Equal(t, test.status, status)
		if status != http.StatusOK {
			require.Equal(t, "context_length_exceeded", at(t, got, "error", "code"))
			require.Regexp(t, `is 200 tokens, but the prompt has 20[0-9] tokens`, at(t, got, "error", "message"))
		}
	}
	require.Equal(t, 1, m.asked[0].MaxTokens, "room for one token")
}

// FuzzChatBody and FuzzTextBody hold that every body gets a request or a 400
// that can be encoded, and that a request keeps within its bounds.
func FuzzChatBody(f *testing.F) {
	f.Add([]byte(`{"model":"m","messages":[{"role":"user","content":"hi"}],"stop":["a"],"logit_bias":{"1":2},"stream":true,"stream_options":{"include_usage":true}}`))
	f.Add([]byte(`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"n":3,"top_logprobs":2,"logprobs":true}`))
	f.Add([]byte(`{"model":"m","messages":[{"role":"user","content":"hi"}],"seed":1e400,"max_tokens":16.0}`))
	f.Add([]byte(`{"a":1,"a":2}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := decodeChat(wire.ParseBody(body))
		if err != nil {
			require400(t, err)
			return
		}
		require.NotEmpty(t, r.Messages)
		requireBounds(t, r.Params)
	})
}

func FuzzTextBody(f *testing.F) {
	f.Add([]byte(`{"model":"m","prompt":"hi","echo":true,"logprobs":0,"max_tokens":0}`))
	f.Add([]byte(`{"model":"m","prompt":[[1,2],[3]],"n":2,"best_of":2}`))
	f.Add([]byte(`{"model":"m","prompt":["a",[1]],"suffix":null}`))
	f.Add([]byte(`{"model":"m","prompt":[1,null]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := decodeText(wire.ParseBody(body))
		if err != nil {
			require400(t, err)
			return
		}
		require.NotEmpty(t, r.prompts)
		require.LessOrEqual(t, len(r.prompts)*r.N, maxChoices)
		requireBounds(t, r.Params)
	})
}

func require400(t *testing.T, err error) {
	e, ok := errors.AsType[*serve.Fault](err)
	require.True(t, ok)
	require.Equal(t, http.StatusBadRequest, e.Status)
	text, err := json.Marshal(errorBody{e})
	require.NoError(t, err)
	decode(t, text)
}

func requireBounds(t *testing.T, p ask.Params) {
	require.GreaterOrEqual(t, p.N, 1)
	require.LessOrEqual(t, p.N, maxChoices)
	require.LessOrEqual(t, len(p.Generation.Stop), maxStops)
	o := p.Generation
	o.Sampling.LogitBias = nil // checked against a vocabulary, which is not known here
	if o.Sampling.RepeatPenalty > 0 {
		require.NoError(t, o.Validate(1))
	}
}
