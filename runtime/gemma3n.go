package runtime

import "inferd/kernels"

// What Gemma 3n's metadata tells, and the reference fixes.
const (
	altUpStreams     = 4
	gemma3nInput     = 256 // width of a layer's own input
	laurelRank       = 64
	gemma3nOwnKV     = 20 // layers that keep keys and values
	gemma3nSparse    = 10 // layers whose gates are cut off
	gemma3nSoftcap   = 30
	sparsityWidth    = 1.6448533535003662 // standard deviations: 95 % of a normal distribution lie below
	gemma3nSWAPeriod = 5
)

// gemma3n keeps four streams side by side, of which a layer computes one and
// predicts and corrects the others (AltUp, arXiv:2301.13310). Beside attention
// it has a path of low rank (LAuReL, arXiv:2411.07501), and inputs of each
// layer's own.
type gemma3n struct {
	decoder  // its embeddings, positions and head
	perLayer perLayerEmbedding
	blocks   []gemma3nBlock

	spread, gather []linear // streams 1 to 3 out of stream 0, and back
}

type gemma3nBlock struct {
	dim int

	altUpNorm    norm
	altUpRouter  linear
	altUpPredict linear // [altUpStreams·altUpStreams, altUpStreams]
	altUpCorrect linear // [altUpStreams, altUpStreams]
	altUpScale   []float32

	attnNorm         norm
	attn             *attention
	attnOutNorm      norm
	laurelL, laurelR linear
	laurelNorm       norm

	ffnNorm    norm
	ffn        *glu
	isSparse   bool
	ffnOutNorm norm
	input      perLayerInput
}

func newGemma3n(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, rmsNormEps)
	win := readWindows(h, &c, 0, gemma3nSWAPeriod)
	r := newRoPE(h, &c, kernels.RoPENeoX)
	m := &gemma3n{
		decoder:  *newDecoder(&c, r, r.sliding(h, &c, 10000)),
		perLayer: c.perLayerEmbedding(gemma3nInput),
	}
	m.embed.scale = c.timesSqrtDim()
	m.head.softcap = gemma3nSoftcap
	nOwn := min(gemma3nOwnKV, c.nLayers)
	for i := range c.nLayers {
		m.blocks = append(m.blocks, gemma3nBlock{
			dim:         c.dim,
			altUpNorm:   c.norm("altup_router_norm", c.dim),
			attnNorm:    c.norm("attn_norm", c.dim),
			attn:        c.gemmaSharingAttention(h, i, &win, nOwn),
			attnOutNorm: c.norm("post_attention_norm", c.dim),
			laurelNorm:  c.norm("laurel_post_norm", c.dim),
			ffnNorm:     c.norm("ffn_norm", c.dim),
			ffn:         c.glu(i, kernels.GELU),
			isSparse:    i < gemma3nSparse,
			ffnOutNorm:  c.norm("post_ffw_norm", c.dim),
			input:       c.perLayerInput(i, gemma3nInput),
		})
	}
	return m, c
}

func (m *gemma3n) bind(b *binder) {
	m.decoder.bind(b)
	m.perLayer.bind(b, m.nVocab)
	b.experts("altup_proj", altUpStreams-1, m.dim, expertPart{&m.spread, m.dim})
	b.experts("altup_unembd_proj", altUpStreams-1, m.dim, expertPart{&m.gather, m.dim})
	for i := range m.blocks {
		m.blocks[i].bind(b.layer(i))
	}
}

func (l *gemma3nBlock) bind(b *binder) {
	l.altUpNorm.bind(b)
	b.mat(&l.altUpRouter, "altup_router", altUpStreams, l.dim)
	b.mat(&l.altUpPredict, "altup_predict_coef", altUpStreams*altUpStreams, altUpStreams)
	b.mat(&l.altUpCorrect, "altup_correct_coef", altUpStreams, altUpStreams)
	b.vec(&l.altUpScale, "altup_correct_scale", l.dim)
	l.attnNorm.bind(b)
	l.attn.bind(b)
	l.attnOutNorm.bind(b)
	b.mat(&l.laurelL, "laurel_l", laurelRank, l.dim)
	b.mat(&l.laurelR, "laurel_r", l.dim, laurelRank)
	l.laurelNorm.bind(b)
	l.ffnNorm.bind(b)
	l.ffn.bind(b)
	l.ffnOutNorm.bind(b)
	l.input.bind(b)
}

