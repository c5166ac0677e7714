package openai

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	tokenizePath   = "/v1/tokenize"
	detokenizePath = "/v1/detokenize"
	templatePath   = "/v1/apply-template"
	countPath      = "/v1/chat/completions/input_tokens"
)

func TestTokenize(t *testing.T) {
	s, _ := newService(t)
	const a = 3.0 + 'a'
	for body, want := range map[string][]any{
		`"content":"ab"`: {1.0, a, a + 1},
		`"prompt":"ab","add_special_tokens":false`:       {a, a + 1},
		`"content":"a","add_special":false`:              {a},
		`"content":"</s>","parse_special":true`:          {1.0, 2.0},
		`"content":"","add_special":false`:               {},
		`"messages":[{"role":"user","content":"refus"}]`: nil,
	} {
		status, got := s.post(t, tokenizePath, `{"model":"fake",`+body+`}`)
		require.Equal(t, http.StatusOK, status, got)
		require.Equal(t, 200.0, got["max_model_len"])
		if want != nil {
			require.Equal(t, want, got["tokens"], body)
		}
		require.Len(t, got["tokens"], int(got["count"].(float64)))
	}
	_, got := s.post(t, tokenizePath, `{"model":"fake","content":"aé","return_token_strs":true}`)
	require.Equal(t, []any{"<s>", "a", `bytes:\xc3`, `bytes:\xa9`}, got["token_strs"])

	_, got = s.post(t, detokenizePath, `{"model":"fake","tokens":[1,100,101,200]}`)
	require.Equal(t, "ab\uFFFD", got["content"])
	require.Equal(t, "ab\uFFFD", got["prompt"])
	_, got = s.post(t, detokenizePath, `{"model":"fake","tokens":[1,100],"show_special":true}`)
	require.Equal(t, "<s>a", got["content"])
	_, got = s.post(t, detokenizePath, `{"model":"fake","tokens":[]}`)
	require.Equal(t, "", got["content"])
}

// TestPromptsCanBeLookedAt: template and count are those of the request for an
// answer, and no model is asked.
func TestPromptsCanBeLookedAt(t *testing.T) {
	s, m := newService(t)
	const body = `{"model":"fake","messages":[{"role":"user","content":"hi"}],"temperature":0.5}`
	_, got := s.post(t, templatePath, body)
	require.Equal(t, "<s>user/: hi\n", got["prompt"])
	_, got = s.post(t, countPath, body)
	require.Equal(t, 11.0, got["input_tokens"])
	require.Empty(t, m.asked)
	_, got = s.post(t, chatPath, body)
	require.Equal(t, 11.0, at(t, got, "usage", "prompt_tokens"))

	status, got := s.post(t, countPath, `{"model":"fake","messages":[{"role":"user","content":"hi"}],"temperature":5}`)
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, "temperature", at(t, got, "error", "param"))
}
