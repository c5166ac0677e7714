package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/gguf"
	"inferd/gguf/ggufwrite"
	"inferd/testdata"
)

// typesOf returns the types of a file's tensors.
func typesOf(t *testing.T, path string) map[string]string {
	t.Helper()
	f, err := gguf.Open(path)
	require.NoError(t, err)
	defer f.Close()
	types := map[string]string{}
	for _, info := range f.Tensors() {
		types[info.Name] = info.Type.String()
	}
	return types
}

// The types chosen are those that llama-quantize chooses.
func TestRecipes(t *testing.T) {
	models := testdata.Shared(t, "models")
	for _, name := range []string{
		"Q8_0", "Q6_K", "Q5_K_M", "Q5_1", "Q5_0", "Q4_K_M", "Q4_1", "Q4_0", "IQ4_NL", "IQ4_XS", "Q3_K_M", "Q2_K", "BF16",
	} {
		r, err := findRecipe(name)
		require.NoError(t, err)
		f, err := gguf.Open(filepath.Join(models, "stories260K-pad256-f32.gguf"))
		require.NoError(t, err)
		defer f.Close()
		q := quantizeRun{recipe: r, file: f}
		got, err := q.chooseTypes()
		require.NoError(t, err)
		for tensor, want := range typesOf(t, filepath.Join(models, "quant", "s260kp-"+name+".gguf")) {
			require.Equal(t, want, got[tensor].String(), "%s: %s", name, tensor)
		}
	}
}

// Recipes of models that no test has a file of: 28 layers, fused attention,
// experts, few heads of keys, falcon.
func TestRecipesOfOtherModels(t *testing.T) {
	choose := func(name string, c chooser, tensor string, index int) string {
		r, err := findRecipe(name)
		require.NoError(t, err)
		c.recipe, c.counts = r, map[string]int{"attn_v": index, "ffn_down": index}
		return c.choose(gguf.TensorInfo{Name: fmt.Sprintf("blk.%d.%s.weight", index, tensor), Dims: []int{512, 512}}).String()
	}
	dense := chooser{arch: "qwen2", nLayers: 28, nValues: 28, groupSize: 6}
	var more []int
	for i := range 28 {
		if choose("Q4_K_M", dense, "ffn_down", i) == "Q6_K" {
			more = append(more, i)
		}
	}
	require.Equal(t, []int{0, 1, 2, 5, 8, 11, 14, 17, 20, 23, 24, 25, 26, 27}, more)
	require.Equal(t, "Q5_K", choose("IQ4_XS", dense, "attn_v", 9))
	require.Equal(t, "Q4_K", choose("Q2_K", dense, "attn_v", 9))
	require.Equal(t, "Q5_K", choose("IQ4_NL", dense, "ffn_down", 1))
	require.Equal(t, "Q5_K", choose("Q4_K_S", dense, "attn_v", 3))
	require.Equal(t, "Q5_K", choose("Q4_K_M", dense, "attn_qkv", 3))
	require.Equal(t, "Q6_K", choose("Q5_K_M", dense, "attn_qkv", 3))
	require.Equal(t, "F32", choose("Q4_K_M", dense, "ffn_gate_inp", 3))
	require.Equal(t, "F32", choose("Q4_K_M", dense, "ssm_conv1d", 3))

	mixtral := chooser{arch: "llama", nLayers: 32, nValues: 32, nExperts: 8, groupSize: 4}
	require.Equal(t, "Q8_0", choose("Q4_K_M", mixtral, "attn_v", 4))
	require.Equal(t, "Q8_0", choose("Q4_K_M", mixtral, "attn_k", 4))
	require.Equal(t, "Q5_K", choose("Q4_K_M", mixtral, "attn_output", 4))

	falcon := chooser{arch: "falcon", nLayers: 32, nValues: 32, groupSize: 1}
	require.Equal(t, "Q6_K", choose("Q4_K_M", falcon, "ffn_down", 1))
	require.Equal(t, "Q5_K", choose("Q4_K_M", falcon, "ffn_down", 2))
	require.Equal(t, "Q4_K", choose("Q4_K_M", falcon, "ffn_down", 4))
}

// Perplexities are those of llama-quantize's files or better, within 1 %; the
// figures are llama-perplexity's.
func TestQuantizedPerplexity(t *testing.T) {
	models := testdata.Shared(t, "models")
	if testing.Short() {
		t.Skip("scores 102,400 tokens")
	}
	for name, want := range map[string]float64{"Q6_K": 6.0974, "Q4_K_M": 6.4429} {
		out := filepath.Join(t.TempDir(), "out.gguf")
		_, stderr, code := inferctl("", "quantize", models+"/stories260K-pad256-f32.gguf", out, name)
		require.Zero(t, code, stderr)
		stdout, stderr, code := inferctl("", "perplexity", "--model", out,
			"--file", testdata.Shared(t, "text", "tinystories_1000.txt"), "--chunks", "100", "--json")
		require.Zero(t, code, stderr)
		var got struct{ PPL float64 }
		require.NoError(t, json.Unmarshal([]byte(stdout), &got))
		require.Less(t, got.PPL, 1.01*want, name)
	}
}

