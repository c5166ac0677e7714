package runtime

import (
	"errors"
	"fmt"
	"slices"

	"inferd/kernels"
)

// Pooling says how the vectors of a text's tokens become one.
type Pooling uint8

// The values are those of the metadata's pooling_type.
const (
	PoolingNone Pooling = iota // the model does not say
	PoolingMean
	PoolingCLS  // the first token's
	PoolingLast // the last token's
	PoolingRank // one of these, of which a classifier makes scores
	nPoolings
)

func (p Pooling) String() string { return [...]string{"", "mean", "cls", "last", "rank"}[p] }

// ErrNoText is returned where a model that only makes embeddings should
// continue a text.
var ErrNoText = errors.New("runtime: the model makes embeddings, not texts")

// readPooling reads how a model was trained to be pooled.
func (c *config) readPooling(h *hparams) {
	c.pooling = Pooling(h.countOrNone("pooling_type", int(nPoolings)-1))
	c.rankPooling = PoolingCLS
	if h.countOrNone("classifier.pooling_type", int(nPoolings)-1) == int(PoolingMean) {
		c.rankPooling = PoolingMean // of the others none has an effect
	}
}

// tokenPooling says how tokens' vectors become one.
func (c *config) tokenPooling() Pooling {
	switch c.pooling {
	case PoolingNone:
		return PoolingMean
	case PoolingRank:
		return c.rankPooling
	}
	return c.pooling
}

// Embed returns the vector of a text, pooled as the model says, or else the
// mean of its tokens' vectors, and not normalised: see Normalize. With a model
// that ranks it is the text's scores, of which the first is how well its parts
// fit, and most models have no other. No token is added to those given, and
// nothing of them is kept.
func (e *Engine) Embed(tokens []Token) ([]float32, error) {
	if len(tokens) > e.nCtx {
		return nil, fmt.Errorf("runtime: embed: %w", &ContextError{NTokens: len(tokens), NCtx: e.nCtx})
	}
	r, err := e.NewReading()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	for rest := tokens; len(rest) > 0; {
		n := min(len(rest), e.MaxBatch())
		if err := r.Append(rest[:n]); err != nil {
			return nil, err
		}
		rest = rest[n:]
	}
	return r.Vector()
}

// ReadsWhole reports whether the model reads all of a text at once, so that a
// Reading has one Append.
func (e *Engine) ReadsWhole() bool { return e.readsWhole }

// Reading is a text on its way to the vector that Engine.Embed makes, step by
// step. It belongs to one goroutine at a time.
type Reading struct {
	session *Session
	pooler  pooler
}

// NewReading begins an empty text. It keeps the engine loaded until Close.
func (e *Engine) NewReading() (*Reading, error) {
	s, err := e.newSession(SessionOptions{})
	if err != nil {
		return nil, err
	}
	return &Reading{s, pooler{pooling: e.pooling}}, nil
}

// NTokens returns how many tokens have been read.
func (r *Reading) NTokens() int { return r.session.nTokens }

// Append reads the next tokens of the text, at most Engine.MaxBatch. Like a step, it
// overwrites the logits of the step before. Where it fails nothing has changed.
func (r *Reading) Append(tokens []Token) error {
	if r.session.engine.readsWhole && r.session.nTokens > 0 {
		return fmt.Errorf("runtime: embed: %w", errReadsWhole)
	}
	return r.session.engine.embedChunk(r.session, tokens, &r.pooler)
}

// Vector returns the vector of what has been read, which is the caller's.
func (r *Reading) Vector() ([]float32, error) {
	if r.pooler.n == 0 {
		return nil, fmt.Errorf("runtime: embed: %w", errNoTokens)
	}
	return r.session.engine.project(r.pooler.vector())
}

// Reset forgets what has been read and frees its memory.
func (r *Reading) Reset() {
	r.session.Rewind(0)
	r.pooler.reset()
}

// Close ends the reading. A second Close does nothing.
func (r *Reading) Close() {
	r.session.Close()
	r.pooler.reset()
}

var errReadsWhole = errors.New("the model reads a text at once")

// embedChunk appends tokens to s and their vectors to p.
func (e *Engine) embedChunk(s *Session, tokens []Token, p *pooler) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.hasLent {
		return ErrLent
	}
	b := Batch{Entries: []Entry{{Session: s, Tokens: tokens, Want: WantAll}}}
	if err := e.layOut(&b); err != nil {
		return err
	}
	e.cpu.begin()
	e.step.wantsVectors = true
	h := e.model.forward(e.cpu, &e.step)
	for i := range h.rows {
		p.add(h.row(i))
	}
	s.advance(len(tokens))
	e.step.reset()
	return nil
}

// project makes a model's output of a pooled vector, which most models are done
// with.
func (e *Engine) project(pooled []float32) ([]float32, error) {
	t := e.model.outputTail()
	if t == nil {
		return pooled, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.hasLent {
		return nil, ErrLent
	}
	e.cpu.begin()
	y := append([]float32(nil), t.apply(e.cpu, Tensor{1, len(pooled), pooled}).x...)
	t.finish(y)
	return y, nil
}

// pooler makes one vector of many.
type pooler struct {
	pooling Pooling
	n       int
	sum     []float32
}

func (p *pooler) add(x []float32) {
	p.n++
	switch {
	case p.n == 1:
		p.sum = append(p.sum, x...)
	case p.pooling == PoolingLast:
		copy(p.sum, x)
	case p.pooling == PoolingMean:
		kernels.Add(p.sum, p.sum, x)
	}
}

// vector returns the vector of what was added.
func (p *pooler) vector() []float32 {
	v := slices.Clone(p.sum)
	if p.pooling == PoolingMean {
		kernels.Scale(v, v, 1/float32(p.n))
	}
	return v
}

// reset forgets a text.
func (p *pooler) reset() {
	clear(p.sum)
	p.n, p.sum = 0, p.sum[:0]
}

// Normalize gives a vector the length one, so that products of two are their
// cosine. One that is all zeros stays so.
func Normalize(x []float32) {
	if len(x) > 0 {
		kernels.L2Norm(x, x, len(x), 1e-12)
	}
}
