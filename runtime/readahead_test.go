package runtime

import (
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/kernels"
)

// Each thread is told to read on where its share of the following job begins.
func TestReadAheadBeginsWithTheShare(t *testing.T) {
	const nIn, nBytes = 64, 300
	panelBytes := kernels.PackedBytes(kernels.Q8_0, kernels.PanelRows, nIn)
	var j matMulJob
	var panels [][]byte // of all tasks
	for _, nPanels := range []int{3, 1, 7} {
		w := linear{w: &kernels.Matrix{Format: kernels.Q8_0, NOut: nPanels * kernels.PanelRows, NIn: nIn, Panels: make([]byte, nPanels*panelBytes)}}
		for p := range nPanels {
			panels = append(panels, w.w.Panels[p*panelBytes:])
		}
		j.add(&w, kernels.Activations{}, nil, kernels.Range{To: 1})
	}
	for nThreads := 1; nThreads <= 8; nThreads++ {
		ahead := *j.readAhead(nThreads, nBytes)
		require.Len(t, ahead, nThreads)
		for thread, b := range ahead {
			share := shareOf((len(panels)+1)/2, thread, nThreads)
			if share.From == share.To {
				continue
			}
			require.Len(t, b, nBytes)
			require.Same(t, &panels[2*share.From][0], &b[0], "thread %d of %d", thread, nThreads)
		}
	}
}

// A step of few tokens knows what follows each product, the first of the next
// step the last; a longer one leaves nothing to read.
func TestStepForesees(t *testing.T) {
	e := load(t, committedModel("llama-yarn"), Options{Threads: 2, KVBytes: 8 << 20})
	s := newSession(t, e, "")
	allLogits(t, s, []Token{1, 2, 3}, 1)
	last := e.cpu.last
	next := e.cpu.pool.next.Load()
	require.NotNil(t, next)
	require.Same(t, next, last.next)
	q := e.model.(*decoder).layers[0].mixer.(*attention).wq.w.Panels
	require.Same(t, &q[0], &(*next)[0][0], "the first layer's queries come first")
	allLogits(t, s, randomTokens(e, streamTokens+1, 1), streamTokens+1)
	require.Nil(t, e.cpu.pool.next.Load())
	allLogits(t, s, []Token{1}, 1)
	require.Same(t, next, e.cpu.pool.next.Load())
}
