package runtime

import "inferd/kernels"

// newMamba has selective state spaces and nothing else: no attention, no
// feed-forward network (arXiv:2312.00752).
func newMamba(h *hparams, nVocab int) (model, config) {
	c := newSSMConfig(h, nVocab)
	m := newDecoder(&c)
	inner := h.count("ssm.inner_size", maxDim)
	mix := mamba{
		dim:      c.dim,
		rank:     h.count("ssm.time_step_rank", maxDim),
		conv:     newConv("ssm_conv1d", inner, h.count("ssm.conv_kernel", maxTaps)),
		mambaSSM: newMambaSSM(inner, h.count("ssm.state_size", maxDim)),
	}
	mix.mambaSSM.from = mix.conv.stateLen()
	for i := range c.nLayers {
		l := mix
		l.layer = i
		if h.boolOr("ssm.dt_b_c_rms", false) { // as in FalconMamba
			l.rankNorm, l.stateNorm = c.plainNorm(l.rank), c.plainNorm(l.DState)
		}
		m.layers = append(m.layers, decoderLayer{mixerNorm: c.norm("attn_norm", c.dim), mixer: &l})
	}
	return m, c
}

// newSSMConfig is newConfig for models without attention.
func newSSMConfig(h *hparams, nVocab int) config {
	h.countOr("vocab_size", nVocab, maxVocab)
	c := config{
		arch:      h.arch,
		nVocab:    nVocab,
		nCtxTrain: h.count("context_length", maxNCtx),
		dim:       h.count("embedding_length", maxDim),
		nLayers:   h.count("block_count", maxLayers),
		normEps:   float32(h.positive(rmsNormEps)),
		isCausal:  true,
	}
	c.readPooling(h)
	return c
}

// mamba is a mixer: a short convolution and a state space whose every channel
// keeps and forgets as the token says.
type mamba struct {
	dim   int
	layer int
	rank  int // of the time steps

	rankNorm, stateNorm norm
	conv                conv
	mambaSSM

	in, gate          linear
	step, read, write linear // read and write are the state's b and c
	wide, out         linear
}

func (m *mamba) bind(b *binder) {
	b.parts("ssm_in", m.dim, part{&m.in, m.Dim}, part{&m.gate, m.Dim})
	m.conv.bind(b)
	b.parts("ssm_x", m.Dim, part{&m.step, m.rank}, part{&m.write, m.DState}, part{&m.read, m.DState})
	b.mat(&m.wide, "ssm_dt", m.Dim, m.rank)
	m.mambaSSM.bind(b)
	b.mat(&m.out, "ssm_out", m.dim, m.Dim)
}

func (m *mamba) ready() {
	m.conv.ready()
	m.mambaSSM.ready()
}

func (m *mamba) kvSpec() kvSpec { return kvSpec{stateLen: m.conv.stateLen() + m.mambaSSM.stateLen()} }

func (m *mamba) apply(b Backend, h Tensor, s *step) Tensor {
	u, z := b.MatMul2(h, &m.in, &m.gate)
	u = b.Recur(s, m.layer, &m.conv, recurrentInput{{t: u}})
	b.Activate(u, kernels.SiLU)
	low, write, read := b.MatMul3(u, &m.step, &m.write, &m.read)
	dt := b.MatMul(b.Norm(low, &m.rankNorm), &m.wide)
	b.Activate(dt, kernels.Softplus)
	write, read = b.Norm(write, &m.stateNorm), b.Norm(read, &m.stateNorm)
	y := b.Recur(s, m.layer, &m.mambaSSM, recurrentInput{{t: u}, {t: dt}, {t: write}, {t: read}})
	return b.MatMul(b.GLU(z, y, gating{act: kernels.SiLU}), &m.out)
}

// mambaSSM is kernels.MambaScan of u, dt, b and c.
type mambaSSM struct {
	recurrentShape
	kernels.Mamba
}

func newMambaSSM(dim, dState int) mambaSSM {
	return mambaSSM{
		recurrentShape{width: dim, units: dim, grain: channelGrain, rows: dState, unitLen: 1},
		kernels.Mamba{Dim: dim, DState: dState},
	}
}

func (m *mambaSSM) bind(b *binder) {
	b.rows(&m.A, "ssm_a", m.Dim, m.DState)
	b.values(&m.D, "ssm_d", m.Dim)
}

func (m *mambaSSM) ready() { transpose(m.A, m.Dim, m.DState) }

func (m *mambaSSM) scan(out, state []float32, in *recurrentRows, channels kernels.Range) {
	kernels.MambaScan(&m.Mamba, out, state, in[0], in[1], in[2], in[3], channels)
}
