package runtime

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Chunks cover all panels once, none is so large that another thread has to
// wait for it, and there are not many more of them than threads.
func TestDivide(t *testing.T) {
	var j matMulJob
	for _, nThreads := range []int{2, 3, 16, 1000} {
		for _, n := range []int{0, 1, 2, 3, 7, 63, 128, 1472, 9500, 100001} {
			j.panels = n
			j.divide(nThreads)
			from := 0
			for _, end := range j.ends {
				require.Greater(t, end, from)
				require.LessOrEqual(t, end-from, max(2, (n-from)/(firstShare*nThreads), n/(lastShare*nThreads)))
				if end < n {
					require.Zero(t, end%2)
				}
				from = end
			}
			require.Equal(t, n, from)
			require.LessOrEqual(t, len(j.ends), 1+20*nThreads)
		}
	}
}
