package runtime

import "inferd/kernels"

// newOLMoE is llama's decoder with experts whose weights are not renormalised,
// and norms of all heads' queries, and of all their keys, as one
// (arXiv:2409.02060).
func newOLMoE(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, rmsNormEps)
	c.needExperts(h)
	m := newDecoder(&c, newRoPE(h, &c, kernels.RoPENeoX))
	for i := range c.nLayers {
		m.layers = append(m.layers, decoderLayer{
			mixerNorm: c.norm("attn_norm", c.dim),
			mixer:     c.attention(i).normProjections(&c),
			ffnNorm:   c.norm("ffn_norm", c.dim),
			ffn:       c.mixture(routeRule{}),
		})
	}
	return m, c
}
