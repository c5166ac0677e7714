package runtime

import "inferd/kernels"

// newSmolLM3 is llama's decoder in which every fourth layer does not know
// positions.
func newSmolLM3(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, rmsNormEps)
	m := newDecoder(&c, newWholeRoPE(h, &c, kernels.RoPEInterleaved))
	for i := range c.nLayers {
		attn := c.attention(i)
		if (i+1)%4 == 0 {
			attn.rope = noRope
		}
		l := c.llamaLayer(i)
		l.mixer = attn
		m.layers = append(m.layers, l)
	}
	return m, c
}
