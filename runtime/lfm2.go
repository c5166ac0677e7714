package runtime

import "inferd/kernels"

// newLFM2 has gated short convolutions in place of attention in the layers that
// have no heads of keys and values (arXiv:2511.23404).
func newLFM2(h *hparams, nVocab int) (model, config) {
	c := newHybridConfig(h, nVocab, rmsNormEps)
	return c.lfm2(h, func(i int) feedForward { return c.glu(i, kernels.SiLU) }), c
}

// newLFM2MoE has mixtures of experts behind some dense layers, chosen by
// sigmoids and a bias.
func newLFM2MoE(h *hparams, nVocab int) (model, config) {
	c := newHybridConfig(h, nVocab, rmsNormEps)
	nDense := h.countOrNone("leading_dense_block_count", maxLayers)
	if nDense < c.nLayers {
		c.needExperts(h)
	}
	return c.lfm2(h, func(i int) feedForward {
		if i < nDense {
			return c.glu(i, kernels.SiLU)
		}
		return c.mixture(routeRule{score: sigmoidEach, norm: true})
	}), c
}

func (c *config) lfm2(h *hparams, ffn func(i int) feedForward) *decoder {
	m := newDecoder(c, newRoPE(h, c, kernels.RoPENeoX))
	m.head.norm.name = "token_embd_norm" // by which the files call it
	nTaps := h.count("shortconv.l_cache", maxTaps)
	for i := range c.nLayers {
		var mix mixer
		if c.kvHeads[i] > 0 {
			mix = c.attention(i).normHeads(c)
		} else {
			mix = &shortConv{dim: c.dim, layer: i, conv: newConv("shortconv.conv", c.dim, nTaps)}
		}
		m.layers = append(m.layers, decoderLayer{
			mixerNorm: c.norm("attn_norm", c.dim),
			mixer:     mix,
			ffnNorm:   c.norm("ffn_norm", c.dim),
			ffn:       ffn(i),
		})
	}
	return m
}

// shortConv is a mixer: a convolution over a few tokens between two gates.
type shortConv struct {
	dim   int
	layer int
	conv  conv

	before, after, in, out linear
}

func (m *shortConv) bind(b *binder) {
	b.parts("shortconv.in_proj", m.dim, part{&m.before, m.dim}, part{&m.after, m.dim}, part{&m.in, m.dim})
	m.conv.bind(b)
	b.mat(&m.out, "shortconv.out_proj", m.dim, m.dim)
}

func (m *shortConv) ready() { m.conv.ready() }

func (m *shortConv) kvSpec() kvSpec { return kvSpec{stateLen: m.conv.stateLen()} }

func (m *shortConv) apply(b Backend, h Tensor, s *step) Tensor {
	before, after, x := b.MatMul3(h, &m.before, &m.after, &m.in)
	b.Product(x, before)
	y := b.Recur(s, m.layer, &m.conv, recurrentInput{{t: x}})
	b.Product(y, after)
	return b.MatMul(y, &m.out)
}
