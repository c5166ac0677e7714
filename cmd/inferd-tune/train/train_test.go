package train

import (
	"context"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/cmd/inferd-tune/bpe"
	"inferd/cmd/inferd-tune/corpus"
	"inferd/cmd/inferd-tune/graph"
)

// small is a run of seconds: a model of 20k parameters on sums alone.
func small(t testing.TB, steps int) (Options, []bpe.Piece, *corpus.Corpus) {
	t.Helper()
	c, err := corpus.Generate(corpus.Options{Seed: 1, Train: 3000, HeldOut: 300})
	require.NoError(t, err)
	other := func(e corpus.Example) bool { return e.Family != "sums" }
	c.Train = slices.DeleteFunc(c.Train, other)
	c.HeldOut = slices.DeleteFunc(c.HeldOut, other)
	var texts []string
	for _, e := range c.Train {
		texts = append(texts, e.User, e.Assistant)
	}
	pieces, err := bpe.Train(texts, 400)
	require.NoError(t, err)
	return Options{
		Model: graph.Config{NVocab: len(pieces), Dim: 32, NLayers: 1, NHeads: 2, NKVHeads: 2, FFNDim: 64, Tied: true, RopeBase: 10000, Eps: 1e-5},
		Seed:  1, Steps: steps, NRows: 4, NTok: 64, NReplicas: 2, Rate: 5e-3,
	}, pieces, c
}

func run(t *testing.T, ctx context.Context, o Options, pieces []bpe.Piece, c *corpus.Corpus, path string, progress io.Writer) (*Checkpoint, error) {
	t.Helper()
	return Run(ctx, o, pieces, c.Train, c.HeldOut, Environment{Checkpoint: path, Progress: progress})
}

func TestLossFalls(t *testing.T) {
	o, pieces, c := small(t, 200)
	var progress strings.Builder
	after, err := run(t, t.Context(), o, pieces, c, filepath.Join(t.TempDir(), "c"), &progress)
	require.NoError(t, err)
	chance := math.Log(float64(o.Model.NVocab))
	require.Less(t, after.Score.Loss, chance/4, "held-out loss after 200 steps; a guess has %.2f", chance)
	require.Regexp(t, `step 200/200 loss \d\.\d+ \d+ tokens/s 0s left`, progress.String())
}

// TestResume kills a run in the middle and expects the same bits.
func TestResume(t *testing.T) {
	o, pieces, c := small(t, 12)
	dir := t.TempDir()
	whole, err := run(t, t.Context(), o, pieces, c, filepath.Join(dir, "whole"), io.Discard)
	require.NoError(t, err)

	path := filepath.Join(dir, "killed")
	ctx, kill := context.WithCancel(t.Context())
	_, err = Run(ctx, o, pieces, c.Train, c.HeldOut, Environment{
		Checkpoint: path, ScoreEvery: 5, Progress: writerFunc(func() { kill() })})
	require.ErrorIs(t, err, context.Canceled)
	saved, err := Load(path)
	require.NoError(t, err)
	require.Equal(t, 5, saved.Step)

	var progress strings.Builder
	resumed, err := run(t, t.Context(), o, pieces, c, path, &progress)
	require.NoError(t, err)
	require.Contains(t, progress.String(), "at step 5")
	require.Equal(t, whole.Params, resumed.Params)
	require.Equal(t, whole.Score, resumed.Score)

	o.Rate *= 2
	_, err = run(t, t.Context(), o, pieces, c, path, io.Discard)
	require.ErrorContains(t, err, "another run")
}

// writerFunc calls itself at each write.
type writerFunc func()

func (f writerFunc) Write(p []byte) (int, error) { f(); return len(p), nil }

