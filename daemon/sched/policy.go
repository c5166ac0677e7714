package sched

import (
	"cmp"
	"slices"

	"inferd/daemon/auth"
)

// limits are what the policy works within.
type limits struct {
	maxRunning   int // requests that are answered at once
	prefillChunk int // prompt tokens in one step
	nPages       int // of the model's KV cache
	pageTokens   int // positions in a page
}

// policy decides who runs and what a step computes. It sees counts of tokens
// and pages, has no clock, and does nothing by itself: the same calls in the
// same order give the same decisions.
//
// A step is three calls: setAside, admit, plan.
type policy struct {
	limits
	waiting queue
	aside   []*job    // ran and were set aside, longest ago first
	running []*job    // in order of admission
	served  auth.User // whose prompt was advanced first in the last step
	prompts []*job    // scratch of plan
}

// work is what a step does for one request: compute its next n tokens.
type work struct {
	*job
	n int
}

// pages returns how many pages hold every token that j has by now.
func (p *policy) pages(j *job) int {
	return (j.nTokens + p.pageTokens - 1) / p.pageTokens
}

// nPagesTaken returns the pages of all running requests.
func (p *policy) nPagesTaken() int {
	n := 0
	for _, j := range p.running {
		n += p.pages(j)
	}
	return n
}

// setAside takes requests out of the running ones until the rest fits into
// the cache, and returns them. Each is the last admitted of the user who holds
// the most pages; among equals, of the user whose last one came later. A
// request that runs alone always fits.
func (p *policy) setAside() []*job {
	var out []*job
	for taken := p.nPagesTaken(); taken > p.nPages && len(p.running) > 1; {
		j := p.victim()
		taken -= p.pages(j)
		out = append(out, p.putAside(j))
	}
	return out
}

// putAside moves a running request to those set aside.
func (p *policy) putAside(j *job) *job {
	p.running = without(p.running, j)
	p.aside = append(p.aside, j)
	j.nDone = 0
	return j
}

func (p *policy) victim() *job {
	held := map[auth.User]int{}
	for _, j := range p.running {
		held[j.User] += p.pages(j)
	}
	victim := p.running[len(p.running)-1]
	for _, j := range slices.Backward(p.running) {
		if held[j.User] > held[victim.User] {
			victim = j
		}
	}
	return victim
}

// admit moves requests into the running ones while there is room, and returns
// them: first those set aside, then the waiting ones by turns. The first that
// does not fit ends it, so that no big request starves behind small ones.
func (p *policy) admit() []*job {
	var in []*job
	taken := p.nPagesTaken()
	for len(p.running) < p.maxRunning {
		j := p.nextIn()
		if j == nil || taken+p.pages(j) > p.nPages {
			break
		}
		if len(p.aside) > 0 {
			p.aside = without(p.aside, j)
		} else {
			p.waiting.pop()
		}
		taken += p.pages(j)
		p.running = append(p.running, j)
		in = append(in, j)
	}
	return in
}

func (p *policy) nextIn() *job {
	if len(p.aside) > 0 {
		return p.aside[0]
	}
	return p.waiting.head()
}

// plan returns the work of the next step, appended to into: one token for
// each request that has one left, and a chunk of prompt shared by the others.
// Users take turns at the chunk, each with its oldest prompt first; what one
// leaves goes to the next.
func (p *policy) plan(into []work) []work {
	prompts := p.prompts[:0]
	for _, j := range p.running {
		if j.nTokens-j.nDone == 1 {
			into = append(into, work{j, 1})
		} else {
			prompts = append(prompts, j)
		}
	}
	p.prompts = prompts
	p.byTurns(prompts)
	left := p.prefillChunk
	for i, j := range prompts {
		if left == 0 {
			break
		}
		n := min(left, j.nTokens-j.nDone)
		into = append(into, work{j, n})
		left -= n
		if i == 0 {
			p.served = j.User
		}
	}
	return into
}

// byTurns sorts requests, which come in order of admission: first the oldest
// of each user, then each one's second, and so on; users in ascending order,
// beginning behind the one that was served last.
func (p *policy) byTurns(jobs []*job) {
	for i, j := range jobs {
		j.round = 0
		for _, earlier := range jobs[:i] {
			if earlier.User == j.User {
				j.round++
			}
		}
	}
	slices.SortStableFunc(jobs, func(a, b *job) int {
		return cmp.Or(
			cmp.Compare(a.round, b.round),
			cmp.Compare(a.User-p.served-1, b.User-p.served-1), // wraps around
		)
	})
}

// leave forgets a request that has ended, wherever it was.
func (p *policy) leave(j *job) {
	switch {
	case slices.Contains(p.running, j):
		p.running = without(p.running, j)
	case slices.Contains(p.aside, j):
		p.aside = without(p.aside, j)
	default:
		p.waiting.remove(j)
	}
}

// each calls f for every request; f may make it leave.
func (p *policy) each(f func(*job)) {
	for _, j := range slices.Clone(p.running) {
		f(j)
	}
	for _, j := range slices.Clone(p.aside) {
		f(j)
	}
	p.waiting.each(f)
}
