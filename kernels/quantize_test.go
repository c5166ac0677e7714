package kernels

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// newActivations makes activations on the heap, aligned.
func newActivations(kind ActivationKind, nTokens, nIn int) Activations {
	return NewActivations(kind, nTokens, nIn, alignedBytes(ActivationBytes(kind, nTokens, nIn)))
}

// alignedBytes returns n bytes that start on a cache line.
func alignedBytes(n int) []byte {
	buf := make([]byte, n+64)
	return buf[-addr(buf)&63:][:n:n]
}

// quantized returns x quantised for kind.
func quantized(kind ActivationKind, nTokens, nIn int, x []float32) Activations {
	a := newActivations(kind, nTokens, nIn)
	Quantize(a, x, Range{0, nTokens})
	return a
}

func randomFloats(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func TestQuantize(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, kind := range []ActivationKind{ActQ8x32, ActQ8x256} {
		block := kind.blockLen()
		const nTokens, nIn = 3, 512
		x := randomFloats(r, nTokens*nIn)
		a := quantized(kind, nTokens, nIn, x)
		for b := range len(x) / block {
			amax := 0.0
			for _, v := range x[b*block:][:block] {
				amax = max(amax, math.Abs(float64(v)))
			}
			require.Equal(t, float32(amax)/127, a.Scales[b])
			for i := b * block; i < (b+1)*block; i++ {
				require.LessOrEqual(t, math.Abs(float64(x[i])-a.value(i/nIn, i%nIn)), amax/127*0.50001)
			}
		}
		for i, c := range a.Corr {
			require.Equal(t, -128*sumInt8(a.quants(i*32/nIn, i*32%nIn, 32)), c)
		}
		for i, s := range a.Sums {
			k := i / nSums * 256
			of := a.quants(k/nIn, k%nIn, 256)
			if j := i % nSums; j < 16 {
				of = of[j*16:][:16]
			} else {
				of = of[(j-16)*32:][:32]
			}
			require.Equal(t, sumInt8(of), int32(s))
		}
	}
}

func TestQuantizeTies(t *testing.T) {
	x := make([]float32, 32)
	x[0] = 127
	for i, v := range []float32{0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999997, 126.5, 125.5} {
		x[1+i] = v
	}
	a := quantized(ActQ8x32, 1, 32, x)
	require.Equal(t, []int8{127, 0, 2, 2, 0, -2, -2, 0, 126, 126}, a.Quants[:10])
}

func TestQuantizeSpecials(t *testing.T) {
	inf, nan := float32(math.Inf(-1)), float32(math.NaN())
	for _, kind := range []ActivationKind{ActQ8x32, ActQ8x256} {
		n := kind.blockLen()
		x := make([]float32, 6*n)
		x[n+5], x[n+6] = inf, 3
		x[2*n-1+n] = nan
		x[3*n] = 0x1p-101
		x[4*n] = -0x1p-100
		x[5*n] = math.MaxFloat32
		a := quantized(kind, 1, 6*n, x)
		isNaN := func(b int) bool { return a.Scales[b] != a.Scales[b] }
		require.Equal(t, []bool{false, true, true, false, false, false}, []bool{isNaN(0), isNaN(1), isNaN(2), isNaN(3), isNaN(4), isNaN(5)})
		require.Zero(t, a.Scales[0])
		require.Zero(t, a.Scales[3])
		require.Zero(t, a.Quants[3*n])
		require.Zero(t, a.Quants[n+6])
		require.Equal(t, int8(-127), a.Quants[4*n])
		require.Equal(t, int8(127), a.Quants[5*n])
	}
}

func TestQuantizePanics(t *testing.T) {
	a := newActivations(ActQ8x32, 2, 64)
	require.PanicsWithValue(t, "kernels: Quantize: x of 127 for [2, 64]", func() { Quantize(a, make([]float32, 127), Range{0, 2}) })
	require.PanicsWithValue(t, "kernels: Quantize tokens [0, 3) of 2", func() { Quantize(a, make([]float32, 128), Range{0, 3}) })
	a.Corr = a.Corr[1:]
	require.Panics(t, func() { Quantize(a, make([]float32, 128), Range{0, 2}) })
	require.Panics(t, func() { NewActivations(ActQ8x256, 1, 128, make([]byte, 4096)) })
	require.Panics(t, func() { NewActivations(ActQ8x32, 1, 128, make([]byte, 64)) })
}
