package runtime

import "inferd/kernels"

// newDeepSeek2 is the decoder of DeepSeek V2 and V3 (arXiv:2405.04434,
// 2412.19437): latent attention, and experts behind some dense layers. Layers
// at the end that predict further tokens are left alone.
func newDeepSeek2(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, rmsNormEps)
	predictors := c.dropPredictors(h)
	ffn := readDeepSeekFFN(h, &c, softmaxAll)
	attn, r := readLatentAttention(h, &c)
	m := newDecoder(&c, r)
	m.unused = predictors
	for i := range c.nLayers {
		m.layers = append(m.layers, decoderLayer{
			mixerNorm: c.norm("attn_norm", c.dim),
			mixer:     attn.layer(i),
			ffnNorm:   c.norm("ffn_norm", c.dim),
			ffn:       ffn.layer(i),
		})
	}
	return m, c
}

// deepSeekFFN says what the layers have: dense networks first, then mixtures of
// experts with a shared one.
type deepSeekFFN struct {
	config    *config
	rule      routeRule
	nDense    int
	sharedDim int
}

// readDeepSeekFFN reads the rule by which experts are chosen. score is how
// their scores are made where the metadata does not say.
func readDeepSeekFFN(h *hparams, c *config, score scoring) deepSeekFFN {
	f := deepSeekFFN{
		config:    c,
		nDense:    h.countOrNone("leading_dense_block_count", maxLayers),
		sharedDim: h.countOrNone("expert_shared_count", maxExperts) * c.expertFFNDim,
		rule: routeRule{
			score: score,
			norm:  h.boolOr("expert_weights_norm", false),
			scale: float32(h.nonNegativeOr("expert_weights_scale", 1)),
		},
	}
	if f.nDense < c.nLayers {
		c.needExperts(h)
	}
	switch kind := h.countOrNone("expert_gating_func", 2); kind {
	case 1:
		f.rule.score = softmaxAll
	case 2:
		f.rule.score = sigmoidEach
	}
	return f
}

func (f *deepSeekFFN) layer(i int) feedForward {
	if i < f.nDense {
		return f.config.glu(i, kernels.SiLU)
	}
	return f.config.mixture(f.rule).share(f.sharedDim)
}
