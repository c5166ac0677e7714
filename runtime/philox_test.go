package runtime

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The known answers are those of the authors' Random123 distribution.
func TestPhiloxKnownAnswers(t *testing.T) {
	ones := ^uint32(0)
	for _, c := range []struct {
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{ones, ones, ones, ones}, [2]uint32{ones, ones}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{
			[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
			[2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
		},
	} {
		require.Equal(t, c.want, philox4x32(c.counter, c.key))
	}
}

func TestUniformIsUniform(t *testing.T) {
	const n, nBins = 200_000, 50
	var bins [nBins]int
	for i := range uint64(n) {
		u := uniform(42, i)
		require.True(t, u >= 0 && u < 1)
		bins[int(u*nBins)]++
	}
	for i, c := range bins { // 4000 expected, standard deviation 63
		require.InDelta(t, n/nBins, c, 5*63, "bin %d", i)
	}
	require.NotEqual(t, uniform(1, 0), uniform(2, 0))
}
