package kernels

// GaussianCutoff keeps what lies far enough above the mean of its row:
//
//	out[r][i] = max(x[r][i] - (m + width·sd), 0)
//	m = Σ x[r][i]/dim,  sd = sqrt(Σ (x[r][i]-m)²/(dim-1))
//
// the activation sparsity of gemma3n. x and out are [nRows, dim], dim > 1; out
// may alias x. Both sums run in 16 lanes and the fixed tree, and m + width·sd
// is one FMA. NaN gives NaN. It panics if lengths disagree.
func GaussianCutoff(out, x []float32, dim int, width float32) {
	checkRows("GaussianCutoff", out, x, dim)
	active.GaussianCutoff(out, x, dim, width)
}

func gaussianCutoffGeneric(out, x []float32, dim int, width float32) {
	for r := 0; r < len(x); r += dim {
		row := x[r : r+dim]
		m := sumGeneric(row) / float32(dim)
		var lanes [nLanes]float32
		for i, v := range row {
			l := &lanes[i%nLanes]
			*l = fma32(v-m, v-m, *l)
		}
		sd := sqrt32(sumLanes(&lanes) / float32(dim-1))
		cut := fma32(width, sd, m)
		for i, v := range row {
			out[r+i] = relu32(v - cut)
		}
	}
}
