package runtime

import "inferd/kernels"

// newMamba2 is newMamba with one decay for all channels of a head
// (arXiv:2405.21060).
func newMamba2(h *hparams, nVocab int) (model, config) {
	c := newSSMConfig(h, nVocab)
	m := newDecoder(&c)
	sizes := readSSM(h)
	for i := range c.nLayers {
		m.layers = append(m.layers, decoderLayer{mixerNorm: c.norm("attn_norm", c.dim), mixer: c.mamba2(i, sizes)})
	}
	return m, c
}

// mamba2 is a mixer: a short convolution of what the state space reads, the
// state space, and a norm of each group of heads behind a gate.
type mamba2 struct {
	dim   int
	layer int
	ssmSizes

	conv conv
	ssm  mamba2SSM
	norm norm

	gate, in, step, out linear
}

// mamba2 returns layer i's mixer.
func (c *config) mamba2(i int, s ssmSizes) *mamba2 {
	m := &mamba2{
		dim:      c.dim,
		layer:    i,
		ssmSizes: s,
		conv:     newConv("ssm_conv1d", s.inner+2*s.nGroups*s.state, s.nTaps),
		ssm:      newMamba2SSM(s),
		norm:     c.norm("ssm_norm", s.inner/s.nGroups),
	}
	m.ssm.from = m.conv.stateLen()
	m.norm.nRows = s.nGroups
	return m
}

func (m *mamba2) bind(b *binder) {
	b.parts("ssm_in", m.dim, part{&m.gate, m.inner}, part{&m.in, m.conv.width}, part{&m.step, m.nHeads})
	b.values(&m.step.bias, "ssm_dt.bias", m.nHeads)
	m.conv.bind(b)
	m.ssm.bind(b)
	m.norm.bind(b)
	b.mat(&m.out, "ssm_out", m.dim, m.inner)
}

func (m *mamba2) ready() { m.conv.ready() }

func (m *mamba2) kvSpec() kvSpec { return kvSpec{stateLen: m.conv.stateLen() + m.ssm.stateLen()} }

func (m *mamba2) apply(b Backend, h Tensor, s *step) Tensor {
	z, x, dt := b.MatMul3(h, &m.gate, &m.in, &m.step)
	b.Activate(dt, kernels.Softplus)
	x = b.Recur(s, m.layer, &m.conv, recurrentInput{{t: x}}) // [nTokens, u, b and c]
	b.Activate(x, kernels.SiLU)
	y := b.Recur(s, m.layer, &m.ssm, recurrentInput{{t: x}, {t: dt}, {x, m.inner}, {x, m.inner + m.nGroups*m.state}})
	y = b.Norm(b.GLU(z, y, gating{act: kernels.SiLU}), &m.norm)
	return b.MatMul(y, &m.out)
}

// mamba2SSM is kernels.Mamba2Scan of u, dt, b and c.
type mamba2SSM struct {
	recurrentShape
	kernels.Mamba2
}

func newMamba2SSM(s ssmSizes) mamba2SSM {
	headDim := s.inner / s.nHeads
	return mamba2SSM{
		recurrentShape{width: s.inner, units: s.nHeads, grain: 1, rows: 1, unitLen: headDim * s.state},
		kernels.Mamba2{NHeads: s.nHeads, HeadDim: headDim, NGroups: s.nGroups, DState: s.state},
	}
}

func (m *mamba2SSM) bind(b *binder) {
	b.rows(&m.A, "ssm_a", m.NHeads, 1)
	b.rows(&m.D, "ssm_d", m.NHeads, 1)
}

func (m *mamba2SSM) scan(out, state []float32, in *recurrentRows, heads kernels.Range) {
	kernels.Mamba2Scan(&m.Mamba2, out, state, in[0], in[1], in[2], in[3], heads)
}
