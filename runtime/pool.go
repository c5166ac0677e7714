package runtime

import (
	goruntime "runtime"
	"sync"
	"sync/atomic"

	"inferd/kernels"
)

// pool runs the items of a job on several threads: the caller's and nThreads-1
// helpers. They spin, so that each keeps a thread to itself without being locked
// to it. Locked ones are slower: every 10 ms the scheduler of Go preempts what
// runs, and a locked goroutine comes back by way of another thread.
//
// Each thread has a share of neighbouring items and takes it from the front,
// large pieces first: what neighbours read is one stream from memory. A thread
// with nothing left takes from the back of the largest share. So the join waits
// for items that somebody has begun, not for helpers: the share of a helper that
// the system has taken off its CPU is done by the others. Helpers spin for a
// while after a job, because the next one usually follows within microseconds,
// and park then, so that an idle engine costs no CPU time.
type pool struct {
	nThreads int
	shares   []share
	job      func(items kernels.Range, thread int)

	started  atomic.Uint64             // jobs so far; helpers watch it
	next     atomic.Pointer[readAhead] // of the job that follows the current one, where it is known
	_        [48]byte                  // those are read all the time, what follows written by all
	finished atomic.Int64              // items of the current job that are done

	parked atomic.Int32 // helpers that wait for wake
	mu     sync.Mutex   // guards the wait for wake, with started and closed re-read under it
	wake   *sync.Cond
	closed atomic.Bool
	done   sync.WaitGroup

	waiting waiting // the caller of run
}

// share is what nobody has begun of a thread's items: [from, to), from in the low
// half. Only run fills it, when it is empty; all else is one compare-and-swap of
// the whole word. So whatever a thread slept through, it takes items of the job
// that runs now, and that job waits for it.
type share struct {
	items atomic.Uint64
	_     [56]byte // a cache line each
}

func packItems(r kernels.Range) uint64 { return uint64(r.To)<<32 | uint64(uint32(r.From)) }

func unpackItems(v uint64) kernels.Range {
	return kernels.Range{From: int(uint32(v)), To: int(v >> 32)}
}

// shareOf is the thread's share of the items [0, n).
func shareOf(n, thread, nThreads int) kernels.Range {
	return kernels.Range{From: n * thread / nThreads, To: n * (thread + 1) / nThreads}
}

// pieces says how a share is divided: the next piece is that part of what is
// left, so that pieces shrink towards the join, where the others wait for
// whoever has one. Between two pieces a stream from memory stops for a moment.
const pieces = 2

// take takes the next piece from the front or the back.
func (s *share) take(back bool) (piece kernels.Range, ok bool) {
	for {
		v := s.items.Load()
		piece = unpackItems(v)
		rest := piece
		n := (piece.To - piece.From + pieces - 1) / pieces
		switch {
		case n <= 0:
			return piece, false
		case back:
			piece.From = piece.To - n
			rest.To = piece.From
		default:
			piece.To = piece.From + n
			rest.From = piece.To
		}
		if s.items.CompareAndSwap(v, packItems(rest)) {
			return piece, true
		}
	}
}

// newPool starts nThreads-1 helpers. They end with close.
func newPool(nThreads int) *pool {
	p := &pool{nThreads: max(1, nThreads)}
	p.shares = make([]share, p.nThreads)
	p.wake = sync.NewCond(&p.mu)
	for thread := 1; thread < p.nThreads; thread++ {
		p.done.Go(func() { p.help(thread) })
	}
	return p
}

// close ends the helpers and waits for them. No job may be running.
func (p *pool) close() {
	p.closed.Store(true)
	p.mu.Lock()
	p.wake.Broadcast()
	p.mu.Unlock()
	p.done.Wait()
}

