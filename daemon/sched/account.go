package sched

import (
	"math"
	"slices"
	"time"

	"inferd/daemon/auth"
)

const (
	// laneFactor is how many times the share of the next lane a lane gets.
	laneFactor = 8

	// maxDebt is how many rounds of tokens a user can have had in advance: what
	// it took longer ago, while nobody else wanted it, does not count.
	maxDebt = 8

	// maxSaved is how many rounds of tokens a user keeps that it did not want: who
	// asks now and then has its prompts computed before those of a flood.
	maxSaved = 2

	// burst is the time whose tokens a user with a token rate may use at once.
	burst = 10 * time.Second
)

// account is what the policy knows of a user.
type account struct {
	user  auth.User
	share auth.Share // as its last request has it

	line    []*job // that do not run: those set aside, longest ago first, then in order of arrival
	running []*job // in order of admission

	nReserved int     // pages that others leave to it
	credit    int     // tokens of prompts and answers that are left of its turns; below 0 after more than that
	nPassed   int     // admissions of others while it waited for one
	allowance float64 // tokens left of its rate; below 0 it rests
	prompts   []*job  // scratch of plan
}

// weight is what the user gets of slots, pages and tokens in proportion to
// others.
func (a *account) weight() float64 {
	return float64(max(1, a.share.Weight)) * math.Pow(laneFactor, float64(a.share.Lane))
}

// rests reports whether the user has used its rate up.
func (a *account) rests() bool { return a.share.TokensPerSec > 0 && a.allowance <= 0 }

// head returns the request that is to be admitted next, nil if none may be.
func (a *account) head() *job {
	n := a.share.MaxConcurrency
	if len(a.line) == 0 || a.rests() || n > 0 && len(a.running) >= n {
		return nil
	}
	return a.line[0]
}

// queue adds a request to the line: behind all others, or, if it ran before,
// behind those that did.
func (a *account) queue(j *job) {
	at := len(a.line)
	if j.nAside > 0 {
		if i := slices.IndexFunc(a.line, func(other *job) bool { return other.nAside == 0 }); i >= 0 {
			at = i
		}
	}
	a.line = slices.Insert(a.line, at, j)
}

// account returns the record of a request's user, made where it is missing.
func (p *policy) account(j *job) *account {
	i := slices.IndexFunc(p.accounts, func(a *account) bool { return a.user == j.User })
	if i < 0 {
		i = len(p.accounts)
		p.accounts = append(p.accounts, &account{user: j.User, share: j.Share})
		p.accounts[i].allowance = p.accounts[i].maxAllowance()
		p.accounts[i].credit = p.maxCredit(p.accounts[i])
	}
	p.accounts[i].share = j.Share
	p.reserve()
	return p.accounts[i]
}

// reserve sets how many pages others leave to each user. Where reserves come to
// more than there can be, as those of a group's members may, all shrink alike.
func (p *policy) reserve() {
	sum := 0.0
	for _, a := range p.accounts {
		sum += a.share.KVReserve
	}
	scale := float64(p.nPages) * min(1, auth.MaxKVReserve/sum)
	for _, a := range p.accounts {
		a.nReserved = int(a.share.KVReserve * scale)
	}
}

// closeAccounts forgets users who have no request, all credit and no reserve.
func (p *policy) closeAccounts() {
	p.accounts = slices.DeleteFunc(p.accounts, func(a *account) bool {
		return len(a.line)+len(a.running) == 0 && a.credit >= p.maxCredit(a) && a.share.KVReserve == 0 &&
			(a.share.TokensPerSec == 0 || a.allowance >= a.maxAllowance())
	})
}

func (a *account) maxAllowance() float64 { return a.share.TokensPerSec * burst.Seconds() }

// refill adds to allowances what d brings.
func (p *policy) refill(d time.Duration) {
	for _, a := range p.accounts {
		a.allowance = min(a.maxAllowance(), a.allowance+a.share.TokensPerSec*d.Seconds())
	}
}

// rest returns how long it takes until the first user who rests and has work
// goes on; ok is false if there is none.
func (p *policy) rest() (d time.Duration, ok bool) {
	for _, a := range p.accounts {
		if !a.rests() || len(a.line)+len(a.running) == 0 {
			continue
		}
		seconds := min(-a.allowance/a.share.TokensPerSec, time.Hour.Seconds())
		t := time.Duration(seconds*float64(time.Second)) + time.Millisecond
		if !ok || t < d {
			d, ok = t, true
		}
	}
	return d, ok
}

// charge books n computed tokens on a request's user.
func (p *policy) charge(j *job, n int) {
	a := j.account
	a.credit = max(a.credit-n, -maxDebt*p.quantum(a))
	if a.share.TokensPerSec > 0 {
		a.allowance -= float64(n)
	}
}

// quantum is the number of tokens that a round gives a user.
func (p *policy) quantum(a *account) int {
	return max(1, int(float64(p.prefillChunk)*a.weight()))
}

// maxCredit is what a user has of tokens after a rest.
func (p *policy) maxCredit(a *account) int { return maxSaved * p.quantum(a) }

// turn returns the user among some who is next at computing prompts, by deficit
// round robin: who has the most credit, in rounds, of the highest lane that has
// any. Where none has, rounds give everybody some.
func (p *policy) turn(among []*account) *account {
	var next *account
	for _, a := range among {
		if a.credit > 0 && (next == nil || a.share.Lane > next.share.Lane ||
			a.share.Lane == next.share.Lane && a.credit*p.quantum(next) > next.credit*p.quantum(a)) {
			next = a
		}
	}
	if next != nil {
		return next
	}
	nRounds := math.MaxInt
	for _, a := range among {
		nRounds = min(nRounds, -a.credit/p.quantum(a)+1)
	}
	for _, a := range p.accounts {
		credit := a.credit + nRounds*p.quantum(a)
		if !slices.Contains(among, a) { // it does not want them now
			credit = max(a.credit, min(credit, p.maxCredit(a)))
		}
		a.credit = credit
	}
	return p.turn(among)
}
