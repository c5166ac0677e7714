package runtime

import (
	goruntime "runtime"
	"sync"
	"sync/atomic"

	"inferd/kernels"
)

// pool runs a job's chunks on several threads: the caller's and nThreads-1
// helpers, each a locked operating system thread.
//
// The join counts finished chunks, not helpers. Chunks are taken one by one, so
// a helper that the system has taken off its CPU before it took a chunk is not
// waited for; the others do its share. Helpers spin for a while after a job,
// because the next one usually follows within microseconds, and park then, so
// that an idle engine costs no CPU time.
type pool struct {
	nThreads int

	// state is what helpers watch: a job's number of chunks (high half) and the
	// next chunk to take (low half). Taking a chunk is one compare-and-swap of
	// the whole word, so whatever a helper slept through, it takes a chunk of the
	// job that runs now, and that job waits for it.
	state atomic.Uint64
	_     [56]byte // the counters below are written by all; keep them off state's cache line

	finished atomic.Int64 // chunks of the current job that are done
	job      func(chunk, thread int)

	parked atomic.Int32 // helpers that wait for wake
	mu     sync.Mutex   // guards the wait for wake, with state and closed re-read under it
	wake   *sync.Cond
	closed atomic.Bool
	done   sync.WaitGroup
}

// hasChunk reports whether a chunk is left to be taken.
func hasChunk(state uint64) bool { return uint32(state) < uint32(state>>32) }

// newPool starts nThreads-1 helpers. They end with close.
func newPool(nThreads int) *pool {
	p := &pool{nThreads: max(1, nThreads)}
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

// run calls job(chunk, thread) once for each chunk in [0, nChunks), on threads
// 0 to nThreads-1, and returns when all have returned. It allocates nothing; one
// goroutine at a time may call it, and a job must not.
func (p *pool) run(nChunks int, job func(chunk, thread int)) {
	if nChunks <= 1 || p.nThreads == 1 {
		for c := range nChunks {
			job(c, 0)
		}
		return
	}
	p.job = job
	p.finished.Store(0)
	p.state.Store(uint64(nChunks) << 32)
	if p.parked.Load() > 0 {
		p.mu.Lock()
		p.wake.Broadcast()
		p.mu.Unlock()
	}
	p.takeChunks(0)
	for i := 0; p.finished.Load() < int64(nChunks); i++ {
		kernels.Pause(pauses)
		// Another thread holds the last chunks. If it was taken off its CPU, ours
		// may be the one it waits for.
		if i >= spinJoin {
			goruntime.Gosched()
			yieldThread()
			i = 0
		}
	}
	p.job = nil
}

// takeChunks runs chunks of the current job until none is left.
func (p *pool) takeChunks(thread int) {
	for {
		s := p.state.Load()
		if !hasChunk(s) {
			return
		}
		if p.state.CompareAndSwap(s, s+1) {
			p.job(int(uint32(s)), thread)
			p.finished.Add(1)
		}
	}
}

// The loops that wait for other threads pause between looks, some 50 to 200 ns
// depending on the CPU, and give way after so many: some 10 microseconds for
// the caller, whose chunks are being computed, some 50 for a helper, which the
// next job finds awake then.
const (
	pauses   = 4
	spinJoin = 100
	spinIdle = 500
)

// help is the life of a helper.
func (p *pool) help(thread int) {
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	for idle := 0; !p.closed.Load(); idle++ {
		if hasChunk(p.state.Load()) {
			p.takeChunks(thread)
			idle = 0
		}
		kernels.Pause(pauses)
		if idle >= spinIdle {
			kernels.ClearVectors() // of what the last job was about
			p.park()
			idle = 0
		}
	}
}

// park sleeps until there is a job or the pool closes.
func (p *pool) park() {
	p.mu.Lock()
	p.parked.Add(1) // before the last look: run stores the job, then reads parked
	for !hasChunk(p.state.Load()) && !p.closed.Load() {
		p.wake.Wait()
	}
	p.parked.Add(-1)
	p.mu.Unlock()
}
