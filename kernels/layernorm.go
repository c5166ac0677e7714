package kernels

// LayerNorm normalises rows to mean 0 and variance 1:
//
//	m = Σ x[r][i]/dim,  s = 1/sqrt(Σ (x[r][i]-m)²/dim + eps)
//	out[r][i] = (x[r][i]-m)·s·w[i] + b[i]
//
//	x      [nRows, dim]
//	out    [nRows, dim]; may alias x
//	weight nil, or [nWeights, dim]: row r takes weight row r mod nWeights
//	bias   nil, or as weight
//	eps    >= 0
//
// Both sums run in 16 lanes and the fixed tree, the second by FMA. The last
// product and the bias are one FMA where there is a weight and a bias. It
// panics if lengths disagree.
func LayerNorm(out, x, weight, bias []float32, dim int, eps float32) {
	checkRows("LayerNorm", out, x, dim)
	checkWeight("LayerNorm", "weight", weight, dim)
	checkWeight("LayerNorm", "bias", bias, dim)
	active.LayerNorm(out, x, weight, bias, dim, eps)
}

func layerNormGeneric(out, x, weight, bias []float32, dim int, eps float32) {
	for r := 0; r < len(x); r += dim {
		row, dst := x[r:r+dim], out[r:r+dim]
		m := sumGeneric(row) / float32(dim)
		for i, v := range row {
			dst[i] = v - m
		}
		s := 1 / sqrt32(sumSquaresGeneric(dst)/float32(dim)+eps)
		w, b := weightRow(weight, r, dim), weightRow(bias, r, dim)
		for i, v := range dst {
			dst[i] = affine32(float32(v*s), w, b, i)
		}
	}
}

// affine32 is v·w[i] + b[i] with a nil w meaning 1 and a nil b nothing.
func affine32(v float32, w, b []float32, i int) float32 {
	switch {
	case w == nil && b == nil:
		return v
	case w == nil:
		return v + b[i]
	case b == nil:
		return v * w[i]
	default:
		return fma32(v, w[i], b[i])
	}
}
