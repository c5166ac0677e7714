package sgemm

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// TestSgemm compares with gonum over all transpositions and all tails of the
// tile, with leading dimensions wider than the rows and canaries behind c.
func TestSgemm(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	trans := []blas.Transpose{blas.NoTrans, blas.Trans}
	for _, m := range []int{1, 5, 6, 7, 12, 40} {
		for _, n := range []int{1, 15, 16, 17, 33, 64} {
			for _, k := range []int{1, 31, 32, 300} {
				for i := range 4 {
					for _, beta := range []float32{0, 1, -0.5} {
						compare(t, r, trans[i&1], trans[i>>1], m, n, k, beta)
					}
				}
			}
		}
	}
}

func compare(t *testing.T, r *rand.Rand, tA, tB blas.Transpose, m, n, k int, beta float32) {
	t.Helper()
	matrix := func(rows, cols int, tr blas.Transpose) ([]float32, int) {
		if tr != blas.NoTrans {
			rows, cols = cols, rows
		}
		x := make([]float32, rows*(cols+3))
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
		return x, cols + 3
	}
	a, lda := matrix(m, k, tA)
	b, ldb := matrix(k, n, tB)
	c, ldc := matrix(m, n, blas.NoTrans)
	want := append([]float32(nil), c...)
	BLAS{}.Sgemm(tA, tB, m, n, k, 1, a, lda, b, ldb, beta, c, ldc)
	gonum.Implementation{}.Sgemm(tA, tB, m, n, k, 1, a, lda, b, ldb, beta, want, ldc)
	tolerance := 1e-5 * math.Sqrt(float64(k))
	for i := range c {
		if i%ldc >= n {
			require.Equal(t, want[i], c[i], "element beyond row %d changed", i/ldc)
			continue
		}
		require.InDelta(t, want[i], c[i], tolerance, "m %d n %d k %d tA %c tB %c beta %v element %d", m, n, k, tA, tB, beta, i)
	}
}

func BenchmarkSgemm(b *testing.B) {
	const m, n, k = 1024, 352, 128
	x, w, y := make([]float32, m*k), make([]float32, k*n), make([]float32, m*n)
	for b.Loop() {
		BLAS{}.Sgemm(blas.NoTrans, blas.NoTrans, m, n, k, 1, x, k, w, n, 0, y, n)
	}
	b.ReportMetric(2*m*n*k*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
