package runtime

// newGPT2 adds a learned embedding of each position to the tokens', and has
// norms by mean and variance, biases and a plain feed-forward network.
func newGPT2(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, layerNormEps)
	m := newDecoder(&c)
	m.embed.learned = true
	for i := range c.nLayers {
		attn := c.attention(i)
		attn.rope = noRope
		m.layers = append(m.layers, c.gptLayer(i, attn))
	}
	return m, c
}

// gptLayer is a layer of norm, attention, norm and plain network.
func (c *config) gptLayer(i int, attn *attention) decoderLayer {
	return decoderLayer{
		mixerNorm: c.norm("attn_norm", c.dim),
		mixer:     attn,
		ffnNorm:   c.norm("ffn_norm", c.dim),
		ffn:       c.mlp(i),
	}
}
