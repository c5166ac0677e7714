package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/testdata"
	"inferd/tokenizer"
)

// run makes an answer and returns its text and the tokens generated.
func runGeneration(t *testing.T, e *Engine, prompt []Token, o GenerationOptions) (string, []Token, FinishReason) {
	t.Helper()
	s := newSession(t, e, "")
	defer s.Close()
	g, err := NewGeneration(s, prompt, o)
	require.NoError(t, err)
	defer g.Close()
	var text strings.Builder
	var tokens []Token
	require.NoError(t, g.Run(context.Background(), func(d Delta) error {
		text.Write(d.Text)
		tokens = append(tokens, d.Token)
		return nil
	}))
	require.Equal(t, len(tokens), g.NGenerated())
	return text.String(), tokens, g.Finished()
}

// TestStories compares greedy texts with those of another engine, letter by
// letter.
func TestStories(t *testing.T) {
	b, err := os.ReadFile(testdata.Shared(t, "models", "golden.json"))
	require.NoError(t, err)
	var cases []struct {
		Model          string
		Prompt         string
		PromptTokens   []Token `json:"prompt_tokens"`
		TotalPositions int     `json:"total_positions"`
		FullText       string  `json:"full_text"`
	}
	require.NoError(t, json.Unmarshal(b, &cases))
	n := 0
	engines := map[string]*Engine{}
	for _, c := range cases {
		path := filepath.Join(testdata.Shared(t, "models"), c.Model)
		if info, err := Inspect(path, Options{}); err != nil || info.Problem != "" || c.FullText == "" {
			t.Logf("%s is left out: %v %s", c.Model, err, info.Problem)
			continue
		}
		n++
		e := engines[path]
		if e == nil {
			e = load(t, path, Options{})
			engines[path] = e
		}
		prompt := e.Tokenizer().Encode(c.Prompt, tokenizer.EncodeOptions{AddSpecial: true})
		require.Equal(t, c.PromptTokens, prompt)
		text, _, _ := runGeneration(t, e, prompt, GenerationOptions{Sampling: Greedy(), MaxTokens: c.TotalPositions - len(prompt) + 1})
		if c.Prompt == "" {
			text = strings.TrimPrefix(text, " ") // a text's first space is its tokens' own
		}
		require.Equal(t, c.FullText, c.Prompt+text, "%s, prompt %q", c.Model, c.Prompt)
	}
	require.Equal(t, 9, n)
}

func TestGenerationEnds(t *testing.T) {
	e := load(t, committedModel("llama-yarn"), Options{NCtx: 64})
	prompt := []Token{1, 40, 50}
	free, tokens, why := runGeneration(t, e, prompt, GenerationOptions{Sampling: Greedy(), IgnoreEOG: true})
	require.Equal(t, FinishContext, why)
	require.Len(t, tokens, 64-len(prompt), "prompt and answer fill the context")

	_, short, why := runGeneration(t, e, prompt, GenerationOptions{Sampling: Greedy(), IgnoreEOG: true, MaxTokens: 5})
	require.Equal(t, FinishLength, why)
	require.Equal(t, tokens[:5], short)

	stop := free[5:8]
	text, _, why := runGeneration(t, e, prompt, GenerationOptions{Sampling: Greedy(), IgnoreEOG: true, Stop: []string{stop}})
	require.Equal(t, FinishStop, why)
	require.Equal(t, free[:strings.Index(free, stop)], text)

	for _, end := range []Token{e.tok.EOS(), e.tok.BOS()} {
		bias := Greedy()
		bias.LogitBias = []TokenBias{{end, 1000}}
		text, got, why := runGeneration(t, e, prompt, GenerationOptions{Sampling: bias})
		require.Equal(t, FinishEOG, why)
		require.Equal(t, []Token{end}, got)
		require.Empty(t, text)
	}
}

