package runtime

import "inferd/kernels"

// newExaone4 normalises what attention and feed-forward network give, not what
// they get, and each head's queries and keys (arXiv:2507.11407). The 32B model
// alone has windows, on three layers of four, and only those know positions.
func newExaone4(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, rmsNormEps)
	m := newDecoder(&c, newRoPE(h, &c, kernels.RoPENeoX))
	win := noWindows(&c)
	hasWindows := c.nLayers == 64
	if hasWindows {
		win = readWindows(h, &c, 4096, 4)
	}
	for i := range c.nLayers {
		attn := c.attention(i).normHeads(&c)
		attn.Window = win.of(i)
		if hasWindows && !win.sliding[i] {
			attn.rope = noRope
		}
		m.layers = append(m.layers, c.postNormLayer(i, attn))
	}
	return m, c
}
