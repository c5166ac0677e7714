package runtime

import "inferd/kernels"

// newGLM4 has norms on both sides of attention and feed-forward network, and
// turns part of each head (arXiv:2406.12793).
func newGLM4(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, rmsNormEps)
	m := newDecoder(&c, newRoPE(h, &c, kernels.RoPEInterleaved))
	for i := range c.nLayers {
		m.layers = append(m.layers, decoderLayer{
			mixerNorm:    c.norm("attn_norm", c.dim),
			mixer:        c.attention(i),
			mixerOutNorm: c.norm("post_attention_norm", c.dim),
			ffnNorm:      c.norm("ffn_norm", c.dim),
			ffn:          c.fusedGLU(i, kernels.SiLU),
			ffnOutNorm:   c.norm("post_ffw_norm", c.dim),
		})
	}
	return m, c
}
