package sched

import "time"

const (
	// maxGap is how long a step may take while answers are being written, as far
	// as the size of its chunk of prompt decides that.
	maxGap = 250 * time.Millisecond

	// minChunk is the fewest prompt tokens that a step computes then.
	minChunk = 16

	// MaxRows is the number of tokens in the largest step that has drafts.
	MaxRows = 32

	// minGain is how much faster a step must promise to be for drafts to be in it.
	minGain = 1.05

	// fresh is for how many steps a time counts that was measured, stale for how
	// many it counts for anything.
	fresh = 64
	stale = 4096
)

// pace knows how long steps take, and sizes them accordingly. It has a say in
// when something is computed, never in what comes out.
type pace struct {
	perToken time.Duration         // of a chunk of prompt
	steps    [MaxRows + 1]stepTime // of answers only, by number of tokens
	nSteps   int                   // seen of these
	drafts   []draftRow            // scratch of speculate
}

// stepTime is how long steps of one size take.
type stepTime struct {
	d    time.Duration // 0 is unknown
	seen int           // pace.nSteps when one was seen last
}

// draftRow is the next guess of a request that could be in a step.
type draftRow struct {
	work  *work
	left  int     // guesses that are not in the step
	right float64 // how likely this one is, and all before it
}

// observe learns from a step of n tokens, nPrompt of them in chunks of prompts.
func (p *pace) observe(n, nPrompt int, d time.Duration) {
	switch {
	case nPrompt >= minChunk:
		p.perToken = approach(p.perToken, d/time.Duration(nPrompt))
	case nPrompt == 0 && n <= MaxRows:
		p.nSteps++
		t := &p.steps[n]
		if p.nSteps-t.seen > fresh {
			t.d = d
		} else {
			t.d = approach(t.d, d)
		}
		t.d, t.seen = max(1, t.d), p.nSteps
	}
}

// known returns the time of a step of n tokens, 0 if none was seen. What was not
// tried for long is believed to be up to twice as fast, so that it is tried.
func (p *pace) known(n int) time.Duration {
	t := p.steps[n]
	age := min(p.nSteps-t.seen, stale)
	return t.d - t.d*time.Duration(age)/(2*stale)
}

// approach moves an estimate towards a measurement: fast if that is shorter,
// for other programs only ever make a step longer.
func approach(old, d time.Duration) time.Duration {
	switch {
	case old == 0:
		return d
	case d < old:
		return (old + d) / 2
	default:
		return old + (d-old)/8
	}
}

// chunk returns how many of most prompt tokens the next step computes, if
// answers wait for it.
func (p *pace) chunk(most int) int {
	if p.perToken == 0 {
		return most
	}
	return min(most, max(minChunk, int(maxGap/p.perToken)))
}

// step returns how long a step of n tokens of answers takes. Between two known
// sizes it lies on the line that joins them; behind the last one it goes on like
// the line before, for twice its size at most: what is far from all experience
// is not tried.
func (p *pace) step(n int) (d time.Duration, ok bool) {
	below, above, last := 0, 0, 0
	for size := range p.steps {
		switch {
		case p.steps[size].d == 0:
		case size <= n:
			last, below = below, size
		case above == 0:
			above = size
		}
	}
	switch {
	case below == n:
		return p.known(n), n > 0
	case below == 0:
		return 0, false
	case above > 0:
		return line(below, p.known(below), above, p.known(above), n), true
	case n > 2*below:
		return 0, false
	case last == 0:
		return p.known(below), true
	default:
		return max(p.known(below), line(last, p.known(last), below, p.known(below), n)), true
	}
}

// line returns the value at n of the line through two points.
func line(n0 int, d0 time.Duration, n1 int, d1 time.Duration, n int) time.Duration {
	return d0 + (d1-d0)*time.Duration(n-n0)/time.Duration(n1-n0)
}

// speculate adds guesses to a step that has one token of each answer and
// nothing else: the likeliest first, as many as bring the most tokens per
// second.
func (p *pace) speculate(step []work) {
	p.drafts = p.drafts[:0]
	for i := range step {
		if w := &step[i]; len(w.draft) > 0 {
			p.drafts = append(p.drafts, draftRow{w, len(w.draft), w.drafter.rate()})
		}
	}
	n, gain := len(step), float64(len(step))
	now, ok := p.step(n)
	if !ok {
		return
	}
	best, speed := 0, minGain*gain/float64(now)
	var chosen [MaxRows]*work
	for k := 0; n+k < MaxRows; k++ {
		row := p.likeliest()
		if row == nil {
			break
		}
		chosen[k] = row.work
		gain += row.right
		row.left--
		row.right *= row.work.drafter.rate()
		d, ok := p.step(n + k + 1)
		if !ok {
			break
		}
		if s := gain / float64(d); s > speed {
			best, speed = k+1, s
		}
	}
	for _, w := range chosen[:best] {
		w.nDraft++
	}
}

// likeliest returns the guess that is most likely right, nil if none is left.
func (p *pace) likeliest() *draftRow {
	var best *draftRow
	for i := range p.drafts {
		if r := &p.drafts[i]; r.left > 0 && (best == nil || r.right > best.right) {
			best = r
		}
	}
	return best
}
