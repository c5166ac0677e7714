package runtime

import "inferd/kernels"

// newCommandR runs attention and feed-forward network side by side, behind one
// norm without bias, and multiplies the logits. The largest model has norms of
// each head's queries and keys.
func newCommandR(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, layerNormEps)
	m := newDecoder(&c, newRoPE(h, &c, kernels.RoPEInterleaved))
	m.head.scale = float32(h.positive("logit_scale"))
	for i := range c.nLayers {
		m.layers = append(m.layers, c.cohereLayer(i, c.attention(i).normEachHead(&c)))
	}
	return m, c
}

// newCohere2 has windows on three layers of four, and only those know
// positions (arXiv:2412.04261).
func newCohere2(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, layerNormEps)
	win := readWindows(h, &c, 0, 4)
	m := newDecoder(&c, newRoPE(h, &c, kernels.RoPEInterleaved))
	m.head.scale = float32(h.positive("logit_scale"))
	for i := range c.nLayers {
		attn := c.attention(i)
		attn.Window = win.of(i)
		if !win.sliding[i] {
			attn.rope = noRope
		}
		m.layers = append(m.layers, c.cohereLayer(i, attn))
	}
	return m, c
}

func (c *config) cohereLayer(i int, attn *attention) decoderLayer {
	return decoderLayer{
		mixerNorm: c.norm("attn_norm", c.dim),
		mixer:     attn,
		ffn:       c.glu(i, kernels.SiLU),
		parallel:  true,
	}
}
