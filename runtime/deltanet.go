package runtime

import "inferd/kernels"

// deltaKind is what gated delta networks differ in.
type deltaKind struct {
	tiled bool // value heads take key heads in turns; else neighbours share one
	fused bool // one matrix has, for each key head, its value heads' steps, then their decays
}

// deltaNet is a mixer: a short convolution of queries, keys and values, a state
// that each token corrects where it answers the token's key wrongly, and a norm
// behind a gate (arXiv:2412.06464).
type deltaNet struct {
	dim   int
	layer int
	kind  deltaKind

	conv   conv
	scan   deltaScan
	length norm // of queries and keys
	norm   norm

	qkv, gate, out linear
	step, decay    linear
	both           linear    // where they are fused
	rate           []float32 // [NVHeads], negative
	decayBias      []float32 // [NVHeads]
}

// deltaNet returns layer i's mixer. Value heads are what the metadata calls the
// rank of time steps.
func (c *config) deltaNet(i int, s ssmSizes, kind deltaKind) *deltaNet {
	dv := s.inner / s.nHeads
	m := &deltaNet{
		dim:    c.dim,
		layer:  i,
		kind:   kind,
		conv:   newConv("ssm_conv1d", 2*s.nGroups*s.state+s.inner, s.nTaps),
		length: norm{dim: s.state, eps: c.normEps, isLength: true},
		norm:   c.norm("ssm_norm", dv),
	}
	m.scan.DeltaNet = kernels.DeltaNet{NKHeads: s.nGroups, NVHeads: s.nHeads, DK: s.state, DV: dv, Tiled: kind.tiled}
	m.scan.recurrentShape = recurrentShape{
		width: s.inner, units: s.nHeads, grain: 1,
		from: m.conv.stateLen(), rows: 1, unitLen: s.state * dv,
	}
	return m
}

func (m *deltaNet) bind(b *binder) {
	n := m.scan.NVHeads
	b.mat(&m.qkv, "attn_qkv", m.conv.width, m.dim)
	b.mat(&m.gate, "attn_gate", m.scan.width, m.dim)
	m.conv.bind(b)
	if m.kind.fused {
		b.mat(&m.both, "ssm_ba", 2*n, m.dim)
	} else {
		b.mat(&m.step, "ssm_beta", n, m.dim)
		b.mat(&m.decay, "ssm_alpha", n, m.dim)
	}
	b.values(&m.decayBias, "ssm_dt.bias", n)
	b.values(&m.rate, "ssm_a", n)
	m.norm.bind(b)
	b.mat(&m.out, "ssm_out", m.dim, m.scan.width)
}

func (m *deltaNet) ready() { m.conv.ready() }

func (m *deltaNet) kvSpec() kvSpec { return kvSpec{stateLen: m.conv.stateLen() + m.scan.stateLen()} }

func (m *deltaNet) apply(b Backend, h Tensor, s *step) Tensor {
	x, z := b.MatMul2(h, &m.qkv, &m.gate)
	x = b.Recur(s, m.layer, &m.conv, recurrentInput{{t: x}}) // [nTokens, q, k and v]
	b.Activate(x, kernels.SiLU)
	nK := m.scan.NKHeads * m.scan.DK
	q := b.Norm(b.Part(x, x.cols, 0, nK), &m.length)
	b.Scale(q, inverseSqrt(m.scan.DK))
	k := b.Norm(b.Part(x, x.cols, nK, nK), &m.length)
	step, decay := m.gates(b, h)
	y := b.Recur(s, m.layer, &m.scan, recurrentInput{{t: q}, {t: k}, {x, 2 * nK}, {t: decay}, {t: step}})
	y = b.GLU(z, b.Norm(y, &m.norm), gating{act: kernels.SiLU})
	return b.MatMul(y, &m.out)
}

// gates returns how far the state is corrected, and the logarithm of what it
// keeps, both [nTokens, NVHeads].
func (m *deltaNet) gates(b Backend, h Tensor) (step, decay Tensor) {
	if m.kind.fused {
		both := b.MatMul(h, &m.both)
		n := m.scan.NVHeads / m.scan.NKHeads
		step, decay = b.Part(both, 2*n, 0, n), b.Part(both, 2*n, n, n)
	} else {
		step, decay = b.MatMul2(h, &m.step, &m.decay)
	}
	b.Activate(step, kernels.Sigmoid)
	b.AddVector(decay, m.decayBias)
	b.Activate(decay, kernels.Softplus)
	return step, b.Mul(decay, m.rate)
}

// deltaScan is kernels.DeltaScan of q, k, v, the decays and the steps.
type deltaScan struct {
	recurrentShape
	kernels.DeltaNet
}

func (d *deltaScan) scan(out, state []float32, in *recurrentRows, heads kernels.Range) {
	kernels.DeltaScan(&d.DeltaNet, out, state, in[0], in[1], in[2], in[3], in[4], heads)
}
