package runtime

import (
	"maps"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/kernels"
	"inferd/testdata"
)

// tinyEmbedders lists the models of golden/arch that make vectors of texts, and
// which of them have GELU as a table in the reference.
var tinyEmbedders = map[string]struct{ isGELU bool }{
	"bert-cls":        {true},
	"bert-mean":       {true},
	"bert-rerank":     {true},
	"gemma-embedding": {true},
	"jina-bert-v2":    {true},
	"modern-bert":     {},
	"nomic-bert":      {},
	"qwen3-embed":     {},
}

// TestGoldenEmbed compares pooled vectors with the reference, and expects the
// same bits on any number of threads, and, of models that read on from where
// they are, in steps of any size.
func TestGoldenEmbed(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(tinyEmbedders)) {
		t.Run(name, func(t *testing.T) {
			dir := testdata.Shared(t, "golden", "arch", name)
			checkGoldenEmbed(t, filepath.Join(dir, "model.gguf"), dir, tinyEmbedders[name].isGELU)
		})
	}
	checkGoldenEmbed(t, committedModel("bert-rerank"), testdata.Path("logits", "bert-rerank"), true)
}

func checkGoldenEmbed(t *testing.T, model, dir string, isGELU bool) {
	for _, c := range readGolden(t, dir).Cases {
		var first []float32
		for _, o := range []Options{{Threads: 1}, {Threads: 2, MaxBatch: 7}, {Threads: 5, MaxBatch: 1}} {
			e := load(t, model, o)
			got, err := e.Embed(c.Tokens)
			require.NoError(t, err)
			worst, _ := diff(t, got, readFloats(t, filepath.Join(dir, c.File)))
			require.LessOrEqual(t, worst, c.tolerance(isGELU))
			if first == nil {
				t.Logf("%s: worst value differs by %.2g of %.2g", c.Name, worst, c.tolerance(isGELU))
				first = got
			}
			requireSameBits(t, first, got, "other threads and steps")
			require.Equal(t, e.KV().NPages, e.KV().NFree, "a text leaves nothing behind")
		}
	}
}

func TestEmbedRefuses(t *testing.T) {
	e := load(t, committedModel("bert-rerank"), Options{})
	_, err := e.NewSession(SessionOptions{})
	require.ErrorIs(t, err, ErrNoText)
	_, err = e.Embed(nil)
	require.ErrorIs(t, err, errNoTokens)
	_, err = e.Embed([]Token{Token(e.NVocab())})
	require.ErrorContains(t, err, "of a vocabulary of")
	_, err = e.Embed(make([]Token, e.NCtx()+1))
	require.ErrorIs(t, err, ErrContextFull)
	require.Equal(t, "rank", e.Info().Pooling)
}

// The mean of a text's vectors is the mean of what each beginning of it ends in,
// and the logits are products of these: so it is also where a model's forward
// is its own.
func TestEmbedWithDecoder(t *testing.T) {
	for _, name := range []string{"llama-tied", "gemma4", "qwen35"} {
		e := load(t, committedModel(name), Options{KVBytes: 16 << 20})
		tokens := randomTokens(e, 9, 1)
		got, err := e.Embed(tokens)
		require.NoError(t, err)
		require.Len(t, got, e.Info().Dim)
		want := make([]float64, len(got))
		for i := range tokens {
			p := pooler{pooling: PoolingLast}
			s := newSession(t, e, "")
			require.NoError(t, e.embedChunk(s, tokens[:i+1], &p))
			for j, v := range p.vector() {
				want[j] += float64(v) / float64(len(tokens))
			}
			logits := allLogits(t, newSession(t, e, ""), tokens[:i+1], 9)[i*e.nVocab:]
			requireProducts(t, e, p.vector(), logits)
		}
		for j := range want {
			require.InDelta(t, want[j], got[j], 1e-5)
		}
	}
}

// requireProducts expects logits to be what a head makes of a vector.
func requireProducts(t *testing.T, e *Engine, vector, logits []float32) {
	t.Helper()
	var h *head
	switch m := e.model.(type) {
	case *decoder:
		h = &m.head
	case *gemma4:
		h = &m.head
	}
	row := make([]float32, len(vector))
	for id, got := range logits {
		h.output.w.Row(row, id)
		sum := 0.0
		for j, v := range row {
			sum += float64(v) * float64(vector[j])
		}
		if h.softcap != 0 {
			sum = float64(h.softcap) * math.Tanh(sum/float64(h.softcap))
		}
		require.InDelta(t, sum, got, 1e-3)
	}
}

// A cross-encoder without its classifier is an encoder like others.
func TestEmbedWithoutPooling(t *testing.T) {
	for _, pooling := range []any{nil, uint32(0), uint32(1)} {
		e := load(t, rewrite(t, "bert-rerank", change{keys: map[string]any{"bert.pooling_type": pooling}}), Options{})
		require.Equal(t, "mean", e.Info().Pooling)
		v, err := e.Embed([]Token{1, 2, 3})
		require.NoError(t, err)
		require.Len(t, v, e.Info().Dim)
	}
}

func TestNormalize(t *testing.T) {
	x := []float32{3, -4}
	Normalize(x)
	require.InDelta(t, 1, math.Sqrt(float64(kernels.SumSquares(x))), 1e-6)
	require.InDelta(t, -0.8, x[1], 1e-6)
	zero := []float32{0, 0}
	Normalize(zero)
	require.Equal(t, []float32{0, 0}, zero)
}
