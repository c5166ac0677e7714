package kernels

import "testing"

// crossRun compares what run leaves in out and state at every level with the
// reference. state starts as given.
func crossRun(t *testing.T, name string, nOut int, start []float32, run func(i *Impl, out, state []float32)) {
	t.Helper()
	wantOut, wantState := make([]float32, nOut), append([]float32(nil), start...)
	run(&generic, wantOut, wantState)
	for i := range implementations {
		impl := &implementations[i]
		out, outIntact := guarded(nOut)
		clear(out)
		state, stateIntact := guarded(len(start))
		copy(state, start)
		run(impl, out, state)
		requireBits(t, wantOut, out, "%s %s", impl.Name, name)
		requireBits(t, wantState, state, "%s %s, state", impl.Name, name)
		outIntact(t)
		stateIntact(t)
	}
}

// someFloats are normals, or hard ones where the seed is odd.
func someFloats(seed uint64, n int) []float32 {
	if seed%2 == 1 {
		return hardFloats(seed, n)
	}
	return normals(seed, n)
}

func TestCrossGaussianCutoff(t *testing.T) {
	for _, n := range crossLengths()[1:] {
		x := someFloats(uint64(n), 2*n)
		crossRun(t, "GaussianCutoff", 2*n, nil, func(i *Impl, out, _ []float32) { i.GaussianCutoff(out, x, n, 1.64) })
		crossRun(t, "GaussianCutoff in place", 0, x, func(i *Impl, _, x []float32) { i.GaussianCutoff(x, x, n, 1.64) })
	}
}

func TestCrossCausalConv(t *testing.T) {
	const nTokens = 5
	for dim := 1; dim < 70; dim += 3 {
		for seed := range uint64(4) {
			nTaps := 1 + int(seed)
			x := moved(t, someFloats(seed, (nTokens-1)*(dim+2)+dim))
			w := moved(t, someFloats(seed+10, nTaps*dim))
			var bias []float32
			if seed > 1 {
				bias = moved(t, normals(seed+20, dim))
			}
			for _, channels := range []Range{{0, dim}, {dim / 3, dim}, {dim, dim}} {
				crossRun(t, "CausalConv", nTokens*dim, someFloats(seed+30, (nTaps-1)*dim), func(i *Impl, out, state []float32) {
					i.CausalConv(out, Rows{x, dim + 2}, state, w, bias, dim, channels)
				})
			}
		}
	}
}

func TestCrossMambaScan(t *testing.T) {
	const nTokens = 4
	for dim := 1; dim < 70; dim += 2 {
		seed := uint64(dim / 2)
		m := &Mamba{Dim: dim, DState: 1 + dim%17}
		m.A, m.D = moved(t, someFloats(seed, dim*m.DState)), moved(t, normals(seed+1, dim))
		u, dt := moved(t, someFloats(seed+2, nTokens*dim)), moved(t, positives(seed+3, nTokens*dim))
		bc := moved(t, normals(seed+4, nTokens*2*m.DState))
		for _, channels := range []Range{{0, dim}, {dim / 2, dim}} {
			crossRun(t, "MambaScan", nTokens*dim, someFloats(seed+5, dim*m.DState), func(i *Impl, out, state []float32) {
				i.MambaScan(m, out, state, Rows{u, dim}, Rows{dt, dim}, Rows{bc, 2 * m.DState}, Rows{bc[m.DState:], 2 * m.DState}, channels)
			})
		}
	}
}

func TestCrossMamba2Scan(t *testing.T) {
	const nTokens = 3
	for headDim := 1; headDim < 150; headDim += 1 + headDim/9 {
		seed := uint64(headDim)
		m := &Mamba2{NHeads: 4, HeadDim: headDim, NGroups: 2, DState: 1 + headDim%19}
		m.A, m.D = normals(seed, 4), normals(seed+1, 4)
		dim, bc := 4*headDim, 2*m.DState
		u, dt := moved(t, someFloats(seed+2, nTokens*dim)), moved(t, positives(seed+3, nTokens*4))
		b, c := moved(t, someFloats(seed+4, nTokens*bc)), moved(t, normals(seed+5, nTokens*bc))
		for _, heads := range []Range{{0, 4}, {1, 2}} {
			crossRun(t, "Mamba2Scan", nTokens*dim, someFloats(seed+6, dim*m.DState), func(i *Impl, out, state []float32) {
				i.Mamba2Scan(m, out, state, Rows{u, dim}, Rows{dt, 4}, Rows{b, bc}, Rows{c, bc}, heads)
			})
		}
	}
}

func TestCrossDeltaScan(t *testing.T) {
	const nTokens = 3
	for dv := 1; dv < 150; dv += 1 + dv/9 {
		seed := uint64(dv)
		n := &DeltaNet{NKHeads: 2, NVHeads: 4, DK: 1 + dv%23, DV: dv, Tiled: dv%2 == 0}
		qk, v := n.NKHeads*n.DK, n.NVHeads*n.DV
		q, k, val := moved(t, someFloats(seed, nTokens*qk)), moved(t, normals(seed+1, nTokens*qk)), moved(t, someFloats(seed+2, nTokens*v))
		g, beta := normals(seed+3, nTokens*4), positives(seed+4, nTokens*4)
		for _, heads := range []Range{{0, 4}, {2, 3}} {
			crossRun(t, "DeltaScan", nTokens*v, someFloats(seed+5, n.NVHeads*n.DK*dv), func(i *Impl, out, state []float32) {
				i.DeltaScan(n, out, state, Rows{q, qk}, Rows{k, qk}, Rows{val, v}, Rows{g, 4}, Rows{beta, 4}, heads)
			})
		}
	}
}
