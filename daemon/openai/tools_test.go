package openai

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/daemon/serve"
	"inferd/runtime"
	"inferd/tokenizer/reply"
)

const weatherTools = `[{"type":"function","function":{"name":"weather","description":"d","strict":true,"parameters":{"type":"object","properties":{"z":{},"a":{}}}}},{"type":"function","function":{"name":"now"}}]`

// newCaller is a service whose model reasons and calls tools as Hermes does.
func newCaller(t *testing.T, answer string) (*fakeService, *fakeModel) {
	s, m := newService(t)
	m.nCtx = 4000
	m.form = serve.ReplyFormat{Format: reply.Detect("<think> <tool_call>"), Marks: []runtime.Token{1}, TakesTools: true}
	m.reply = func(runtime.GenerationOptions) string { return answer }
	return s, m
}

func chatBody(rest string) string {
	return `{"model":"fake","messages":[{"role":"user","content":"hi"}]` + rest + `}`
}

const callingAnswer = "<think>\nHm.\n</think>\nI look.\n<tool_call>\n{\"name\":\"weather\",\"arguments\":{\"z\":\"é\",\"a\":[1]}}\n</tool_call>\n<tool_call>{\"name\":\"now\"}</tool_call>"

func TestToolCalls(t *testing.T) {
	s, m := newCaller(t, callingAnswer)
	status, got := s.post(t, chatPath, chatBody(`,"tools":`+weatherTools))
	require.Equal(t, http.StatusOK, status, got)
	require.Contains(t, m.prompts[0], weatherTools, "as the client wrote them")
	require.Equal(t, []runtime.Token{1}, m.asked[0].Show)
	choice := at(t, got, "choices", 0)
	require.Equal(t, "tool_calls", at(t, choice, "finish_reason"))
	ids := map[any]bool{}
	for _, call := range at(t, choice, "message", "tool_calls").([]any) {
		id := call.(map[string]any)["id"]
		require.Regexp(t, "^[a-z2-7]{9}$", id)
		ids[id] = true
		delete(call.(map[string]any), "id")
	}
	require.Len(t, ids, 2)
	require.Equal(t, map[string]any{
		"role": "assistant", "content": "I look.", "reasoning_content": "Hm.", "refusal": nil,
		"tool_calls": []any{
			map[string]any{"type": "function", "function": map[string]any{"name": "weather", "arguments": `{"z":"é","a":[1]}`}},
			map[string]any{"type": "function", "function": map[string]any{"name": "now", "arguments": "{}"}},
		},
	}, at(t, choice, "message"))
}

func TestToolCallsInAStream(t *testing.T) {
	s, _ := newCaller(t, callingAnswer)
	var text, reasoning string
	var arguments [2]string
	var seen []string
	for _, event := range s.events(t, chatPath, chatBody(`,"stream":true,"tools":`+weatherTools)) {
		choice := at(t, event, "choices", 0)
		delta := at(t, choice, "delta").(map[string]any)
		if s, ok := delta["content"].(string); ok {
			text += s
		}
		if s, ok := delta["reasoning_content"].(string); ok {
			reasoning += s
		}
		if calls, ok := delta["tool_calls"].([]any); ok {
			require.Len(t, calls, 1)
			index := int(at(t, calls[0], "index").(float64))
			if name, first := at(t, calls[0], "function").(map[string]any)["name"]; first {
				require.Empty(t, arguments[index])
				require.Equal(t, "function", at(t, calls[0], "type"))
				require.Len(t, at(t, calls[0], "id"), 9)
				require.Empty(t, at(t, calls[0], "function", "arguments"))
				seen = append(seen, name.(string))
			} else {
				require.NotContains(t, calls[0], "id")
			}
			arguments[index] += at(t, calls[0], "function", "arguments").(string)
		}
		if why := at(t, choice, "finish_reason"); why != nil {
			seen = append(seen, why.(string))
		}
	}
	require.Equal(t, "I look.", text)
	require.Equal(t, "Hm.", reasoning)
	require.Equal(t, []string{"weather", "now", "tool_calls"}, seen)
	require.Equal(t, [2]string{`{"z":"é","a":[1]}`, "{}"}, arguments)
}

