package runtime

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/gguf"
	"inferd/kernels"
	"inferd/testdata"
)

// tensorValues returns a tensor of a committed model, times factor.
func tensorValues(t *testing.T, path, name string, factor float32) floatTensor {
	t.Helper()
	f, err := gguf.Open(path)
	require.NoError(t, err)
	defer f.Close()
	info, ok := f.Tensor(name)
	require.True(t, ok)
	raw, err := f.TensorBytes(info)
	require.NoError(t, err)
	values := make([]float32, info.Elements())
	kernels.Dequantize(values, formats[info.Type.String()], raw)
	kernels.Scale(values, values, factor)
	return floatTensor{info.Dims, values}
}

func vector(values ...float32) floatTensor {
	return floatTensor{[]int{len(values)}, values}
}

// A matrix with a factor beside it is the matrix times the factor, and so are
// those of experts, each with its own. Powers of two change no bit.
func TestFactorsOfMatrices(t *testing.T) {
	const model = "llama-moe"
	all := func(path string) []float32 {
		e := load(t, path, Options{})
		return allLogits(t, newSession(t, e, ""), randomTokens(e, 20, 1), 7)
	}
	path := committedModel(model)
	want := all(rewrite(t, model, change{floats: map[string]floatTensor{
		"blk.0.attn_q.weight":        tensorValues(t, path, "blk.0.attn_q.weight", 2),
		"blk.1.ffn_down_exps.weight": tensorValues(t, path, "blk.1.ffn_down_exps.weight", 0.5),
	}}))
	got := all(rewrite(t, model, change{floats: map[string]floatTensor{
		"blk.0.attn_q.weight":             tensorValues(t, path, "blk.0.attn_q.weight", 1),
		"blk.0.attn_q.scale":              vector(2),
		"blk.0.attn_q.input_scale":        vector(3), // for other arithmetic
		"blk.1.ffn_down_exps.weight":      tensorValues(t, path, "blk.1.ffn_down_exps.weight", 1),
		"blk.1.ffn_down_exps.scale":       vector(0.5, 0.5, 0.5, 0.5),
		"blk.1.ffn_down_exps.input_scale": vector(1, 2, 3, 4),
	}}))
	requireSameBits(t, want, got, "factors")
	require.NotEqual(t, all(path), got)

	_, err := Load(rewrite(t, model, change{floats: map[string]floatTensor{
		"blk.1.ffn_down_exps.scale": vector(1, 2), "token_embd.scale": vector(1),
	}, tensors: map[string]tensorChange{"blk.0.attn_k.scale": {gguf.F16, []int{1}}}}), Options{})
	require.ErrorContains(t, err, `"blk.1.ffn_down_exps.scale": is [2], needs [4]`)
	require.ErrorContains(t, err, `"blk.0.attn_k.scale": is of type F16, must be F32`)
	require.ErrorContains(t, err, `"token_embd.scale": is not part of this architecture`)
}

// A factor without a type scales positions linearly, as in files made before
// there were types, and a type without a factor does nothing.
func TestScalingOfPositions(t *testing.T) {
	const prefix = "llama.rope."
	all := func(keys map[string]any) []float32 {
		e := load(t, rewrite(t, "llama-tied", change{keys: keys}), Options{})
		return allLogits(t, newSession(t, e, ""), randomTokens(e, 20, 1), 20)
	}
	plain := all(nil)
	linear := all(map[string]any{prefix + "scaling.type": "linear", prefix + "scaling.factor": float32(4)})
	require.NotEqual(t, plain, linear)
	for _, keys := range []map[string]any{
		{prefix + "scaling.factor": float32(4)},
		{prefix + "scale_linear": float32(4)},
		{prefix + "scaling.type": "longrope", prefix + "scaling.factor": float32(4)},
	} {
		requireSameBits(t, linear, all(keys), "linear")
	}
	for _, keys := range []map[string]any{
		{prefix + "scaling.type": "linear"},
		{prefix + "scaling.type": "yarn"},
		{prefix + "scaling.type": "none", prefix + "scaling.factor": float32(4)},
		{prefix + "scaling.factor": float32(0)},
	} {
		requireSameBits(t, plain, all(keys), "plain")
	}
}

