package kernels

import "math"

// Softmax sets out[i] = e^(x[i]-m)/Σ e^(x[j]-m) with m = max x. The sum runs in
// 16 lanes and the fixed tree; each exponential is multiplied by the sum's
// inverse. out may alias x. A NaN in x, or x all -Inf, makes every element
// NaN. It panics if the lengths differ.
func Softmax(out, x []float32) {
	checkLen("Softmax", "out", len(out), len(x))
	active.Softmax(out, x)
}

func softmaxGeneric(out, x []float32) {
	m := maxGeneric(x)
	for i, v := range x {
		out[i] = exp32(v - m)
	}
	scaleRow(out, out, nil, 1/sumGeneric(out))
}

// Max returns the largest element, -Inf for none. NaN counts as absent. A
// zero is +0.
func Max(x []float32) float32 { return active.Max(x) }

func maxGeneric(x []float32) float32 {
	m := float32(math.Inf(-1))
	for _, v := range x {
		if v > m {
			m = v
		}
	}
	return m + 0 // -0 + 0 is +0
}