// run calls job for ranges that make up the items [0, n), on threads 0 to
// nThreads-1, and returns when all calls have returned. It allocates nothing;
// one goroutine at a time may call it, and a job must not.
func (p *pool) run(n int, job func(items kernels.Range, thread int)) {
	if n <= 1 || p.nThreads == 1 {
		if n > 0 {
			job(kernels.Range{To: n}, 0)
		}
		return
	}
	p.job = job
	p.finished.Store(0)
	for i := range p.shares {
		p.shares[i].items.Store(packItems(shareOf(n, i, p.nThreads)))
	}
	p.started.Add(1)
	if p.parked.Load() > 0 {
		p.mu.Lock()
		p.wake.Broadcast()
		p.mu.Unlock()
	}
	p.work(0)
	for i := 0; p.finished.Load() < int64(n); i++ {
		p.waiting.pass(p, 0)
		// Another thread holds the last items. If it was taken off its CPU, ours
		// may be the one it waits for.
		if i >= spinJoin {
			goruntime.Gosched()
			yieldThread()
			i = 0
		}
	}
	p.job = nil
}

// work takes items of the current job until none is left: the thread's own, then
// those of the others.
func (p *pool) work(thread int) {
	n := 0
	for s, back := &p.shares[thread], false; s != nil; s, back = p.largestShare(), true {
		for piece, ok := s.take(back); ok; piece, ok = s.take(back) {
			p.job(piece, thread)
			n += piece.To - piece.From
		}
		// Together, because all threads write the counter.
		p.finished.Add(int64(n))
		n = 0
	}
}

// largestShare returns the largest share, or nil where all are empty.
func (p *pool) largestShare() (largest *share) {
	most := 0
	for i := range p.shares {
		r := unpackItems(p.shares[i].items.Load())
		if n := r.To - r.From; n > most {
			largest, most = &p.shares[i], n
		}
	}
	return largest
}

// eachItem makes a job of what does one item.
func eachItem(do func(item, thread int)) func(items kernels.Range, thread int) {
	return func(items kernels.Range, thread int) {
		for i := items.From; i < items.To; i++ {
			do(i, thread)
		}
	}
}

// The loops that wait for other threads pause between looks, some 50 to 200 ns
// depending on the CPU, and give way after so many: some 10 microseconds for
// the caller, whose items are being computed, some 50 for a helper, which the
// next job finds awake then.
const (
	pauses   = 4
	spinJoin = 100
	spinIdle = 500
)

// readAhead is what each thread reads first of the job that follows. Whoever waits
// asks for it meanwhile, so that memory is busy between jobs, too.
type readAhead [][]byte

// aheadPiece is how many bytes a thread asks for between two looks.
const aheadPiece = 1 << 10

// waiting is what a thread that waits has left to ask for.
type waiting struct {
	of   *readAhead
	rest []byte
}

// pass passes a moment.
func (w *waiting) pass(p *pool, thread int) {
	if next := p.next.Load(); next != w.of {
		w.of, w.rest = next, nil
		if next != nil {
			w.rest = (*next)[thread]
		}
	}
	if len(w.rest) == 0 {
		kernels.Pause(pauses)
		return
	}
	n := min(aheadPiece, len(w.rest))
	kernels.Prefetch(w.rest[:n])
	w.rest = w.rest[n:]
}

// help is the life of a helper.
func (p *pool) help(thread int) {
	var seen uint64 // jobs
	var w waiting
	for idle := 0; !p.closed.Load(); idle++ {
		if n := p.started.Load(); n != seen {
			seen = n
			p.work(thread)
			idle = 0
		}
		w.pass(p, thread)
		if idle >= spinIdle {
			kernels.ClearVectors() // of what the last job was about
			p.park(seen)
			idle = 0
		}
	}
}

// park sleeps until there is a job that was not seen or the pool closes.
func (p *pool) park(seen uint64) {
	p.mu.Lock()
	p.parked.Add(1) // before the last look: run counts the job, then reads parked
	for p.started.Load() == seen && !p.closed.Load() {
		p.wake.Wait()
	}
	p.parked.Add(-1)
	p.mu.Unlock()
}
