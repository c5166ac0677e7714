package runtime

import (
	goruntime "runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"inferd/kernels"
)

func TestPoolRunsEachChunkOnce(t *testing.T) {
	defer goleak.VerifyNone(t)
	for _, nThreads := range []int{1, 2, 5} {
		p := newPool(nThreads)
		for round := range 300 {
			n := round % 37
			counts := make([]atomic.Int32, n)
			p.run(n, eachItem(func(chunk, thread int) {
				if thread < 0 || thread >= nThreads {
					panic("thread out of range")
				}
				counts[chunk].Add(1)
			}))
			for i := range counts {
				require.EqualValues(t, 1, counts[i].Load(), "chunk %d of %d, %d threads", i, n, nThreads)
			}
		}
		p.close()
	}
}

// The pieces of a share make it up, are neighbours, and none is so large that
// the others have to wait for it.
func TestShareIsDivided(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 7, 63, 128, 9500, 100001} {
		for _, back := range []bool{false, true} {
			var s share
			left := kernels.Range{From: 5, To: 5 + n}
			s.items.Store(packItems(left))
			for piece, ok := s.take(back); ok; piece, ok = s.take(back) {
				size := piece.To - piece.From
				require.Positive(t, size)
				require.LessOrEqual(t, size, (left.To-left.From)/pieces+1)
				if back {
					require.Equal(t, left.To, piece.To)
					left.To = piece.From
				} else {
					require.Equal(t, left.From, piece.From)
					left.From = piece.To
				}
			}
			require.Equal(t, left.From, left.To)
		}
	}
}

// What a thread has not begun is done by the others while it is held up.
func TestPoolTakesOver(t *testing.T) {
	p := newPool(2)
	defer p.close()
	const n = 1000
	for range 20 {
		var done atomic.Int64
		p.run(n, func(items kernels.Range, thread int) {
			size := int64(items.To - items.From)
			if thread == 1 {
				for done.Load() < n-size {
					goruntime.Gosched()
				}
			}
			done.Add(size)
		})
		require.EqualValues(t, n, done.Load())
	}
}

// A write of a chunk is seen by the caller, and a write of the caller by the
// chunks of its next job; the race detector checks both.
func TestPoolOrdersMemory(t *testing.T) {
	p := newPool(3)
	defer p.close()
	x := make([]int, 64)
	for round := range 100 {
		p.run(len(x), eachItem(func(chunk, _ int) { x[chunk]++ }))
		for i := range x {
			require.Equal(t, 2*round+1, x[i])
			x[i]++
		}
	}
}

// Helpers that have parked take part again.
func TestPoolWakes(t *testing.T) {
	p := newPool(2)
	defer p.close()
	for range 3 {
		waitUntil(t, func() bool { return p.parked.Load() == 1 })
		// Two chunks that wait for each other need two threads.
		var here atomic.Int32
		p.run(2, func(kernels.Range, int) {
			here.Add(1)
			for here.Load() < 2 {
				goruntime.Gosched()
			}
		})
	}
}

// An idle pool has parked all its helpers: nothing is left that could use a CPU.
func TestPoolParks(t *testing.T) {
	p := newPool(4)
	defer p.close()
	p.run(100, func(kernels.Range, int) {})
	waitUntil(t, func() bool { return p.parked.Load() == 3 })
}

func TestPoolAllocatesNothing(t *testing.T) {
	p := newPool(2)
	defer p.close()
	job := func(kernels.Range, int) {}
	require.Zero(t, testing.AllocsPerRun(100, func() { p.run(8, job) }))
}

func BenchmarkPoolJoin(b *testing.B) {
	p := newPool(2)
	defer p.close()
	job := func(kernels.Range, int) {}
	for b.Loop() {
		p.run(4, job)
	}
}

func waitUntil(t *testing.T, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !cond() {
		require.True(t, time.Now().Before(deadline), "not reached in time")
		goruntime.Gosched()
	}
}
