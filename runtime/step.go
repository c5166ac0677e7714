package runtime

import (
	"fmt"
	"slices"

	"inferd/kernels"
)

// step is one batch laid out for a model: the tokens of all entries one after
// another. Its slices have room for the largest batch from the start.
type step struct {
	kv     *pagePool
	runs   []run
	tokens []Token // [nTokens]
	pos    []int32 // [nTokens] places in their timelines
	rows   []int32 // [nRows] tokens whose logits are wanted

	wantsVectors bool // what logits are made of instead

	// isLast: the layer that runs is the last. What it keeps is of all tokens;
	// what it adds to the stream is of use only for those whose logits are wanted.
	isLast bool

	adapted bool // a session of it has adapters

	rotations [maxRopes]Rotation // of the tokens, under the model's encodings
}

// run is one entry's part of a step.
type run struct {
	session *Session
	first   int           // its first token in the step
	n       int           // tokens
	pos     int           // place of its first token in the session's timeline
	picked  kernels.Range // its part of the step's rows
}

// adapters are those of the run's session.
func (r *run) adapters() []AdapterUse { return r.session.adapters }

// pages is how many pages of the session's timeline the run writes to.
func (r *run) pages() int { return (r.pos+r.n-1)/pageTokens - r.pos/pageTokens + 1 }

// rows are the run's tokens in the step, or those whose logits are wanted among
// all of these.
func (r *run) rows(picked bool) kernels.Range {
	if picked {
		return r.picked
	}
	return kernels.Range{From: r.first, To: r.first + r.n}
}

// newStep returns a step with room for maxBatch tokens. A measuring step has no
// pages, but their layout.
func newStep(kv *pagePool, maxBatch int) step {
	return step{
		kv:     kv,
		runs:   make([]run, 0, maxBatch),
		tokens: make([]Token, 0, maxBatch),
		pos:    make([]int32, 0, maxBatch),
		rows:   make([]int32, 0, maxBatch),
	}
}

func (s *step) maxBatch() int { return cap(s.tokens) }

// reset empties the step and clears its tokens.
func (s *step) reset() {
	clear(s.runs)
	clear(s.tokens)
	s.adapted = false
	s.runs, s.tokens, s.pos, s.rows = s.runs[:0], s.tokens[:0], s.pos[:0], s.rows[:0]
	s.wantsVectors, s.isLast = false, false
}

// narrows reports whether the layer that runs is to narrow the step. Few tokens
// wait for memory, so that leaving some of them out gains nothing.
func (s *step) narrows() bool {
	return s.isLast && len(s.rows) < len(s.tokens) && len(s.tokens) > streamTokens
}

// narrow leaves in the step the tokens whose logits are wanted. The keys and
// values of all are stored by then.
func (s *step) narrow(b Backend) {
	for i := range s.rotations {
		if r := &s.rotations[i]; r.cos.rows == len(s.tokens) {
			r.cos, r.sin = b.Rows(r.cos, s.rows), b.Rows(r.sin, s.rows)
		}
	}
	for i, row := range s.rows {
		s.tokens[i], s.pos[i] = s.tokens[row], s.pos[row]
	}
	clear(s.tokens[len(s.rows):])
	s.tokens, s.pos = s.tokens[:len(s.rows)], s.pos[:len(s.rows)]
	for i := range s.runs {
		r := &s.runs[i]
		n := r.picked.To - r.picked.From
		r.first, r.pos, r.n = r.picked.From, r.pos+r.n-n, n
	}
	s.runs = slices.DeleteFunc(s.runs, func(r run) bool { return r.n == 0 })
}

// pick returns, in the last layer, the rows of x that belong to tokens whose
// logits are wanted, in others x. It has a row for each token, or is picked.
func (s *step) pick(b Backend, x Tensor) Tensor {
	if !s.isLast || x.rows == len(s.rows) {
		return x
	}
	return b.Rows(x, s.rows)
}

// add appends a run of n tokens at position pos, whose last nRows logits are
// wanted, and returns the room for its tokens.
func (s *step) add(session *Session, pos, n, nRows int) []Token {
	first := len(s.tokens)
	picked := kernels.Range{From: len(s.rows), To: len(s.rows) + nRows}
	s.runs = append(s.runs, run{session, first, n, pos, picked})
	s.adapted = s.adapted || session != nil && len(session.adapters) > 0
	s.tokens = s.tokens[:first+n]
	for i := range n {
		s.pos = append(s.pos, int32(pos+i))
	}
	for i := n - nRows; i < n; i++ {
		s.rows = append(s.rows, int32(first+i))
	}
	return s.tokens[first:]
}

// layOut checks b, makes room for its tokens and lays it out as the engine's
// step. Where it returns an error nothing has changed.
func (e *Engine) layOut(b *Batch) error {
	if err := e.checkBatch(b); err != nil {
		return fmt.Errorf("runtime: step: %w", err)
	}
	for i := range b.Entries {
		if err := b.Entries[i].Session.reserve(len(b.Entries[i].Tokens)); err != nil {
			return err
		}
	}
	if e.kv.states.n > 0 {
		e.catchUp(b)
	}
	for i := range b.Entries {
		en := &b.Entries[i]
		en.Session.write(en.Tokens)
		copy(e.step.add(en.Session, en.Session.nTokens, len(en.Tokens), en.nRows()), en.Tokens)
	}
	return nil
}

// stepLocked is Step with the engine's lock held.
func (e *Engine) stepLocked(b *Batch) error {
	if err := e.layOut(b); err != nil {
		return err
	}
	s := &e.step
	e.cpu.begin()
	logits := e.model.forward(e.cpu, s)
	row := 0
	for i := range b.Entries {
		en := &b.Entries[i]
		n := en.nRows()
		en.Logits = logits.x[row*e.nVocab : (row+n)*e.nVocab : (row+n)*e.nVocab]
		row += n
		en.Session.advance(len(en.Tokens))
	}
	if row > 0 {
		b.lender, e.hasLent = e, true
	}
	s.reset()
	kernels.ClearVectors()
	return nil
}

// checkBatch finds what no step can carry, before anything is changed.
func (e *Engine) checkBatch(b *Batch) error {
	if n := b.NTokens(); n > e.MaxBatch() {
		return fmt.Errorf("%d tokens, at most %d fit into a step", n, e.MaxBatch())
	}
	for i := range b.Entries {
		en := &b.Entries[i]
		s := en.Session
		switch {
		case s.engine != e:
			return fmt.Errorf("entry %d: a session of another engine", i)
		case s.closed:
			return fmt.Errorf("entry %d: session: %w", i, ErrClosed)
		case len(en.Tokens) == 0:
			return fmt.Errorf("entry %d: %w", i, errNoTokens)
		case s.nTokens+len(en.Tokens) > e.nCtx:
			return fmt.Errorf("entry %d: %w", i, &ContextError{NTokens: s.nTokens + len(en.Tokens), NCtx: e.nCtx})
		}
		for _, t := range en.Tokens {
			if t < 0 || int(t) >= e.nVocab {
				return fmt.Errorf("entry %d: token %d of a vocabulary of %d", i, t, e.nVocab)
			}
		}
		for k := range i {
			if b.Entries[k].Session == s {
				return fmt.Errorf("entries %d and %d: the same session", k, i)
			}
		}
	}
	return nil
}
