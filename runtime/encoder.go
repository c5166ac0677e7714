package runtime

// encoder is a model that reads a whole text at once, each position seeing
// those behind it as well as those before, and makes one vector of it. It keeps
// no keys and values beyond that: there is nothing to continue.
type encoder struct {
	config
	ropes  []rope // as a decoder's
	embed  embedding
	layers []encoderLayer
	norm   norm // after the last layer
	tail   *tail
}

// encoderLayer is a block that changes the stream x [nTokens, dim] in place.
type encoderLayer interface {
	bind(b *binder)
	kvSpec() kvSpec
	// apply runs the layer over the stream x [nTokens, dim], in place.
	apply(b Backend, x Tensor, s *step) Tensor
}

func (m *encoder) learnedPositions() bool { return m.embed.learned }

// newEncoder returns an encoder without layers. Its vectors are means unless the
// metadata says otherwise.
func newEncoder(h *hparams, c *config, ropes ...rope) *encoder {
	c.isCausal = false
	if c.pooling == PoolingNone {
		c.pooling = PoolingMean
	}
	return &encoder{config: *c, ropes: ropes, embed: embedding{config: c}, tail: newTail(h, c)}
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

// forward returns vectors: an encoder has no logits.
func (m *encoder) forward(b Backend, s *step) Tensor {
	x := m.embed.apply(b, s) // [nTokens, dim]
	s.rotate(b, m.ropes)
	for _, l := range m.layers {
		mark := b.Mark()
		l.apply(b, x, s)
		b.Release(mark)
	}
	return b.Norm(b.Rows(x, s.rows), &m.norm)
}

func (m *encoder) outputTail() *tail { return m.tail }

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
		attn:     c.attention(i),
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

func (l *normedSumLayer) apply(b Backend, x Tensor, s *step) Tensor {
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
	return x
}
