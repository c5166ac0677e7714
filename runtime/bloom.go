package runtime

// newBLOOM is GPT-2's decoder with a norm of the embeddings, and positions that
// only lower the scores of what is far (arXiv:2211.05100).
func newBLOOM(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, layerNormEps)
	m := newDecoder(&c)
	m.embed.norm = c.norm("token_embd_norm", c.dim)
	for i := range c.nLayers {
		attn := c.attention(i)
		attn.rope = noRope
		attn.Slopes = alibiSlopes(attn.NHeads)
		m.layers = append(m.layers, c.gptLayer(i, attn))
	}
	return m, c
}
