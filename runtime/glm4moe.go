package runtime

import "inferd/kernels"

// newGLM4MoE is a mixture of experts, chosen as DeepSeek does, behind some
// dense layers (arXiv:2508.06471). What its files call the norm after attention
// comes before the experts. Layers at the end that predict further tokens are
// left alone.
func newGLM4MoE(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, rmsNormEps)
	c.needExperts(h)
	predictors := c.dropPredictors(h)
	ffn := readDeepSeekFFN(h, &c, sigmoidEach)
	m := newDecoder(&c, newRoPE(h, &c, kernels.RoPENeoX))
	m.unused = predictors
	for i := range c.nLayers {
		attn := c.attention(i).normHeads(&c)
		attn.qNorm.optional, attn.kNorm.optional = true, true // the small model has none
		m.layers = append(m.layers, decoderLayer{
			mixerNorm: c.norm("attn_norm", c.dim),
			mixer:     attn,
			ffnNorm:   c.norm("post_attention_norm", c.dim),
			ffn:       ffn.layer(i),
		})
	}
	return m, c
}
