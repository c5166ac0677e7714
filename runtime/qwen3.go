package runtime

import "inferd/kernels"

// newQwen3 is llama's decoder with norms of each head's queries and keys, and
// rotary positions that pair elements half a head apart (arXiv:2505.09388). As a
// reranker it makes of a text's last vector how likely each label is.
func newQwen3(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, rmsNormEps)
	c.rankPooling = PoolingLast
	m := c.qwen3(h)
	if c.pooling == PoolingRank {
		m.tail = &tail{config: &c, asProbs: true}
	}
	return m, c
}

// newQwen3MoE has a mixture of experts in each layer.
func newQwen3MoE(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, rmsNormEps)
	c.needExperts(h)
	return c.qwen3(h), c
}

func (c *config) qwen3(h *hparams) *decoder {
	m := newDecoder(c, newRoPE(h, c, kernels.RoPENeoX))
	for i := range c.nLayers {
		m.layers = append(m.layers, decoderLayer{
			mixerNorm: c.norm("attn_norm", c.dim),
			mixer:     c.attention(i).normHeads(c),
			ffnNorm:   c.norm("ffn_norm", c.dim),
			ffn:       c.llamaFFN(i),
		})
	}
	return m
}