// A generation's tokens do not depend on how its steps are cut, and its log
// probabilities are those of the logits.
func TestGenerationInSteps(t *testing.T) {
	e := load(t, committedModel("llama-yarn"), Options{KVBytes: 8 << 20})
	prompt := randomTokens(e, 150, 3)
	o := GenerationOptions{Sampling: DefaultSampling(), IgnoreEOG: true, MaxTokens: 12, LogProbs: true, TopLogProbs: 2}
	o.Sampling.Seed = 11
	_, want, _ := runGeneration(t, e, prompt, o)

	for range 2 { // the second time with pages of the first
		s := newSession(t, e, "u")
		g, err := NewGeneration(s, prompt, o)
		require.NoError(t, err)
		require.Equal(t, len(prompt), g.NPrompt())
		var got []Token
		var b Batch
		for g.Finished() == NotFinished {
			b.Reset()
			tokens, mode := g.Next(17)
			require.LessOrEqual(t, len(tokens), 17)
			b.Add(s, tokens, mode)
			require.NoError(t, e.Step(&b))
			probs := NewLogProbs(e.nVocab, 2)
			if logits := b.Entries[0].Logits; len(logits) > 0 {
				probs.Set(logits)
			}
			d, err := g.Accept(b.Entries[0].Logits)
			require.NoError(t, err)
			if d.Token == tokenizer.NoToken {
				continue
			}
			got = append(got, d.Token)
			require.Equal(t, probs.Of(d.Token), d.LogProb)
			require.Equal(t, probs.Top(), d.Top)
		}
		b.Reset()
		require.Equal(t, want, got)
		g.Close()
		s.Close()
	}
	require.Positive(t, e.KV().NCached)
}

func TestGenerationRefuses(t *testing.T) {
	e := load(t, committedModel("llama-yarn"), Options{NCtx: 64})
	s := newSession(t, e, "")
	_, err := NewGeneration(s, nil, GenerationOptions{Sampling: Greedy()})
	require.ErrorIs(t, err, errPrompt)

	var full *ContextError
	_, err = NewGeneration(s, make([]Token, 64), GenerationOptions{Sampling: Greedy()})
	require.ErrorAs(t, err, &full)
	require.Equal(t, ContextError{NTokens: 65, NCtx: 64}, *full)

	for want, o := range map[string]GenerationOptions{
		"max_tokens":   {Sampling: Greedy(), MaxTokens: -1},
		"top_logprobs": {Sampling: Greedy(), TopLogProbs: 101},
		"stop":         {Sampling: Greedy(), Stop: []string{strings.Repeat("x", 5000)}},
		"top_p":        {Sampling: SamplingParams{TopP: 2, RepeatPenalty: 1}},
	} {
		var p *ParamError
		_, err = NewGeneration(s, []Token{1}, o)
		require.ErrorAs(t, err, &p, want)
		require.Equal(t, want, p.Param)
	}
}

func TestGenerationIsCancelled(t *testing.T) {
	e := load(t, committedModel("llama-yarn"), Options{})
	g, err := NewGeneration(newSession(t, e, ""), []Token{1}, GenerationOptions{Sampling: Greedy(), IgnoreEOG: true})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	require.ErrorIs(t, g.Run(ctx, func(Delta) error { cancel(); return nil }), context.Canceled)
	require.Equal(t, 1, g.NGenerated())

	mine := errors.New("reader has gone")
	require.ErrorIs(t, g.Run(context.Background(), func(Delta) error { return mine }), mine)
}

// Control tokens add no text but where they are to be shown.
func TestGenerationShowsControlTokens(t *testing.T) {
	e := load(t, committedModel("llama-yarn"), Options{})
	unknown := Token(0)
	require.Empty(t, e.tok.Piece(unknown, false))
	o := GenerationOptions{Sampling: Greedy(), MaxTokens: 2}
	o.Sampling.LogitBias = []TokenBias{{unknown, 1000}}
	text, _, _ := runGeneration(t, e, []Token{1}, o)
	require.Empty(t, text)
	o.Show = []Token{unknown}
	text, _, _ = runGeneration(t, e, []Token{1}, o)
	require.Equal(t, strings.Repeat(string(e.tok.Piece(unknown, true)), 2), text)
}

// What a closed generation knew is gone from its memory.
func TestGenerationForgets(t *testing.T) {
	e := load(t, committedModel("llama-yarn"), Options{})
	s := newSession(t, e, "")
	o := GenerationOptions{Sampling: DefaultSampling(), Stop: []string{"never seen"}, MaxTokens: 3}
	o.Sampling.RepeatPenalty = 1.1
	g, err := NewGeneration(s, []Token{1, 77, 78, 79}, o)
	require.NoError(t, err)
	prompt, history := g.prompt[:4], g.writer.sampler.history
	require.NoError(t, g.Run(context.Background(), func(Delta) error { return nil }))
	text := g.writer.text[:cap(g.writer.text)]
	pages := append([]pageID(nil), s.pages...)
	g.Close()
	s.Close()
	require.Equal(t, make([]Token, 4), prompt)
	require.Equal(t, make([]byte, len(text)), text)
	require.Equal(t, make([]tokenCount, e.nVocab), history.counts)
	require.Equal(t, make([]Token, pageTokens), e.kv.tokens(pages[0]))
	require.Equal(t, make([]Token, e.MaxBatch()), e.step.tokens[:e.MaxBatch()])
}
