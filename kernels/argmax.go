package kernels

import "math"

// Argmax returns the index of the largest element, the lowest one of equals.
// NaN counts as absent; -1 means that there is no number in x.
func Argmax(x []float32) int { return active.Argmax(x) }

func argmaxGeneric(x []float32) int {
	best := -1
	for i, v := range x {
		if v == v && (best < 0 || v > x[best]) {
			best = i
		}
	}
	return best
}

// nextBelow32 is the largest number below x, NaN if there is none.
func nextBelow32(x float32) float32 {
	switch b := math.Float32bits(x); {
	case x > 0:
		return math.Float32frombits(b - 1)
	case x == 0:
		return math.Float32frombits(signBit | 1)
	case x >= -math.MaxFloat32:
		return math.Float32frombits(b + 1)
	default:
		return float32(math.NaN())
	}
}
