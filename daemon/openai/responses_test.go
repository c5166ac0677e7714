package openai

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/runtime"
)

const responsePath = "/v1/responses"

func responseBody(rest string) string { return `{"model":"fake","input":"hi"` + rest + `}` }

func TestResponse(t *testing.T) {
	s, m := newService(t)
	status, got := s.post(t, responsePath, `{"model":"fake","instructions":"be brief","store":true,"metadata":{"a":"b"},"temperature":0.5,"max_output_tokens":20,
		"truncation":"auto","include":["reasoning.encrypted_content"],"service_tier":"auto","text":{"verbosity":"low"},"reasoning":{"effort":"none","summary":"auto"},
		"input":[
			{"role":"user","content":"one"},
			{"type":"reasoning","id":"rs_1","summary":[],"content":[{"type":"reasoning_text","text":"hm"}],"encrypted_content":null},
			{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"two","annotations":[],"logprobs":[]}]},
			{"type":"function_call","id":"fc_1","call_id":"c1","name":"f","arguments":"{\"x\":1}","status":"completed"},
			{"type":"function_call_output","call_id":"c1","output":[{"type":"input_text","text":"three"}]},
			{"type":"message","role":"developer","content":[{"type":"input_text","text":"four"},{"type":"input_text","text":"five"}]}]}`)
	require.Equal(t, http.StatusOK, status, got)
	require.Equal(t, []string{"map[enable_thinking:false reasoning_effort:none verbosity:low]" +
		"system/: be brief\nuser/: one\nassistant/: hmtwo\nc1=f{\"x\":1}\ntool/c1: three\ndeveloper/: four\nfive\n"}, m.prompts)
	require.Equal(t, 20, m.asked[0].MaxTokens)
	require.Regexp(t, "^resp_", got["id"])
	for key, want := range map[string]any{
		"object": "response", "status": "completed", "error": nil, "incomplete_details": nil, "model": "fake",
		"system_fingerprint": "fp_fake", "instructions": "be brief", "store": false, "previous_response_id": nil,
		"metadata": map[string]any{"a": "b"}, "temperature": 0.5, "max_output_tokens": 20.0, "tools": []any{}, "tool_choice": "auto",
		"parallel_tool_calls": true, "text": map[string]any{"verbosity": "low"},
	} {
		require.Equal(t, want, got[key], key)
	}
	item := at(t, got, "output", 0).(map[string]any)
	require.Regexp(t, "^msg_", item["id"])
	delete(item, "id")
	require.Equal(t, map[string]any{"type": "message", "status": "completed", "role": "assistant", "content": []any{
		map[string]any{"type": "output_text", "text": "ok", "annotations": []any{}, "logprobs": []any{}}}}, item)
	usage := got["usage"].(map[string]any)
	require.Equal(t, 3.0, usage["output_tokens"])
	require.Equal(t, map[string]any{"cached_tokens": 1.0}, usage["input_tokens_details"])
	require.Equal(t, map[string]any{"reasoning_tokens": 0.0}, usage["output_tokens_details"])
	require.Equal(t, usage["input_tokens"].(float64)+3, usage["total_tokens"])
}

func TestResponseThatIsCut(t *testing.T) {
	s, m := newService(t)
	m.reply = func(runtime.GenerationOptions) string { return "a long story" }
	_, got := s.post(t, responsePath, responseBody(`,"max_output_tokens":1,"receipt":true`))
	require.Equal(t, "incomplete", got["status"])
	require.Equal(t, map[string]any{"reason": "max_output_tokens"}, got["incomplete_details"])
	require.Equal(t, "incomplete", at(t, got, "output", 0, "status"))
	require.Len(t, at(t, got, "receipt", "answers", 0, "tokens"), 1)
	m.reply = func(runtime.GenerationOptions) string { return "" }
	_, got = s.post(t, responsePath, responseBody(""))
	require.Equal(t, "", at(t, got, "output", 0, "content", 0, "text"), "an empty message")
}

// responseEvents returns the events of a stream, having checked what all have.
func responseEvents(t *testing.T, s *fakeService, body string) (events []map[string]any) {
	w := s.do(t.Context(), "POST", responsePath, body)
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	for i, block := range strings.Split(strings.TrimSuffix(w.Body.String(), "\n\n"), "\n\n") {
		name, data, ok := strings.Cut(strings.TrimPrefix(block, "event: "), "\ndata: ")
		require.True(t, ok, block)
		e := decode(t, []byte(data))
		require.Equal(t, name, e["type"])
		require.Equal(t, float64(i), e["sequence_number"])
		events = append(events, e)
	}
	return events
}

