package runtime

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/kernels"
	"inferd/testdata"
)

// golden is a golden.json of the reference's logits.
type golden struct {
	Cases []goldenCase `json:"cases"`
}

type goldenCase struct {
	Name          string  `json:"name"`
	Tokens        []Token `json:"tokens"`
	NCtx          int     `json:"n_ctx"`
	File          string  `json:"file"`
	Shape         [2]int  `json:"shape"`
	FirstPosition int     `json:"first_position"`
	Greedy        []Token `json:"greedy"`
	GreedyLast    string  `json:"greedy_last_logits"`
}

// tolerance is what golden/arch/README.md allows engines that keep activations
// in float32, on every logit.
const tolerance = 1e-3

func readGolden(t testing.TB, dir string) golden {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "golden.json"))
	require.NoError(t, err)
	var g golden
	require.NoError(t, json.Unmarshal(b, &g))
	return g
}

func readFloats(t testing.TB, path string) []float32 {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	x := make([]float32, len(b)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return x
}

func load(t testing.TB, path string, o Options) *Engine {
	t.Helper()
	e, err := Load(path, o)
	require.NoError(t, err)
	t.Cleanup(e.Close)
	return e
}

func newSession(t testing.TB, e *Engine, user string) *Session {
	t.Helper()
	s, err := e.NewSession(SessionOptions{User: user})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// allLogits returns the logits after each token, [len(tokens), nVocab], computed
// in steps of chunk tokens.
func allLogits(t testing.TB, s *Session, tokens []Token, chunk int) []float32 {
	t.Helper()
	var b Batch
	var all []float32
	for len(tokens) > 0 {
		n := min(chunk, len(tokens))
		b.Reset()
		b.Add(s, tokens[:n], WantAll)
		require.NoError(t, s.engine.Step(&b))
		all = append(all, b.Entries[0].Logits...)
		tokens = tokens[n:]
	}
	return all
}

// maxDiff returns the largest difference, NaN if anything is no number.
func maxDiff(t testing.TB, got, want []float32) float64 {
	t.Helper()
	require.Len(t, got, len(want))
	worst := 0.0
	for i := range got {
		d := math.Abs(float64(got[i]) - float64(want[i]))
		if !(d <= worst) {
			worst = d
		}
	}
	return worst
}

// checkGolden compares a model with the reference: every logit, at once and
// token by token, and the greedy continuation with its last logits.
func checkGolden(t *testing.T, dir string) {
	e := load(t, filepath.Join(dir, "model.gguf"), Options{})
	for _, c := range readGolden(t, dir).Cases {
		want := readFloats(t, filepath.Join(dir, c.File))
		for _, chunk := range []int{len(c.Tokens), 1} {
			s := newSession(t, e, "")
			all := allLogits(t, s, c.Tokens, chunk)
			got := all[c.FirstPosition*e.nVocab:]
			diff := maxDiff(t, got, want)
			t.Logf("%s, steps of %d: worst logit differs by %.2g", c.Name, chunk, diff)
			require.LessOrEqual(t, diff, tolerance)
			if len(c.Greedy) > 0 {
				checkGreedy(t, s, dir, c, all[len(all)-e.nVocab:])
			}
			s.Close()
		}
	}
}

// checkGreedy continues a session greedily.
func checkGreedy(t *testing.T, s *Session, dir string, c goldenCase, logits []float32) {
	t.Helper()
	var b Batch
	for i, want := range c.Greedy {
		require.EqualValues(t, want, kernels.Argmax(logits), "greedy token %d", i)
		if i == len(c.Greedy)-1 {
			break
		}
		b.Reset()
		b.Add(s, []Token{want}, WantLast)
		require.NoError(t, s.engine.Step(&b))
		logits = b.Entries[0].Logits
	}
	require.LessOrEqual(t, maxDiff(t, logits, readFloats(t, filepath.Join(dir, c.GreedyLast))), tolerance)
}

func TestGoldenLlama(t *testing.T) {
	for _, name := range []string{
		"llama", "llama-bias", "llama-moe", "llama-ropefreqs", "llama-ropelinear", "llama-swakey", "llama-tied", "llama-yarn",
	} {
		t.Run(name, func(t *testing.T) { checkGolden(t, testdata.Shared(t, "golden", "arch", name)) })
	}
}
