package sched

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"inferd/daemon/auth"
)

// firstTimes asks n times as a user, one after another, and returns how long each
// first token takes, in ascending order.
func firstTimes(t *testing.T, s *Scheduler, user auth.User, n, nPrompt int) (times []time.Duration) {
	for i := range n {
		r, a := ask(user, text(100+i, nPrompt), 10)
		first := make(chan time.Time, 1)
		a.first = func() { first <- time.Now() }
		asked := time.Now()
		require.NoError(t, s.Submit(t.Context(), r))
		times = append(times, (<-first).Sub(asked))
		require.NoError(t, <-a.ended)
		time.Sleep(time.Duration(i%7) * 3 * time.Millisecond) // at all moments of a step
	}
	slices.Sort(times)
	return times
}

// TestFloodOfOneUserHoldsNobodyUp: while one user has as many requests in as it
// may, another one's first tokens come nearly as soon as on an idle machine, also
// where slots or pages are short. Time is what steps are made to take: a
// millisecond, and a tenth for each token.
func TestFloodOfOneUserHoldsNobodyUp(t *testing.T) {
	for name, o := range map[string]Options{
		"room":        {MaxRunning: 64, NPages: 10_000},
		"short slots": {MaxRunning: 4, NPages: 10_000},
		"short pages": {MaxRunning: 64, NPages: 400},
	} {
		for _, flood := range []struct{ nPrompt, nAnswer int }{{700, 5}, {700, 200}, {10, 300}} {
			o.QueueSize, o.PrefillChunk, o.PageTokens, o.NCtx = 100, 128, 16, 1000
			synctest.Test(t, func(t *testing.T) {
				m := &fakeModel{step: func(entries []Entry) error {
					n := 0
					for _, e := range entries {
						n += len(e.Tokens)
					}
					time.Sleep(time.Millisecond + time.Duration(n)*time.Millisecond/10)
					return nil
				}}
				s := start(t, m, o)
				idle := firstTimes(t, s, 2, 100, 200)
				ctx, stop := context.WithCancel(t.Context())
				flooding := make(chan bool)
				for i := range o.MaxRunning {
					go func() {
						for k := 0; ctx.Err() == nil; k++ {
							r, a := ask(1, text(i+k, flood.nPrompt), flood.nAnswer)
							require.NoError(t, s.Submit(ctx, r))
							<-a.ended
						}
						flooding <- false
					}()
				}
				time.Sleep(time.Second)
				busy := firstTimes(t, s, 2, 100, 200)
				stop()
				for range o.MaxRunning {
					<-flooding
				}
				ratio := float64(busy[98]) / float64(idle[98])
				t.Logf("%s, flood of %+v: p99 of the time to the first token is %v, idle %v: %.2f times", name, flood, busy[98], idle[98], ratio)
				require.Less(t, ratio, 3.0)
			})
		}
	}
}
