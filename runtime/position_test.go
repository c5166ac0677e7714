package runtime

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// Slopes are those of the paper for a power of two of heads, and for others the
// ones that its authors' program gives.
func TestALiBiSlopes(t *testing.T) {
	for nHeads := 1; nHeads <= 130; nHeads++ {
		n := 1 << int(math.Log2(float64(nHeads)))
		for h, got := range alibiSlopes(nHeads) {
			exponent := -8 * float64(h+1) / float64(n)
			if h >= n {
				exponent = -4 * float64(2*(h-n)+1) / float64(n)
			}
			require.InEpsilon(t, math.Exp2(exponent), got, 1e-7, "head %d of %d", h, nHeads)
		}
	}
	require.Equal(t, []float32{1. / 4, 1. / 16, 1. / 64, 1. / 256}, alibiSlopes(4))
}

func TestTemperature(t *testing.T) {
	for _, c := range []struct {
		temperature
		pos  int32
		want float64
	}{
		{temperature{scale: 0.1, length: 64}, 0, 1},
		{temperature{scale: 0.1, length: 64}, 63, 1},
		{temperature{scale: 0.1, length: 64}, 64, 1 + 0.1*math.Ln2},
		{temperature{scale: 0.1, length: 64}, 159, 1 + 0.1*math.Log(3)},
		{temperature{scale: 0.1, length: 8192, offset: 1}, 8190, 1},
		{temperature{scale: 0.1, length: 8192, offset: 1}, 8191, 1 + 0.1*math.Ln2},
		{temperature{scale: 0.15, length: 48}, 1 << 27, 1 + 0.15*math.Log(1<<27/48+1)},
	} {
		var got [1]float32
		c.compute(got[:], []int32{c.pos})
		require.InEpsilon(t, c.want, got[0], 1e-6, "%+v", c)
	}
}
