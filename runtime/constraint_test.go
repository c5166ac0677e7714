package runtime

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"inferd/runtime/grammar"
	"inferd/tokenizer"
)

const personSchema = `{"type":"object","properties":{
	"name":{"type":"string","maxLength":8},
	"age":{"type":"integer","minimum":0,"maximum":150},
	"tags":{"type":"array","items":{"enum":["a","é","long one"]},"maxItems":3},
	"kind":{"anyOf":[{"type":"null"},{"type":"boolean"}]}
	},"required":["name","age","tags","kind"],"additionalProperties":false}`

func compileSchema(t testing.TB, source string) (*grammar.Grammar, *jsonschema.Schema) {
	g, err := grammar.CompileSchema([]byte(source))
	require.NoError(t, err)
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(source))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("mem:///s.json", doc))
	s, err := c.Compile("mem:///s.json")
	require.NoError(t, err)
	return g, s
}

// TestGrammarHoldsUntrainedModels: models that know nothing write valid JSON,
// with any sampling, and end by themselves.
func TestGrammarHoldsUntrainedModels(t *testing.T) {
	for _, name := range []string{"llama-yarn", "llama-tied"} {
		e := load(t, committedModel(name), Options{NCtx: 512})
		g, judge := compileSchema(t, personSchema)
		for seed := range 12 {
			o := GenerationOptions{Sampling: DefaultSampling(), Grammar: g}
			o.Sampling.Seed = uint64(seed)
			switch seed % 4 {
			case 1:
				o.Sampling.TopP = 0.9
			case 2:
				o.Sampling.TopK, o.Sampling.RepeatPenalty = 5, 1.3
			case 3:
				o.Sampling = Greedy()
				o.Sampling.PresencePenalty = 2 // or it may repeat itself for ever
				o.Sampling.LogitBias = []TokenBias{{Token(10 + seed), 3}}
			}
			text, _, why := runGeneration(t, e, []Token{1, 40, 50}, o)
			require.Equal(t, FinishEOG, why, "%s seed %d: %q", name, seed, text)
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
			require.NoError(t, err, text)
			require.NoError(t, judge.Validate(v), text)
		}
	}
}

// Where the grammar lets the text end or go on, the model decides with its
// tokens that end a text.
func TestGrammarLeavesTheEndToTheModel(t *testing.T) {
	e := load(t, committedModel("llama-yarn"), Options{NCtx: 64})
	g, err := grammar.CompileGBNF(`root ::= "a"+`)
	require.NoError(t, err)
	o := GenerationOptions{Sampling: Greedy(), Grammar: g, MaxTokens: 9}
	o.Sampling.LogitBias = []TokenBias{{e.tok.EOS(), 1000}}
	text, tokens, why := runGeneration(t, e, []Token{1}, o)
	require.Equal(t, FinishEOG, why)
	require.Equal(t, e.tok.EOS(), tokens[len(tokens)-1])
	require.NotEmpty(t, text, "it may not end before the first letter")
	require.Empty(t, strings.Trim(text, "a"))

	o.Sampling.LogitBias[0].Bias = float32(math.Inf(-1))
	o.Sampling.LogitBias = append(o.Sampling.LogitBias, TokenBias{e.tok.BOS(), float32(math.Inf(-1))})
	text, tokens, why = runGeneration(t, e, []Token{1}, o)
	require.Equal(t, FinishLength, why)
	require.Len(t, tokens, 9)
	require.Empty(t, strings.Trim(text, "a"))
}

// Where nothing can follow, the answer ends without a token for it.
func TestGrammarEndsTheAnswer(t *testing.T) {
	e := load(t, committedModel("llama-yarn"), Options{NCtx: 64})
	g, err := grammar.CompileRegex(`(yes|no)!`)
	require.NoError(t, err)
	text, tokens, why := runGeneration(t, e, []Token{1}, GenerationOptions{Sampling: DefaultSampling(), Grammar: g})
	require.Equal(t, FinishEOG, why)
	require.Contains(t, []string{"yes!", "no!"}, text)
	require.False(t, endsText(e.tok, tokens[len(tokens)-1]))
}

func TestGrammarFailsClosed(t *testing.T) {
	e := load(t, committedModel("llama-yarn"), Options{NCtx: 64})
	g, err := grammar.CompileGBNF(`root ::= "a" "b"`)
	require.NoError(t, err)
	o := GenerationOptions{Sampling: Greedy(), Grammar: g}
	for i := range e.nVocab {
		if p := e.tok.Piece(Token(i), false); len(p) > 0 && p[0] == 'a' {
			o.Sampling.LogitBias = append(o.Sampling.LogitBias, TokenBias{Token(i), float32(math.Inf(-1))})
		}
	}
	s := newSession(t, e, "")
	gen, err := NewGeneration(s, []Token{1}, o)
	require.NoError(t, err)
	require.ErrorIs(t, gen.Run(t.Context(), func(Delta) error { return nil }), errNoCandidate)

	var p *ParamError
	o.IgnoreEOG = true
	_, err = NewGeneration(s, []Token{1}, o)
	require.ErrorAs(t, err, &p)
	require.Equal(t, "ignore_eos", p.Param)
}

// A mask is applied as it is, whatever the size of the vocabulary, and the
// model's log probabilities stay its own.
func TestGrammarMasks(t *testing.T) {
	e := load(t, committedModel("llama-yarn"), Options{NCtx: 64})
	g, err := grammar.CompileRegex(`[0-9]{1,3}`)
	require.NoError(t, err)
	w, err := e.NewWriter([]Token{1}, GenerationOptions{Sampling: Greedy(), Grammar: g, LogProbs: true})
	require.NoError(t, err)
	logits := make([]float32, e.nVocab)
	for i := range logits {
		logits[i] = float32(i % 7)
	}
	before := NewLogProbs(e.nVocab, 0)
	before.Set(logits)
	d, err := w.Next(logits)
	require.NoError(t, err)
	require.Equal(t, before.Of(d.Token), d.LogProb)
	for i, l := range logits {
		ok, err := g.Matches(string(e.tok.Piece(Token(i), false)))
		require.NoError(t, err)
		require.Equal(t, ok, !math.IsInf(float64(l), -1), "token %d %q", i, e.tok.Piece(Token(i), false))
	}
	require.True(t, json.Valid(d.Text))
}

func TestNextAllocatesNothing(t *testing.T) {
	e := load(t, committedModel("llama-yarn"), Options{})
	g, err := grammar.CompileGBNF(`root ::= [a-z ]*`)
	require.NoError(t, err)
	for name, o := range map[string]GenerationOptions{
		"free":    {Sampling: Greedy()},
		"grammar": {Sampling: Greedy(), Grammar: g},
	} {
		w, err := e.NewWriter([]Token{1}, o)
		require.NoError(t, err)
		logits := make([]float32, e.nVocab)
		token := e.tok.Encode("a", tokenizer.EncodeOptions{})[0]
		next := func() {
			clear(logits)
			logits[token] = 1
			_, _ = w.Next(logits)
		}
		for range 10 {
			next()
		}
		require.Zero(t, testing.AllocsPerRun(50, next), name)
		require.Equal(t, NotFinished, w.Finished(), name)
	}
}
