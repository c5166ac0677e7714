package runtime

import (
	"slices"
	"time"
)

// Shed gives back what the engine can do without: the pages that only the prefix
// cache keeps, and the memory of all pages that nobody uses. It returns the bytes
// of the cached pages. What was cached is computed again when it is needed. It
// may be called at any time, also while the engine is being closed and after.
func (e *Engine) Shed() int64 { return e.kv.shed() }

// Rest clears the memory that steps compute in, with the logits of the last one.
// It is for times without work: the next step begins with cold memory. It does
// nothing while a batch has logits.
func (e *Engine) Rest() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.hasLent {
		clear(e.cpu.arena.mem[:e.cpu.arena.peak])
		e.cpu.arena.peak = 0
	}
}

// Forget clears the cached prompts that nobody has used for a time, of all users.
// It may be called whenever Shed may.
func (e *Engine) Forget(unused time.Duration) { e.kv.dropUnused(time.Now().Add(-unused)) }

func (p *pagePool) shed() (nBytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.evict() {
		nBytes += int64(p.layout.pageBytes)
	}
	free := slices.Sorted(slices.Values(p.free))
	for len(free) > 0 {
		n := 1 // pages that lie one behind another
		for n < len(free) && free[n] == free[0]+pageID(n) {
			n++
		}
		discard(p.mem.bytes[int(free[0])*p.layout.pageBytes:][:n*p.layout.pageBytes])
		free = free[n:]
	}
	return nBytes
}
