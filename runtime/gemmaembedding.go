package runtime

import "inferd/kernels"

// newGemmaEmbedding is Gemma 3 made an encoder: every position sees those on
// both sides, through the same windows, and the pooled vector is projected
// twice (arXiv:2509.20354).
func newGemmaEmbedding(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, rmsNormEps)
	win := readOptionalWindows(h, &c, 6)
	r := newRoPE(h, &c, kernels.RoPENeoX)
	m := newEncoder(h, &c, r, r.sliding(h, &c, 10000))
	m.embed.scale = c.timesSqrtDim()
	m.norm = c.norm("output_norm", c.dim)
	for i := range c.nLayers {
		attn := c.attention(i).normHeads(&c)
		attn.rope = win.ropeOf(i)
		attn.Window = win.of(i)
		l := c.gemmaLayer(i, attn)
		m.layers = append(m.layers, &l)
	}
	return m, c
}
