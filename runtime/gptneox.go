package runtime

import "inferd/kernels"

// newGPTNeoX is GPT-2's decoder with rotary positions in part of each head and,
// as a rule, attention and feed-forward network side by side behind a norm each
// (arXiv:2204.06745).
func newGPTNeoX(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, layerNormEps)
	m := newDecoder(&c, newRoPE(h, &c, kernels.RoPENeoX))
	parallel := h.boolOr("use_parallel_residual", true)
	for i := range c.nLayers {
		l := c.gptLayer(i, c.attention(i))
		l.parallel = parallel
		m.layers = append(m.layers, l)
	}
	return m, c
}
