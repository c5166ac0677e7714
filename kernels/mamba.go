package kernels

// Mamba holds the constants of a selective state space (arXiv:2312.00752).
type Mamba struct {
	Dim, DState int
	A           []float32 // [DState, Dim], negative: the GGUF tensor ssm_a transposed
	D           []float32 // [Dim]
}

// MambaScan advances the state token by token. For channel c, with s
// ascending:
//
//	h[s][c] = fma(h[s][c], e^(dt·A[s][c]), (dt·u)·b[s])
//	out[c]  = fma(D[c], u, Σ_s h[s][c]·c[s])    the sum by FMA from +0
//
//	out   [nTokens, Dim]; may alias u
//	state [DState, Dim], zero at the start of a timeline. Updated.
//	u, dt [nTokens, Dim]; dt is positive: the softplus is done
//	b, c  [nTokens, DState]
//
// Only the named channels are touched; calls for disjoint channels may run at
// once. It panics if lengths disagree.
func MambaScan(m *Mamba, out, state []float32, u, dt, b, c Rows, channels Range) {
	checkLen("MambaScan", "A", len(m.A), m.DState*m.Dim)
	checkLen("MambaScan", "D", len(m.D), m.Dim)
	checkLen("MambaScan", "state", len(state), m.DState*m.Dim)
	n := checkTokens("MambaScan", out, m.Dim)
	u.check("MambaScan", "u", n, m.Dim)
	dt.check("MambaScan", "dt", n, m.Dim)
	b.check("MambaScan", "b", n, m.DState)
	c.check("MambaScan", "c", n, m.DState)
	channels.check("MambaScan channels", m.Dim)
	active.MambaScan(m, out, state, u, dt, b, c, channels)
}

func mambaScanGeneric(m *Mamba, out, state []float32, u, dt, b, c Rows, channels Range) {
	for t := range len(out) / m.Dim {
		bt, ct := b.row(t, m.DState), c.row(t, m.DState)
		for ch := channels.From; ch < channels.To; ch++ {
			x, step := u.X[t*u.Stride+ch], dt.X[t*dt.Stride+ch]
			xStep, sum := step*x, float32(0)
			for s := range m.DState {
				h := &state[s*m.Dim+ch]
				*h = fma32(*h, exp32(step*m.A[s*m.Dim+ch]), float32(xStep*bt[s]))
				sum = fma32(*h, ct[s], sum)
			}
			out[t*m.Dim+ch] = fma32(m.D[ch], x, sum)
		}
	}
}

// Mamba2 holds the constants of a state space with one decay per head
// (arXiv:2405.21060). Head h reads b and c of group h/(NHeads/NGroups).
type Mamba2 struct {
	NHeads, HeadDim, NGroups, DState int
	A, D                             []float32 // [NHeads]; A is negative
}

// Mamba2Scan advances the state token by token. For head h and element p, with
// s ascending:
//
//	h[s][p] = fma(h[s][p], e^(dt·A), (dt·u[p])·b[s])
//	out[p]  = fma(D, u[p], Σ_s h[s][p]·c[s])    the sum by FMA from +0
//
//	out   [nTokens, NHeads, HeadDim]; may alias u
//	state [NHeads, DState, HeadDim], zero at the start of a timeline. Updated.
//	u     [nTokens, NHeads, HeadDim]
//	dt    [nTokens, NHeads], positive: the softplus is done
//	b, c  [nTokens, NGroups, DState]
//
// Only the named heads are touched; calls for disjoint heads may run at once.
// It panics if lengths disagree.
func Mamba2Scan(m *Mamba2, out, state []float32, u, dt, b, c Rows, heads Range) {
	dim := m.NHeads * m.HeadDim
	checkGroups("Mamba2Scan", m.NHeads, m.NGroups)
	checkLen("Mamba2Scan", "A", len(m.A), m.NHeads)
	checkLen("Mamba2Scan", "D", len(m.D), m.NHeads)
	checkLen("Mamba2Scan", "state", len(state), dim*m.DState)
	n := checkTokens("Mamba2Scan", out, dim)
	u.check("Mamba2Scan", "u", n, dim)
	dt.check("Mamba2Scan", "dt", n, m.NHeads)
	b.check("Mamba2Scan", "b", n, m.NGroups*m.DState)
	c.check("Mamba2Scan", "c", n, m.NGroups*m.DState)
	heads.check("Mamba2Scan heads", m.NHeads)
	active.Mamba2Scan(m, out, state, u, dt, b, c, heads)
}

func mamba2ScanGeneric(m *Mamba2, out, state []float32, u, dt, b, c Rows, heads Range) {
	for t := range len(out) / (m.NHeads * m.HeadDim) {
		for h := heads.From; h < heads.To; h++ {
			group := h / (m.NHeads / m.NGroups) * m.DState
			bt, ct := b.row(t, m.NGroups*m.DState)[group:], c.row(t, m.NGroups*m.DState)[group:]
			step := dt.X[t*dt.Stride+h]
			decay := exp32(step * m.A[h])
			for p := range m.HeadDim {
				at := h*m.HeadDim + p
				x := u.X[t*u.Stride+at]
				xStep, sum := step*x, float32(0)
				for s := range m.DState {
					v := &state[(h*m.DState+s)*m.HeadDim+p]
					*v = fma32(*v, decay, float32(xStep*bt[s]))
					sum = fma32(*v, ct[s], sum)
				}
				out[t*m.NHeads*m.HeadDim+at] = fma32(m.D[h], x, sum)
			}
		}
	}
}
