package runtime

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/testdata"
)

// leaveStates takes all but n states away, so that sessions compete for them.
func leaveStates(t *testing.T, e *Engine, n int) {
	t.Helper()
	p := &e.kv.states
	require.Greater(t, len(p.free), n)
	for len(p.free) > n {
		_, ok := p.take()
		require.True(t, ok)
	}
}

// Whatever sessions do, one after another, the logits are those of their tokens
// read straight: with checkpoints for all pages, with two for three sessions,
// and with none at all.
func TestStatesFollowTimelines(t *testing.T) {
	for _, name := range []string{"mamba2", "qwen35"} {
		followTimelines(t, committedModel(name))
	}
	for _, name := range []string{"mamba", "granitehybrid", "lfm2", "qwen3next"} {
		t.Run(name, func(t *testing.T) { followTimelines(t, testdata.Shared(t, "golden", "arch", name, "model.gguf")) })
	}
}

func followTimelines(t *testing.T, model string) {
	for _, nCheckpoints := range []int{100, 2, 0} {
		var sessions [3]*Session
		e := load(t, model, Options{Threads: 2, KVBytes: 32 << 20, MaxBatch: 50})
		leaveStates(t, e, len(sessions)+nCheckpoints)
		rng := rand.New(rand.NewPCG(uint64(nCheckpoints), 1))
		text := randomTokens(e, 220, 1) // what sessions have in common now and then
		for range 40 {
			s := &sessions[rng.IntN(len(sessions))]
			switch {
			case *s == nil:
				*s = newSession(t, e, "u")
				(*s).Reuse(text[:1+rng.IntN(len(text))])
			case rng.IntN(6) == 0:
				(*s).Close()
				*s = nil
			case rng.IntN(6) == 0:
				(*s).Publish()
			case rng.IntN(2) == 0:
				(*s).Rewind(rng.IntN((*s).NTokens() + 1))
			default:
				continueTimeline(t, *s, text, rng)
			}
		}
	}
}

// continueTimeline appends some tokens to a session and compares their logits.
func continueTimeline(t *testing.T, s *Session, text []Token, rng *rand.Rand) {
	t.Helper()
	e, pos := s.engine, s.NTokens()
	n := min(1+rng.IntN(100), len(text)-pos)
	if n <= 0 {
		return
	}
	next := text[pos : pos+n]
	if rng.IntN(4) == 0 {
		next = randomTokens(e, n, rng.Uint64())
	}
	got := allLogits(t, s, next, 1+rng.IntN(e.MaxBatch()))
	all := s.AppendTokens(nil)
	require.Equal(t, next, all[pos:])
	s.Publish()
	own := load(t, e.Info().Path, Options{Threads: 1})
	want := allLogits(t, newSession(t, own, ""), all, len(all))
	requireSameBits(t, want[pos*e.nVocab:], got, "after what came before")
}

// A prefix is reused as far as a checkpoint reaches, and no further.
func TestReuseNeedsACheckpoint(t *testing.T) {
	e := load(t, committedModel("qwen35"), Options{KVBytes: 8 << 20})
	leaveStates(t, e, 3) // the session's and two checkpoints
	prompt := randomTokens(e, 300, 1)
	s := newSession(t, e, "u")
	allLogits(t, s, prompt, len(prompt))
	s.Close()

	again := newSession(t, e, "u")
	require.Equal(t, 256, again.Reuse(prompt), "the last checkpoints are kept")
	again.Close()
	again = newSession(t, e, "u")
	require.Zero(t, again.Reuse(prompt[:180]), "of the pages before there are keys and values, but no state")
	again.Close()
	again = newSession(t, e, "u")
	require.Equal(t, 192, again.Reuse(prompt[:200]))
}

// Where all states are in use a step is refused, until a session lets go of its
// own, which is cleared.
func TestStatesRunOut(t *testing.T) {
	e := load(t, committedModel("mamba2"), Options{KVBytes: 1})
	require.Equal(t, 1, e.KV().NStates)
	first, second := newSession(t, e, ""), newSession(t, e, "")
	allLogits(t, first, []Token{1, 2, 3}, 3)
	var b Batch
	defer b.Reset()
	b.Add(second, []Token{1}, WantLast)
	require.ErrorIs(t, e.Step(&b), ErrKVFull)

	require.NotZero(t, slices.Max(e.kv.states.mem.bytes))
	first.Rewind(0)
	require.Zero(t, slices.Max(e.kv.states.mem.bytes), "a freed state is cleared")
	require.NoError(t, e.Step(&b))
	second.Close()
	require.Zero(t, slices.Max(e.kv.states.mem.bytes))
}

// Checkpoints are cleared with the page they belong to.
func TestCheckpointsAreCleared(t *testing.T) {
	e := load(t, committedModel("qwen35"), Options{})
	s := newSession(t, e, "u")
	allLogits(t, s, randomTokens(e, 200, 1), 100)
	s.Close()
	require.NotZero(t, slices.Max(e.kv.states.mem.bytes), "the prefix cache keeps them")
	taken, ok := e.kv.take(nil, e.KV().NPages)
	require.True(t, ok)
	require.Zero(t, slices.Max(e.kv.states.mem.bytes))
	e.kv.release(taken)
}
