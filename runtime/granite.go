package runtime

import "inferd/kernels"

// newGranite is llama's decoder with factors on embeddings, scores, residuals
// and logits (arXiv:2407.13739), and, where it has experts, one more that all
// tokens share.
func newGranite(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, rmsNormEps)
	return c.granite(h), c
}

// newGraniteMoE has a mixture of experts in each layer.
func newGraniteMoE(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, rmsNormEps)
	c.needExperts(h)
	return c.granite(h), c
}

func (c *config) granite(h *hparams) *decoder {
	m := newDecoder(c, newWholeRoPE(h, c, kernels.RoPEInterleaved))
	residual := readGraniteScales(h, m)
	scale := float32(h.nonNegativeOr("attention.scale", 0))
	if scale == 0 {
		scale = inverseSqrt(c.headDim)
	}
	hasRoPE := h.boolOr("rope.scaling.finetuned", true)
	for i := range c.nLayers {
		attn := c.attention(i)
		attn.Scale = scale
		if !hasRoPE {
			attn.rope = noRope
		}
		m.layers = append(m.layers, decoderLayer{
			mixerNorm: c.norm("attn_norm", c.dim),
			mixer:     attn,
			ffnNorm:   c.norm("ffn_norm", c.dim),
			ffn:       c.graniteFFN(h, i),
			residual:  residual,
		})
	}
	return m
}

// readGraniteScales sets the factors of embeddings and logits, and returns that
// of residuals. 0 is none.
func readGraniteScales(h *hparams, m *decoder) (residual float32) {
	m.embed.scale = float32(h.nonNegativeOr("embedding_scale", 0))
	if scale := h.nonNegativeOr("logit_scale", 0); scale > 0 {
		m.head.scale = float32(1 / scale)
	}
	return float32(h.nonNegativeOr("residual_scale", 0))
}

// graniteFFN is a network, or, where the model has experts, a mixture of them.
func (c *config) graniteFFN(h *hparams, i int) feedForward {
	if c.nExperts == 0 {
		return c.glu(i, kernels.SiLU)
	}
	return c.mixture(routeRule{norm: true}).share(h.countOrNone("expert_shared_feed_forward_length", maxFFNDim))
}
