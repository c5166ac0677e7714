package runtime

import (
	"encoding/binary"
	"encoding/json"
	"iter"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
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
	MaxDiff       float64 `json:"maxdiff_vs_float64"` // the reference's own error

	// NativeVsRef is set for block-quantised models: the error that the
	// reference itself makes by quantising activations.
	NativeVsRef *struct {
		MaxAbs float64 `json:"max_abs"`
		RMS    float64 `json:"rms"`
	} `json:"native_vs_ref"`
}

// tolerance is what golden/arch/README.md allows engines that keep activations
// in float32, on every logit. The reference looks GELU up in a table of float16
// and is the less exact one there.
func (c *goldenCase) tolerance(isGELU bool) float64 {
	if isGELU {
		return max(1e-2, 3*c.MaxDiff)
	}
	return 1e-3
}

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
	defer b.Reset()
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

// diff returns the largest difference and the root of the mean square, NaN if
// anything is no number.
func diff(t testing.TB, got, want []float32) (worst, rms float64) {
	t.Helper()
	require.Len(t, got, len(want))
	sum := 0.0
	for i := range got {
		d := math.Abs(float64(got[i]) - float64(want[i]))
		if !(d <= worst) {
			worst = d
		}
		sum += d * d
	}
	return worst, math.Sqrt(sum / float64(len(got)))
}

// checkGolden compares a model with the reference: every logit, at once and
// token by token, and the greedy continuation with its last logits.
func checkGolden(t *testing.T, model, dir string, isGELU bool) {
	for _, c := range readGolden(t, dir).Cases {
		e := load(t, model, Options{NCtx: c.nCtx(t, model)})
		want := readFloats(t, filepath.Join(dir, c.File))
		for _, chunk := range []int{len(c.Tokens), 1} {
			s := newSession(t, e, "")
			all := allLogits(t, s, c.Tokens, chunk)
			worst, rms := diff(t, all[c.FirstPosition*e.nVocab:], want)
			if n := c.NativeVsRef; n != nil {
				t.Logf("%s, steps of %d: worst logit differs by %.2g of %.2g, rms %.2g of %.2g", c.Name, chunk, worst, 2*n.MaxAbs, rms, 1.5*n.RMS)
				require.LessOrEqual(t, worst, 2*n.MaxAbs)
				require.LessOrEqual(t, rms, 1.5*n.RMS)
			} else {
				t.Logf("%s, steps of %d: worst logit differs by %.2g of %.2g", c.Name, chunk, worst, c.tolerance(isGELU))
				require.LessOrEqual(t, worst, c.tolerance(isGELU))
			}
			if len(c.Greedy) > 0 {
				checkGreedy(t, s, dir, c, all[len(all)-e.nVocab:], c.tolerance(isGELU))
			}
			s.Close()
		}
	}
}

// nCtx is the context the reference ran a case with, which it rounds up to a
// multiple of 256, but no more than the model has.
func (c *goldenCase) nCtx(t *testing.T, model string) int {
	t.Helper()
	info, err := Inspect(model, Options{})
	require.NoError(t, err)
	require.Empty(t, info.Problem)
	return min(c.NCtx, info.NCtxTrain)
}

// checkGreedy continues a session greedily.
func checkGreedy(t *testing.T, s *Session, dir string, c goldenCase, logits []float32, tolerance float64) {
	t.Helper()
	var b Batch
	defer b.Reset()
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
	worst, _ := diff(t, logits, readFloats(t, filepath.Join(dir, c.GreedyLast)))
	require.LessOrEqual(t, worst, tolerance)
}

// committed lists the models under testdata.
var committed = []string{
	"llama-tied", "llama-yarn", "llama-moe", "llama-Q4_K", "bloom", "deepseek2-group", "gemma4", "gpt-oss",
	"qwen35", "mamba2",
}

func committedModel(name string) string { return testdata.Path("models", name+".gguf") }

