package kernels

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