// The number of heads may be a list, of which the layers' keys and values follow
// where they have no list of their own.
func TestHeadsByLayer(t *testing.T) {
	all := func(path string) []float32 {
		e := load(t, path, Options{})
		return allLogits(t, newSession(t, e, ""), randomTokens(e, 20, 1), 20)
	}
	const heads, kvHeads = "llama.attention.head_count", "llama.attention.head_count_kv"
	want := all(committedModel("llama-tied"))
	requireSameBits(t, want, all(rewrite(t, "llama-tied", change{keys: map[string]any{heads: []uint32{4, 4}}})), "a list")
	requireSameBits(t, want, all(rewrite(t, "llama-tied", change{keys: map[string]any{heads: []uint32{4, 4}, kvHeads: nil}})), "one list")
	_, err := Load(rewrite(t, "llama-tied", change{keys: map[string]any{heads: []uint32{4, 3}}}), Options{})
	require.ErrorContains(t, err, "is 4, must divide the 3 query heads")
}

// A model whose metadata says that its attention is not causal sees a text from
// both sides, and continues none.
func TestNotCausalDecoder(t *testing.T) {
	first := func(keys map[string]any, tokens ...Token) []float32 {
		keys["llama.pooling_type"] = uint32(PoolingCLS)
		e := load(t, rewrite(t, "llama-tied", change{keys: keys}), Options{MaxBatch: 2})
		v, err := e.Embed(tokens)
		require.NoError(t, err)
		return v
	}
	requireSameBits(t, first(map[string]any{}, 1, 2, 3), first(map[string]any{}, 1, 5, 6), "causal")
	whole := map[string]any{"llama.attention.causal": false}
	require.NotEqual(t, first(whole, 1, 2, 3), first(whole, 1, 5, 6))

	e := load(t, rewrite(t, "llama-tied", change{keys: whole}), Options{})
	_, err := e.NewSession(SessionOptions{})
	require.ErrorIs(t, err, ErrNoText)
}

// rankTensor is a classifier of n labels over vectors of width dim.
func rankTensor(n, dim int) floatTensor {
	w := make([]float32, n*dim)
	for i := range w {
		w[i] = float32(i*7%11-5) / 16
	}
	return floatTensor{[]int{dim, n}, w}
}

// Models that rank texts, with the scores that llama.cpp 0.7.0 gave for the same
// files: a decoder, whose scores are made probabilities, and an encoder whose
// vectors are averaged before a classifier with an activation of its own.
func TestRank(t *testing.T) {
	tokens := []Token{3, 1, 4, 1, 5, 9, 2, 6}
	for _, c := range []struct {
		model, arch string
		keys        map[string]any
		floats      map[string]floatTensor
		want        []float32
	}{
		{"qwen3", "qwen3", nil, nil, []float32{0.947606, 0.052394}},
		{"modern-bert", "modern-bert", nil, map[string]floatTensor{"cls.weight": rankTensor(64, 64), "cls.norm.weight": vector(rankTensor(1, 64).values...)}, []float32{0.811767, 0.280219}},
		{"bert-rerank", "bert", map[string]any{"bert.classifier.activation": "silu", "bert.classifier.pooling_type": uint32(1)}, nil, []float32{-0.288642, -0.930712}},
	} {
		t.Run(c.model, func(t *testing.T) {
			floats := map[string]floatTensor{"cls.output.weight": rankTensor(2, 64)}
			maps.Copy(floats, c.floats)
			keys := map[string]any{c.arch + ".pooling_type": uint32(PoolingRank), c.arch + ".classifier.output_labels": []string{"yes", "no"}}
			maps.Copy(keys, c.keys)
			path := rewriteFile(t, testdata.Shared(t, "golden", "arch", c.model, "model.gguf"), change{keys, map[string]tensorChange{"cls.output.bias": {}}, floats})
			e := load(t, path, Options{MaxBatch: 3})
			got, err := e.Embed(tokens)
			require.NoError(t, err)
			require.Equal(t, "rank", e.Info().Pooling)
			require.InDeltaSlice(t, c.want, got, 2e-3) // it rounds activations to F16
		})
	}
}
