package runtime

import (
	goruntime "runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestPoolRunsEachChunkOnce(t *testing.T) {
	defer goleak.VerifyNone(t)
	for _, nThreads := range []int{1, 2, 5} {
		p := newPool(nThreads)
		for round := range 300 {
			n := round % 37
			counts := make([]atomic.Int32, n)
			p.run(n, func(chunk, thread int) {
				if thread < 0 || thread >= nThreads {
					panic("thread out of range")
				}
				counts[chunk].Add(1)
			})
			for i := range counts {
				require.EqualValues(t, 1, counts[i].Load(), "chunk %d of %d, %d threads", i, n, nThreads)
			}
		}
		p.close()
	}
}

// A write of a chunk is seen by the caller, and a write of the caller by the
// chunks of its next job; the race detector checks both.
func TestPoolOrdersMemory(t *testing.T) {
	p := newPool(3)
	defer p.close()
	x := make([]int, 64)
	for round := range 100 {
		p.run(len(x), func(chunk, _ int) { x[chunk]++ })
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
		p.run(2, func(int, int) {
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
	p.run(100, func(int, int) {})
	waitUntil(t, func() bool { return p.parked.Load() == 3 })
}

func TestPoolAllocatesNothing(t *testing.T) {
	p := newPool(2)
	defer p.close()
	job := func(int, int) {}
	require.Zero(t, testing.AllocsPerRun(100, func() { p.run(8, job) }))
}

func BenchmarkPoolJoin(b *testing.B) {
	p := newPool(2)
	defer p.close()
	job := func(int, int) {}
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
