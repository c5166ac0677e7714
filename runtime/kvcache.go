package runtime

import (
	"slices"
	"sync"

	"inferd/kernels"
)

// pageTokens is the number of positions in a KV page.
const pageTokens = kernels.PageTokens

// pageID numbers the pages of a pagePool.
type pageID = int32

// kvSpec is what one layer keeps for each position. A layer without keys and
// values of its own has zero heads.
type kvSpec struct {
	nKVHeads int
	kDim     int // width of a key
	vDim     int // width of a value

	stateLen int // float32 values of the layer's recurrent state, which is one for all positions
}

// uniformKV returns the specs of n layers that are all alike.
func uniformKV(n int, s kvSpec) []kvSpec {
	specs := make([]kvSpec, n)
	for i := range specs {
		specs[i] = s
	}
	return specs
}

// kvLayout says where things lie in a page. A page holds pageTokens positions
// of one session, all layers together:
//
//	tokens  [pageTokens] int32, so that they are found, and cleared, with what was made of them
//	for each layer its keys, then its values, as kernels.KVPages has them
type kvLayout struct {
	layers    []kernels.KVPages // without Pages: those are a session's
	pageBytes int

	states   []int // where each layer's part of a recurrent state begins
	stateLen int   // float32 values of a state; 0 where no layer has one
	nStates  int   // that the budget holds
}

// newKVLayout lays out pages for layers that keep elements of type t.
func newKVLayout(specs []kvSpec, t kernels.Format) kvLayout {
	l := kvLayout{layers: make([]kernels.KVPages, len(specs)), pageBytes: alignUp(pageTokens * 4), states: make([]int, len(specs))}
	for i, s := range specs {
		kv := &l.layers[i]
		*kv = kernels.KVPages{Type: t, NKVHeads: s.nKVHeads, HeadDimK: s.kDim, HeadDimV: s.vDim}
		kv.KOffset = l.pageBytes
		kv.VOffset = kv.KOffset + alignUp(kv.KBytes())
		l.pageBytes = kv.VOffset + alignUp(kv.VBytes())
		l.states[i] = l.stateLen
		l.stateLen += alignUp(4*s.stateLen) / 4
	}
	return l
}

// stateBytes is the size of a recurrent state.
func (l *kvLayout) stateBytes() int64 { return 4 * int64(l.stateLen) }

// pagePool owns the memory of all KV pages of an engine and counts who uses
// each: sessions and the prefix cache. Its methods are safe for concurrent use;
// the content of a page belongs to its users.
type pagePool struct {
	layout kvLayout
	mem    region

	mu     sync.Mutex // guards the fields below
	refs   []int32    // users of each page; 0 is free
	free   []pageID   // a stack of pages, all zero
	prefix prefixCache
	states statePool
}

// newPagePool reserves nPages pages.
func newPagePool(layout kvLayout, nPages int) (*pagePool, error) {
	mem, err := newRegion(int64(nPages)*int64(layout.pageBytes), "KV cache")
	if err != nil {
		return nil, err
	}
	states, err := newStatePool(layout.stateLen, layout.nStates, nPages)
	if err != nil {
		mem.free()
		return nil, err
	}
	p := &pagePool{
		layout: layout,
		mem:    mem,
		states: states,
		refs:   make([]int32, nPages),
		prefix: prefixCache{ofPage: make([]*prefixEntry, nPages)},
		free:   make([]pageID, nPages),
	}
	for i := range p.free {
		p.free[i] = pageID(nPages - 1 - i) // page 0 on top
	}
	return p, nil
}

// page returns the bytes of a page.
func (p *pagePool) page(id pageID) []byte {
	n := p.layout.pageBytes
	return p.mem.bytes[int(id)*n : (int(id)+1)*n : (int(id)+1)*n]
}

// tokens returns the tokens whose keys and values a page holds.
func (p *pagePool) tokens(id pageID) []Token {
	return cast[int32](p.page(id)[:pageTokens*4])
}

// take appends n free, zeroed pages to ids, each with one user. Where too few
// are free it drops pages that only the prefix cache keeps; where that is not
// enough either it takes none and reports false.
func (p *pagePool) take(ids []pageID, n int) ([]pageID, bool) {
	p.mu.Lock()
	for len(p.free) < n {
		if !p.evict() {
			p.mu.Unlock()
			return ids, false
		}
	}
	rest := len(p.free) - n
	for i := len(p.free) - 1; i >= rest; i-- {
		p.checkFree(p.free[i])
		p.refs[p.free[i]] = 1
		ids = append(ids, p.free[i])
	}
	p.free = p.free[:rest]
	p.mu.Unlock()
	return ids, true
}

// evict frees a page that only the prefix cache keeps, if there is one.
func (p *pagePool) evict() bool {
	id, ok := p.prefix.evict()
	if ok {
		p.refs[id] = 0
		p.toFree(id)
	}
	return ok
}

// toFree clears a page that has no user left and makes it free.
func (p *pagePool) toFree(id pageID) {
	clear(p.page(id))
	p.states.drop(id)
	p.free = append(p.free, id)
}

// drop takes one user of a page away, which may leave it to the prefix cache.
func (p *pagePool) drop(id pageID) (unused bool) {
	if invariants && p.refs[id] <= 0 {
		panic("runtime: a page is released more often than used")
	}
	p.refs[id]--
	if e := p.prefix.ofPage[id]; e != nil && p.refs[id] == 1 {
		e.user.pushFront(e)
	}
	return p.refs[id] == 0
}

// checkFree proves that a free page has no user and no content.
func (p *pagePool) checkFree(id pageID) {
	if invariants && (p.refs[id] != 0 || slices.Max(p.page(id)) != 0) {
		panic("runtime: a free page is in use or not clear")
	}
}

// release drops one user of each page. Pages that have none left are cleared
// and become free.
func (p *pagePool) release(ids []pageID) {
	unused := ids[:0:0]
	p.mu.Lock()
	for _, id := range slices.Backward(ids) { // the first page is the last to be evicted
		if p.drop(id) {
			p.states.drop(id)
			unused = append(unused, id)
		}
	}
	p.mu.Unlock()
	if len(unused) == 0 {
		return
	}
	for _, id := range unused { // nobody else knows these pages: no lock needed
		clear(p.page(id))
	}
	p.mu.Lock()
	p.free = append(p.free, unused...)
	p.mu.Unlock()
}

// shared reports whether a page has other users than the caller.
func (p *pagePool) shared(id pageID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refs[id] > 1
}

// KVStats is the state of an engine's KV budget, in pages.
type KVStats struct {
	PageTokens int // positions in a page
	PageBytes  int
	NPages     int // the budget
	NFree      int // used by nobody
	NCached    int // kept by the prefix cache, some of them used by sessions as well
	NEvictable int // kept by the prefix cache alone: free when needed

	NStates int // sessions that can be in use at once; 0 where only pages limit them
}

func (p *pagePool) stats() KVStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := KVStats{
		PageTokens: pageTokens,
		PageBytes:  p.layout.pageBytes,
		NPages:     len(p.refs),
		NFree:      len(p.free),
		NStates:    p.layout.nStates,
	}
	s.NCached, s.NEvictable = p.prefix.count()
	return s
}

// close gives the memory back, cleared by the system. Whoever sheds or forgets
// afterwards finds nothing.
func (p *pagePool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free, p.prefix.users = nil, nil
	p.mem.free()
	p.states.mem.free()
}
