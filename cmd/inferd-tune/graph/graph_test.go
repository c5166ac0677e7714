package graph

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

var shapes = map[string]Config{
	"tied":        {NVocab: 19, Dim: 16, NLayers: 2, NHeads: 4, NKVHeads: 4, FFNDim: 24, Tied: true, RopeBase: 100, Eps: 1e-5},
	"grouped":     {NVocab: 19, Dim: 16, NLayers: 2, NHeads: 4, NKVHeads: 2, FFNDim: 24, RopeBase: 100, Eps: 1e-5},
	"rope halves": {NVocab: 19, Dim: 16, NLayers: 1, NHeads: 2, NKVHeads: 1, FFNDim: 24, RopeNeoX: true, RopeBase: 100, Eps: 1e-5},
}

func random(c Config, seed uint64) []Param {
	r := rand.New(rand.NewPCG(seed, 0))
	ps := c.Params()
	c.Init(ps, r)
	for _, p := range ps {
		if p.IsGain() {
			for i := range p.Data {
				p.Data[i] += float32(0.3 * r.NormFloat64())
			}
		}
	}
	return ps
}

func randomBatch(c Config, n int) Batch {
	r := rand.New(rand.NewPCG(5, 5))
	b := Batch{Tokens: make([]int32, n), Targets: make([]int32, n), Weights: make([]float32, n)}
	for i := range n {
		b.Tokens[i], b.Targets[i] = int32(r.IntN(c.NVocab)), int32(r.IntN(c.NVocab))
		b.Weights[i] = r.Float32() / float32(n)
	}
	return b
}

// TestGradients compares each parameter's gradient with the change of the loss
// along it.
func TestGradients(t *testing.T) {
	for name, c := range shapes {
		t.Run(name, func(t *testing.T) {
			const rows, nTok = 2, 5
			ps := random(c, 1)
			g, err := New(c, ps, rows, nTok, true)
			require.NoError(t, err)
			defer g.Close()
			batch := randomBatch(c, rows*nTok)
			loss := func() float64 {
				require.NoError(t, g.Run(batch))
				return float64(g.Loss())
			}
			for i, p := range ps {
				loss()
				grad := append([]float32(nil), g.Grad(i)...)
				saved := append([]float32(nil), p.Data...)
				var norm float64
				for _, x := range grad {
					norm += float64(x) * float64(x)
				}
				norm = math.Sqrt(norm)
				require.NotZero(t, norm, p.Name)
				along := func(step float64) float64 {
					for j := range p.Data {
						p.Data[j] = saved[j] + float32(step*float64(grad[j])/norm)
					}
					return loss()
				}
				const step = 0.01
				slope := (along(step) - along(-step)) / (2 * step)
				copy(p.Data, saved)
				require.InEpsilon(t, norm, slope, 0.01, p.Name)
			}
		})
	}
}

// TestDocuments checks that a document has the same logits alone and behind
// another in its row: nothing is seen across, and RoPE is relative.
func TestDocuments(t *testing.T) {
	c := shapes["grouped"]
	ps := random(c, 2)
	run := func(tokens, docs []int32) []float32 {
		g, err := New(c, ps, 1, len(tokens), false)
		require.NoError(t, err)
		defer g.Close()
		require.NoError(t, g.Run(Batch{Tokens: tokens, Docs: docs}))
		return append([]float32(nil), g.Logits()...)
	}
	packed := run([]int32{3, 1, 4, 1, 5, 9, 2, 6}, []int32{1, 1, 1, 1, 2, 2, 2, 2})
	alone := run([]int32{5, 9, 2, 6}, nil)
	joined := run([]int32{3, 1, 4, 1, 5, 9, 2, 6}, nil)
	require.InDeltaSlice(t, alone, packed[4*c.NVocab:], 1e-5)
	require.Greater(t, distance(alone, joined[4*c.NVocab:]), 0.01, "one document should differ from two")
}

// TestCausal checks that a later token changes no earlier logits.
func TestCausal(t *testing.T) {
	c := shapes["tied"]
	g, err := New(c, random(c, 3), 1, 6, false)
	require.NoError(t, err)
	defer g.Close()
	run := func(last int32) []float32 {
		require.NoError(t, g.Run(Batch{Tokens: []int32{1, 2, 3, 4, 5, last}}))
		return append([]float32(nil), g.Logits()...)
	}
	a, b := run(6), run(7)
	require.Equal(t, a[:5*c.NVocab], b[:5*c.NVocab])
	require.Greater(t, distance(a[5*c.NVocab:], b[5*c.NVocab:]), 0.01)
}

func distance(a, b []float32) float64 {
	var sum float64
	for i := range a {
		sum += math.Abs(float64(a[i] - b[i]))
	}
	return sum / float64(len(a))
}

// TestHashCollision uses two names that gorgonia hashes alike.
func TestHashCollision(t *testing.T) {
	g := G.NewGraph()
	input := func(name string) *G.Node {
		return G.NewTensor(g, tensor.Float32, 2, G.WithShape(1, 1), G.WithName(name))
	}
	a := input("wblbuzwdde")
	require.NoError(t, checkHashes(g))
	b := input("ddqggdltop")
	require.Equal(t, a.Hashcode(), b.Hashcode())
	require.ErrorContains(t, checkHashes(g), "same hash")
}

func TestValidate(t *testing.T) {
	good := shapes["tied"]
	require.NoError(t, good.Validate())
	for name, change := range map[string]func(*Config){
		"no layer":        func(c *Config) { c.NLayers = 0 },
		"negative":        func(c *Config) { c.FFNDim = -1 },
		"uneven heads":    func(c *Config) { c.NHeads = 3 },
		"odd head":        func(c *Config) { c.Dim, c.NHeads, c.NKVHeads = 12, 4, 4 },
		"uneven KV heads": func(c *Config) { c.NKVHeads = 3 },
		"no eps":          func(c *Config) { c.Eps = 0 },
		"no base":         func(c *Config) { c.RopeBase = 0 },
	} {
		c := good
		change(&c)
		require.Error(t, c.Validate(), name)
	}
}
