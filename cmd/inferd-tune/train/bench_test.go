package train

import (
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/cmd/inferd-tune/bpe"
	"inferd/cmd/inferd-tune/graph"
	"inferd/cmd/inferd-tune/sgemm"
	"inferd/tokenizer"
)

// BenchmarkStep is a step of the demo model's training.
func BenchmarkStep(b *testing.B) {
	sgemm.Use()
	o, pieces, c := small(b, 1)
	o.Model = graph.Config{NVocab: 1024, Dim: 128, NLayers: 4, NHeads: 4, NKVHeads: 4, FFNDim: 352, Tied: true, RopeBase: 10000, Eps: 1e-5}
	o.NRows, o.NTok = 12, 160
	words, err := tokenizer.New(bpe.Vocab(pieces))
	require.NoError(b, err)
	start, err := begin(o, pieces, Environment{Checkpoint: "none"})
	require.NoError(b, err)
	t, err := newTrainer(start, encodeAll(words, c.Train), encodeAll(words, c.HeldOut))
	require.NoError(b, err)
	defer t.close()
	for b.Loop() {
		_, err := t.step()
		require.NoError(b, err)
	}
	b.ReportMetric(float64(o.NRows*o.NTok*b.N)/b.Elapsed().Seconds(), "tokens/s")
}
