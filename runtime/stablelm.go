package runtime

import "inferd/kernels"

// newStableLM is llama's decoder with norms by mean and variance, and turns
// part of each head. Its 12B model normalises each head's queries and keys with
// weights of its own, and has no norm before the feed-forward network, which
// therefore runs beside attention, whatever the metadata says.
func newStableLM(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, layerNormEps)
	m := newDecoder(&c, newRoPE(h, &c, kernels.RoPENeoX))
	for i := range c.nLayers {
		l := decoderLayer{
			mixerNorm: c.norm("attn_norm", c.dim),
			mixer:     c.attention(i).normEachHead(&c),
			ffn:       c.glu(i, kernels.SiLU),
			parallel:  true,
		}
		if h.hasTensor("blk.0.ffn_norm.weight") {
			l.ffnNorm, l.parallel = c.norm("ffn_norm", c.dim), false
		}
		m.layers = append(m.layers, l)
	}
	return m, c
}
