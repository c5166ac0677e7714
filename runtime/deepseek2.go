package runtime

import "inferd/kernels"

// newDeepSeek2 is the decoder of DeepSeek V2 and V3 (arXiv:2405.04434,
// 2412.19437): latent attention, and experts behind some dense layers.
func newDeepSeek2(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, rmsNormEps)
	ffn := readDeepSeekFFN(h, &c, softmaxAll)
	attn, r := readLatentAttention(h, &c)
	m := newDecoder(&c, r)
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
			score:       score,
			norm:        h.boolOr("expert_weights_norm", false),
			scale:       float32(h.nonNegativeOr("expert_weights_scale", 1)),
			nGroups:     h.countOrNone("expert_group_count", maxExperts),
			nGroupsUsed: h.countOrNone("expert_group_used_count", maxExperts),
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
	f.rule.check(h, c)
	return f
}

// check notes a fault if the groups cannot hold the experts.
func (r *routeRule) check(h *hparams, c *config) {
	if r.nGroups <= 1 || c.nExperts == 0 {
		return
	}
	if c.nExperts%r.nGroups != 0 {
		h.fault(h.key("expert_group_count"), "is %d, must divide the %d experts", r.nGroups, c.nExperts)
		return
	}
	size := c.nExperts / r.nGroups
	if r.nGroupsUsed < 1 || r.nGroupsUsed > r.nGroups || r.nGroupsUsed*size < c.nExpertsUsed {
		h.fault(h.key("expert_group_used_count"), "is %d, must be 1 to %d groups that hold the %d experts used",
			r.nGroupsUsed, r.nGroups, c.nExpertsUsed)
	}
}

func (f *deepSeekFFN) layer(i int) feedForward {
	if i < f.nDense {
		return f.config.glu(i, kernels.SiLU)
	}
	return f.config.mixture(f.rule).share(f.sharedDim)
}
