package runtime

import (
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/gguf"
	"inferd/kernels"
)

// TestStepCost compares the cost with the matrices of the file.
func TestStepCost(t *testing.T) {
	for _, name := range []string{"llama-tied", "llama-Q4_K", "llama-yarn"} {
		f, err := gguf.Open(committedModel(name))
		require.NoError(t, err)
		defer f.Close()
		_, hasOutput := f.Tensor("output.weight")
		var want StepCost
		for _, ti := range f.Tensors() {
			if len(ti.Dims) < 2 || ti.Name == "token_embd.weight" && hasOutput {
				continue
			}
			want.Bytes += int64(kernels.PackedBytes(formats[ti.Type.String()], ti.Dims[1], ti.Dims[0]))
			if ti.Name != "output.weight" && ti.Name != "token_embd.weight" {
				want.MACs += int64(ti.Dims[0] * ti.Dims[1])
			}
		}
		e := load(t, committedModel(name), Options{Threads: 2})
		require.Equal(t, want, e.StepCost(), name)
		var read int64
		for i, r := range e.cost.read {
			require.Less(t, r.from, r.to)
			require.True(t, i == 0 || e.cost.read[i-1].to <= r.from)
			read += r.to - r.from
		}
		require.Equal(t, want.Bytes, read, name)
		e.ScanWeights()
		e.DotPeak(1000)
		e.FloatPeak(1000)
		// Three tokens behind two see 3, 4 and 5 positions.
		info := e.Info()
		require.EqualValues(t, info.NLayers*12*info.NHeads*2*info.HeadDim, e.AttentionMACs(2, 3), name)
	}
	require.Zero(t, load(t, committedModel("llama-moe"), Options{}).StepCost(), "depends on the tokens")
}
