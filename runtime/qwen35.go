package runtime

import "inferd/kernels"

// newQwen35 has gated delta networks in most layers, and in each fourth one
// attention whose output is gated. What its files call the norm after attention
// comes before the feed-forward network.
func newQwen35(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, rmsNormEps)
	d := deltaKind{tiled: true}
	return c.qwen35(h, d, func(i int) feedForward { return c.glu(i, kernels.SiLU) }), c
}

// newQwen35MoE has mixtures of experts with a gated shared one.
func newQwen35MoE(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, rmsNormEps)
	return c.qwen35(h, deltaKind{tiled: true}, c.qwen35Mixture(h)), c
}

// newQwen3Next is the model before, of which groups of value heads that follow
// one another share a key head, and whose files have steps and decays in one
// matrix.
func newQwen3Next(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, rmsNormEps)
	return c.qwen35(h, deltaKind{fused: true}, c.qwen35Mixture(h)), c
}

// qwen35Mixture returns what makes layers' mixtures.
func (c *config) qwen35Mixture(h *hparams) func(i int) feedForward {
	c.needExperts(h)
	sharedDim := h.countOrNone("expert_shared_feed_forward_length", maxFFNDim)
	return func(int) feedForward { return c.mixture(routeRule{norm: true}).shareGated(sharedDim) }
}

func (c *config) qwen35(h *hparams, kind deltaKind, ffn func(i int) feedForward) *decoder {
	predictors := c.dropPredictors(h)
	interval := h.countOr("full_attention_interval", 4, maxLayers)
	sizes := readSSM(h)
	m := newDecoder(c, newRoPE(h, c, kernels.RoPENeoX))
	m.unused = predictors
	for i := range c.nLayers {
		var mix mixer
		if (i+1)%interval == 0 {
			attn := c.attention(i).normHeads(c)
			attn.gated = true
			mix = attn
		} else {
			mix = c.deltaNet(i, sizes, kind)
		}
		m.layers = append(m.layers, decoderLayer{
			mixerNorm: c.norm("attn_norm", c.dim),
			mixer:     mix,
			ffnNorm:   c.norm("post_attention_norm", c.dim),
			ffn:       ffn(i),
		})
	}
	return m
}
