package runtime

import (
	"math"

	"inferd/kernels"
)

// temperature makes far positions' queries longer, so that attention stays
// sharp in a long context: by 1 + scale·ln(⌊(pos+offset)/length⌋ + 1).
type temperature struct {
	scale          float32
	length, offset int
}

// readTemperature reads the parameters, or returns nil for a model without.
func readTemperature(h *hparams, defLength int) *temperature {
	scale := h.nonNegativeOr("attention.temperature_scale", 0)
	length := h.countOr("attention.temperature_length", defLength, maxNCtx)
	if scale == 0 {
		return nil
	}
	return &temperature{scale: float32(scale), length: length}
}

// compute fills factors [len(pos)].
func (t *temperature) compute(factors []float32, pos []int32) {
	for i, p := range pos {
		factors[i] = float32((int(p)+t.offset)/t.length + 1)
	}
	kernels.Log(factors, factors)
	for i, ln := range factors {
		factors[i] = 1 + float32(t.scale*ln)
	}
}

// alibiSlopes returns how fast scores fall with the distance, by head
// (arXiv:2108.12409): the powers of 2^(-maxBias/n) for the first n heads, n
// being the largest power of two that there are, and for the rest every other
// power of the root of that. The roots are exact to the last bit everywhere,
// which package math does not promise for powers.
func alibiSlopes(nHeads int) []float32 {
	const maxBias = 8 // no known model has another
	n := 1
	for 2*n <= nHeads {
		n *= 2
	}
	step := 1.0 / (1 << maxBias)
	for i := 1; i < n; i *= 2 {
		step = math.Sqrt(step)
	}
	half := math.Sqrt(step)
	slopes := make([]float32, nHeads)
	first, rest := 1.0, half
	for h := range slopes {
		if h < n {
			first *= step
			slopes[h] = float32(first)
			continue
		}
		slopes[h] = float32(rest)
		rest *= step
	}
	return slopes
}

// log32 is the natural logarithm with the same bits on every machine, which
// package math does not promise.
func log32(x float32) float32 {
	v := []float32{x}
	kernels.Log(v, v)
	return v[0]
}