func TestGolden(t *testing.T) {
	for _, name := range committed {
		t.Run(name, func(t *testing.T) {
			checkGolden(t, committedModel(name), testdata.Path("logits", name), tinyDecoders[name].isGELU)
		})
	}
}

// tinyDecoders lists the models of golden/arch that continue texts, and which
// of them have GELU.
var tinyDecoders = map[string]struct{ isGELU bool }{
	"bloom":             {true},
	"cohere2":           {},
	"command-r":         {},
	"deepseek2-group":   {},
	"deepseek2-mha":     {},
	"deepseek2-mla":     {},
	"exaone4":           {},
	"falcon":            {true},
	"falcon-40b":        {true},
	"gemma":             {true},
	"gemma2":            {true},
	"gemma3":            {true},
	"gemma3n":           {true},
	"gemma4":            {true},
	"gemma4-moe":        {true},
	"glm4":              {},
	"glm4moe":           {},
	"gpt-oss":           {},
	"gpt2":              {true},
	"gptneox":           {true},
	"gptneox-seq":       {true},
	"granite":           {},
	"granitehybrid":     {},
	"granitemoe":        {},
	"lfm2":              {},
	"lfm2moe":           {},
	"llama":             {},
	"llama-bias":        {},
	"llama-moe":         {},
	"llama-ropefreqs":   {},
	"llama-ropelinear":  {},
	"llama-swakey":      {},
	"llama-tied":        {},
	"llama-yarn":        {},
	"llama4":            {},
	"mamba":             {},
	"mamba2":            {},
	"mistral3":          {},
	"olmo2":             {},
	"olmoe":             {},
	"phi2":              {true},
	"phi3":              {},
	"qwen2":             {},
	"qwen2moe":          {},
	"qwen3":             {},
	"qwen35":            {},
	"qwen35moe":         {},
	"qwen3moe":          {},
	"qwen3next":         {},
	"smollm3":           {},
	"stablelm":          {},
	"stablelm-parallel": {},
	"starcoder2":        {true},
}

// tinyModels returns the paths of the models of golden/arch that are named, or
// of the committed ones where there are no others.
func tinyModels(t testing.TB, names iter.Seq[string]) map[string]string {
	t.Helper()
	paths := map[string]string{}
	if os.Getenv("INFERD_SHARED") == "" {
		for _, name := range committed {
			paths[name] = committedModel(name)
		}
		return paths
	}
	for name := range names {
		paths[name] = testdata.Shared(t, "golden", "arch", name, "model.gguf")
	}
	return paths
}

func TestGoldenArch(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(tinyDecoders)) {
		t.Run(name, func(t *testing.T) {
			dir := testdata.Shared(t, "golden", "arch", name)
			checkGolden(t, filepath.Join(dir, "model.gguf"), dir, tinyDecoders[name].isGELU)
		})
	}
}

// TestGoldenQuantised runs one model in every type against the logits of its
// exactly dequantised weights.
func TestGoldenQuantised(t *testing.T) {
	dir := testdata.Shared(t, "golden", "quant", "models")
	b, err := os.ReadFile(filepath.Join(dir, "index.json"))
	require.NoError(t, err)
	var index map[string]struct {
		goldenCase
		File string `json:"file"`
		Ref  string `json:"ref"`
	}
	require.NoError(t, json.Unmarshal(b, &index))
	for _, name := range slices.Sorted(maps.Keys(index)) {
		t.Run(name, func(t *testing.T) {
			c := index[name]
			e := load(t, filepath.Join(dir, c.File), Options{})
			got := allLogits(t, newSession(t, e, ""), c.Tokens, len(c.Tokens))
			worst, rms := diff(t, got, readFloats(t, filepath.Join(dir, c.Ref)))
			t.Logf("worst %.3g of %.3g, rms %.3g of %.3g", worst, c.NativeVsRef.MaxAbs, rms, c.NativeVsRef.RMS)
			require.LessOrEqual(t, worst, 2*c.NativeVsRef.MaxAbs)
			require.LessOrEqual(t, rms, 1.5*c.NativeVsRef.RMS)
		})
	}
}
