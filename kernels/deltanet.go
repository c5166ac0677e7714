package kernels

// DeltaNet describes the heads of a gated delta network (arXiv:2412.06464).
type DeltaNet struct {
	NKHeads, NVHeads int // NKHeads divides NVHeads
	DK, DV           int // widths of a key and a value
	// Tiled says that value head h reads key head h mod NKHeads; else it reads
	// h/(NVHeads/NKHeads).
	Tiled bool
}

func (n *DeltaNet) kHead(h int) int {
	if n.Tiled {
		return h % n.NKHeads
	}
	return h / (n.NVHeads / n.NKHeads)
}

// DeltaScan advances the state of every value head token by token. S is the
// head's state; i ascends over DK, and every element j of the value has its
// own chain:
//
//	S[i][j] = S[i][j]·e^g
//	r[j]    = Σ_i k[i]·S[i][j]           by FMA from +0
//	d[j]    = (v[j] - r[j])·beta
//	S[i][j] = fma(k[i], d[j], S[i][j])
//	out[j]  = Σ_i q[i]·S[i][j]           by FMA from +0
//
//	out     [nTokens, NVHeads, DV]; may alias v
//	state   [NVHeads, DK, DV], zero at the start of a timeline. Updated.
//	q, k    [nTokens, NKHeads, DK], normalised and q scaled
//	v       [nTokens, NVHeads, DV]
//	g, beta [nTokens, NVHeads]: logarithm of the decay, and the step
//
// Only the named value heads are touched; calls for disjoint heads may run at
// once. It panics if lengths disagree.
func DeltaScan(n *DeltaNet, out, state []float32, q, k, v, g, beta Rows, heads Range) {
	checkGroups("DeltaScan", n.NVHeads, n.NKHeads)
	nTokens := checkTokens("DeltaScan", out, n.NVHeads*n.DV)
	checkLen("DeltaScan", "state", len(state), n.NVHeads*n.DK*n.DV)
	q.check("DeltaScan", "q", nTokens, n.NKHeads*n.DK)
	k.check("DeltaScan", "k", nTokens, n.NKHeads*n.DK)
	v.check("DeltaScan", "v", nTokens, n.NVHeads*n.DV)
	g.check("DeltaScan", "g", nTokens, n.NVHeads)
	beta.check("DeltaScan", "beta", nTokens, n.NVHeads)
	heads.check("DeltaScan heads", n.NVHeads)
	active.DeltaScan(n, out, state, q, k, v, g, beta, heads)
}

func deltaScanGeneric(n *DeltaNet, out, state []float32, q, k, v, g, beta Rows, heads Range) {
	for t := range len(out) / (n.NVHeads * n.DV) {
		for h := heads.From; h < heads.To; h++ {
			kh := n.kHead(h) * n.DK
			deltaStepGeneric(
				out[(t*n.NVHeads+h)*n.DV:][:n.DV],
				state[h*n.DK*n.DV:][:n.DK*n.DV],
				q.X[t*q.Stride+kh:][:n.DK],
				k.X[t*k.Stride+kh:][:n.DK],
				v.X[t*v.Stride+h*n.DV:][:n.DV],
				exp32(g.X[t*g.Stride+h]), beta.X[t*beta.Stride+h])
		}
	}
}

// deltaStepGeneric is one token of one head, column by column of its state.
func deltaStepGeneric(out, state, q, k, v []float32, decay, beta float32) {
	dv := len(v)
	for j := range v {
		r := float32(0)
		for i, ki := range k {
			s := &state[i*dv+j]
			*s *= decay
			r = fma32(ki, *s, r)
		}
		d := float32(v[j]-r) * beta
		sum := float32(0)
		for i, ki := range k {
			s := &state[i*dv+j]
			*s = fma32(ki, d, *s)
			sum = fma32(q[i], *s, sum)
		}
		out[j] = sum
	}
}
