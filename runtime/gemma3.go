package runtime

import "inferd/kernels"

// newGemma3 has five layers with a window for each one without, norms of each
// head's queries and keys in place of limits, and an encoding of positions for
// each kind of layer: what extends the context is for the layers that see all
// of it (arXiv:2503.19786).
func newGemma3(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, rmsNormEps)
	win := readOptionalWindows(h, &c, 6)
	r := newRoPE(h, &c, kernels.RoPENeoX)
	m := newDecoder(&c, r, r.sliding(h, &c, 10000))
	m.embed.scale = c.timesSqrtDim()
	m.head.softcap = float32(h.nonNegativeOr("final_logit_softcapping", 0))
	for i := range c.nLayers {
		attn := c.attention(i).normHeads(&c)
		attn.rope = win.ropeOf(i)
		attn.Window = win.of(i)
		if c.nLayers == 62 { // the 27B model alone scales scores by the nominal width of a head
			attn.Scale = inverseSqrt(max(1, c.dim/c.nHeads))
		}
		m.layers = append(m.layers, c.gemmaLayer(i, attn))
	}
	return m, c
}
