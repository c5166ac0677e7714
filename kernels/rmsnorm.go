package kernels

import "math"

// RMSNorm normalises rows by their root mean square (arXiv:1910.07467):
//
//	out[r][i] = x[r][i]·s·w[i],  s = 1/sqrt(Σ x[r][i]²/dim + eps)
//
//	x      [nRows, dim]
//	out    [nRows, dim]; may alias x
//	weight nil, or [nWeights, dim]: row r takes weight row r mod nWeights, so
//	       one row serves all tokens (or all heads), and several rows serve
//	       grouped norms
//	eps    >= 0
//
// The sum is SumSquares; the quotient, the sum with eps, the root, its
// inverse and the two products are each rounded once. It panics if lengths
// disagree.
func RMSNorm(out, x, weight []float32, dim int, eps float32) {
	checkRows("RMSNorm", out, x, dim)
	checkWeight("RMSNorm", "weight", weight, dim)
	active.RMSNorm(out, x, weight, dim, eps)
}

// L2Norm scales rows to length one, or less where the length is below eps:
//
//	out[r][i] = x[r][i]·s,  s = 1/max(sqrt(Σ x[r][i]²), eps)
//
// x and out are [nRows, dim]; out may alias x; eps > 0. It panics if lengths
// disagree.
func L2Norm(out, x []float32, dim int, eps float32) {
	checkRows("L2Norm", out, x, dim)
	active.L2Norm(out, x, dim, eps)
}

func rmsNormGeneric(out, x, weight []float32, dim int, eps float32) {
	for r := 0; r < len(x); r += dim {
		row := x[r : r+dim]
		s := 1 / sqrt32(sumSquaresGeneric(row)/float32(dim)+eps)
		scaleRow(out[r:r+dim], row, weightRow(weight, r, dim), s)
	}
}

func l2NormGeneric(out, x []float32, dim int, eps float32) {
	for r := 0; r < len(x); r += dim {
		row := x[r : r+dim]
		s := 1 / max(sqrt32(sumSquaresGeneric(row)), eps)
		scaleRow(out[r:r+dim], row, nil, s)
	}
}

// scaleRow sets out = (x·s)·w, or x·s where w is nil.
func scaleRow(out, x, w []float32, s float32) {
	if w == nil {
		for i, v := range x {
			out[i] = v * s
		}
		return
	}
	for i, v := range x {
		out[i] = float32(v*s) * w[i]
	}
}

// weightRow is the weight row of the row that starts at element r.
func weightRow(weight []float32, r, dim int) []float32 {
	if len(weight) == 0 {
		return nil
	}
	r %= len(weight)
	return weight[r : r+dim]
}

// sqrt32 is the square root rounded to float32: the root of a float32 in
// float64 is never so close to a midpoint that rounding twice would differ.
func sqrt32(x float32) float32 { return float32(math.Sqrt(float64(x))) }
