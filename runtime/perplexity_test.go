package runtime

import (
	"context"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/testdata"
	"inferd/tokenizer"
)

// The first chunks of a text. All 100 give 6.0304, which is llama.cpp's figure
// too, but take minutes without vector units; the figure here is that of the
// same run after two.
func TestPerplexity(t *testing.T) {
	text, err := os.ReadFile(testdata.Shared(t, "text", "tinystories_1000.txt"))
	require.NoError(t, err)
	e := load(t, testdata.Shared(t, "models", "stories260K-f32.gguf"), Options{})
	tokens := e.Tokenizer().Encode(string(text[:10_000]), tokenizer.EncodeOptions{AddSpecial: true})
	p, err := e.Perplexity(context.Background(), tokens, PerplexityOptions{NCtx: 512, NChunks: 2})
	require.NoError(t, err)
	require.Equal(t, 2, p.NChunks)
	require.Equal(t, 2*255, p.NTokens)
	require.InDelta(t, 4.80549, p.PPL, 1e-4)
}

// On a small scale, against the definition.
func TestPerplexityDefinition(t *testing.T) {
	e := load(t, committedModel("llama-yarn"), Options{MaxBatch: 7})
	tokens := randomTokens(e, 50, 9)
	p, err := e.Perplexity(context.Background(), tokens, PerplexityOptions{NCtx: 20})
	require.NoError(t, err)
	require.Equal(t, 2, p.NChunks)
	require.Equal(t, 2*9, p.NTokens)

	nll := 0.0
	for _, chunk := range [][]Token{tokens[:20], tokens[20:40]} {
		chunk = append([]Token{e.tok.BOS()}, chunk[1:]...)
		logits := allLogits(t, newSession(t, e, ""), chunk, 7)
		for i := 10; i < 19; i++ {
			sum := 0.0
			row := logits[i*e.nVocab:][:e.nVocab]
			for _, l := range row {
				sum += math.Exp(float64(l))
			}
			nll += math.Log(sum) - float64(row[chunk[i+1]])
		}
	}
	require.InDelta(t, math.Exp(nll/18), p.PPL, 1e-3)

	_, err = e.Perplexity(context.Background(), tokens, PerplexityOptions{NCtx: 3})
	require.ErrorContains(t, err, "ctx is 3, must be 4 to 512")
	_, err = e.Perplexity(context.Background(), tokens, PerplexityOptions{NCtx: 60})
	require.ErrorContains(t, err, "the text has 50 tokens, a chunk needs 60")
}
