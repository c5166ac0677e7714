package kernels

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestScanReadsEveryLine changes each line of memory of every length around a
// kernel's step: one that is left out would leave the result as it was.
func TestScanReadsEveryLine(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 9))
	for i := range implementations {
		impl := &implementations[i]
		for _, n := range []int{0, 8, 64, scanBytes - 8, scanBytes, scanBytes + 8, 3*scanBytes + 72} {
			b := make([]byte, n)
			for at := 0; at < n; at += 8 {
				binary.LittleEndian.PutUint64(b[at:], rng.Uint64())
			}
			want := impl.Scan(b)
			for at := 0; at < n; at += 64 {
				b[at] ^= 1
				require.NotEqual(t, want, impl.Scan(b), "level %s, %d bytes, byte %d", impl.Name, n, at)
				b[at] ^= 1
			}
		}
	}
}
