package head_test

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/gguf"
	"inferd/gguf/ggufwrite"
	"inferd/runtime/head"
)

var baseSHA256 = strings.Repeat("0f", 32)

// write makes a head of three labels over embeddings of two values, changed by
// change.
func write(t *testing.T, path string, change func(w *ggufwrite.Writer)) {
	t.Helper()
	w := ggufwrite.New()
	w.Set("general.architecture", head.Architecture)
	w.Set(head.KeyBaseSHA256, baseSHA256)
	w.Set(head.KeyLabels, []string{"yes", "no", "perhaps"})
	w.Set(head.KeyThreshold, float32(0.25))
	if change == nil {
		tensors(w, []int{2, 3}, []int{3}, 1)
	} else {
		change(w)
	}
	require.NoError(t, w.WriteFile(path))
}

// tensors adds a weight that is last·(0.5, 1, 1.5, …) and a bias of zeros.
func tensors(w *ggufwrite.Writer, weight, bias []int, last float32) {
	f32 := func(dims []int, at func(i int) float32) []byte {
		n := 1
		for _, d := range dims {
			n *= d
		}
		var b []byte
		for i := range n {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(at(i)))
		}
		return b
	}
	w.Tensor(head.TensorWeight, gguf.F32, weight, ggufwrite.Bytes(f32(weight, func(i int) float32 { return last * float32(i+1) / 2 })))
	w.Tensor(head.TensorBias, gguf.F32, bias, ggufwrite.Bytes(f32(bias, func(int) float32 { return 0 })))
}

func TestClassify(t *testing.T) {
	path := filepath.Join(t.TempDir(), "h.gguf")
	write(t, path, nil)
	h, err := head.Open(path)
	require.NoError(t, err)
	require.Equal(t, []string{"yes", "no", "perhaps"}, h.Labels())
	require.Equal(t, 2, h.Dim())
	require.Equal(t, float32(0.25), h.Threshold())
	// Logits 0.5·1 - 1·2, 1.5·1 - 2·2 and 2.5·1 - 3·2.
	logits := []float64{-1.5, -2.5, -3.5}
	var sum float64
	for _, x := range logits {
		sum += math.Exp(x)
	}
	probs := make([]float32, 3)
	h.Classify(probs, []float32{1, -2})
	for i, x := range logits {
		require.InDelta(t, math.Exp(x)/sum, probs[i], 1e-6)
	}
	require.Panics(t, func() { h.Classify(probs, []float32{1}) })
	require.Panics(t, func() { h.Classify(probs[:2], []float32{1, 2}) })
}

func TestFits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "h.gguf")
	write(t, path, nil)
	h, err := head.Open(path)
	require.NoError(t, err)
	require.NoError(t, h.Fits(baseSHA256, 2))
	require.ErrorIs(t, h.Fits(strings.Repeat("00", 32), 2), head.ErrMismatch)
	require.ErrorIs(t, h.Fits(baseSHA256, 3), head.ErrMismatch)
}

func TestOpenRefuses(t *testing.T) {
	set := func(key string, value any) func(*ggufwrite.Writer) {
		return func(w *ggufwrite.Writer) {
			w.Set(key, value)
			tensors(w, []int{2, 3}, []int{3}, 1)
		}
	}
	tests := []struct {
		change func(w *ggufwrite.Writer)
		want   string
	}{
		{set("general.architecture", "llama"), `"llama"`},
		{set(head.KeyBaseSHA256, "abc"), "64 hexadecimal digits"},
		{set(head.KeyThreshold, float32(1.5)), "1.5, expected 0 to 1"},
		{set(head.KeyThreshold, float32(math.NaN())), "NaN, expected 0 to 1"},
		{set(head.KeyThreshold, "0.5"), head.KeyThreshold},
		{set(head.KeyLabels, []string{"one"}), "1 labels"},
		{set(head.KeyLabels, []string{"a", "b", "a"}), "not the first of its name"},
		{set(head.KeyLabels, []string{"a", "", "c"}), "empty"},
		{set(head.KeyLabels, []string{"a", "b"}), "expected F32 [2 2]"},
		{func(w *ggufwrite.Writer) {}, "missing"},
		{func(w *ggufwrite.Writer) { tensors(w, []int{2, 3}, []int{2}, 1) }, `tensor "head.bias" is F32 [2]`},
		{func(w *ggufwrite.Writer) { tensors(w, []int{6}, []int{3}, 1) }, "expected F32 [6 3]"},
		{func(w *ggufwrite.Writer) { tensors(w, []int{2, 3}, []int{3}, float32(math.Inf(1))) }, "+Inf"},
	}
	path := filepath.Join(t.TempDir(), "h.gguf")
	for _, test := range tests {
		write(t, path, test.change)
		_, err := head.Open(path)
		require.ErrorContains(t, err, test.want)
	}
}

// FuzzOpen expects an error or a head that classifies, whatever the file.
func FuzzOpen(f *testing.F) {
	path := filepath.Join(f.TempDir(), "seed.gguf")
	w := ggufwrite.New()
	w.Set("general.architecture", head.Architecture)
	w.Set(head.KeyBaseSHA256, baseSHA256)
	w.Set(head.KeyLabels, []string{"yes", "no"})
	w.Set(head.KeyThreshold, float32(0.25))
	tensors(w, []int{2, 2}, []int{2}, 1)
	require.NoError(f, w.WriteFile(path))
	seed, err := os.ReadFile(path)
	require.NoError(f, err)
	f.Add(seed)
	f.Add(seed[:len(seed)-4])
	f.Fuzz(func(t *testing.T, file []byte) {
		path := filepath.Join(t.TempDir(), "h.gguf")
		require.NoError(t, os.WriteFile(path, file, 0o600))
		h, err := head.Open(path)
		if err != nil {
			var fault *gguf.ParseError
			require.True(t, errors.As(err, &fault) || strings.HasPrefix(err.Error(), "head: "), err.Error())
			return
		}
		probs := make([]float32, len(h.Labels()))
		h.Classify(probs, make([]float32, h.Dim()))
		require.False(t, slices.ContainsFunc(probs, func(p float32) bool { return math.IsNaN(float64(p)) }))
	})
}
