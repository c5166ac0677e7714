package sched

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"inferd/daemon/auth"
	"inferd/runtime"
)

func newRun(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(context.WithoutCancel(t.Context()))
}

// TestEveryRequestGetsItsOwnAnswer lets requests of several users meet in
// caches from roomy to one that holds a single context, and compares each
// answer with what the request gets alone.
func TestEveryRequestGetsItsOwnAnswer(t *testing.T) {
	for _, nPages := range []int{400, 40, 16, 8} {
		for seed := range 20 {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(uint64(seed), uint64(nPages)))
				m := &fakeModel{}
				s := start(t, m, Options{QueueSize: 100, MaxRunning: 1 + random.IntN(12), PrefillChunk: 1 + random.IntN(9), NPages: nPages, PageTokens: 4, NCtx: 4 * nPages, Speculate: seed%2 == 0})
				type asked struct {
					prompt, want []runtime.Token
					answer       *answer
				}
				var all []asked
				for i := range 40 {
					prompt := text(random.IntN(5), 1+random.IntN(20))
					n := 1 + random.IntN(12)
					r, a := ask(auth.User(random.IntN(4)), prompt, n)
					r.PromptLogits = i%5 == 0
					if r.PromptLogits {
						begin := r.Begin
						r.Begin = func(s Session) (Writer, error) {
							w, err := begin(s)
							s.Rewind(0) // scores need every position computed
							return w, err
						}
					}
					all = append(all, asked{prompt, solo(prompt, n), a})
					require.NoError(t, s.Submit(t.Context(), r))
					time.Sleep(time.Duration(random.IntN(3))) // some meet, some do not
				}
				for i, q := range all {
					require.NoError(t, <-q.answer.ended)
					require.Equal(t, q.want, q.answer.tokens)
					if i%5 == 0 {
						require.Equal(t, scores(q.prompt), q.answer.scores)
					}
				}
			})
		}
	}
}

func scores(prompt []runtime.Token) (s []runtime.Token) {
	for i := range prompt {
		s = append(s, follows(prompt[:i+1]))
	}
	return s
}

func TestFullQueueIsRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan bool)
		m := &fakeModel{step: func([]Entry) error { <-gate; return nil }}
		s := start(t, m, Options{QueueSize: 2, MaxRunning: 1, PrefillChunk: 4, NPages: 9, PageTokens: 4})
		var answers []*answer
		for range 3 {
			r, a := ask(1, text(1, 3), 1)
			require.NoError(t, s.Submit(t.Context(), r))
			answers = append(answers, a)
		}
		r, _ := ask(1, text(1, 3), 1)
		require.ErrorIs(t, s.Submit(t.Context(), r), ErrQueueFull)
		other, a := ask(2, text(1, 3), 1)
		require.NoError(t, s.Submit(t.Context(), other), "another user's queue is another queue")
		answers = append(answers, a)
		gate <- true
		require.NoError(t, <-answers[0].ended)
		require.NoError(t, s.Submit(t.Context(), r), "one has left")
		close(gate)
		for _, a := range answers[1:] {
			require.NoError(t, <-a.ended)
		}
	})
}

// TestCancelledRequestLeavesBeforeTheNextStep cancels a request in its prompt,
// one in its answer and one that waits, all during one step.
func TestCancelledRequestLeavesBeforeTheNextStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps, goOn := make(chan int), make(chan bool)
		m := &fakeModel{step: func(e []Entry) error { steps <- len(e); <-goOn; return nil }}
		s := start(t, m, Options{QueueSize: 9, MaxRunning: 3, PrefillChunk: 4, NPages: 100, PageTokens: 4})
		submit := func(prompt, n int) (*answer, context.CancelFunc) {
			ctx, cancel := context.WithCancel(t.Context())
			r, a := ask(1, text(prompt, prompt), n)
			require.NoError(t, s.Submit(ctx, r))
			return a, cancel
		}
		stays, _ := submit(1, 4)
		inAnswer, cancelAnswer := submit(1, 100)
		inPrompt, cancelPrompt := submit(100, 1)
		waiting, cancelWaiting := submit(1, 1)
		for range 2 {
			require.LessOrEqual(t, <-steps, 3)
			goOn <- true
		}
		require.Equal(t, 3, <-steps)
		cancelAnswer()
		cancelPrompt()
		cancelWaiting()
		goOn <- true
		require.Equal(t, 1, <-steps, "only the one that stays is in the next step")
		for _, a := range []*answer{inAnswer, inPrompt, waiting} {
			require.ErrorIs(t, <-a.ended, context.Canceled)
		}
		require.Len(t, m.open, 1, "their sessions are closed")
		close(goOn)
		go func() {
			for range steps {
			}
		}()
		require.NoError(t, <-stays.ended)
		synctest.Wait()
		close(steps)
		require.Equal(t, solo(text(1, 1), 4), stays.tokens)
	})
}

func TestStopLetsTheRestFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan bool)
		m := &fakeModel{step: func([]Entry) error { <-gate; return nil }}
		s := start(t, m, Options{QueueSize: 5, MaxRunning: 1, PrefillChunk: 4, NPages: 9, PageTokens: 4})
		first, a := ask(1, text(1, 9), 3)
		second, b := ask(2, text(2, 9), 3)
		require.NoError(t, s.Submit(t.Context(), first))
		require.NoError(t, s.Submit(t.Context(), second))
		empty := s.Stop()
		late, _ := ask(1, text(1, 9), 3)
		require.ErrorIs(t, s.Submit(t.Context(), late), ErrStopping)
		select {
		case <-empty:
			t.Fatal("two requests are left")
		default:
		}
		close(gate)
		<-empty
		require.NoError(t, <-a.ended)
		require.NoError(t, <-b.ended)
		require.Equal(t, solo(text(2, 9), 3), b.tokens)
		<-s.Stop() // again, with nothing left
	})
}

func TestEndOfRunEndsRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		m := &fakeModel{t: t, nPages: 9, pageTokens: 4, step: func([]Entry) error { cancel(); return nil }}
		s := New(m, Options{QueueSize: 5, MaxRunning: 1, PrefillChunk: 4, NPages: 9, PageTokens: 4})
		running, a := ask(1, text(1, 9), 3)
		waiting, b := ask(2, text(2, 9), 3)
		require.NoError(t, s.Submit(t.Context(), running))
		require.NoError(t, s.Submit(t.Context(), waiting))
		s.Run(ctx)
		require.ErrorIs(t, <-a.ended, ErrStopping)
		require.ErrorIs(t, <-b.ended, ErrStopping)
		require.Empty(t, m.open)
		require.Zero(t, s.NRequests())
		require.ErrorIs(t, s.Submit(t.Context(), running), ErrStopping)
	})
}

func TestPingIsAnsweredBetweenSteps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan bool)
		m := &fakeModel{step: func([]Entry) error { <-gate; return nil }}
		s := start(t, m, Options{})
		require.NoError(t, s.Ping(t.Context()), "idle")

		r, a := ask(1, text(1, 40), 1)
		require.NoError(t, s.Submit(t.Context(), r))
		synctest.Wait() // the step hangs
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		require.ErrorIs(t, s.Ping(ctx), context.DeadlineExceeded)

		ponged := make(chan error)
		go func() { ponged <- s.Ping(t.Context()) }()
		synctest.Wait() // it asks
		gate <- true
		require.NoError(t, <-ponged, "between two steps")
		close(gate)
		require.NoError(t, <-a.ended)
	})
}

// TestLongTextHoldsNoAnswerUp asks for the vector of a long text while an answer
// is written: each step has the answer's next token in it, and no more than a
// chunk of the text.
func TestLongTextHoldsNoAnswerUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nSteps, nShared := 0, 0
		m := &fakeModel{}
		m.step = func(entries []Entry) error {
			nSteps++
			hasAnswer, nText := false, 0
			for _, e := range entries {
				if e.Session.(*fakeSession).vector {
					nText += len(e.Tokens)
				} else {
					hasAnswer = true
				}
			}
			require.LessOrEqual(t, nText, 4)
			if nText > 0 && hasAnswer {
				nShared++
			}
			require.True(t, hasAnswer || nSteps > 60, "step %d leaves the answer out", nSteps)
			time.Sleep(time.Millisecond)
			return nil
		}
		s := start(t, m, Options{})
		r, stream := ask(1, text(1, 3), 60)
		require.NoError(t, s.Submit(t.Context(), r))
		time.Sleep(5 * time.Millisecond)
		for user := range auth.User(3) {
			r, a := embed(user, text(2, 60))
			require.NoError(t, s.Submit(t.Context(), r))
			defer func() {
				require.NoError(t, <-a.ended)
				require.Equal(t, []runtime.Token{follows(text(2, 60))}, a.tokens)
			}()
		}
		require.NoError(t, <-stream.ended)
		require.Equal(t, solo(text(1, 3), 60), stream.tokens)
		require.Greater(t, nShared, 40)
	})
}

func TestErrorsEndTheirRequestsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("step broke")
		var fail bool
		m := &fakeModel{step: func([]Entry) error {
			if fail {
				fail = false
				return broken
			}
			return nil
		}}
		s := start(t, m, Options{})

		fail = true
		r, a := ask(1, text(1, 4), 1)
		require.NoError(t, s.Submit(t.Context(), r))
		require.ErrorIs(t, <-a.ended, broken)

		r, a = ask(1, text(1, 4), -1)
		require.NoError(t, s.Submit(t.Context(), r))
		require.ErrorIs(t, <-a.ended, errWriter)

		r, a = ask(1, text(1, 4), 1)
		r.Begin = func(Session) (Writer, error) { return nil, errWriter }
		require.NoError(t, s.Submit(t.Context(), r))
		require.ErrorIs(t, <-a.ended, errWriter)

		for _, n := range []int{0, 401} {
			r, _ = ask(1, text(1, n), 1)
			require.ErrorContains(t, s.Submit(t.Context(), r), "want 1 to 400")
		}

		r, a = ask(1, text(1, 400), 0)
		require.NoError(t, s.Submit(t.Context(), r))
		require.NoError(t, <-a.ended, "the scheduler goes on")
	})
}

