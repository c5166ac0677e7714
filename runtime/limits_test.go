package runtime

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/gguf"
	"inferd/kernels"
)

// TestStepBytes compares what a step reads with the matrices of the file.
func TestStepBytes(t *testing.T) {
	for _, name := range []string{"llama-tied", "llama-Q4_K", "llama-yarn"} {
		f, err := gguf.Open(committedModel(name))
		require.NoError(t, err)
		defer f.Close()
		_, hasOutput := f.Tensor("output.weight")
		var want int64
		for _, ti := range f.Tensors() {
			if len(ti.Dims) < 2 || ti.Name == "token_embd.weight" && hasOutput {
				continue
			}
			want += int64(kernels.PackedBytes(formats[ti.Type.String()], ti.Dims[1], ti.Dims[0]))
		}
		e := load(t, committedModel(name), Options{Threads: 2})
		require.Equal(t, want, e.StepBytes(), name)
		var read int64
		for i, r := range e.cost.read {
			require.Less(t, r.from, r.to)
			require.True(t, i == 0 || e.cost.read[i-1].to <= r.from)
			read += r.to - r.from
		}
		require.Equal(t, want, read, name)
		e.ScanWeights()
		e.DotPeak(1000)
		e.FloatPeak(1000)
	}
	require.Zero(t, load(t, committedModel("llama-moe"), Options{}).StepBytes(), "depends on the tokens")
}

// TestPromptMACs compares what a prompt takes with the matrices of the file. The
// last layer has keys and values of all tokens, and the rest of the last one.
func TestPromptMACs(t *testing.T) {
	const depth, n = 3, 20
	for _, name := range []string{"llama-tied", "llama-Q4_K", "llama-yarn"} {
		f, err := gguf.Open(committedModel(name))
		require.NoError(t, err)
		defer f.Close()
		e := load(t, committedModel(name), Options{})
		info := e.Info()
		_, hasOutput := f.Tensor("output.weight")
		var want MACs
		var once int64 // what only tokens whose logits are wanted meet
		for _, ti := range f.Tensors() {
			if len(ti.Dims) < 2 || ti.Name == "token_embd.weight" && hasOutput {
				continue
			}
			size, times := int64(ti.Dims[0]*ti.Dims[1]), int64(n)
			last := fmt.Sprintf("blk.%d.", info.NLayers-1)
			switch {
			case ti.Name == "output.weight", ti.Name == "token_embd.weight":
				times = 1
			case ti.Name == last+"attn_k.weight", ti.Name == last+"attn_v.weight":
			case strings.HasPrefix(ti.Name, last):
				times = 1
			}
			want.Weights += times * size
			if times == 1 {
				once += size
			}
		}
		for layer := range info.NLayers {
			for pos := depth; pos < depth+n; pos++ {
				if layer < info.NLayers-1 || pos == depth+n-1 {
					want.Attention += int64((pos + 1) * info.NHeads * 2 * info.HeadDim)
				}
			}
		}
		require.Equal(t, want, e.PromptMACs(depth, n), name)

		// Steps of a long prompt give no logits but for the last.
		e = load(t, committedModel(name), Options{MaxBatch: 16})
		require.Equal(t, 3*e.PromptMACs(0, 16).Weights-2*once, e.PromptMACs(0, 48).Weights, name)
	}
}
