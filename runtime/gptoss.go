package runtime

import "inferd/kernels"

// newGPTOSS is a mixture of experts with a window on every other layer, a sink
// in each head's attention, biases everywhere, and a clamped SwiGLU
// (arXiv:2508.10925). What its files call the norm after attention comes before
// the experts.
func newGPTOSS(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, rmsNormEps)
	c.needExperts(h)
	win := readWindows(h, &c, 0, 2)
	r := newRoPE(h, &c, kernels.RoPENeoX)
	m := newDecoder(&c, r, r.rebased(h, &c))
	for i := range c.nLayers {
		attn := c.attention(i)
		attn.rope = win.ropeOf(i)
		attn.Window = win.of(i)
		attn.hasSinks = true
		ffn := c.mixture(routeRule{score: softmaxChosen})
		ffn.experts.gating = gating{alpha: 1.702, limit: 7}
		m.layers = append(m.layers, decoderLayer{
			mixerNorm: c.norm("attn_norm", c.dim),
			mixer:     attn,
			ffnNorm:   c.norm("post_attention_norm", c.dim),
			ffn:       ffn,
		})
	}
	return m, c
}
