package runtime

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/gguf"
	"inferd/gguf/ggufwrite"
	"inferd/testdata"
)

// sameLogits compares a tiny model with a copy in which keys have other values
// and whose tensors edit writes.
func sameLogits(t *testing.T, model string, keys map[string]any, edit func(w *ggufwrite.Writer, ti gguf.TensorInfo, b []byte), more func(w *ggufwrite.Writer)) {
	t.Helper()
	original := testdata.Shared(t, "golden", "arch", model, "model.gguf")
	f, err := gguf.Open(original)
	require.NoError(t, err)
	defer f.Close()
	w := ggufwrite.New()
	for _, kv := range f.Keys() {
		if keys[kv.Key] == nil {
			w.Copy(kv)
		}
	}
	for key, v := range keys {
		w.Set(key, v)
	}
	for _, ti := range f.Tensors() {
		b, err := f.TensorBytes(ti)
		require.NoError(t, err)
		edit(w, ti, b)
	}
	more(w)
	changed := filepath.Join(t.TempDir(), "changed.gguf")
	require.NoError(t, w.WriteFile(changed))

	tokens := []Token{5, 6, 7, 8, 9}
	want := allLogits(t, newSession(t, load(t, original, Options{}), ""), tokens, len(tokens))
	got := allLogits(t, newSession(t, load(t, changed, Options{}), ""), tokens, len(tokens))
	requireSameBits(t, want, got, "changed "+model)
}

// Layers that predict further tokens come behind the others and change nothing.
func TestPredictionLayersAreLeftAlone(t *testing.T) {
	keys := map[string]any{"glm4moe.block_count": uint32(3), "glm4moe.nextn_predict_layers": uint32(1)}
	sameLogits(t, "glm4moe", keys, func(w *ggufwrite.Writer, ti gguf.TensorInfo, b []byte) {
		w.Tensor(ti.Name, ti.Type, ti.Dims, ggufwrite.Bytes(b))
	}, func(w *ggufwrite.Writer) {
		w.Tensor("blk.2.nextn.eh_proj.weight", gguf.F32, []int{128, 64}, ggufwrite.Bytes(make([]byte, 4*128*64)))
		w.Tensor("blk.2.attn_norm.weight", gguf.F32, []int{64}, ggufwrite.Bytes(make([]byte, 4*64)))
	})
}

// A matrix that holds those of queries, keys and values is as good as three.
func TestFusedMatrices(t *testing.T) {
	isPart := regexp.MustCompile(`^(blk\.\d+\.attn_)[qkv](\.weight|\.bias)$`)
	fused := map[string][]byte{}
	sameLogits(t, "llama-bias", nil, func(w *ggufwrite.Writer, ti gguf.TensorInfo, b []byte) {
		m := isPart.FindStringSubmatch(ti.Name)
		if m == nil {
			w.Tensor(ti.Name, ti.Type, ti.Dims, ggufwrite.Bytes(b))
			return
		}
		name := m[1] + "qkv" + m[2]
		fused[name] = append(fused[name], b...) // the file has them in this order
	}, func(w *ggufwrite.Writer) {
		for name, b := range fused {
			if strings.HasSuffix(name, ".bias") {
				w.Tensor(name, gguf.F32, []int{len(b) / 4}, ggufwrite.Bytes(b))
			} else {
				w.Tensor(name, gguf.F16, []int{64, len(b) / 2 / 64}, ggufwrite.Bytes(b))
			}
		}
	})
	require.Len(t, fused, 4)
}