func TestOneToolCallAtMost(t *testing.T) {
	s, _ := newCaller(t, callingAnswer+" and more")
	for _, stream := range []string{"true", "false"} {
		w := s.do(t.Context(), "POST", chatPath, chatBody(`,"parallel_tool_calls":false,"stream":`+stream+`,"tools":`+weatherTools))
		require.Equal(t, http.StatusOK, w.Code)
		require.Equal(t, 1, strings.Count(w.Body.String(), `"type":"function"`))
		require.Contains(t, w.Body.String(), `"finish_reason":"tool_calls"`)
		require.NotContains(t, w.Body.String(), "more")
	}
}

// TestCallsNeedTools: without tools a call is text like any other, and only
// reasoning is parted from it.
func TestCallsNeedTools(t *testing.T) {
	_, visible, _ := strings.Cut(callingAnswer, "</think>\n")
	for _, rest := range []string{``, `,"tools":[]`, `,"tools":` + weatherTools + `,"tool_choice":"none"`} {
		s, m := newCaller(t, callingAnswer)
		_, got := s.post(t, chatPath, chatBody(rest))
		require.NotContains(t, m.prompts[0], "weather")
		require.Equal(t, map[string]any{"role": "assistant", "content": visible, "reasoning_content": "Hm.", "refusal": nil},
			at(t, got, "choices", 0, "message"))
		require.Equal(t, "stop", at(t, got, "choices", 0, "finish_reason"))
	}
}

// TestPlainAnswersStayAsTheyAre: models that write no marks, and answers whose
// form is given, are not read at all.
func TestPlainAnswersStayAsTheyAre(t *testing.T) {
	const answer = "  <think>no</think>\n <tool_call>{}\n\n"
	for _, test := range []struct {
		form serve.ReplyFormat
		rest string
	}{
		{serve.ReplyFormat{}, ``},
		{serve.ReplyFormat{Format: reply.Detect("<tool_call>"), TakesTools: true}, ``},
		{serve.ReplyFormat{Format: reply.Detect("<think>")}, `,"response_format":{"type":"json_object"}`},
	} {
		s, m := newCaller(t, answer)
		m.form = test.form
		_, got := s.post(t, chatPath, chatBody(test.rest))
		require.Equal(t, map[string]any{"role": "assistant", "content": answer, "refusal": nil}, at(t, got, "choices", 0, "message"))
		require.Nil(t, m.asked[0].Show)
		var text strings.Builder
		for _, event := range s.events(t, chatPath, chatBody(test.rest+`,"stream":true`)) {
			if piece, ok := at(t, event, "choices", 0, "delta").(map[string]any)["content"]; ok {
				text.WriteString(piece.(string))
			}
		}
		require.Equal(t, answer, text.String())
	}
}

func TestReasoningThatThePromptBegins(t *testing.T) {
	s, _ := newCaller(t, "Hm.\n</think>\n\nYes.")
	_, got := s.post(t, chatPath, `{"model":"fake","messages":[{"role":"user","content":"<think>"}]}`)
	require.Equal(t, "Hm.", at(t, got, "choices", 0, "message", "reasoning_content"))
	require.Equal(t, "Yes.", at(t, got, "choices", 0, "message", "content"))
}

func TestCutAnswersSayLength(t *testing.T) {
	s, _ := newCaller(t, callingAnswer)
	_, got := s.post(t, chatPath, chatBody(`,"max_tokens":60,"tools":`+weatherTools))
	require.Equal(t, "length", at(t, got, "choices", 0, "finish_reason"))
	require.Equal(t, "I look.\n"+callingAnswer[strings.Index(callingAnswer, "<tool_call>"):60], at(t, got, "choices", 0, "message", "content"),
		"half a call is text")
}

