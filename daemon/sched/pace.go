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
	minGain = 1.02
)

// pace knows how long steps take, and sizes them accordingly. It has a say in
// when something is computed, never in what comes out.
type pace struct {
	perToken time.Duration              // of a chunk of prompt
	steps    [MaxRows + 1]time.Duration // of answers only, by number of tokens; 0 is unknown
	drafts   []draftRow                 // scratch of speculate
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
		for i := range p.steps { // what was not tried for long is worth another try
			p.steps[i] -= p.steps[i] / 1024
		}
		p.steps[n] = approach(p.steps[n], d)
	}
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

// step returns how long a step of n tokens of answers takes. An unknown one is
// taken to be as short as the next smaller one, so that it is tried.
func (p *pace) step(n int) time.Duration {
	for ; n > 0; n-- {
		if p.steps[n] > 0 {
			return p.steps[n]
		}
	}
	return 1
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
	best, speed := 0, minGain*gain/float64(p.step(n))
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
		if s := gain / float64(p.step(n+k+1)); s > speed {
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
