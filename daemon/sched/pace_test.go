package sched

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"inferd/runtime"
)

// TestPaceGuessesWherePays plays steps whose cost is known, with guesses that
// are right as often as said, and compares tokens per time with those without
// guesses.
func TestPaceGuessesWherePays(t *testing.T) {
	flat := func(n int) time.Duration { return time.Duration(1000 + 20*n) } // bound by memory
	stairs := func(n int) time.Duration { return time.Duration(1000 + 1500*((n-1)/4)) }
	linear := func(n int) time.Duration { return time.Duration(100 + 1000*n) } // bound by arithmetic
	for _, test := range []struct {
		name        string
		cost        func(int) time.Duration
		nAnswers    int
		right       float64
		least, most float64
	}{
		{"flat, copying", flat, 1, 0.95, 5, 15},
		{"flat, copying, many answers", flat, 8, 0.95, 2, 15},
		{"flat, prose", flat, 1, 0.2, 1.05, 1.3},
		{"stairs, copying", stairs, 1, 0.95, 2.5, 6},
		{"stairs, copying, the stair is full", stairs, 4, 0.9, 0.99, 3},
		{"linear, copying", linear, 1, 0.95, 0.99, 2},
		{"linear, prose", linear, 1, 0.1, 0.98, 1.01},
		{"linear, prose, many answers", linear, 8, 0.1, 0.98, 1.01},
	} {
		t.Run(test.name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(1, 1))
			var p pace
			jobs := make([]*job, test.nAnswers)
			for i := range jobs {
				jobs[i] = &job{draft: make([]runtime.Token, maxDraft)}
			}
			var spent time.Duration
			nTokens := 0
			const nSteps = 20_000
			for range nSteps {
				var step []work
				for _, j := range jobs {
					step = append(step, work{job: j, n: 1})
				}
				p.speculate(step)
				n := 0
				for _, w := range step {
					n += 1 + w.nDraft
					nRight := 0
					for nRight < w.nDraft && random.Float64() < test.right {
						nRight++
					}
					if w.nDraft > 0 {
						w.drafter.learn(w.nDraft, nRight)
					}
					nTokens += 1 + nRight
				}
				require.LessOrEqual(t, n, MaxRows)
				p.observe(n, 0, test.cost(n))
				spent += test.cost(n)
			}
			gain := float64(nTokens) / spent.Seconds() * test.cost(test.nAnswers).Seconds() / float64(test.nAnswers)
			require.GreaterOrEqual(t, gain, test.least)
			require.LessOrEqual(t, gain, test.most)
			t.Logf("%.3f times the tokens per second", gain)
		})
	}
}

func TestPaceShortensChunksThatTakeTooLong(t *testing.T) {
	var p pace
	require.Equal(t, 128, p.chunk(128), "nothing is known")
	p.observe(128, 128, 128*time.Millisecond)
	require.Equal(t, 128, p.chunk(128))
	for range 100 {
		p.observe(130, 128, 1280*time.Millisecond)
	}
	require.InDelta(t, 25, p.chunk(128), 1)
	for range 100 {
		p.observe(30, 25, 25*time.Second)
	}
	require.Equal(t, minChunk, p.chunk(128), "never less")
	require.Equal(t, 8, p.chunk(8), "but what is configured")
}
