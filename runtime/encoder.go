package runtime

import "inferd/kernels"

// encoder is a model that reads a whole text at once, each position seeing
// those behind it as well as those before, and makes one vector of it. It keeps
// no keys and values beyond that: there is nothing to continue.
type encoder struct {
	config
	ropes  []rope // as a decoder's
	embed  embedding
	layers []encoderLayer
	norm   norm // after the last layer
	tail   tail
}

// encoderLayer is a block that changes the stream x [nTokens, dim] in place.
type encoderLayer interface {
	bind(b *binder)
	kvSpec() kvSpec
	apply(b Backend, x Tensor, s *step)
}

func (m *encoder) learnedPositions() bool { return m.embed.learned }

// newEncoder returns an encoder without layers. Its vectors are means unless the
// metadata says otherwise.
func newEncoder(c *config, ropes ...rope) *encoder {
	if c.pooling == PoolingNone {
		c.pooling = PoolingMean
	}
	return &encoder{config: *c, ropes: ropes, embed: embedding{config: c}, tail: tail{config: c}}
}

// bidirectional returns layer i's attention over the whole text.
func (c *config) bidirectional(i int) *attention {
	a := c.attention(i)
	a.Causal = false
	return a
}

func (m *encoder) bind(b *binder) {
	m.embed.bind(b)
	if len(m.ropes) > 0 {
		m.ropes[0].bind(b)
	}
	for i, l := range m.layers {
		l.bind(b.layer(i))
	}
	m.norm.bind(b)
	m.tail.bind(b)
}

func (m *encoder) ready(nCtx int) error { return readyRoPEs(m.ropes, nCtx) }

func (m *encoder) kvSpecs() []kvSpec {
	specs := make([]kvSpec, len(m.layers))
	for i, l := range m.layers {
		specs[i] = l.kvSpec()
	}
	return specs
}

// forward returns vectors. An encoder has no logits: without a step that wants
// vectors, which is to measure what Embed needs, it makes the output of each.
func (m *encoder) forward(b Backend, s *step) Tensor {
	x := m.embed.apply(b, s) // [nTokens, dim]
	s.rotate(b, m.ropes)
	for _, l := range m.layers {
		mark := b.Mark()
		l.apply(b, x, s)
		b.Release(mark)
	}
	x = b.Norm(b.Rows(x, s.rows), &m.norm)
	if s.wantsVectors {
		return x
	}
	return m.tail.apply(b, x)
}

// normedSumLayer is the block of the first transformers (arXiv:1706.03762):
// what attention and network add to the stream is normalised together with it.
type normedSumLayer struct {
	attn     *attention
	attnNorm norm
	// inputNorm is over the block's input added once more, where a model does so.
	inputNorm norm
	ffn       feedForward
	ffnNorm   norm
}

// normedSumLayer returns layer i.
func (c *config) normedSumLayer(i int, ffn feedForward) *normedSumLayer {
	return &normedSumLayer{
		attn:     c.bidirectional(i),
		attnNorm: c.norm("attn_output_norm", c.dim),
		ffn:      ffn,
		ffnNorm:  c.norm("layer_output_norm", c.dim),
	}
}

func (l *normedSumLayer) bind(b *binder) {
	l.attn.bind(b)
	l.attnNorm.bind(b)
	l.inputNorm.bind(b)
	l.ffn.bind(b)
	l.ffnNorm.bind(b)
}

func (l *normedSumLayer) kvSpec() kvSpec { return l.attn.kvSpec() }

func (l *normedSumLayer) apply(b Backend, x Tensor, s *step) {
	h := l.attn.apply(b, x, s)
	if l.inputNorm.dim == 0 {
		b.Add(x, h)
		b.NormInPlace(x, &l.attnNorm)
	} else {
		b.Add(h, x)
		b.NormInPlace(h, &l.attnNorm)
		b.Add(x, h)
		b.NormInPlace(x, &l.inputNorm)
	}
	b.Add(x, l.ffn.apply(b, x))
	b.NormInPlace(x, &l.ffnNorm)
}

// tail turns a pooled vector into a model's output: a projection in two steps,
// or the scores of a classifier, where the file has one.
type tail struct {
	*config
	dense2, dense3 linear // w is nil where there is none
	class, scores  linear
}

func (t *tail) bind(b *binder) {
	nIn := t.dim
	if b.has("dense_2.weight") {
		nIn = b.matRows(&t.dense2, "dense_2", nIn)
	}
	if b.has("dense_3.weight") {
		b.matRows(&t.dense3, "dense_3", nIn)
	}
	if t.pooling != PoolingRank {
		b.unused("cls", "cls.output")
		return
	}
	if b.has("cls.weight") {
		b.mat(&t.class, "cls", t.dim, t.dim)
	}
	b.matRows(&t.scores, "cls.output", t.dim)
}

func (t *tail) apply(b Backend, x Tensor) Tensor {
	if t.dense2.w != nil {
		x = b.MatMul(x, &t.dense2)
	}
	if t.dense3.w != nil {
		x = b.MatMul(x, &t.dense3)
	}
	if t.class.w != nil {
		x = b.MatMul(x, &t.class)
		b.Activate(x, kernels.Tanh)
	}
	if t.scores.w != nil {
		x = b.MatMul(x, &t.scores)
	}
	return x
}
