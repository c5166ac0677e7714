package runtime

import "math"

// decoder is a model that reads tokens from left to right: embeddings, layers
// that add to them, logits. Architectures are decoders of different pieces, and
// their files say which; this file says how the pieces are joined.
type decoder struct {
	config
	ropes  []rope // the encodings of positions that layers choose from, at most maxRopes
	embed  embedding
	layers []decoderLayer
	head   head
	tail   *tail // of a model that ranks texts; else nil

	unused []string // what names of tensors begin with that are not for this use of the model
}

// decoderLayer is a block: a mixer, which lets positions see one another, and a
// feed-forward network, each between norms of which most architectures have
// some.
type decoderLayer struct {
	mixerNorm    norm
	mixer        mixer
	mixerOutNorm norm

	ffnNorm    norm
	ffn        feedForward // nil where the mixer is all
	ffnOutNorm norm

	// parallel: the network reads what the mixer reads, not what it wrote.
	parallel bool
	// residual multiplies what is added to the stream; 0 means 1.
	residual float32
}

// mixer is a part of a layer that lets positions see one another.
type mixer interface {
	bind(b *binder)
	// kvSpec says what it keeps for each position.
	kvSpec() kvSpec
	// apply returns what is added to the stream for h [nTokens, dim]. If the step
	// narrows it may narrow it and return what is left.
	apply(b Backend, h Tensor, s *step) Tensor
}

// feedForward is a part of a layer that works on each position alone.
type feedForward interface {
	bind(b *binder)
	apply(b Backend, h Tensor) Tensor
}

// newDecoder returns a decoder without layers that embeds tokens as they are,
// ends in a norm and a matrix, and has the given encodings of positions.
func newDecoder(c *config, ropes ...rope) *decoder {
	return &decoder{
		config: *c,
		ropes:  ropes,
		embed:  embedding{config: c},
		head:   head{config: c, norm: c.norm("output_norm", c.dim)},
	}
}

func (m *decoder) bind(b *binder) {
	m.embed.bind(b)
	if len(m.ropes) > 0 {
		m.ropes[0].bind(b) // the others have no tensors of their own
	}
	for i := range m.layers {
		m.layers[i].bind(b.layer(i))
	}
	m.head.bind(b, &m.embed.tokens)
	if m.tail != nil {
		m.tail.bind(b)
	}
	for _, prefix := range m.unused {
		b.ignore(prefix)
	}
}

func (l *decoderLayer) bind(b *binder) {
	l.mixerNorm.bind(b)
	l.mixer.bind(b)
	l.mixerOutNorm.bind(b)
	if l.ffn == nil {
		return
	}
	l.ffnNorm.bind(b)
	l.ffn.bind(b)
	l.ffnOutNorm.bind(b)
}

func (m *decoder) ready(nCtx int) error {
	for i := range m.layers {
		if r, ok := m.layers[i].mixer.(interface{ ready() }); ok {
			r.ready()
		}
	}
	return readyRoPEs(m.ropes, nCtx)
}

func (m *decoder) outputTail() *tail { return m.tail }

func (m *decoder) kvSpecs() []kvSpec {
	specs := make([]kvSpec, len(m.layers))
	for i := range specs {
		specs[i] = m.layers[i].mixer.kvSpec()
	}
	return specs
}

func (m *decoder) forward(b Backend, s *step) Tensor {
	x := m.embed.apply(b, s) // [nTokens, dim]
	s.rotate(b, m.ropes)
	last := len(m.layers) - 1
	for i := range last {
		mark := b.Mark()
		m.layers[i].apply(b, x, s)
		b.Release(mark)
	}
	s.isLast = true
	return m.head.apply(b, m.layers[last].apply(b, x, s), s)
}

func (l *decoderLayer) kvSpec() kvSpec { return l.mixer.kvSpec() }

// apply runs the layer over the stream x [nTokens, dim], in place. It returns x,
// or, from the last layer, the rows of tokens whose logits are wanted.
func (l *decoderLayer) apply(b Backend, x Tensor, s *step) Tensor {
	h := b.Norm(x, &l.mixerNorm)
	mixed := b.Norm(s.pick(b, l.mixer.apply(b, h, s)), &l.mixerOutNorm)
	if x = s.pick(b, x); x.rows == 0 {
		return x
	}
	if l.ffn == nil {
		l.add(b, x, mixed)
		return x
	}
	if l.parallel {
		if h = s.pick(b, h); l.ffnNorm.dim > 0 {
			h = b.Norm(x, &l.ffnNorm)
		}
		l.add(b, x, mixed)
	} else {
		l.add(b, x, mixed)
		h = b.Norm(x, &l.ffnNorm)
	}
	l.add(b, x, b.Norm(l.ffn.apply(b, h), &l.ffnOutNorm))
	return x
}

func (l *decoderLayer) add(b Backend, x, y Tensor) {
	if l.residual == 0 {
		b.Add(x, y)
		return
	}
	b.AddScaled(x, y, l.residual)
}

// embedding turns tokens, and with some models their positions, into the
// stream.
type embedding struct {
	*config
	scale    float32 // 0 means 1
	learned  bool    // positions have rows of their own
	typed    bool    // the vector of a first segment's tokens is added, where the file has it
	norm     norm
	kind     []float32
	tokens   linear // [nVocab, dim]
	position linear // [nCtxTrain, dim]
}

// timesSqrtDim scales embeddings by the root of the width, as the gemmas do.
func (c *config) timesSqrtDim() float32 { return float32(math.Sqrt(float64(c.dim))) }

func (e *embedding) bind(b *binder) {
	b.mat(&e.tokens, tokenTable, e.nVocab, e.dim)
	if e.typed && b.has("token_types.weight") {
		b.firstRow(&e.kind, "token_types", e.dim)
	}
	if e.learned {
		b.table(&e.position, "position_embd", e.nCtxTrain, e.dim)
	}
	e.norm.bind(b)
}

func (m *decoder) learnedPositions() bool { return m.embed.learned }

func (e *embedding) apply(b Backend, s *step) Tensor {
	x := b.Embed(e.tokens.w, s.tokens)
	if e.scale != 0 {
		b.Scale(x, e.scale)
	}
	if e.kind != nil {
		b.AddVector(x, e.kind)
	}
	if e.learned {
		b.Add(x, b.Embed(e.position.w, s.pos))
	}
	return b.Norm(x, &e.norm)
}

// head turns the stream into logits, or, where a step wants vectors, only
// normalises it.
type head struct {
	*config
	norm    norm
	scale   float32 // of the logits; 0 means 1
	softcap float32 // limit·tanh(logit/limit); 0 is off
	output  linear  // shares the embeddings' matrix where the file has none
}

func (h *head) bind(b *binder, tokens *linear) {
	h.norm.bind(b)
	b.matOr(&h.output, "output", tokens)
}

func (h *head) apply(b Backend, x Tensor, s *step) Tensor {
	x = b.Norm(x, &h.norm)
	if s.wantsVectors {
		return x
	}
	logits := b.MatMul(x, &h.output)
	if h.scale != 0 {
		b.Scale(logits, h.scale)
	}
	if h.softcap != 0 {
		b.Softcap(logits, h.softcap)
	}
	return logits
}