func TestPromptsAreCleared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, &fakeModel{}, Options{})
		r, a := ask(1, text(1, 9), 20)
		require.NoError(t, s.Submit(t.Context(), r))
		require.NoError(t, <-a.ended)
		synctest.Wait()
		require.Equal(t, make([]runtime.Token, 9), r.Prompt)
	})
}

// publisher offers a session's tokens at each step, as closing a real one does.
type publisher struct {
	Writer
	session Session
}

func (p publisher) Next(logits []float32) (runtime.Token, bool, error) {
	p.session.Publish()
	return p.Writer.Next(logits)
}

func TestUsersDoNotShareCachedPrompts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &fakeModel{}
		s := start(t, m, Options{})
		run := func(user auth.User) int {
			before := m.nReused
			r, a := ask(user, text(1, 20), 2)
			begin := r.Begin
			r.Begin = func(s Session) (Writer, error) {
				w, err := begin(s)
				return publisher{w, s}, err
			}
			require.NoError(t, s.Submit(t.Context(), r))
			require.NoError(t, <-a.ended)
			require.Equal(t, solo(text(1, 20), 2), a.tokens)
			return m.nReused - before
		}
		require.Zero(t, run(1))
		require.Equal(t, 19, run(1), "all but the prompt's last token")
		require.Zero(t, run(2))
	})
}

// TestGuessesSaveSteps copies a text: most of its tokens come by the dozen, and
// all of them are those that come one by one.
func TestGuessesSaveSteps(t *testing.T) {
	steps := map[bool]int{}
	for _, speculate := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			m := &fakeModel{}
			s := start(t, m, Options{QueueSize: 1, MaxRunning: 1, PrefillChunk: 40, NPages: 40, PageTokens: 16, NCtx: 640, Speculate: speculate})
			r, a := ask(1, text(1, 30), 500)
			require.NoError(t, s.Submit(t.Context(), r))
			require.NoError(t, <-a.ended)
			require.Equal(t, solo(text(1, 30), 500), a.tokens)
			steps[speculate] = m.nSteps
			require.Equal(t, speculate, m.nGuessed > 0)
		})
	}
	require.Equal(t, 500, steps[false])
	require.Less(t, steps[true], 400)
}

// TestUsersRestWhenTheirRateIsUsedUp sleeps between steps, and no longer than
// the rate wants.
func TestUsersRestWhenTheirRateIsUsedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := start(t, &fakeModel{}, Options{})
		r, a := ask(1, text(1, 10), 41)
		r.Share.TokensPerSec = 2
		started := time.Now()
		require.NoError(t, s.Submit(t.Context(), r))
		require.NoError(t, <-a.ended)
		// 50 tokens are computed, 20 of them at once.
		require.InDelta(t, 15, time.Since(started).Seconds(), 3)
		require.Equal(t, solo(text(1, 10), 41), a.tokens)

		r, a = ask(1, text(1, 10), 100)
		r.Share.TokensPerSec = 0.001
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.NoError(t, s.Submit(ctx, r))
		require.ErrorIs(t, <-a.ended, context.DeadlineExceeded, "a rest does not outlast the request")
	})
}

// TestModelRestsWithoutRequests: when the last request has ended, and no earlier.
func TestModelRestsWithoutRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := make(chan bool)
		m := &fakeModel{step: func([]Entry) error { <-steps; return nil }}
		s := start(t, m, Options{QueueSize: 9, MaxRunning: 3, PrefillChunk: 4, NPages: 100, PageTokens: 4})
		rests := func() int {
			synctest.Wait()
			m.mu.Lock()
			defer m.mu.Unlock()
			return m.nRests
		}
		for round := range 2 {
			first, firstAnswer := ask(1, text(1, 1), 2)
			second, secondAnswer := ask(2, text(1, 1), 3)
			require.NoError(t, s.Submit(t.Context(), first))
			require.NoError(t, s.Submit(t.Context(), second))
			for range 2 {
				require.Equal(t, round, rests())
				steps <- true
			}
			require.NoError(t, <-firstAnswer.ended)
			require.Equal(t, round, rests(), "one is left")
			steps <- true
			require.NoError(t, <-secondAnswer.ended)
			require.Equal(t, round+1, rests())
		}
	})
}