// TestLargeCallsFitIntoEvents: some clients read lines of 64 KiB at most.
func TestLargeCallsFitIntoEvents(t *testing.T) {
	large := strings.Repeat(`é"`, 12_000)
	arguments, err := json.Marshal(map[string]string{"z": large})
	require.NoError(t, err)
	s, m := newCaller(t, `<tool_call>{"name":"weather","arguments":`+string(arguments)+`}</tool_call>`)
	m.nCtx = 1 << 20
	var got strings.Builder
	for _, event := range s.events(t, chatPath, chatBody(`,"stream":true,"tools":`+weatherTools)) { // it checks lines
		if calls, ok := at(t, event, "choices", 0, "delta").(map[string]any)["tool_calls"]; ok {
			got.WriteString(at(t, calls, 0, "function", "arguments").(string))
		}
	}
	require.JSONEq(t, string(arguments), got.String())
}

// TestForcedCalls: the answer can be nothing but a call, of the named tool if
// one is named, and begins with it even where the prompt begins reasoning.
func TestForcedCalls(t *testing.T) {
	const weather, now = "<tool_call>\n{\"name\": \"weather\", \"arguments\": {}}\n</tool_call>", "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>"
	for choice, allowed := range map[string][]bool{
		`"required"`:                                    {true, true, true},
		`"required","parallel_tool_calls":false`:        {true, true, false},
		`{"type":"function","function":{"name":"now"}}`: {false, true, false},
	} {
		s, m := newCaller(t, now)
		m.form.Format = reply.Detect("<think> <tool_call> arguments")
		status, got := s.post(t, chatPath, `{"model":"fake","messages":[{"role":"user","content":"<think>"}],"tools":`+weatherTools+`,"tool_choice":`+choice+`}`)
		require.Equal(t, http.StatusOK, status, got)
		require.Contains(t, m.prompts[0], "weather")
		require.Equal(t, "now", at(t, got, "choices", 0, "message", "tool_calls", 0, "function", "name"))
		for i, text := range []string{weather, now, weather + "\n" + now} {
			ok, err := m.asked[0].Grammar.Matches(text)
			require.NoError(t, err)
			require.Equal(t, allowed[i], ok, "%s: %s", choice, text)
		}
		ok, err := m.asked[0].Grammar.Matches("no call")
		require.NoError(t, err)
		require.False(t, ok)
	}

	s, m := newCaller(t, "")
	m.form.Format = reply.Detect("<tool_call> arguments <arg_key>")
	status, got := s.post(t, chatPath, chatBody(`,"tool_choice":"required","tools":`+weatherTools))
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, "tool_choice", at(t, got, "error", "param"))

	m.form.Format = reply.Detect("<tool_call> arguments")
	status, got = s.post(t, chatPath, chatBody(`,"tool_choice":"required","tools":`+strings.Replace(weatherTools, `"z":{}`, `"z":{"contains":{}}`, 1)))
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, "tools", at(t, got, "error", "param"))
	require.Contains(t, at(t, got, "error", "message"), `tool "weather": #/properties/z`)
	require.Empty(t, m.asked)
}

func TestConversationsWithTools(t *testing.T) {
	s, m := newCaller(t, "ok")
	status, got := s.post(t, chatPath, `{"model":"fake","messages":[
		{"role":"user","content":"hi"},
		{"role":"assistant","content":null,"reasoning_content":"Hm.","tool_calls":[
			{"id":"x1","type":"function","index":0,"function":{"name":"weather","arguments":" {\"z\": 1, \"a\": 2}"}},
			{"id":"x2","type":"function","function":{"name":"now","arguments":""}}]},
		{"role":"tool","tool_call_id":"x1","content":"rain"},
		{"role":"tool","tool_call_id":"x2","content":[{"type":"text","text":"noon"}]}]}`)
	require.Equal(t, http.StatusOK, status, got)
	require.Equal(t, "user/: hi\nassistant/: Hm.\nx1=weather{\"z\": 1, \"a\": 2}\nx2=now{}\ntool/x1: rain\ntool/x2: noon\n", m.prompts[0])
}
