package oracle

import (
	"flag"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/cmd/inferd-tune/bpe"
	"inferd/cmd/inferd-tune/export"
	"inferd/cmd/inferd-tune/graph"
	"inferd/daemon/demo"
	"inferd/gguf"
	"inferd/runtime"
	"inferd/tokenizer"
)

// tolerance of the largest difference, relative to the largest logit.
const tolerance = 1e-5

// mutate makes the oracle wrong on purpose, to see the tests fail:
//
//	go test ./cmd/inferd-tune/oracle -mutate 'RoPE pairing'
var mutate = flag.String("mutate", "", "name of a `fault` to give the oracle: see mutations")

// mutations are small mistakes an implementation could make. Changing a weight
// matrix stands for changing the formula behind it.
var mutations = map[string]func(*graph.Config, []graph.Param){
	"RoPE pairing": func(c *graph.Config, _ []graph.Param) { c.RopeNeoX = !c.RopeNeoX },
	"RoPE base":    func(c *graph.Config, _ []graph.Param) { c.RopeBase *= 1.01 },
	"eps":          func(c *graph.Config, _ []graph.Param) { c.Eps *= 100 },
	// The sign of the scores.
	"sign": func(_ *graph.Config, ps []graph.Param) { scale(ps, "attn_k", -1) },
	// The 1/√headDim of the scores, off by a thousandth.
	"scale": func(_ *graph.Config, ps []graph.Param) { scale(ps, "attn_q", 1.001) },
	// Gate and up projections exchanged.
	"gate": func(_ *graph.Config, ps []graph.Param) {
		for i := range ps {
			if strings.Contains(ps[i].Name, "ffn_gate") {
				ps[i].Data, ps[i+1].Data = ps[i+1].Data, ps[i].Data
			}
		}
	},
}

func scale(ps []graph.Param, name string, by float32) {
	for _, p := range ps {
		if strings.Contains(p.Name, name) {
			for i := range p.Data {
				p.Data[i] *= by
			}
		}
	}
}

// configs are random models: heads shared and not, tied and not.
var configs = map[string]graph.Config{
	"plain":   {NVocab: 300, Dim: 64, NLayers: 3, NHeads: 4, NKVHeads: 4, FFNDim: 172, RopeBase: 10000, Eps: 1e-5},
	"tied":    {NVocab: 300, Dim: 64, NLayers: 2, NHeads: 2, NKVHeads: 2, FFNDim: 96, Tied: true, RopeBase: 500, Eps: 1e-6},
	"grouped": {NVocab: 300, Dim: 96, NLayers: 2, NHeads: 6, NKVHeads: 2, FFNDim: 128, RopeBase: 10000, Eps: 1e-5},
	"one KV":  {NVocab: 300, Dim: 64, NLayers: 2, NHeads: 8, NKVHeads: 1, FFNDim: 100, RopeBase: 1e6, Eps: 1e-5},
}

func random(c graph.Config) []graph.Param {
	r := rand.New(rand.NewPCG(11, 12))
	ps := c.Params()
	c.Init(ps, r)
	for _, p := range ps {
		for i := range p.Data {
			p.Data[i] += float32(0.02 * r.NormFloat64()) // gains too
		}
	}
	return ps
}

// pieces is any vocabulary of n entries; only its length matters here.
func pieces(t *testing.T, n int) []bpe.Piece {
	t.Helper()
	ps, err := bpe.Train([]string{"abc"}, 262+4)
	require.NoError(t, err)
	for i := len(ps); i < n; i++ {
		ps = append(ps, bpe.Piece{Text: fmt.Sprintf("piece%d", i), Score: -1e6, Type: bpe.Normal})
	}
	return ps
}

