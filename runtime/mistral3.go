package runtime

import "inferd/kernels"

// newMistral3 is llama's decoder with YaRN parameters from the metadata and
// queries whose length grows with the position (Ministral 3).
func newMistral3(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, rmsNormEps)
	r := newWholeRoPE(h, &c, kernels.RoPEInterleaved)
	r.readYaRN(h, 1)
	var t *temperature
	if scale := h.nonNegativeOr("attention.temperature_scale", 0); scale > 0 {
		t = &temperature{scale: float32(scale), length: r.params.NCtxOrig} // whatever temperature_length says
	}
	m := newDecoder(&c, r)
	for i := range c.nLayers {
		attn := c.attention(i)
		attn.temperature = t
		m.layers = append(m.layers, decoderLayer{
			mixerNorm: c.norm("attn_norm", c.dim),
			mixer:     attn,
			ffnNorm:   c.norm("ffn_norm", c.dim),
			ffn:       c.llamaFFN(i),
		})
	}
	return m, c
}
