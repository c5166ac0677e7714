package runtime

import "inferd/kernels"

// newQwen2 is llama's decoder with biases of queries, keys and values, and
// rotary positions that pair elements half a head apart (arXiv:2407.10671). A
// sliding window in the metadata is ignored, as the reference does.
func newQwen2(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, rmsNormEps)
	m := newDecoder(&c, newRoPE(h, &c, kernels.RoPENeoX))
	for i := range c.nLayers {
		m.layers = append(m.layers, c.llamaLayer(i))
	}
	return m, c
}

// newQwen2MoE has experts whose weights are not renormalised, and a shared
// expert with a gate.
func newQwen2MoE(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, rmsNormEps)
	c.needExperts(h)
	m := newDecoder(&c, newRoPE(h, &c, kernels.RoPENeoX))
	sharedDim := h.countOr("expert_shared_feed_forward_length", c.ffnDim, maxFFNDim)
	for i := range c.nLayers {
		l := c.llamaLayer(i)
		l.ffn = c.mixture(routeRule{}).shareGated(sharedDim)
		m.layers = append(m.layers, l)
	}
	return m, c
}