// runtimeLogits writes the model as an F32 file and runs it.
func runtimeLogits(t *testing.T, c graph.Config, params []graph.Param, tokens []int32) []float32 {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.gguf")
	require.NoError(t, export.Write(path, export.Model{
		Name: "oracle", Config: c, NCtx: 256, Pieces: pieces(t, c.NVocab), Params: params}, gguf.F32))
	e, err := runtime.Load(path, runtime.Options{})
	require.NoError(t, err)
	defer e.Close()
	s, err := e.NewSession(runtime.SessionOptions{})
	require.NoError(t, err)
	defer s.Close()
	var b runtime.Batch
	defer b.Reset()
	b.Add(s, tokens, runtime.WantAll)
	require.NoError(t, e.Step(&b))
	return slices.Clone(b.Entries[0].Logits)
}

// oracleLogits runs the model here, with a fault unless it is "".
func oracleLogits(t *testing.T, c graph.Config, params []graph.Param, tokens []int32, fault string) []float32 {
	t.Helper()
	own := slices.Clone(params)
	for i := range own {
		own[i].Data = slices.Clone(own[i].Data)
	}
	if fault != "" {
		require.Contains(t, mutations, fault)
		mutations[fault](&c, own)
	}
	logits, err := Logits(c, own, tokens)
	require.NoError(t, err)
	return logits
}

// difference is the largest difference relative to the largest value.
func difference(t *testing.T, got, want []float32) float64 {
	t.Helper()
	require.Len(t, got, len(want))
	var diff, largest float64
	for i := range want {
		diff = max(diff, math.Abs(float64(got[i])-float64(want[i])))
		largest = max(largest, math.Abs(float64(want[i])))
	}
	return diff / largest
}

func randomTokens(nVocab, n int) []int32 {
	r := rand.New(rand.NewPCG(1, 9))
	tokens := make([]int32, n)
	for i := range tokens {
		tokens[i] = int32(r.IntN(nVocab))
	}
	return tokens
}

// TestModel compares whole models, and shows that the comparison would see
// each of the mutations.
func TestModel(t *testing.T) {
	for name, c := range configs {
		t.Run(name, func(t *testing.T) {
			compareModel(t, c, random(c), randomTokens(c.NVocab, 90))
		})
	}
}

func compareModel(t *testing.T, c graph.Config, params []graph.Param, tokens []int32) {
	t.Helper()
	got := runtimeLogits(t, c, params, tokens)
	diff := difference(t, got, oracleLogits(t, c, params, tokens, *mutate))
	t.Logf("%d layers, %d tokens: relative difference %.2g", c.NLayers, len(tokens), diff)
	require.LessOrEqual(t, diff, tolerance, "runtime against oracle")
	for _, fault := range slices.Sorted(maps.Keys(mutations)) {
		wrong := difference(t, got, oracleLogits(t, c, params, tokens, fault))
		require.Greater(t, wrong, 5*tolerance, "the comparison does not see a wrong %s", fault)
	}
}

// TestBlock compares one layer by itself: with the identity as output matrix,
// the logits are the layer's output after the norm.
func TestBlock(t *testing.T) {
	const dim = 288
	c := graph.Config{NVocab: dim, Dim: dim, NLayers: 1, NHeads: 6, NKVHeads: 3, FFNDim: 512, RopeBase: 10000, Eps: 1e-5}
	params := random(c)
	output := params[len(params)-1]
	clear(output.Data)
	for i := range dim {
		output.Data[i*dim+i] = 1
	}
	compareModel(t, c, params, randomTokens(dim, 70))
}

// TestDemo compares the model that the program carries, on a text of its own.
func TestDemo(t *testing.T) {
	path, err := demo.Write(t.TempDir())
	require.NoError(t, err)
	c, params, err := Load(path)
	require.NoError(t, err)
	words, err := runtime.LoadTokenizer(path)
	require.NoError(t, err)
	tokens := words.Encode("Once upon a time there was a little fox named Rusty, who lived in a deep green forest. "+
		"The library opens at 9 from Monday to Friday and at 10 on Saturday. It is closed on Sunday.",
		tokenizer.EncodeOptions{AddSpecial: true})
	compareModel(t, c, params, tokens)
}