// Both formats of importance matrices say the same, and it changes the weights.
func TestImportance(t *testing.T) {
	model := testdata.Path("models", "llama-yarn.gguf")
	f, err := gguf.Open(model)
	require.NoError(t, err)
	defer f.Close()
	const name = "blk.0.attn_q.weight"
	info, ok := f.Tensor(name)
	require.True(t, ok)
	sums := make([]float32, info.Dims[0])
	for i := range sums {
		sums[i] = float32(1 + i*i)
	}
	dir := t.TempDir()
	raw, err := binary.Append(nil, binary.LittleEndian, sums)
	require.NoError(t, err)
	four := binary.LittleEndian.AppendUint32(nil, math.Float32bits(4))
	w := ggufwrite.New()
	w.Set("general.type", "imatrix")
	w.Set("imatrix.datasets", []string{"a.txt"})
	w.Set("imatrix.chunk_count", uint32(7))
	w.Tensor(name+".in_sum2", gguf.F32, []int{len(sums), 1}, ggufwrite.Bytes(raw))
	w.Tensor(name+".counts", gguf.F32, []int{1, 1}, ggufwrite.Bytes(four))
	require.NoError(t, w.WriteFile(filepath.Join(dir, "new")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "old"), oldImportance(name, 4, sums), 0o600))

	quantized := map[string][]byte{}
	for _, format := range []string{"new", "old", ""} {
		args := []string{"quantize", model, filepath.Join(dir, "out.gguf"), "Q4_0", "--requantize"}
		if format != "" {
			m, err := readImportance(filepath.Join(dir, format))
			require.NoError(t, err)
			require.Equal(t, float32(1+9)/4, m.columns[name][3])
			require.EqualValues(t, 7, m.nChunks)
			require.Equal(t, "a.txt", m.dataset)
			args = append(args, "--imatrix", filepath.Join(dir, format))
		}
		_, stderr, code := inferctl("", args...)
		require.Zero(t, code, stderr)
		out, err := gguf.Open(filepath.Join(dir, "out.gguf"))
		require.NoError(t, err)
		info, _ := out.Tensor(name)
		quantized[format] = make([]byte, info.Bytes)
		require.NoError(t, out.ReadTensor(quantized[format], info, 0))
		n, err := out.Uint("quantize.imatrix.chunks_count")
		require.Equal(t, format != "", err == nil && n == 7)
		require.NoError(t, out.Close())
	}
	require.Equal(t, quantized["new"], quantized["old"])
	require.NotEqual(t, quantized["new"], quantized[""])

	// That of another model is refused.
	require.NoError(t, os.WriteFile(filepath.Join(dir, "other"), oldImportance(name, 4, sums[1:]), 0o600))
	_, stderr, code := inferctl("", "quantize", model, filepath.Join(dir, "x"), "Q4_0", "--requantize", "--imatrix", filepath.Join(dir, "other"))
	require.Equal(t, exitFailure, code)
	require.Contains(t, stderr, "was it made with another model?")
	require.NoFileExists(t, filepath.Join(dir, "x"))
}

// oldImportance is a file of the old format with one tensor.
func oldImportance(name string, nCalls int32, sums []float32) []byte {
	le := binary.LittleEndian
	b := le.AppendUint32(nil, 1)
	b = append(le.AppendUint32(b, uint32(len(name))), name...)
	b = le.AppendUint32(b, uint32(nCalls))
	b = le.AppendUint32(b, uint32(len(sums)))
	b, _ = binary.Append(b, le, sums)
	b = le.AppendUint32(b, 7)
	return append(le.AppendUint32(b, 5), "a.txt"...)
}

// FuzzImportance must not crash, nor allocate more than the file is worth.
func FuzzImportance(f *testing.F) {
	f.Add(oldImportance("blk.0.attn_q.weight", 4, []float32{1, 2, 3}))
	f.Add([]byte{1, 0, 0, 0, 255, 255, 255, 127})
	f.Add([]byte{255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseImportance(data)
		if err != nil {
			return
		}
		n := 0
		for _, columns := range m.columns {
			n += 4 * len(columns)
		}
		require.LessOrEqual(t, n, len(data))
	})
}