// TestResponseStream: the pieces of each item, put together, are the items of
// the whole response, and come in the order in which clients expect them.
func TestResponseStream(t *testing.T) {
	const tools = `,"tools":[{"type":"function","name":"weather","description":"d","strict":true,"parameters":{"type":"object","properties":{"z":{},"a":{}}}},{"type":"function","name":"now"}]`
	s, m := newCaller(t, callingAnswer)
	events := responseEvents(t, s, responseBody(`,"stream":true`+tools))
	require.Contains(t, m.prompts[0], `[{"type":"function","function":{"name":"weather","description":"d","parameters":{"type":"object","properties":{"z":{},"a":{}}}}},{"type":"function","function":{"name":"now"}}]`)
	var order []string
	texts := map[string]string{}
	for _, e := range events {
		kind := strings.TrimPrefix(e["type"].(string), "response.")
		if strings.HasSuffix(kind, ".delta") {
			texts[e["item_id"].(string)] += e["delta"].(string)
		}
		if len(order) == 0 || order[len(order)-1] != kind {
			order = append(order, kind)
		}
	}
	require.Equal(t, []string{
		"created", "in_progress",
		"output_item.added", "content_part.added", "reasoning_text.delta", "reasoning_text.done", "content_part.done", "output_item.done",
		"output_item.added", "content_part.added", "output_text.delta", "output_text.done", "content_part.done", "output_item.done",
		"output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
		"output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
		"completed",
	}, order)
	output := at(t, events[len(events)-1], "response", "output").([]any)
	require.Len(t, output, 4)
	require.Equal(t, "Hm.", at(t, output, 0, "content", 0, "text"))
	require.Equal(t, "I look.", at(t, output, 1, "content", 0, "text"))
	require.Equal(t, `{"z":"é","a":[1]}`, at(t, output, 2, "arguments"))
	require.Equal(t, "now", at(t, output, 3, "name"))
	require.NotEqual(t, at(t, output, 2, "call_id"), at(t, output, 3, "call_id"))
	for i, item := range output {
		require.Equal(t, "completed", at(t, item, "status"))
		text, isCall := item.(map[string]any)["arguments"].(string)
		if !isCall {
			text = at(t, item, "content", 0, "text").(string)
		}
		require.Equal(t, text, texts[at(t, item, "id").(string)], "item %d", i)
	}
	require.Positive(t, at(t, events[len(events)-1], "response", "usage", "output_tokens_details", "reasoning_tokens"))

	_, whole := s.post(t, responsePath, responseBody(tools))
	require.Equal(t, withoutIDs(t, output), withoutIDs(t, whole["output"]))

	m.form.Format = nil
	m.fail = fmt.Errorf("a secret")
	events = responseEvents(t, s, responseBody(`,"stream":true`))
	require.Equal(t, map[string]any{"type": "error", "code": "internal_error", "message": "internal error", "param": nil,
		"sequence_number": float64(len(events) - 1)}, events[len(events)-1])
}

func withoutIDs(t *testing.T, output any) string {
	for _, item := range output.([]any) {
		delete(item.(map[string]any), "id")
		delete(item.(map[string]any), "call_id")
	}
	text, err := json.Marshal(output)
	require.NoError(t, err)
	return string(text)
}

func TestResponseLogProbs(t *testing.T) {
	s, _ := newService(t)
	for _, rest := range []string{`,"top_logprobs":1`, `,"include":["message.output_text.logprobs"],"top_logprobs":1`} {
		_, got := s.post(t, responsePath, responseBody(rest))
		list := at(t, got, "output", 0, "content", 0, "logprobs").([]any)
		require.Len(t, list, 2)
		require.Equal(t, "o", at(t, list, 0, "token"))
		require.Len(t, at(t, list, 0, "top_logprobs"), 1)
	}
}

