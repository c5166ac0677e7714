package sched

import "slices"

// limits are what the policy works within.
type limits struct {
	maxRunning   int  // requests that are answered at once
	prefillChunk int  // prompt tokens in one step
	nPages       int  // of the model's KV cache
	pageTokens   int  // positions in a page
	whole        bool // prompts are computed in one step each
}

const (
	// minGrowth is how many tokens an answer gains before it can lose its slot to
	// another user, so that changing slots never stops all progress.
	minGrowth = 16

	// maxAside is how often a request is set aside before others are instead.
	maxAside = 3

	// maxPassed is how many others are admitted before a user who waits, however
	// little its share is.
	maxPassed = 32
)

// policy decides who runs and what a step computes. It sees counts of tokens
// and pages, has no clock, and does nothing by itself: the same calls in the
// same order give the same decisions.
//
// A step is two calls: rearrange, plan.
type policy struct {
	limits
	accounts []*account // in order of first request
	running  []*job     // in order of admission

	among []*account // scratch of plan
}

// work is what a step does for one request: compute its next n tokens, and the
// first nDraft of its draft behind them.
type work struct {
	*job
	n, nDraft int
}

// add takes in a new request.
func (p *policy) add(j *job) {
	j.account = p.account(j)
	j.account.queue(j)
}

// pages returns how many pages hold every token that j has by now.
func (p *policy) pages(j *job) int {
	return (j.nTokens + p.pageTokens - 1) / p.pageTokens
}

// nPagesHeld returns the pages of a user's running requests.
func (p *policy) nPagesHeld(a *account) int {
	n := 0
	for _, j := range a.running {
		n += p.pages(j)
	}
	return n
}

// nPagesTaken returns the pages that running requests hold, or their users have
// in reserve, if a request more ran and one less; either may be nil.
func (p *policy) nPagesTaken(in, out *job) int {
	n := 0
	for _, a := range p.accounts {
		held := p.nPagesHeld(a)
		if in != nil && in.account == a {
			held += p.pages(in)
		}
		if out != nil && out.account == a {
			held -= p.pages(out)
		}
		n += max(held, a.nReserved)
	}
	return n
}

// rearrange decides which requests run, and returns those that do no longer, to
// be set aside, and those that do from now on. A request may be in both.
func (p *policy) rearrange() (out, in []*job) {
	for p.nPagesTaken(nil, nil) > p.nPages && len(p.running) > 1 {
		out = append(out, p.putAside(p.largest()))
	}
	for {
		a := p.nextIn()
		if a == nil {
			break
		}
		j := a.head()
		losers, ok := p.losers(j)
		if !ok {
			break
		}
		for _, loser := range losers {
			out = append(out, p.putAside(loser))
		}
		p.admit(j)
		in = append(in, j)
	}
	p.closeAccounts()
	return out, in
}

// nextIn returns the user whose request is to be admitted next: who was passed
// over too often, else who has the fewest slots for its weight, else who is
// least in debt. Where that request does not fit into the cache, none is before
// it but those that fit into their users' reserve: no big request starves
// behind small ones.
func (p *policy) nextIn() *account {
	var next, own *account
	for _, a := range p.accounts {
		j := a.head()
		if j == nil {
			continue
		}
		if next == nil || p.isBefore(a, next) {
			next = a
		}
		if p.nPagesHeld(a)+p.pages(j) <= a.nReserved && (own == nil || p.isBefore(a, own)) {
			own = a
		}
	}
	if own != nil && p.nPagesTaken(next.head(), nil) > p.nPages {
		return own
	}
	return next
}

func (p *policy) isBefore(a, b *account) bool {
	if len(p.running) < p.maxRunning { // nobody loses a slot because others were late
		if aLate, bLate := a.nPassed >= maxPassed, b.nPassed >= maxPassed; aLate || bLate {
			return aLate && (!bLate || a.nPassed > b.nPassed)
		}
	}
	nA, nB := float64(len(a.running)+1)/a.weight(), float64(len(b.running)+1)/b.weight()
	return nA < nB || nA == nB && a.credit > b.credit
}

// admit makes the head of a line run.
func (p *policy) admit(j *job) {
	for _, a := range p.accounts {
		if a != j.account && a.head() != nil {
			a.nPassed++
		}
	}
	a := j.account
	a.nPassed = 0
	a.line = without(a.line, j)
	a.running = append(a.running, j)
	p.running = append(p.running, j)
	j.grown = 0
}

// putAside takes the place of a running request away. It goes on before its
// user's new ones.
func (p *policy) putAside(j *job) *job {
	p.running = without(p.running, j)
	j.account.running = without(j.account.running, j)
	j.nDone = 0
	j.nAside++
	j.account.queue(j)
	return j
}

// largest returns the running request that is set aside for lack of pages: the
// last admitted of the user who holds most beyond its reserve, for its weight;
// among equals, of the user whose last one came later. Requests that were set
// aside often stay as long as there are others, and the oldest of them then.
func (p *policy) largest() *job {
	var victim *job
	var worst [2]float64
	for _, j := range slices.Backward(p.running) {
		a := j.account
		over := float64(p.nPagesHeld(a)-a.nReserved) / a.weight()
		score := [2]float64{2, over}
		if over <= 0 { // would give its pages to nobody but its own user
			score[0] = 0
		} else if j.nAside >= maxAside {
			score = [2]float64{1, 0}
		}
		if victim == nil || slices.Compare(score[:], worst[:]) > 0 {
			victim, worst = j, score
		}
	}
	return victim
}

