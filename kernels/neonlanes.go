//go:build !noasm && arm64

package kernels

import "unsafe"

// dotsNEON are the products of attention for one vector and 1 to 6 rows.
var dotsNEON = [2][maxTileRows + 1]dotKernel{
	{1: dot1x1F32NEON, 2: dot2x1F32NEON, 3: dot3x1F32NEON, 4: dot4x1F32NEON, 5: dot5x1F32NEON, 6: dot6x1F32NEON},
	{1: dot1x1F16NEON, 2: dot2x1F16NEON, 3: dot3x1F16NEON, 4: dot4x1F16NEON, 5: dot5x1F16NEON, 6: dot6x1F16NEON},
}

// lanesNEON has what a segment of attention needs: the products in assembly,
// which are nearly all of its work, the rest as the reference does it.
var lanesNEON = &laneKernels{
	scale:   scaleGeneric,
	softcap: func(out, x []float32, limit, _ float32) { softcapGeneric(out, x, limit) },
	tiles: attentionKernels{
		wide:       dotsNEON,
		narrow:     dotsNEON,
		wideVecs:   [maxTileRows + 1]int{1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1},
		softmaxRow: softmaxRowPortable,
	},
}

// softmaxRowPortable is attentionKernels.softmaxRow in Go.
func softmaxRowPortable(s *float32, n int, scale float32) (m, l float32) {
	row := unsafe.Slice(s, n)
	scaleGeneric(row, row, scale)
	m = maxGeneric(row)
	return m, expSumLanes(row, m, 0)
}
