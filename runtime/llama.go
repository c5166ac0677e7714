package runtime

import (
	"math"

	"inferd/kernels"
)

// llama is the decoder of LLaMA (arXiv:2302.13971) and of the many models that
// share its form: RMS norms before attention and feed-forward network, rotary
// positions, grouped-query attention and SwiGLU, or a mixture of SwiGLU experts
// as in Mixtral. Biases are used where a file has them. A sliding window in the
// metadata is ignored, as the reference does for this architecture.
type llama struct {
	config
	rope      rope
	attention kernels.Attention
	route     routeRule

	tokEmbd linear
	layers  []llamaLayer
	outNorm []float32
	output  linear // shares tokEmbd's matrix where the file has none
}

type llamaLayer struct {
	attnNorm       []float32
	wq, wk, wv, wo linear

	ffnNorm           []float32
	wGate, wUp, wDown linear
	router            linear // where the layer has experts
	experts           experts
}

func newLlama(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, "attention.layer_norm_rms_epsilon")
	m := &llama{
		config:    c,
		rope:      newRoPE(h, &c, c.headDim, kernels.RoPEInterleaved),
		attention: kernels.Attention{NHeads: c.nHeads, Scale: float32(1 / math.Sqrt(float64(c.headDim))), Causal: true},
		route:     routeRule{nUsed: c.nExpertsUsed, norm: true},
		layers:    make([]llamaLayer, c.nLayers),
	}
	if n := m.rope.params.NRot; n != c.headDim {
		h.fault(h.key("rope.dimension_count"), "is %d, must be the head's width %d", n, c.headDim)
	}
	return m, c
}

func (m *llama) bind(b *binder) {
	b.mat(&m.tokEmbd, "token_embd", m.nVocab, m.dim)
	b.optVec(&m.rope.factors, "rope_freqs", m.headDim/2)
	for i := range m.layers {
		m.layers[i].bind(b.layer(i), &m.config)
	}
	b.vec(&m.outNorm, "output_norm", m.dim)
	b.matOr(&m.output, "output", &m.tokEmbd)
}

func (l *llamaLayer) bind(b *binder, c *config) {
	b.vec(&l.attnNorm, "attn_norm", c.dim)
	b.mat(&l.wq, "attn_q", c.nHeads*c.headDim, c.dim)
	b.mat(&l.wk, "attn_k", c.nKVHeads*c.headDim, c.dim)
	b.mat(&l.wv, "attn_v", c.nKVHeads*c.headDimV, c.dim)
	b.mat(&l.wo, "attn_output", c.dim, c.nHeads*c.headDimV)
	b.vec(&l.ffnNorm, "ffn_norm", c.dim)
	if c.nExperts > 0 {
		b.mat(&l.router, "ffn_gate_inp", c.nExperts, c.dim)
		l.experts.bind(b, c)
		return
	}
	b.mat(&l.wGate, "ffn_gate", c.ffnDim, c.dim)
	b.mat(&l.wUp, "ffn_up", c.ffnDim, c.dim)
	b.mat(&l.wDown, "ffn_down", c.dim, c.ffnDim)
}

func (m *llama) ready() error { return m.rope.ready() }

func (m *llama) kvSpecs() []kvSpec {
	return uniformKV(m.nLayers, kvSpec{m.nKVHeads, m.headDim, m.headDimV})
}

func (m *llama) forward(b Backend, s *step) Tensor {
	x := b.Embed(m.tokEmbd.w, s.tokens) // [nTokens, dim]
	rot := b.Rotation(&m.rope, s)
	for i := range m.layers {
		mark := b.Mark()
		m.attend(b, i, x, rot, s)
		b.Release(mark)
		if i == len(m.layers)-1 {
			x = b.Rows(x, s.rows) // nothing looks at the others from here on
		}
		mark = b.Mark()
		m.feedForward(b, i, x)
		b.Release(mark)
	}
	return b.MatMul(b.RMSNorm(x, m.outNorm, m.normEps), &m.output)
}

// attend adds a layer's attention to x [nTokens, dim].
func (m *llama) attend(b Backend, layer int, x Tensor, rot Rotation, s *step) {
	l := &m.layers[layer]
	h := b.RMSNorm(x, l.attnNorm, m.normEps)
	q, k, v := b.MatMul3(h, &l.wq, &l.wk, &l.wv) // [nTokens, nHeads or nKVHeads, headDim]
	b.RoPE(q, m.headDim, rot)
	b.RoPE(k, m.headDim, rot)
	b.StoreKV(s, layer, k, v)
	b.Add(x, b.MatMul(b.Attention(q, s, layer, &m.attention), &l.wo))
}

// feedForward adds a layer's feed-forward network, or its experts, to x.
func (m *llama) feedForward(b Backend, layer int, x Tensor) {
	l := &m.layers[layer]
	h := b.RMSNorm(x, l.ffnNorm, m.normEps)
	if m.nExperts > 0 {
		r := b.Route(b.MatMul(h, &l.router), &m.route)
		b.Add(x, b.Experts(h, r, &l.experts))
		return
	}
	gate, up := b.MatMul2(h, &l.wGate, &l.wUp) // [nTokens, ffnDim]
	b.Add(x, b.MatMul(b.GLU(gate, up, kernels.SiLU), &l.wDown))
}
