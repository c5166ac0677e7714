package sched

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"inferd/daemon/auth"
	"inferd/runtime"
)

var nSeeds = flag.Int("seeds", 2000, "simulations of TestSimulation")

// TestSimulation lets users with all kinds of shares send requests at random to
// schedulers of all sizes, and give some of them up. Whatever happens, every
// request ends, within a number of steps that its work bounds; every answer is
// that of its request alone; and before each step the policy's accounts are what
// the sessions hold, within the pages that there are.
func TestSimulation(t *testing.T) {
	for seed := range *nSeeds {
		synctest.Test(t, func(t *testing.T) { simulate(t, uint64(seed)) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// simRequest is a request of a simulation and what becomes of it.
type simRequest struct {
	prompt []runtime.Token
	n      int
	answer *answer
	cancel context.CancelFunc
	given  bool // up
}

func simulate(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 6))
	o := Options{
		QueueSize:    1000,
		MaxRunning:   1 + random.IntN(6),
		PrefillChunk: 1 + random.IntN(12),
		NPages:       10 + random.IntN(30),
		PageTokens:   4,
		Speculate:    random.IntN(2) == 0,
		Whole:        random.IntN(8) == 0,
	}
	o.NCtx = min(40, o.NPages*o.PageTokens)
	m := &fakeModel{}
	s := start(t, m, o)
	shares := make([]auth.Share, 1+random.IntN(4))
	for i := range shares {
		shares[i] = randomShare(random, len(shares))
	}
	var nWork atomic.Int64
	m.step = func([]Entry) error {
		checkAccounts(t, s)
		// Every 16 tokens of an answer its slot may go to another; what it had
		// computed is lost at worst.
		if m.nSteps > 50*int(nWork.Load()) {
			return errors.New("no end in sight")
		}
		time.Sleep(time.Millisecond)
		return nil
	}
	var all []*simRequest
	for range 1 + random.IntN(16) {
		q := &simRequest{prompt: text(random.IntN(3), 1+random.IntN(20)), n: 1 + random.IntN(20)}
		nWork.Add(int64(len(q.prompt) + q.n))
		u := random.IntN(len(shares))
		var r Request
		if o.Whole || random.IntN(5) == 0 {
			q.n = 1
			r, q.answer = embed(auth.User(u), q.prompt)
		} else {
			r, q.answer = ask(auth.User(u), q.prompt, q.n)
		}
		r.Share = shares[u]
		var ctx context.Context
		ctx, q.cancel = context.WithCancel(t.Context())
		if random.IntN(8) == 0 {
			ctx, q.cancel = context.WithTimeout(t.Context(), time.Duration(random.IntN(30))*time.Millisecond)
			q.given = true
		}
		require.NoError(t, s.Submit(ctx, r))
		all = append(all, q)
		time.Sleep(time.Duration(random.IntN(4)) * time.Millisecond)
		if random.IntN(8) == 0 {
			gone := all[random.IntN(len(all))]
			gone.cancel()
			gone.given = true
		}
	}
	for _, q := range all {
		checkEnd(t, q)
	}
}

func randomShare(random *rand.Rand, nUsers int) (s auth.Share) {
	s.Lane = auth.Lane(random.IntN(3) - 1)
	s.Weight = random.IntN(4)
	if random.IntN(3) == 0 {
		s.KVReserve = 2 * random.Float64() / float64(nUsers) // they shrink where that is too much
	}
	if random.IntN(4) == 0 {
		s.TokensPerSec = 1 + 1000*random.Float64()
	}
	if random.IntN(3) == 0 {
		s.MaxConcurrency = 1 + random.IntN(3)
	}
	return s
}

// checkAccounts compares what the policy believes with the sessions.
func checkAccounts(t *testing.T, s *Scheduler) {
	p := &s.policy
	nPages, nRunning := 0, 0
	for _, a := range p.accounts {
		for _, j := range a.running {
			if j.account != a || j.User != a.user || j.session.(*fakeSession).user != a.user || !slices.Contains(p.running, j) {
				t.Error("a request runs for another user")
			}
			if j.session.NTokens() != j.nDone || len(j.tokens) != j.nTokens || j.nDone >= j.nTokens {
				t.Errorf("%d tokens are in the cache, %d accounted of %d", j.session.NTokens(), j.nDone, j.nTokens)
			}
			nPages += p.pages(j)
			nRunning++
		}
		for _, j := range a.line {
			if j.account != a || j.session != nil && j.session.NTokens() != 0 {
				t.Error("a request that waits holds pages")
			}
		}
		if a.share.MaxConcurrency > 0 && len(a.running) > a.share.MaxConcurrency {
			t.Errorf("%d requests run, the user may have %d", len(a.running), a.share.MaxConcurrency)
		}
	}
	if nPages > p.nPages || nRunning != len(p.running) || nRunning > p.maxRunning {
		t.Errorf("%d of %d pages, %d of %d running, %d in order", nPages, p.nPages, nRunning, p.maxRunning, len(p.running))
	}
}

// checkEnd waits for a request's end and checks what it got until then.
func checkEnd(t *testing.T, q *simRequest) {
	err := <-q.answer.ended
	q.cancel()
	want := solo(q.prompt, q.n)
	switch {
	case err == nil:
	case q.given && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)):
		want = want[:len(q.answer.tokens)]
	default:
		t.Errorf("ended with %v", err)
		return
	}
	if !slices.Equal(want, q.answer.tokens) {
		t.Errorf("got %v, want %v", q.answer.tokens, want)
	}
	select {
	case <-q.answer.ended:
		t.Error("ended twice")
	default:
	}
}
