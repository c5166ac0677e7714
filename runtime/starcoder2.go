package runtime

import "inferd/kernels"

// newStarCoder2 is GPT-2's decoder with rotary positions (arXiv:2402.19173).
func newStarCoder2(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, layerNormEps)
	m := newDecoder(&c, newRoPE(h, &c, kernels.RoPENeoX))
	for i := range c.nLayers {
		m.layers = append(m.layers, c.gptLayer(i, c.attention(i)))
	}
	return m, c
}
