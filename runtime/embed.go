package runtime

import (
	"errors"
	"fmt"

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
	PoolingRank // the first token's, of which a classifier makes scores
	nPoolings
)

func (p Pooling) String() string { return [...]string{"", "mean", "cls", "last", "rank"}[p] }

// ErrNoText is returned where a model that only makes embeddings should
// continue a text.
var ErrNoText = errors.New("runtime: the model makes embeddings, not texts")

// ErrNoEmbedding is returned where a model's last vectors are not to be had.
var ErrNoEmbedding = errors.New("runtime: the model makes no embeddings")

// readPooling reads how a model was trained to be pooled.
func readPooling(h *hparams) Pooling {
	return Pooling(h.countOrNone("pooling_type", int(nPoolings)-1))
}

// embedder is a model that tells its last vectors.
type embedder interface {
	// hidden runs all tokens of s and returns their vectors behind the last norm,
	// [nTokens, dim].
	hidden(b Backend, s *step) Tensor
	// project makes the output of pooled vectors.
	project(b Backend, pooled Tensor) Tensor
}

var (
	_ embedder = (*decoder)(nil)
	_ embedder = (*encoder)(nil)
)

// Embed returns the vector of a text, pooled as the model says, or else the
// mean of its tokens' vectors, and not normalised: see Normalize. With a
// cross-encoder it is the text's score. No token is added to those given, and
// nothing of them is kept.
func (e *Engine) Embed(tokens []Token) ([]float32, error) {
	m, ok := e.model.(embedder)
	if !ok {
		return nil, ErrNoEmbedding
	}
	if len(tokens) == 0 {
		return nil, fmt.Errorf("runtime: embed: %w", errNoTokens)
	}
	s, err := e.newSession(SessionOptions{})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	p := pooler{pooling: e.pooling}
	if len(tokens) > e.nCtx {
		return nil, fmt.Errorf("runtime: embed: %w", &ContextError{NTokens: len(tokens), NCtx: e.nCtx})
	}
	for rest := tokens; len(rest) > 0; {
		n := min(len(rest), e.MaxBatch())
		if err := e.embedChunk(m, s, rest[:n], &p); err != nil {
			return nil, err
		}
		rest = rest[n:]
	}
	return e.projectPooled(m, p.vector()), nil
}

// embedChunk appends tokens to s and their vectors to p.
func (e *Engine) embedChunk(m embedder, s *Session, tokens []Token, p *pooler) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	b := Batch{Entries: []Entry{{Session: s, Tokens: tokens}}}
	if err := e.layOut(&b); err != nil {
		return err
	}
	e.cpu.begin()
	h := m.hidden(e.cpu, &e.step)
	for i := range h.rows {
		p.add(h.row(i))
	}
	s.advance(len(tokens))
	e.step.reset()
	if _, isEncoder := m.(*encoder); isEncoder {
		s.Rewind(0) // the pages there are may be no more than the next text needs
	}
	return nil
}

// projectPooled makes a model's output of a pooled vector.
func (e *Engine) projectPooled(m embedder, pooled []float32) []float32 {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.cpu.begin()
	return append([]float32(nil), m.project(e.cpu, Tensor{1, len(pooled), pooled}).x...)
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
	case p.pooling == PoolingMean || p.pooling == PoolingNone:
		kernels.Add(p.sum, p.sum, x)
	}
}

func (p *pooler) vector() []float32 {
	if p.pooling == PoolingMean || p.pooling == PoolingNone {
		kernels.Scale(p.sum, p.sum, 1/float32(p.n))
	}
	return p.sum
}

// Normalize gives a vector the length one, so that products of two are their
// cosine. One that is all zeros stays so.
func Normalize(x []float32) {
	if len(x) > 0 {
		kernels.L2Norm(x, x, len(x), 1e-12)
	}
}
