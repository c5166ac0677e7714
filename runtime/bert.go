package runtime

import "inferd/kernels"

// newBERT is the first encoder of its kind: learned positions, norms behind
// attention and network, GELU (arXiv:1810.04805).
func newBERT(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, layerNormEps)
	m := newEncoder(h, &c)
	m.embed.bert(true)
	for i := range c.nLayers {
		m.layers = append(m.layers, c.bertLayer(i, c.mlp(i)))
	}
	return m, c
}

// newNomicBERT has rotary positions and SwiGLU (arXiv:2402.01613).
func newNomicBERT(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, layerNormEps)
	m := newEncoder(h, &c, newRoPE(h, &c, kernels.RoPENeoX))
	m.embed.bert(false)
	for i := range c.nLayers {
		l := c.bertLayer(i, c.glu(i, kernels.SiLU))
		l.attn.rope = 0
		m.layers = append(m.layers, l)
	}
	return m, c
}

// newJinaBERT has scores that fall with the distance in place of positions, and
// a gated network (arXiv:2310.19923). Some of its files have the network's
// halves in one matrix, and some another norm, over attention's output with the
// block's input added again.
func newJinaBERT(h *hparams, nVocab int) (model, config) {
	c := newConfig(h, nVocab, layerNormEps)
	m := newEncoder(h, &c)
	m.embed.bert(false)
	for i := range c.nLayers {
		ffn := c.glu(i, kernels.GELU)
		ffn.fused = !h.hasTensor(layerTensor(i, "ffn_gate.weight"))
		l := c.bertLayer(i, ffn)
		l.attn.Slopes = alibiSlopes(l.attn.NHeads)
		l.inputNorm = c.norm("attn_norm_2", c.dim)
		l.inputNorm.optional = true
		m.layers = append(m.layers, l)
	}
	return m, c
}

// bertLayer returns layer i, which knows no positions.
func (c *config) bertLayer(i int, ffn feedForward) *normedSumLayer {
	l := c.normedSumLayer(i, ffn)
	l.attn.normProjections(c)
	l.attn.qNorm.optional, l.attn.kNorm.optional = true, true
	l.attn.rope = noRope
	return l
}

// bert makes tokens' vectors of several parts, and normalises their sum. Of
// the kinds of segments that the models were trained with there is only the
// first here.
func (e *embedding) bert(learnedPositions bool) {
	e.learned = learnedPositions
	e.typed = true
	e.norm = e.config.norm("token_embd_norm", e.dim)
}
