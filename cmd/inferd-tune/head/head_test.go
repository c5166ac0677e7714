package head

import (
	"bytes"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/runtime/head"
)

// clouds are examples around one random centre a label.
func clouds(nLabels, nEach, dim int, spread float64) []Example {
	r := rand.New(rand.NewPCG(4, 4))
	var xs []Example
	for l := range nLabels {
		centre := make([]float64, dim)
		for j := range centre {
			centre[j] = 5 + r.NormFloat64()
		}
		for range nEach {
			e := make([]float32, dim)
			for j := range e {
				e[j] = float32(centre[j] + spread*r.NormFloat64())
			}
			xs = append(xs, Example{e, strings.Repeat("x", l+1)})
		}
	}
	return xs
}

func TestTrain(t *testing.T) {
	xs := clouds(4, 20, 16, 0.5)
	m, err := Train(xs, Options{Seed: 1, HeldOut: 0.25})
	require.NoError(t, err)
	require.Equal(t, []string{"x", "xx", "xxx", "xxxx"}, m.Labels)
	require.Equal(t, 60, m.Report.NTrain)
	require.Equal(t, 20, m.Report.NHeldOut)
	require.GreaterOrEqual(t, m.Report.Accuracy, 0.95)
	total := 0
	for _, row := range m.Report.Confusion {
		for _, n := range row {
			total += n
		}
	}
	require.Equal(t, 20, total)

	again, err := Train(xs, Options{Seed: 1, HeldOut: 0.25})
	require.NoError(t, err)
	require.Equal(t, m, again)

	var out bytes.Buffer
	m.Print(&out)
	require.Contains(t, out.String(), "trained on 60 examples, held out 20, accuracy ")
	require.Contains(t, out.String(), "  3 xxxx   0   0   0   5\n")
}

// TestTrainNoise labels at random: what is held out must come out near chance,
// or examples have leaked into training.
func TestTrainNoise(t *testing.T) {
	xs := clouds(1, 400, 16, 1)
	for i := range xs {
		xs[i].Label = strings.Repeat("x", 1+i%4)
	}
	m, err := Train(xs, Options{Seed: 1, HeldOut: 0.5})
	require.NoError(t, err)
	require.InDelta(t, 0.25, m.Report.Accuracy, 0.12)
}

func TestTrainRefuses(t *testing.T) {
	good := clouds(2, 4, 3, 1)
	short := append(clouds(2, 4, 3, 1), Example{[]float32{1}, "x"})
	single := append(clouds(2, 4, 3, 1), Example{[]float32{1, 2, 3}, "alone"})
	unlabelled := append(clouds(2, 4, 3, 1), Example{[]float32{1, 2, 3}, ""})
	tests := []struct {
		xs      []Example
		heldOut float64
		want    string
	}{
		{good, 0, "cannot be held out"},
		{good, 1, "cannot be held out"},
		{nil, 0.5, "0 labels"},
		{clouds(1, 4, 3, 1), 0.5, "1 labels"},
		{short, 0.5, "embedding 8 has 1 values"},
		{single, 0.5, `label "alone" has one example`},
		{unlabelled, 0.5, "example 8 has no label"},
	}
	for _, test := range tests {
		_, err := Train(test.xs, Options{HeldOut: test.heldOut})
		require.ErrorContains(t, err, test.want)
	}
}

// TestServed writes a head and expects package runtime/head to give the
// probabilities that training saw.
func TestServed(t *testing.T) {
	xs := clouds(3, 20, 16, 1)
	m, err := Train(xs, Options{Seed: 1, HeldOut: 0.25})
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "head.gguf")
	sum := strings.Repeat("ab", 32)
	require.NoError(t, m.Write(path, File{Name: "test", BaseName: "base", BaseSHA256: sum, Threshold: 0.5}))
	h, err := head.Open(path)
	require.NoError(t, err)
	require.Equal(t, m.Labels, h.Labels())
	require.Equal(t, float32(0.5), h.Threshold())
	require.NoError(t, h.Fits(sum, 16))
	probs := make([]float32, 3)
	for _, x := range xs {
		h.Classify(probs, x.Embedding)
		best, sum := 0, float32(0)
		for i, p := range probs {
			sum += p
			if p > probs[best] {
				best = i
			}
		}
		require.InDelta(t, 1, sum, 1e-5)
		require.Equal(t, m.best(x.Embedding), best)
	}
	require.False(t, math.IsNaN(float64(probs[0])))
}
