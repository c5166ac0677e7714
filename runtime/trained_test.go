package runtime

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/kernels"
	"inferd/testdata"
	"inferd/tokenizer"
)

// appendGreedy appends to tokens the n that are most likely to follow, or fewer
// where stop ends the text.
func appendGreedy(t *testing.T, s *Session, tokens []Token, n int, stop func(Token) bool) []Token {
	t.Helper()
	var b Batch
	next := tokens
	for range n {
		b.Reset()
		b.Add(s, next, WantLast)
		require.NoError(t, s.engine.Step(&b))
		token := Token(kernels.Argmax(b.Entries[0].Logits))
		if stop != nil && stop(token) {
			break
		}
		tokens = append(tokens, token)
		next = tokens[len(tokens)-1:]
	}
	return tokens
}

// A GPT-2 that was trained to sort six letters sorts all of them.
func TestSortingModel(t *testing.T) {
	e := load(t, testdata.Shared(t, "models", "gpt2-nano-sort-f32.gguf"), Options{})
	require.Equal(t, 3, e.NVocab())
	const n = 6
	for i := range 729 {
		letters := make([]Token, n)
		for k, rest := 0, i; k < n; k, rest = k+1, rest/3 {
			letters[k] = Token(rest % 3)
		}
		s := newSession(t, e, "")
		got := appendGreedy(t, s, slices.Clone(letters), n, nil)[n:]
		s.Close()
		want := slices.Sorted(slices.Values(letters))
		require.Equal(t, want, got, "sorting %v", letters)
	}
}

// Trained models continue prompts with the very text of another program.
func TestTrainedTexts(t *testing.T) {
	var cases []struct {
		Model          string  `json:"model"`
		Prompt         string  `json:"prompt"`
		PromptTokens   []Token `json:"prompt_tokens"`
		TotalPositions int     `json:"total_positions"`
		FullText       string  `json:"full_text"`
	}
	b, err := os.ReadFile(testdata.Shared(t, "models", "golden.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &cases))
	for _, c := range cases {
		if c.Model != "stories260K-f32.gguf" && c.Model != "babyllama-tok105-f32.gguf" {
			continue // not every model of the list is handed on
		}
		t.Run(c.Model+"/"+c.Prompt, func(t *testing.T) {
			e := load(t, testdata.Shared(t, "models", c.Model), Options{})
			tok := e.Tokenizer()
			require.Equal(t, c.PromptTokens, tok.Encode(c.Prompt, tokenizer.EncodeOptions{AddSpecial: true}))
			s := newSession(t, e, "")
			isEnd := func(token Token) bool { return token == tok.BOS() } // where the other program ends
			tokens := appendGreedy(t, s, c.PromptTokens, c.TotalPositions+1-len(c.PromptTokens), isEnd)
			text := string(tok.Decode(tokens, tokenizer.DecodeOptions{RemoveSpecial: true}))
			require.Equal(t, c.FullText, strings.TrimPrefix(text, " "))
		})
	}
}