func TestResponseFormats(t *testing.T) {
	s, m := newService(t)
	status, got := s.post(t, responsePath, responseBody(`,"text":{"format":{"type":"json_schema","name":"n","strict":true,"description":"d","schema":{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"],"additionalProperties":false}}}`))
	require.Equal(t, http.StatusOK, status, got)
	require.NotNil(t, m.asked[0].Grammar)

	// A tool that is not allowed is not called, whatever the model writes.
	s, _ = newCaller(t, callingAnswer)
	_, got = s.post(t, responsePath, responseBody(`,"tools":[{"type":"function","name":"now"},{"type":"function","name":"weather"}],"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"now"}]}`))
	var calls []any
	for _, item := range got["output"].([]any) {
		if at(t, item, "type") == "function_call" {
			calls = append(calls, at(t, item, "name"))
		}
	}
	require.Equal(t, []any{"now"}, calls)
}

func TestMistakesInResponsesAreNamed(t *testing.T) {
	for _, test := range []struct{ rest, param, code string }{
		{``, "input", "missing_required_parameter"},
		{`"input":7`, "input", "invalid_type"},
		{`"input":[]`, "input", "invalid_value"},
		{`"input":["a"]`, "input[0]", "invalid_type"},
		{`"input":[{"role":"king","content":"a"}]`, "input[0].role", "invalid_value"},
		{`"input":[{"role":"user"}]`, "input[0].content", "missing_required_parameter"},
		{`"input":[{"role":"user","content":[{"type":"input_image","image_url":"x"}]}]`, "input[0].content[0].type", "unsupported_parameter"},
		{`"input":[{"role":"user","content":[{"type":"input_text"}]}]`, "input[0].content[0].text", "missing_required_parameter"},
		{`"input":[{"type":"item_reference","id":"x"}]`, "input[0].type", "unsupported_parameter"},
		{`"input":[{"type":"web_search_call"}]`, "input[0].type", "unsupported_parameter"},
		{`"input":[{"type":"function_call","call_id":"c","name":"f","arguments":"[]"}]`, "input[0].arguments", "invalid_value"},
		{`"input":[{"type":"function_call_output","output":"x"}]`, "input[0].call_id", "missing_required_parameter"},
		{`"input":"a","previous_response_id":"resp_1"`, "previous_response_id", "unsupported_parameter"},
		{`"input":"a","conversation":"conv_1"`, "conversation", "unsupported_parameter"},
		{`"input":"a","background":true`, "background", "unsupported_parameter"},
		{`"input":"a","prompt":{"id":"x"}`, "prompt", "unsupported_parameter"},
		{`"input":"a","max_output_tokens":0`, "max_output_tokens", "invalid_value"},
		{`"input":"a","truncation":"middle"`, "truncation", "invalid_value"},
		{`"input":"a","include":["everything"]`, "include", "invalid_value"},
		{`"input":"a","reasoning":{"effort":"lots"}`, "reasoning.effort", "invalid_value"},
		{`"input":"a","text":{"format":{"type":"xml"}}`, "text.format.type", "invalid_value"},
		{`"input":"a","text":{"format":{"type":"json_schema"}}`, "text.format.schema", "missing_required_parameter"},
		{`"input":"a","tools":[{"type":"web_search"}]`, "tools[0].type", "unsupported_parameter"},
		{`"input":"a","tools":[{"type":"function"}]`, "tools[0].name", "missing_required_parameter"},
		{`"input":"a","tools":[{"type":"function","name":"f"},{"type":"function","name":"f"}]`, "tools[1].name", "invalid_value"},
		{`"input":"a","tools":[{"type":"function","name":"f"}],"tool_choice":{"type":"function","name":"g"}`, "tool_choice", "invalid_value"},
		{`"input":"a","tools":[{"type":"function","name":"f"}]`, "tools", "unsupported_parameter"},
		{`"input":"a","n":2`, "n", "unknown_parameter"},
		{`"input":"` + strings.Repeat("a", 250) + `"`, "input", "context_length_exceeded"},
	} {
		s, m := newService(t)
		body := `{"model":"fake"`
		if test.rest != "" {
			body += "," + test.rest
		}
		status, got := s.post(t, responsePath, body+"}")
		require.Equal(t, http.StatusBadRequest, status, "%s: %v", test.rest, got)
		require.Equal(t, test.param, at(t, got, "error", "param"), "%s: %v", test.rest, got)
		require.Equal(t, test.code, at(t, got, "error", "code"), "%s: %v", test.rest, got)
		require.Empty(t, m.asked)
	}
}
