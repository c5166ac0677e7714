package openai

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/daemon/serve"
	"inferd/runtime"
)

const textPath = "/v1/completions"

func TestCompletion(t *testing.T) {
	s, m := newService(t)
	status, got := s.post(t, textPath, `{"model":"fake","prompt":"say <s>","max_tokens":100}`)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, []string{"say <s>"}, m.prompts, "a prompt's text forges no control token")
	require.Regexp(t, "^cmpl-", got["id"])
	require.Equal(t, "text_completion", got["object"])
	require.Equal(t, []any{map[string]any{"text": "ok", "index": 0.0, "logprobs": nil, "finish_reason": "stop"}}, got["choices"])
	require.Equal(t, 3.0, at(t, got, "usage", "completion_tokens"))
	require.Equal(t, 8.0, at(t, got, "usage", "prompt_tokens"))

	m.asked = nil
	s.post(t, textPath, `{"model":"fake","prompt":"","best_of":1,"suffix":""}`)
	require.Equal(t, 16, m.asked[0].MaxTokens, "OpenAI's default")
}

func TestCompletionPrompts(t *testing.T) {
	for prompt, want := range map[string][]string{
		`"ab"`:                  {"ab"},
		`["ab","c"]`:            {"ab", "c"},
		`[100,101]`:             {"ab"},
		`[[100,101],[102]]`:     {"ab", "c"},
		`["ab",[102],"\u00e9"]`: {"ab", "c", "é"},
	} {
		s, m := newService(t)
		status, got := s.post(t, textPath, `{"model":"fake","n":2,"prompt":`+prompt+`}`)
		require.Equal(t, http.StatusOK, status, "%s: %v", prompt, got)
		var twice []string
		for _, p := range want {
			twice = append(twice, p, p)
		}
		require.Equal(t, twice, m.prompts, prompt)
		require.Len(t, got["choices"], len(twice))
		require.Equal(t, float64(len(want)), at(t, got, "usage", "prompt_tokens_details", "cached_tokens"))
	}
}

func TestCompletionEchoAndScores(t *testing.T) {
	s, m := newService(t)
	score := func(b byte) float64 { return -float64(b+3) / 100 }
	// What evaluation programs ask: the prompt's own log probabilities.
	_, got := s.post(t, textPath, `{"model":"fake","prompt":[1,100,101],"echo":true,"logprobs":1,"max_tokens":0}`)
	require.Equal(t, []any{map[string]any{
		"text": "ab", "index": 0.0, "finish_reason": "length",
		"logprobs": map[string]any{
			"tokens":         []any{"<s>", "a", "b"},
			"token_logprobs": []any{nil, score('a'), score('b')},
			"top_logprobs":   []any{nil, map[string]any{"A": 0.0, "a": score('a')}, map[string]any{"A": 0.0, "b": score('b')}},
			"text_offset":    []any{0.0, 0.0, 1.0},
		},
	}}, got["choices"])
	require.Equal(t, 0.0, at(t, got, "usage", "completion_tokens"))
	require.Empty(t, m.asked, "nothing is generated")

	m.reply = func(runtime.GenerationOptions) string { return "é" }
	_, got = s.post(t, textPath, `{"model":"fake","prompt":"x","echo":true,"logprobs":0}`)
	require.Equal(t, "xé", at(t, got, "choices", 0, "text"))
	require.Equal(t, []any{"<s>", "x", `bytes:\xc3`, `bytes:\xa9`}, at(t, got, "choices", 0, "logprobs", "tokens"))
	require.Equal(t, []any{nil, nil, nil, nil}, at(t, got, "choices", 0, "logprobs", "top_logprobs"))

	_, got = s.post(t, textPath, `{"model":"fake","prompt":"x","echo":true}`)
	require.Equal(t, "xé", at(t, got, "choices", 0, "text"))
	require.Nil(t, at(t, got, "choices", 0, "logprobs"))

	m.busy = serve.ErrBusy
	status, _ := s.post(t, textPath, `{"model":"fake","prompt":"x","echo":true,"logprobs":0}`)
	require.Equal(t, http.StatusTooManyRequests, status)
}

func TestCompletionStream(t *testing.T) {
	s, m := newService(t)
	m.reply = func(runtime.GenerationOptions) string { return "hé" }
	prompt := strings.Repeat("é", 90) // 181 tokens
	events := s.events(t, textPath, fmt.Sprintf(`{"model":"fake","prompt":%q,"stream":true,"echo":true,"logprobs":2,
		"stream_options":{"include_usage":true}}`, prompt))
	var text string
	var nTokens int
	var finish any
	for _, e := range events[:len(events)-1] {
		require.Contains(t, e, "usage")
		text += at(t, e, "choices", 0, "text").(string)
		if l, ok := at(t, e, "choices", 0, "logprobs").(map[string]any); ok {
			for i, offset := range l["text_offset"].([]any) {
				require.LessOrEqual(t, offset.(float64), float64(nTokens+i))
			}
			nTokens += len(l["tokens"].([]any))
		}
		finish = at(t, e, "choices", 0, "finish_reason")
	}
	require.Equal(t, prompt+"hé", text)
	require.Equal(t, 181+3, nTokens)
	require.Equal(t, "stop", finish)
	require.Equal(t, 181.0, at(t, events[len(events)-1], "usage", "prompt_tokens"))

	events = s.events(t, textPath, `{"model":"fake","prompt":["a","b"],"stream":true,"echo":true,"max_tokens":0}`)
	require.Len(t, events, 4)
	require.Equal(t, "b", at(t, events[2], "choices", 0, "text"))
	require.Equal(t, 1.0, at(t, events[2], "choices", 0, "index"))
	require.Equal(t, "length", at(t, events[3], "choices", 0, "finish_reason"))
}

// TestLongEchoStaysWithinALine asks for the text of a prompt that no single
// event may hold.
func TestLongEchoStaysWithinALine(t *testing.T) {
	s, m := newService(t)
	m.nCtx = 100_000
	prompt := strings.Repeat("\x01\x02é", 20_000) // the worst kind: six bytes of JSON for one
	body := fmt.Sprintf(`{"model":"fake","prompt":%s,"stream":true,"echo":true,"max_tokens":1}`, jsonString(prompt))
	var text strings.Builder
	for _, e := range s.events(t, textPath, body) { // events checks each line's length
		text.WriteString(at(t, e, "choices", 0, "text").(string))
	}
	require.Equal(t, prompt+"o", text.String())
}

func jsonString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		if r < ' ' {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}
