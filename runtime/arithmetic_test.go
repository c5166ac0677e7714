package runtime

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestOneArithmetic holds the promise that a session's logits depend on its
// tokens alone: the same bits whether a prompt comes in steps of 1, 5, 16 or 64
// tokens, alone or beside other sessions, on 1, 2 or 5 threads, and whether its
// beginning was computed or reused. The prompt is longer than a segment of
// attention and than several pages.
func TestOneArithmetic(t *testing.T) {
	for _, name := range []string{"llama-moe", "llama-Q4_K", "qwen35"} {
		t.Run(name, func(t *testing.T) {
			var want []float32
			var prompt []Token
			for _, nThreads := range []int{1, 2, 5} {
				e := load(t, committedModel(name), Options{Threads: nThreads, KVBytes: 64 << 20})
				if want == nil {
					prompt = randomTokens(e, 270, 1)
					want = allLogits(t, newSession(t, e, ""), prompt, len(prompt))
				}
				for _, chunk := range []int{1, 5, 16, 64} {
					for _, nOthers := range []int{0, 2} {
						for _, reused := range []bool{false, true} {
							what := fmt.Sprintf("%d threads, steps of %d, %d others, reused %v", nThreads, chunk, nOthers, reused)
							requireSameAmongOthers(t, want, e, prompt, chunk, nOthers, reused, what)
						}
					}
				}
			}
		})
	}
}

// TestOneArithmeticOfEachArchitecture is the same for all of them, with fewer
// combinations: on each number of threads, one division into steps.
func TestOneArithmeticOfEachArchitecture(t *testing.T) {
	for name, model := range tinyModels(t, maps.Keys(tinyDecoders)) {
		t.Run(name, func(t *testing.T) {
			var want []float32
			var prompt []Token
			for _, run := range []struct{ nThreads, chunk, nOthers int }{{1, 64, 2}, {2, 1, 2}, {5, 13, 0}} {
				e := load(t, model, Options{Threads: run.nThreads, KVBytes: 64 << 20})
				if want == nil {
					prompt = randomTokens(e, min(270, e.NCtx()-1), 1)
					want = allLogits(t, newSession(t, e, ""), prompt, len(prompt))
				}
				for _, reused := range []bool{false, true} {
					what := fmt.Sprintf("%d threads, steps of %d, %d others, reused %v", run.nThreads, run.chunk, run.nOthers, reused)
					requireSameAmongOthers(t, want, e, prompt, run.chunk, run.nOthers, reused, what)
				}
			}
		})
	}
}

// requireSameAmongOthers compares the logits of a prompt's positions, computed in
// steps of chunk tokens beside other sessions that prefill and decode, with want.
// Some steps give the logits of all their tokens, some of their last or of none.
func requireSameAmongOthers(t *testing.T, want []float32, e *Engine, prompt []Token, chunk, nOthers int, reused bool, what string) {
	s := newSession(t, e, fmt.Sprint("user of ", chunk, nOthers))
	defer s.Close()
	from := 0
	if reused {
		from = s.Reuse(prompt)
		require.Equal(t, len(prompt)/pageTokens*pageTokens, from, "a session before this one has left its pages")
	}
	rng := rand.New(rand.NewPCG(uint64(chunk), uint64(nOthers)))
	var others []*Session
	for range nOthers {
		others = append(others, newSession(t, e, ""))
		defer others[len(others)-1].Close()
	}
	var b Batch
	defer b.Reset()
	for pos := from; pos < len(prompt); {
		b.Reset()
		n := min(chunk, len(prompt)-pos)
		mine := rng.IntN(nOthers + 1)
		for i := range nOthers + 1 {
			if i == mine {
				mine = b.Add(s, prompt[pos:pos+n], Want(rng.IntN(3)))
			}
			if i < nOthers && rng.IntN(2) == 0 {
				n := 1 // a running answer, now and then a chunk of a prompt
				if rng.IntN(10) == 0 {
					n = 12
				}
				if others[i].NTokens()+n > e.NCtx() {
					others[i].Rewind(0)
				}
				b.Add(others[i], randomTokens(e, n, rng.Uint64()), Want(rng.IntN(3)))
			}
		}
		require.NoError(t, e.Step(&b))
		pos += n
		got := b.Entries[mine].Logits
		requireSameBits(t, want[pos*e.nVocab-len(got):pos*e.nVocab], got, what)
	}
}

func randomTokens(e *Engine, n int, seed uint64) []Token {
	rng := rand.New(rand.NewPCG(seed, 0))
	tokens := make([]Token, n)
	for i := range tokens {
		tokens[i] = Token(rng.IntN(e.nVocab))
	}
	return tokens
}

func requireSameBits(t *testing.T, want, got []float32, what string) {
	t.Helper()
	require.Len(t, got, len(want), what)
	for i := range want {
		if math.Float32bits(want[i]) != math.Float32bits(got[i]) {
			require.Failf(t, "bits differ", "%s: element %d is %x, want %x", what, i, math.Float32bits(got[i]), math.Float32bits(want[i]))
		}
	}
}

// Going back and on again gives what going straight gives, also from inside a
// page that others use.
func TestRewind(t *testing.T) {
	e := load(t, committedModel("llama-Q4_K"), Options{KVBytes: 16 << 20})
	prompt := randomTokens(e, 150, 1)
	other := randomTokens(e, 30, 2)
	straight := allLogits(t, newSession(t, e, ""), append(prompt[:100:100], other...), 200)

	s := newSession(t, e, "u")
	allLogits(t, s, prompt, 64)
	s.Publish() // pages 0 and 1 are the cache's as well
	s.Rewind(100)
	require.Equal(t, 100, s.NTokens())
	requireSameBits(t, straight[100*e.nVocab:], allLogits(t, s, other, 7), "after a rewind")
	require.Equal(t, append(prompt[:100:100], other...), s.AppendTokens(nil))

	// The published page was not written to.
	again := newSession(t, e, "u")
	require.Equal(t, 128, again.Reuse(prompt))
	require.Equal(t, prompt[:128], again.AppendTokens(nil))
	want := allLogits(t, newSession(t, e, ""), prompt, 200)
	requireSameBits(t, want[128*e.nVocab:], allLogits(t, again, prompt[128:], 200), "after another's rewind")
	require.Panics(t, func() { s.Rewind(s.NTokens() + 1) })
}
