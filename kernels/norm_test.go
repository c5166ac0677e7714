package kernels

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// normDims are lengths around the lane count, and usual widths.
var normDims = []int{1, 2, 3, 15, 16, 17, 31, 32, 33, 64, 100, 576, 2048}

func TestRMSNorm(t *testing.T) {
	const eps = 1e-5
	for _, dim := range normDims {
		for _, nWeights := range []int{0, 1, 3} {
			x, w := normals(1, 6*dim), normals(2, nWeights*dim)
			out := make([]float32, len(x))
			RMSNorm(out, x, w, dim, eps)
			for r := range 6 {
				ss := 0.0
				for _, v := range x[r*dim:][:dim] {
					ss += float64(v) * float64(v)
				}
				s := 1 / math.Sqrt(ss/float64(dim)+eps)
				for i := range dim {
					want := float64(x[r*dim+i]) * s
					if nWeights > 0 {
						want *= float64(w[r%nWeights*dim+i])
					}
					requireClose(t, want, out[r*dim+i], 6, "RMSNorm dim %d row %d of %d weights", dim, r, nWeights)
				}
			}
			RMSNorm(x, x, w, dim, eps)
			requireBits(t, out, x, "RMSNorm in place, dim %d", dim)
		}
	}
}

func TestL2Norm(t *testing.T) {
	for _, dim := range normDims {
		x := normals(3, 3*dim)
		for i := range x[2*dim:] {
			x[2*dim+i] *= 1e-9
		}
		out := make([]float32, len(x))
		L2Norm(out, x, dim, 1e-6)
		for r := range 3 {
			ss := 0.0
			for _, v := range x[r*dim:][:dim] {
				ss += float64(v) * float64(v)
			}
			for i := range dim {
				want := float64(x[r*dim+i]) / math.Max(math.Sqrt(ss), float64(float32(1e-6)))
				requireClose(t, want, out[r*dim+i], 6, "L2Norm dim %d row %d", dim, r)
			}
		}
	}
}

func TestLayerNorm(t *testing.T) {
	const eps = 1e-5
	for _, dim := range normDims {
		for _, nWeights := range []int{0, 1, 2} {
			for _, nBias := range []int{0, 1, 2} {
				x, w, b := normals(4, 4*dim), normals(5, nWeights*dim), normals(6, nBias*dim)
				out := make([]float32, len(x))
				LayerNorm(out, x, w, b, dim, eps)
				for r := range 4 {
					want := layerNorm64(x[r*dim:][:dim], eps)
					for i, v := range want {
						if nWeights > 0 {
							v *= float64(w[r%nWeights*dim+i])
						}
						if nBias > 0 {
							v += float64(b[r%nBias*dim+i])
						}
						require.InDelta(t, v, out[r*dim+i], 4e-6, "dim %d row %d, %d weights, %d biases", dim, r, nWeights, nBias)
					}
				}
				LayerNorm(x, x, w, b, dim, eps)
				requireBits(t, out, x, "LayerNorm in place, dim %d", dim)
			}
		}
	}
}

func layerNorm64(x []float32, eps float64) []float64 {
	mean, variance := 0.0, 0.0
	for _, v := range x {
		mean += float64(v) / float64(len(x))
	}
	for _, v := range x {
		variance += (float64(v) - mean) * (float64(v) - mean) / float64(len(x))
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = (float64(v) - mean) / math.Sqrt(variance+eps)
	}
	return y
}

// TestReductionOrder pins the order of additions by sums that show it.
func TestReductionOrder(t *testing.T) {
	x := make([]float32, 48)
	x[0], x[16], x[32] = 1, 0x1p25, -0x1p25 // one lane, ascending: the 1 is lost
	require.Equal(t, float32(0), Sum(x))
	clear(x)
	x[0], x[17], x[33] = 1, 0x1p25, -0x1p25 // lane 1 cancels before it meets lane 0
	require.Equal(t, float32(1), Sum(x))
	clear(x)
	x[0], x[8], x[4], x[12] = 0x1p25, -0x1p25, 1, 1 // 8 apart first, then 4
	require.Equal(t, float32(2), Sum(x))
	x = []float32{0x1p13 + 1, 0, 0}
	require.Equal(t, fma32(x[0], x[0], 0), SumSquares(x))
	require.Zero(t, Sum(nil))
	require.Zero(t, SumSquares(nil))
}

func TestNormPanics(t *testing.T) {
	x, y := make([]float32, 8), make([]float32, 4)
	for name, f := range map[string]func(){
		"rows":       func() { RMSNorm(x, x, nil, 3, 0) },
		"dim":        func() { RMSNorm(x, x, nil, 0, 0) },
		"out":        func() { RMSNorm(y, x, nil, 4, 0) },
		"weight":     func() { RMSNorm(x, x, make([]float32, 3), 4, 0) },
		"L2 out":     func() { L2Norm(y, x, 4, 0) },
		"layer bias": func() { LayerNorm(x, x, nil, make([]float32, 5), 4, 0) },
	} {
		require.Panics(t, f, name)
	}
}

// requireClose fails unless got is within maxUlps of want.
func requireClose(t *testing.T, want float64, got float32, maxUlps float64, format string, args ...any) {
	t.Helper()
	if u := ulps(got, want); u > maxUlps {
		require.Failf(t, "too far", format+": got %v, want %v, %.2f ulp, limit %g", append(args, got, want, u, maxUlps)...)
	}
}
