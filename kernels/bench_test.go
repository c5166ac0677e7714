package kernels

import (
	"fmt"
	"math/rand/v2"
	goruntime "runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// The benchmarks measure one level, that of INFERD_KERNELS or the best, against
// the machine in the same run: a shared machine changes its speed from minute
// to minute, so that only ratios say something.

// benchFormats are the formats that most models come in.
var benchFormats = []Format{Q8_0, Q4_0, Q4_K, Q6_K, Q5_K, IQ4_XS, F16, F32}

// BenchmarkMatVec streams matrices from memory for 1, 4 and 8 tokens, with one
// thread and with all, and reports GB/s and the share of a plain scan of the
// same bytes.
func BenchmarkMatVec(b *testing.B) {
	for _, f := range benchFormats {
		for _, nTokens := range []int{1, 4, 8} {
			for _, nThreads := range []int{1, goruntime.GOMAXPROCS(0)} {
				b.Run(fmt.Sprintf("%v/tokens=%d/threads=%d", f, nTokens, nThreads), func(b *testing.B) {
					benchmarkMatVec(b, f, nTokens, nThreads)
				})
			}
		}
	}
}

func benchmarkMatVec(b *testing.B, f Format, nTokens, nThreads int) {
	const nIn, matrixBytes = 2048, 96 << 20
	nOut := matrixBytes / PackedBytes(f, PanelRows, nIn) * PanelRows
	w := benchMatrix(b, f, nOut, nIn)
	x := quantized(f.Activation(), nTokens, nIn, randomFloats(rand.New(rand.NewPCG(1, 2)), nTokens*nIn))
	y := make([]float32, nTokens*nOut)
	scratch := alignedBytes(nThreads * MatMulScratchBytes)
	bytes := float64(len(w.Panels))
	measured(b, "scan", bytes*1e-9, "GB/s",
		func() time.Duration {
			return parallel(nThreads, func(i int) {
				MatMul(y, w, x, share(w.NPanels(), i, nThreads), Range{0, nTokens}, scratch[i*MatMulScratchBytes:])
			})
		},
		func() time.Duration {
			return parallel(nThreads, func(i int) {
				r := share(len(w.Panels)/256, i, nThreads)
				ScanMemory(w.Panels[r.From*256 : r.To*256])
			})
		})
}

// BenchmarkMatMul multiplies by 512 tokens and reports 10^9 operations a second
// and their share of the dot-product instruction's peak.
func BenchmarkMatMul(b *testing.B) {
	for _, f := range benchFormats {
		for _, nTokens := range []int{16, 512} {
			b.Run(fmt.Sprintf("%v/tokens=%d", f, nTokens), func(b *testing.B) {
				const nOut, nIn = 2048, 2048
				w := benchMatrix(b, f, nOut, nIn)
				x := quantized(f.Activation(), nTokens, nIn, randomFloats(rand.New(rand.NewPCG(1, 2)), nTokens*nIn))
				y, scratch := make([]float32, nTokens*nOut), alignedBytes(MatMulScratchBytes)
				ops := float64(2 * nOut * nIn * nTokens)
				measured(b, "peak", ops*1e-9, "Gop/s",
					func() time.Duration {
						return parallel(1, func(int) { MatMul(y, w, x, Range{0, w.NPanels()}, Range{0, nTokens}, scratch) })
					},
					func() time.Duration { return parallel(1, func(int) { DotPeak(ops) }) })
			})
		}
	}
}

// BenchmarkQuantize reports how fast activations are quantised.
func BenchmarkQuantize(b *testing.B) {
	for _, kind := range []ActivationKind{ActQ8x32, ActQ8x256} {
		b.Run(kind.String(), func(b *testing.B) {
			const nIn = 8192
			x := randomFloats(rand.New(rand.NewPCG(1, 2)), nIn)
			a := newActivations(kind, 1, nIn)
			b.SetBytes(4 * nIn)
			for b.Loop() {
				Quantize(a, x, Range{0, 1})
			}
		})
	}
}

// BenchmarkPack reports the speed of packing, in bytes of the file.
func BenchmarkPack(b *testing.B) {
	for _, f := range benchFormats {
		b.Run(f.String(), func(b *testing.B) {
			const nOut, nIn = 512, 2048
			src := randomWeights(rand.New(rand.NewPCG(3, 4)), f, nOut, nIn)
			w := Matrix{f, nOut, nIn, alignedBytes(PackedBytes(f, nOut, nIn))}
			b.SetBytes(int64(len(src)))
			for b.Loop() {
				Pack(w, src, Range{0, w.NPanels()})
			}
		})
	}
}

// measured runs work and limit in turns and reports the median rate of work,
// of limit, and of work as a share of limit; amount is what either does. Both
// return the processor time of their slowest thread: what other processes
// take is not counted.
func measured(b *testing.B, limitName string, amount float64, unit string, work, limit func() time.Duration) {
	var rates, limits, shares []float64
	work()
	for b.Loop() {
		w, l := work(), limit()
		rates = append(rates, amount/w.Seconds())
		limits = append(limits, amount/l.Seconds())
		shares = append(shares, 100*l.Seconds()/w.Seconds())
	}
	b.ReportMetric(median(rates), unit)
	b.ReportMetric(median(limits), limitName+"-"+unit)
	b.ReportMetric(median(shares), "%"+limitName)
	b.ReportMetric(0, "ns/op")
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}

// parallel runs work on n threads and returns the processor time of the one
// that took most.
func parallel(n int, work func(i int)) time.Duration {
	times := make([]time.Duration, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			goruntime.LockOSThread()
			defer goruntime.UnlockOSThread()
			start := threadTime()
			work(i)
			times[i] = threadTime() - start
		})
	}
	wg.Wait()
	return slices.Max(times)
}

// threadTime is the processor time that this thread has used.
func threadTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		panic(err)
	}
	return time.Duration(ts.Nano())
}

// share is thread i's share of n pieces.
func share(n, i, nThreads int) Range { return Range{n * i / nThreads, n * (i + 1) / nThreads} }

// benchMatrix packs random weights into memory as the runtime has it: outside
// the heap, in huge pages.
func benchMatrix(b *testing.B, f Format, nOut, nIn int) Matrix {
	n := PackedBytes(f, nOut, nIn)
	buf, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	require.NoError(b, err)
	b.Cleanup(func() { _ = unix.Munmap(buf) })
	_ = unix.Madvise(buf, unix.MADV_HUGEPAGE)
	w := Matrix{f, nOut, nIn, buf}
	rows := randomWeights(rand.New(rand.NewPCG(5, 6)), f, PanelRows, nIn)
	one := Matrix{f, PanelRows, nIn, alignedBytes(PackedBytes(f, PanelRows, nIn))}
	Pack(one, rows, Range{0, 1})
	for p := range w.NPanels() {
		copy(w.panel(p), one.Panels)
	}
	return w
}
