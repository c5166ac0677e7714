package kernels

import (
	"math"
	"sort"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSoftmax(t *testing.T) {
	for n := 1; n < 70; n++ {
		x := normals(uint64(n), n)
		for i := range x {
			x[i] *= 10
		}
		m, sum := math.Inf(-1), 0.0
		for _, v := range x {
			m = math.Max(m, float64(v))
		}
		for _, v := range x {
			sum += math.Exp(float64(v) - m)
		}
		out := make([]float32, n)
		Softmax(out, x)
		for i, v := range x {
			// The rounded difference v-m costs up to |v-m| ulp.
			requireClose(t, math.Exp(float64(v)-m)/sum, out[i], 6+math.Abs(float64(v)-m), "softmax of %d", n)
		}
		Softmax(x, x)
		requireBits(t, out, x, "softmax of %d in place", n)
	}
}

func TestSoftmaxSpecialValues(t *testing.T) {
	for _, c := range []struct{ x, want []float32 }{
		{[]float32{}, []float32{}},
		{[]float32{-inf32, 3}, []float32{0, 1}},
		{[]float32{-inf32, -inf32}, []float32{nan32, nan32}},
		{[]float32{nan32, 1}, []float32{nan32, nan32}},
		{[]float32{inf32, 1}, []float32{nan32, nan32}},
		{[]float32{math.MaxFloat32, -math.MaxFloat32}, []float32{1, 0}},
		{[]float32{5, 5}, []float32{0.5, 0.5}},
	} {
		out := make([]float32, len(c.x))
		Softmax(out, c.x)
		requireBits(t, c.want, out, "softmax of %v", c.x)
	}
}

func TestMaxAndArgmax(t *testing.T) {
	negZero := float32(math.Copysign(0, -1))
	for _, c := range []struct {
		x    []float32
		max  float32
		want int
	}{
		{nil, -inf32, -1},
		{[]float32{nan32}, -inf32, -1},
		{[]float32{-inf32}, -inf32, 0},
		{[]float32{nan32, -inf32, -inf32}, -inf32, 1},
		{[]float32{1, nan32, 2, 2}, 2, 2},
		{[]float32{negZero, 0}, 0, 0},
		{[]float32{0, negZero}, 0, 0},
		{[]float32{-2, -1, inf32, nan32, inf32}, inf32, 2},
	} {
		require.Equal(t, c.want, Argmax(c.x), "argmax of %v", c.x)
		requireBits(t, []float32{c.max}, []float32{Max(c.x)}, "max of %v", c.x)
	}
	for n := 1; n < 100; n++ {
		x := normals(uint64(n), n)
		for at := range x {
			y := append([]float32(nil), x...)
			y[at] = 100
			require.Equal(t, at, Argmax(y))
			require.Equal(t, float32(100), Max(y))
		}
	}
}

// topKSorted is TopK by sorting everything.
func topKSorted(x []float32, k int) []int32 {
	var idx []int32
	for i, v := range x {
		if v == v {
			idx = append(idx, int32(i))
		}
	}
	sort.SliceStable(idx, func(i, j int) bool { return x[idx[i]] > x[idx[j]] })
	return idx[:min(k, len(idx))]
}

func TestTopK(t *testing.T) {
	for _, n := range []int{0, 1, 2, 15, 16, 17, 100, 5000} {
		x := normals(uint64(n), n)
		for i := range x {
			switch i % 7 {
			case 2:
				x[i] = x[i/2] // equals
			case 5:
				x[i] = nan32
			case 6:
				x[i] = float32(int(x[i])) // ±0 and small integers
			}
		}
		for _, k := range []int{0, 1, 2, 5, 40, 100, 6000} {
			idx := make([]int32, k)
			got := idx[:TopK(idx, x)]
			want := topKSorted(x, k)
			require.Equal(t, len(want), len(got), "n %d k %d", n, k)
			for i := range want {
				require.Equal(t, want[i], got[i], "n %d k %d place %d", n, k, i)
			}
		}
	}
}

func TestTopKAllocates(t *testing.T) {
	x, idx := normals(1, 1000), make([]int32, 40)
	require.Zero(t, testing.AllocsPerRun(10, func() { TopK(idx, x) }))
}

func FuzzTopK(f *testing.F) {
	f.Add([]byte{1, 2, 3, 255, 0, 7, 7, 7}, uint8(3))
	f.Add([]byte{}, uint8(0))
	f.Fuzz(func(t *testing.T, b []byte, k uint8) {
		x := make([]float32, len(b))
		for i, v := range b {
			x[i] = float32(int8(v))
			if v == 200 {
				x[i] = nan32
			}
		}
		idx := make([]int32, k)
		got := idx[:TopK(idx, x)]
		want := topKSorted(x, int(k))
		require.Equal(t, append([]int32{}, want...), append([]int32{}, got...))
	})
}