func (m *gemma3n) kvSpecs() []kvSpec {
	specs := make([]kvSpec, len(m.blocks))
	for i := range specs {
		specs[i] = m.blocks[i].attn.kvSpec()
	}
	return specs
}

// streams are the states of the four streams, [nTokens, dim] each.
type streams [altUpStreams]Tensor

func (m *gemma3n) forward(b Backend, s *step) Tensor {
	x := streams{m.embed.apply(b, s)}
	inputs := m.perLayer.apply(b, x[0], s)
	for i := range m.spread {
		x[i+1] = b.MatMul(x[0], &m.spread[i])
		b.MatchLength(x[i+1], x[0])
	}
	s.rotate(b, m.ropes)
	for i := range m.blocks {
		mark := b.Mark()
		m.blocks[i].apply(b, &x, inputs, s)
		b.Release(mark)
	}
	first, sum := b.Rows(x[0], s.rows), b.Rows(x[0], s.rows)
	for i := range m.gather {
		y := b.MatMul(b.Rows(x[i+1], s.rows), &m.gather[i])
		b.MatchLength(y, first)
		b.Add(sum, y)
	}
	b.Scale(sum, 1.0/altUpStreams)
	return m.head.apply(b, sum, s)
}

// apply runs the layer over the streams, in place.
func (l *gemma3nBlock) apply(b Backend, x *streams, inputs Tensor, s *step) {
	l.predict(b, x)
	h := b.Norm(x[0], &l.attnNorm)
	y := b.Norm(l.attn.apply(b, h, s), &l.attnOutNorm)
	b.Add(y, x[0])
	b.Add(y, h)
	b.Add(y, b.Norm(b.MatMul(b.MatMul(h, &l.laurelL), &l.laurelR), &l.laurelNorm))
	b.Scale(y, inverseSqrt(2))

	gate, up := b.MatMul2(b.Norm(y, &l.ffnNorm), &l.ffn.gate, &l.ffn.up)
	if l.isSparse {
		b.GaussianCutoff(gate, sparsityWidth)
	}
	ffn := b.MatMul(b.GLU(gate, up, gating{act: kernels.GELU}), &l.ffn.down)
	b.Add(y, b.Norm(ffn, &l.ffnOutNorm))

	l.correct(b, x, y)
	own := l.input.apply(b, b.Mul(x[0], l.altUpScale), inputs)
	for _, other := range x[1:] {
		b.Add(other, own)
	}
}

// predict adds to each stream a mixture of all, the guess what the layer will
// make of it.
func (l *gemma3nBlock) predict(b Backend, x *streams) {
	coef := b.MatMul(l.modalities(b, x[0]), &l.altUpPredict) // [nTokens, to, from]
	var sum streams
	for to := range sum {
		sum[to] = b.Zeros(x[to])
		for from := range x {
			b.AddScaledRows(sum[to], x[from], coef, to*altUpStreams+from)
		}
	}
	for i := range x {
		b.Add(x[i], sum[i])
	}
}

// correct adds to each stream what the guess for the first one missed of y,
// more or less of it. It overwrites y.
func (l *gemma3nBlock) correct(b Backend, x *streams, y Tensor) {
	coef := b.MatMul(l.modalities(b, y), &l.altUpCorrect) // [nTokens, altUpStreams]
	b.AddScaled(y, x[0], -1)
	for i := range x {
		b.Add(x[i], y)
		b.AddScaledRows(x[i], y, coef, i)
	}
}

// modalities returns what the router makes of a stream, [nTokens, altUpStreams].
func (l *gemma3nBlock) modalities(b Backend, x Tensor) Tensor {
	h := b.Norm(x, &l.altUpNorm)
	b.Scale(h, 1/float32(l.dim))
	h = b.MatMul(h, &l.altUpRouter)
	b.Activate(h, kernels.Tanh)
	return h
}
