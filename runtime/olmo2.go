package runtime

import "inferd/kernels"

// newOLMo2 normalises what attention and feed-forward network give, not what
// they get, and all heads' queries, and all their keys, as one
// (arXiv:2501.00656). Its successor has windows on three layers of four, and
// does not extend the context of those.
func newOLMo2(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, rmsNormEps)
	win := readOptionalWindows(h, &c, 4)
	r := newRoPE(h, &c, kernels.RoPENeoX)
	m := newDecoder(&c, r, r.sliding(h, &c, r.params.Base))
	for i := range c.nLayers {
		attn := c.attention(i).normProjections(&c)
		attn.rope = win.ropeOf(i)
		attn.Window = win.of(i)
		m.layers = append(m.layers, c.postNormLayer(i, attn))
	}
	return m, c
}

// postNormLayer is llama's layer with norms behind its two parts in place of
// those in front.
func (c *config) postNormLayer(i int, attn *attention) decoderLayer {
	return decoderLayer{
		mixer:        attn,
		mixerOutNorm: c.norm("post_attention_norm", c.dim),
		ffn:          c.glu(i, kernels.SiLU),
		ffnOutNorm:   c.norm("post_ffw_norm", c.dim),
	}
}
