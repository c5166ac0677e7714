package runtime

import "inferd/kernels"

// newModernBERT has norms before attention and network, two layers with a
// window for each one without, which comes first, an encoding of positions for
// each kind, and the exact GELU in a gated network (arXiv:2412.13663).
func newModernBERT(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, layerNormEps)
	r := newRoPE(h, &c, kernels.RoPENeoX)
	m := newEncoder(h, &c, r, r.rebased(h, &c))
	if !h.has("classifier.activation") {
		m.tail.act = kernels.GELU
	}
	if !h.has("classifier.pooling_type") {
		c.rankPooling = PoolingMean
	}
	m.embed.norm = c.norm("token_embd_norm", c.dim)
	m.norm = c.norm("output_norm", c.dim)
	win := readWindows(h, &c, 0, 3)
	if period := h.periodOr("attention.sliding_window_pattern", 3); period > 0 {
		for i := range win.sliding {
			win.sliding[i] = i%period != 0
		}
	}
	for i := range c.nLayers {
		attn := c.attention(i)
		attn.rope = win.ropeOf(i)
		attn.Window = win.of(i)
		attnNorm := c.norm("attn_norm", c.dim)
		attnNorm.optional = i == 0 // the embeddings' norm serves
		m.layers = append(m.layers, &decoderLayer{
			mixerNorm: attnNorm,
			mixer:     attn,
			ffnNorm:   c.norm("ffn_norm", c.dim),
			ffn:       c.fusedGLU(i, kernels.GELUErf),
		})
	}
	return m, c
}
