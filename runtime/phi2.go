package runtime

import "inferd/kernels"

// newPhi2 runs attention and feed-forward network side by side, behind one norm
// by mean and variance, with biases everywhere, and turns part of each head.
func newPhi2(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, layerNormEps)
	m := newDecoder(&c, newRoPE(h, &c, kernels.RoPENeoX))
	for i := range c.nLayers {
		m.layers = append(m.layers, decoderLayer{
			mixerNorm: c.norm("attn_norm", c.dim),
			mixer:     c.attention(i),
			ffn:       c.mlp(i),
			parallel:  true,
		})
	}
	return m, c
}
