package runtime

import "inferd/kernels"

// newLlama is the decoder of LLaMA (arXiv:2302.13971) and of the many models
// that share its form: RMS norms before attention and feed-forward network,
// rotary positions, grouped-query attention and SwiGLU, or a mixture of SwiGLU
// experts as in Mixtral. Biases are used where a file has them. A sliding
// window in the metadata is ignored, as the reference does for this
// architecture.
func newLlama(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, rmsNormEps)
	m := newDecoder(&c, newWholeRoPE(h, &c, kernels.RoPEInterleaved))
	for i := range c.nLayers {
		m.layers = append(m.layers, c.llamaLayer(i))
	}
	return m, c
}

// llamaLayer is the layer that most architectures are variations of.
func (c *config) llamaLayer(i int) decoderLayer {
	return decoderLayer{
		mixerNorm: c.norm("attn_norm", c.dim),
		mixer:     c.attention(i),
		ffnNorm:   c.norm("ffn_norm", c.dim),
		ffn:       c.llamaFFN(i),
	}
}

// llamaFFN is a network, or, where the model has experts, a mixture of them.
func (c *config) llamaFFN(i int) feedForward {
	if c.nExperts > 0 {
		return c.mixture(routeRule{norm: true})
	}
	return c.glu(i, kernels.SiLU)
}