// losers returns the running requests that are set aside so that j can run, and
// whether it can.
func (p *policy) losers(j *job) ([]*job, bool) {
	noSlot, over := len(p.running) >= p.maxRunning, p.nPagesTaken(j, nil)-p.nPages
	switch {
	case !noSlot && over <= 0, len(p.running) == 0:
		return nil, true
	case len(j.account.running) == 0:
		return p.displaced(j, noSlot, over)
	case !noSlot:
		return nil, false
	}
	loser := p.loser(j.account)
	if loser == nil || p.nPagesTaken(j, loser) > p.nPages {
		return nil, false
	}
	return []*job{loser}, true
}

// displaced is losers for a user of whom nothing runs, so that who comes when
// another has taken everything need not wait: the last admitted of the user who
// has most, as many as it takes, provided that what is left to that user is as
// much as the newcomer gets. So the oldest of them always goes on.
func (p *policy) displaced(j *job, noSlot bool, over int) (out []*job, ok bool) {
	from := p.richest(noSlot)
	if from == nil {
		return nil, false
	}
	share := j.account.weight() / from.weight()
	nRunning, nPages, isShort := len(from.running), p.nPagesHeld(from), over > 0
	for _, loser := range slices.Backward(from.running) {
		if !noSlot && over <= 0 {
			break
		}
		noSlot = false
		nRunning--
		nPages -= p.pages(loser)
		over -= p.pages(loser)
		out = append(out, loser)
	}
	switch {
	case noSlot || over > 0 || float64(nRunning)*share < 1:
		return nil, false
	case isShort && (nPages < from.nReserved || float64(nPages)*share < float64(p.pages(j))):
		return nil, false
	}
	return out, true
}

// richest returns the user with the most slots, or pages beyond its reserve, for its
// weight; nil if nobody has any.
func (p *policy) richest(bySlots bool) (richest *account) {
	most := 0.0
	for _, a := range p.accounts {
		n := p.nPagesHeld(a) - a.nReserved
		if bySlots {
			n = len(a.running)
		}
		if x := float64(n) / a.weight(); x > most {
			richest, most = a, x
		}
	}
	return richest
}

// loser returns the running request that gives its slot to the user a, nil if
// none does: the last admitted of the user with most slots for its weight,
// provided that it still has as many as a then.
func (p *policy) loser(a *account) *job {
	var loser *job
	most := float64(len(a.running)+1) / a.weight()
	for _, j := range slices.Backward(p.running) {
		n := float64(len(j.account.running)-1) / j.account.weight()
		if j.account != a && j.grown >= minGrowth && (n > most || loser == nil && n == most) {
			loser, most = j, n
		}
	}
	return loser
}

// plan returns the work of the next step, appended to into: one token for each
// request that has one left, and chunk tokens of prompts. Users take turns at
// these, each with its oldest prompt first; what one leaves goes to the next.
// Users whose rate is used up rest.
func (p *policy) plan(into []work, chunk int) []work {
	p.among = p.among[:0]
	for _, a := range p.accounts {
		clear(a.prompts) // requests must not outlive their end here
		a.prompts = a.prompts[:0]
	}
	for _, j := range p.running {
		a := j.account
		switch {
		case a.rests():
		case j.nTokens-j.nDone == 1:
			into = append(into, work{job: j, n: 1})
			p.charge(j, 1)
		default:
			if len(a.prompts) == 0 {
				p.among = append(p.among, a)
			}
			a.prompts = append(a.prompts, j)
		}
	}
	return p.planPrompts(into, chunk)
}

func (p *policy) planPrompts(into []work, left int) []work {
	first := len(into)
	for left > 0 && len(p.among) > 0 {
		a := p.turn(p.among)
		j := a.prompts[0]
		at := first + slices.IndexFunc(into[first:], func(w work) bool { return w.job == j })
		if at < first {
			at = len(into)
			into = append(into, work{job: j})
		}
		n := j.nTokens - j.nDone - into[at].n
		if !p.whole {
			n = min(n, left, a.credit)
		}
		into[at].n += n
		left -= n
		p.charge(j, n)
		if into[at].n < j.nTokens-j.nDone {
			continue
		}
		if a.prompts = without(a.prompts, j); len(a.prompts) == 0 {
			p.among = without(p.among, a)
		}
	}
	return into
}

// leave forgets a request that has ended, wherever it was.
func (p *policy) leave(j *job) {
	p.running = without(p.running, j)
	if a := j.account; a != nil {
		a.running = without(a.running, j)
		a.line = without(a.line, j)
		a.prompts = without(a.prompts, j)
	}
}

// each calls f for every request; f may make it leave.
func (p *policy) each(f func(*job)) {
	for _, a := range slices.Clone(p.accounts) {
		for _, j := range slices.Concat(a.running, a.line) {
			f(j)
		}
	}
}

// without removes x from list, keeping the order, and forgets it.
func without[T comparable](list []T, x T) []T {
	if i := slices.Index(list, x); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}
