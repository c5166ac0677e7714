package runtime

import (
	"math"
	"slices"
)

// stateID numbers the states of a statePool.
type stateID = int32

const (
	noState stateID = -1
	noPage  pageID  = -1
)

// statePool owns the memory of recurrent states: what convolutions and state
// spaces know of all positions before. A state cannot be shortened as keys and
// values can, so copies are kept where pages end, as long as there is room: a
// session that is rewound, or begins with pages of another, goes on from the
// last copy before, and computes again what follows it.
//
// A state is in use by a session, or a checkpoint that belongs to a page, or
// free and all zero. The pagePool's lock guards all but the states' content.
type statePool struct {
	n      int // float32 values of a state; 0 where a model has none
	mem    region
	ofPage []stateID // the checkpoint at the end of each page, or noState
	page   []pageID  // whose checkpoint each state is, or noPage
	used   []uint64  // when each checkpoint was last made or found
	clock  uint64
	free   []stateID // a stack
}

// newStatePool reserves nStates states of n values.
func newStatePool(n, nStates, nPages int) (statePool, error) {
	if n == 0 {
		return statePool{}, nil
	}
	mem, err := newRegion(int64(nStates)*int64(4*n), "recurrent states")
	if err != nil {
		return statePool{}, err
	}
	p := statePool{
		n:      n,
		mem:    mem,
		ofPage: slices.Repeat([]stateID{noState}, nPages),
		page:   slices.Repeat([]pageID{noPage}, nStates),
		used:   make([]uint64, nStates),
		free:   make([]stateID, nStates),
	}
	for i := range p.free {
		p.free[i] = stateID(nStates - 1 - i)
	}
	return p, nil
}

// values returns a state's content.
func (p *statePool) values(id stateID) []float32 {
	return cast[float32](p.mem.bytes[int(id)*4*p.n:][: 4*p.n : 4*p.n])
}

// take returns a zeroed state. Where none is free it drops the checkpoint that
// was used least recently; where there is none either it reports false.
func (p *statePool) take() (stateID, bool) {
	if len(p.free) == 0 {
		oldest, when := noState, uint64(math.MaxUint64)
		for id, page := range p.page {
			if page != noPage && p.used[id] < when {
				oldest, when = stateID(id), p.used[id]
			}
		}
		if oldest == noState {
			return noState, false
		}
		p.drop(p.page[oldest])
	}
	id := p.free[len(p.free)-1]
	p.free = p.free[:len(p.free)-1]
	if invariants && slices.ContainsFunc(p.values(id), func(v float32) bool { return v != 0 }) {
		panic("runtime: a free state is not clear")
	}
	return id, true
}

// release clears a state and frees it.
func (p *statePool) release(id stateID) {
	clear(p.values(id))
	p.free = append(p.free, id)
}

// drop frees a page's checkpoint, if it has one.
func (p *statePool) drop(page pageID) {
	if p.n == 0 || p.ofPage[page] == noState {
		return
	}
	id := p.ofPage[page]
	p.ofPage[page], p.page[id] = noState, noPage
	p.release(id)
}

// keep gives a page a checkpoint, which the caller's step fills, if there is a
// state for it.
func (p *statePool) keep(page pageID) {
	if p.ofPage[page] == noState {
		id, ok := p.take()
		if !ok {
			return
		}
		p.ofPage[page], p.page[id] = id, page
	}
	p.touch(page)
}

// touch marks a page's checkpoint as just used.
func (p *statePool) touch(page pageID) {
	p.clock++
	p.used[p.ofPage[page]] = p.clock
}

// dropUnchecked shortens a reused prefix to the last page whose end is known.
func (p *pagePool) dropUnchecked(ids []pageID, keep int, last *prefixEntry) []pageID {
	if p.states.n == 0 {
		return ids
	}
	for len(ids) > keep && p.states.ofPage[last.page] == noState {
		p.drop(last.page)
		ids, last = ids[:len(ids)-1], last.parent
	}
	if last != nil {
		p.states.touch(last.page)
	}
	return ids
}

// reserveState makes room for the session's state.
func (s *Session) reserveState() error {
	kv := s.engine.kv
	if kv.states.n == 0 || s.state != noState {
		return nil
	}
	kv.mu.Lock()
	defer kv.mu.Unlock()
	id, ok := kv.states.take()
	if !ok {
		return ErrKVFull
	}
	s.state, s.nState = id, 0
	return nil
}

// restore sets the state to the latest one known of the timeline: its own, that
// of a checkpoint, or the zeros that it began with.
func (s *Session) restore() {
	kv := s.engine.kv
	kv.mu.Lock()
	defer kv.mu.Unlock()
	if s.nState > s.nTokens { // since a rewind
		s.nState = -1
	}
	for n := s.nTokens / pageTokens; n > 0 && n*pageTokens > s.nState; n-- {
		if id := kv.states.ofPage[s.pages[n-1]]; id != noState {
			copy(kv.states.values(s.state), kv.states.values(id))
			kv.states.touch(s.pages[n-1])
			s.nState = n * pageTokens
			return
		}
	}
	if s.nState < 0 {
		clear(kv.states.values(s.state))
		s.nState = 0
	}
}

// keepStates gives the pages that end between the state and n tokens on
// checkpoints, the last ones at least. One that a page has had since before the
// session went back is filled again with the page; nobody looks at it before.
func (s *Session) keepStates(n int) {
	kv := s.engine.kv
	kv.mu.Lock()
	defer kv.mu.Unlock()
	for i := s.nState / pageTokens; (i+1)*pageTokens <= s.nTokens+n; i++ {
		kv.states.keep(s.pages[i])
	}
}

// releaseState frees the session's state.
func (s *Session) releaseState() {
	if s.state == noState {
		return
	}
	kv := s.engine.kv
	kv.mu.Lock()
	defer kv.mu.Unlock()
	kv.states.release(s.state)
	s.state, s.nState = noState, 0
}

// catchUp brings the states of a batch's sessions to the ends of their
// timelines, computing again what no checkpoint holds. Keys and values that are
// computed beside it are those that are there.
func (e *Engine) catchUp(b *Batch) {
	for i := range b.Entries {
		b.Entries[i].Session.restore()
	}
	for i := range b.Entries {
		b.Entries[i].Session.keepStates(len(b.Entries[i].Tokens))
	}
	for i := range b.Entries {
		s := b.Entries[i].Session
		for s.nState < s.nTokens {
			n := min(e.MaxBatch(), pageTokens-s.nState%pageTokens, s.nTokens-s.nState)
			tokens := e.kv.tokens(s.pages[s.nState/pageTokens])[s.nState%pageTokens:]
			copy(e.step.add(s, s.nState, n, 0), tokens)
			e.cpu.begin()
			e.model.forward(e.cpu, &e.step)
			e.step.reset()
			s.nState += n
		}
	}
}