func TestLoadDamaged(t *testing.T) {
	o, pieces, c := small(t, 1)
	path := filepath.Join(t.TempDir(), "c")
	_, err := run(t, t.Context(), o, pieces, c, path, io.Discard)
	require.NoError(t, err)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	damaged := func(b []byte) error {
		require.NoError(t, os.WriteFile(path, b, 0o600))
		_, err := Load(path)
		return err
	}
	require.NoError(t, damaged(whole))
	for _, n := range []int{0, 10, len(magic), len(magic) + 11, len(magic) + 500, len(whole) / 2, len(whole) - 1} {
		require.Error(t, damaged(whole[:n]), "%d bytes", n)
	}
	huge := slices.Clone(whole)
	copy(huge[len(magic):], "9999999999")
	require.ErrorContains(t, damaged(huge), "header")
	require.ErrorContains(t, damaged([]byte(strings.Repeat("x", 100))), "not a checkpoint")
}

func TestCrossEntropy(t *testing.T) {
	loss, top := crossEntropy([]float32{0, 0, 0, 0}, 2)
	require.InDelta(t, math.Log(4), loss, 1e-6)
	require.True(t, top)
	loss, top = crossEntropy([]float32{1000, 0, 999, 0}, 2)
	require.InDelta(t, math.Log(1+math.E), loss, 1e-6)
	require.False(t, top)
}

func TestPacking(t *testing.T) {
	b := newBatch(2, 6)
	place := func(n, answer int) (int, bool) {
		s := sequence{answer: answer}
		for i := range n {
			s.tokens = append(s.tokens, int32(10+i))
		}
		return b.place(s)
	}
	at, ok := place(4, 2)
	require.True(t, ok)
	require.Equal(t, 0, at)
	at, ok = place(4, 1)
	require.True(t, ok, "fits behind the first")
	require.Equal(t, 3, at)
	at, ok = place(5, 1)
	require.True(t, ok, "begins the next row")
	require.Equal(t, 6, at)
	_, ok = place(4, 1)
	require.False(t, ok, "no row is left")
	require.Equal(t, []int32{10, 11, 12, 10, 11, 12, 10, 11, 12, 13, 0, 0}, b.Tokens)
	require.Equal(t, []int32{11, 12, 13, 11, 12, 13, 11, 12, 13, 14, 0, 0}, b.Targets)
	require.Equal(t, []float32{questionWeight, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0}, b.Weights)
	require.Equal(t, []int32{1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 0, 0}, b.Docs)
}

func TestRate(t *testing.T) {
	const n, peak = 1000, 2.0
	require.InDelta(t, peak/100, rateAt(1, n, peak), 1e-9)
	require.InDelta(t, peak, rateAt(100, n, peak), 1e-9)
	require.InDelta(t, peak*0.505, rateAt(550, n, peak), 1e-9)
	require.InDelta(t, peak/100, rateAt(n, n, peak), 1e-9)
}

// TestAdam follows the method's first steps by hand: whatever the gradient's
// size, the first update is the learning rate, and clipping changes nothing
// about that.
func TestAdam(t *testing.T) {
	p := graph.Param{Name: "x_norm.weight", Shape: [2]int{1, 2}, Data: []float32{1, 1}}
	a := newAdam([]graph.Param{p})
	norm := a.step(1, 0.1, [][]float32{{30, -40}})
	require.InDelta(t, 50, norm, 1e-9)
	require.InDeltaSlice(t, []float32{0.9, 1.1}, p.Data, 1e-5)
	a.step(2, 0.1, [][]float32{{0, 0}})
	// m̂ = β1·(1-β1)·g/(1-β1²), v̂ likewise.
	moved := 0.1 * (beta1 * (1 - beta1) / (1 - beta1*beta1)) / math.Sqrt(beta2*(1-beta2)/(1-beta2*beta2))
	require.InDelta(t, 0.9-moved, p.Data[0], 1e-5)
}

func TestWeightDecay(t *testing.T) {
	matrix := graph.Param{Name: "blk.0.attn_q.weight", Shape: [2]int{1, 1}, Data: []float32{2}}
	gain := graph.Param{Name: "output_norm.weight", Shape: [2]int{1, 1}, Data: []float32{2}}
	newAdam([]graph.Param{matrix, gain}).step(1, 0.1, [][]float32{{0}, {0}})
	require.InDelta(t, 2-2*0.1*weightDecay, matrix.Data[0], 1e-6)
	require.Equal(t, float32(2), gain.Data[0])
}
