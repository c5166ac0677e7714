package runtime

import "inferd/kernels"

// newFalcon runs attention and feed-forward network side by side, behind one
// norm in the 7B model and a norm each in the larger ones, of which the second
// is attention's (arXiv:2311.16867).
func newFalcon(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, layerNormEps)
	m := newDecoder(&c, newWholeRoPE(h, &c, kernels.RoPENeoX))
	for i := range c.nLayers {
		l := decoderLayer{
			mixerNorm: c.norm("attn_norm", c.dim),
			mixer:     c.attention(i),
			ffn:       c.mlp(i),
			parallel:  true,
		}
		if h.hasTensor("blk.0.attn_norm_2.weight") {
			l.mixerNorm, l.ffnNorm = c.norm("attn_norm_2", c.dim), l.mixerNorm
		}
		m.layers = append(m.layers, l)
	}
	return m, c
}
