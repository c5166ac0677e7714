package runtime

import "inferd/kernels"

// newGemma2 adds to Gemma a window on every other layer, norms after each part,
// and soft limits of attention's scores and of the logits (arXiv:2408.00118).
func newGemma2(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, rmsNormEps)
	win := readWindows(h, &c, 4096, 2)
	r := newRoPE(h, &c, kernels.RoPENeoX)
	m := newDecoder(&c, r, r.rebased(h, &c))
	m.embed.scale = c.timesSqrtDim()
	m.head.softcap = float32(h.positiveOr("final_logit_softcapping", 30))
	softcap := float32(h.positiveOr("attn_logit_softcapping", 50))
	for i := range c.nLayers {
		attn := c.attention(i)
		attn.rope = win.ropeOf(i)
		attn.Window = win.of(i)
		attn.Softcap = softcap
		if c.nLayers == 46 { // the 27B model alone scales scores by the nominal width of a head
			attn.Scale = inverseSqrt(max(1, c.dim/c.nHeads))
		}
		m.layers = append(m.layers, c.gemmaLayer(i, attn))
	}
	return m, c
}
