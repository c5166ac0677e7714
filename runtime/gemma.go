package runtime

import "inferd/kernels"

// newGemma is llama's decoder with embeddings scaled by the root of the width
// and GELU in place of SiLU (arXiv:2403.08295). The 1 that Gemma's norms add to
// their weights is in the file's weights already; so it is in all gemmas.
func newGemma(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, rmsNormEps)
	m := newDecoder(&c, newRoPE(h, &c, kernels.RoPENeoX))
	m.embed.scale = c.timesSqrtDim()
	for i := range c.nLayers {
		m.layers = append(m.layers, decoderLayer{
			mixerNorm: c.norm("attn_norm", c.dim),
			mixer:     c.attention(i),
			ffnNorm:   c.norm("ffn_norm", c.dim),
			ffn:       c.glu(i, kernels.GELU),
		})
	}
	return m, c
}

// gemmaLayer is Gemma's layer with norms on both sides of its two parts, as
// from the second generation on.
func (c *config) gemmaLayer(i int, attn *attention) decoderLayer {
	return decoderLayer{
		mixerNorm:    c.norm("attn_norm", c.dim),
		mixer:        attn,
		mixerOutNorm: c.norm("post_attention_norm", c.dim),
		ffnNorm:      c.norm("ffn_norm", c.dim),
		ffn:          c.glu(i, kernels.GELU),
		ffnOutNorm:   c.norm("post_ffw_norm", c.dim),
	}
}
