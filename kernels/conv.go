package kernels

import "fmt"

// Rows is a matrix whose rows lie Stride elements apart in X, so that a part
// of each row of a wider matrix can be named without copying.
type Rows struct {
	X      []float32
	Stride int
}

// row returns n elements of row t.
func (r Rows) row(t, n int) []float32 { return r.X[t*r.Stride:][:n] }

// check panics unless n rows of dim elements fit.
func (r Rows) check(op, name string, n, dim int) {
	if n > 0 && (r.Stride < dim || len(r.X) < (n-1)*r.Stride+dim) {
		panic(fmt.Sprintf("kernels: %s: %s has %d elements, stride %d, wants %d rows of %d", op, name, len(r.X), r.Stride, n, dim))
	}
}

// CausalConv convolves every channel with the nTaps inputs that end at its
// token:
//
//	out[t][c] = bias[c] + Σ_i weight[i][c]·x[t-nTaps+1+i][c]
//
// by one FMA per tap, ascending, from the bias or from +0.
//
//	out    [nTokens, dim]; must not alias x
//	x      [nTokens, dim]
//	state  [nTaps-1, dim]: the inputs before the first token, oldest first;
//	       zero at the start of a timeline. Updated.
//	weight [nTaps, dim]: a GGUF conv1d tensor transposed
//	bias   [dim] or nil
//
// Only the named channels are touched; calls for disjoint channels may run at
// once. It panics if lengths disagree.
func CausalConv(out []float32, x Rows, state, weight, bias []float32, dim int, channels Range) {
	if dim <= 0 || len(weight) == 0 || len(weight)%dim != 0 {
		panic(fmt.Sprintf("kernels: CausalConv: len(weight) = %d is no multiple of dim %d", len(weight), dim))
	}
	n := checkTokens("CausalConv", out, dim)
	x.check("CausalConv", "x", n, dim)
	checkLen("CausalConv", "state", len(state), len(weight)-dim)
	if bias != nil {
		checkLen("CausalConv", "bias", len(bias), dim)
	}
	channels.check("CausalConv channels", dim)
	active.CausalConv(out, x, state, weight, bias, dim, channels)
}

func causalConvGeneric(out []float32, x Rows, state, weight, bias []float32, dim int, channels Range) {
	nTokens, nTaps := len(out)/dim, len(weight)/dim
	for c := channels.From; c < channels.To; c++ {
		// input i of the state and the new tokens, seen as one sequence
		input := func(i int) float32 {
			if i < nTaps-1 {
				return state[i*dim+c]
			}
			return x.X[(i-nTaps+1)*x.Stride+c]
		}
		for t := range nTokens {
			sum := float32(0)
			if bias != nil {
				sum = bias[c]
			}
			for i := range nTaps {
				sum = fma32(weight[i*dim+c], input(t+i), sum)
			}
			out[t*dim+c] = sum
		}
		for i := range nTaps - 1 {
			state[i*dim+c] = input(nTokens + i)
		}
	}
}
