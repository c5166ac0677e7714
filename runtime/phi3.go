package runtime

import "inferd/kernels"

// newPhi3 is llama's decoder with fused matrices (queries, keys and values;
// gate and up) and frequency factors for a short and a long context
// (arXiv:2404.14219). A sliding window in the metadata is ignored, as the
// reference does.
func newPhi3(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, rmsNormEps)
	m := newDecoder(&c, newRoPE(h, &c, kernels.RoPENeoX))
	for i := range c.nLayers {
		m.layers = append(m.layers, decoderLayer{
			mixerNorm: c.norm("attn_norm", c.dim),
			mixer:     c.attention(i),
			ffnNorm:   c.norm("ffn_norm", c.dim),
			ffn:       c.fusedGLU(i, kernels.SiLU),
		})
	}
	return m, c
}
