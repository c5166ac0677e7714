package runtime

import (
	"errors"
	"math"

	"inferd/kernels"
)

// errNoCandidate is returned where no token can be chosen: all are forbidden,
// or the logits hold no number.
var errNoCandidate = errors.New("runtime: no token has a finite logit")

// Sampler chooses tokens for one request. Its only memory is what was said and
// how many numbers it drew, so the same parameters, seed and logits give the
// same tokens on every CPU. It belongs to one goroutine.
type Sampler struct {
	params  SamplingParams
	history *history // nil where no penalty is set
	nDrawn  uint64
	c       candidates
}

// NewSampler returns a sampler for a vocabulary of nVocab tokens, or a
// *ParamError.
func NewSampler(p SamplingParams, nVocab int) (*Sampler, error) {
	if err := p.Validate(nVocab); err != nil {
		return nil, err
	}
	s := &Sampler{params: p}
	if p.RepeatPenalty != 1 || p.FrequencyPenalty != 0 || p.PresencePenalty != 0 {
		s.history = newHistory(nVocab, p.RepeatLastN)
	}
	switch {
	case p.Temperature == 0: // greedy looks at nothing but the logits
	case p.TopP < 1 || p.MinP > 0:
		s.c.reserve(nVocab)
	case p.TopK > 0:
		s.c.reserve(min(p.TopK, nVocab))
	}
	return s, nil
}

// Prompt tells the sampler of tokens that were not generated.
func (s *Sampler) Prompt(tokens []Token) {
	if s.history == nil {
		return
	}
	for _, t := range tokens {
		s.history.add(t, false)
	}
}

// Sample chooses a token and remembers it. It overwrites logits [nVocab].
func (s *Sampler) Sample(logits []float32) (Token, error) {
	p := &s.params
	for _, b := range p.LogitBias {
		logits[b.Token] += b.Bias
	}
	if s.history != nil {
		s.history.penalise(logits, p)
	}
	t, err := s.choose(logits)
	if err == nil && s.history != nil {
		s.history.add(t, true)
	}
	return t, err
}

// choose runs the links of the chain that leave tokens out, and draws.
func (s *Sampler) choose(logits []float32) (Token, error) {
	best := kernels.Argmax(logits)
	if best < 0 || math.IsInf(float64(logits[best]), 0) {
		return 0, errNoCandidate
	}
	p := &s.params
	if p.Temperature == 0 {
		return Token(best), nil
	}
	c := &s.c
	c.begin(logits)
	if p.TopK > 0 {
		c.topK(p.TopK)
	}
	c.temperature(p.Temperature, logits[best])
	if p.TopP < 1 {
		c.topP(p.TopP)
	}
	if p.MinP > 0 {
		c.minP(p.MinP)
	}
	u := uniform(p.Seed, s.nDrawn)
	s.nDrawn++
	return c.draw(u)
}

// wipe clears what the sampler remembers of a text.
func (s *Sampler) wipe() {
	if s.history != nil {
		s.history.wipe()
	}
	clear(s.c.idBuf)
	clear(s.c.weightBuf)
}

// candidates are the tokens that may still be chosen. Until a link leaves
// tokens out they are the whole vocabulary and weights is the row of logits
// itself; afterwards ids names them.
type candidates struct {
	ids     []Token   // nil: all tokens
	weights []float32 // logits, then unnormalised probabilities, of ids

	idBuf     []Token
	weightBuf []float32
}

// reserve makes room for n named candidates.
func (c *candidates) reserve(n int) {
	c.idBuf = make([]Token, n)
	c.weightBuf = make([]float32, n)
}

// begin makes all tokens candidates.
func (c *candidates) begin(logits []float32) { c.ids, c.weights = nil, logits }

// topK keeps the k most likely tokens, the lowest ids among equals.
func (c *candidates) topK(k int) {
	if k >= len(c.weights) {
		return
	}
	n := kernels.TopK(c.idBuf[:k], c.weights)
	c.keep(n)
}

// keep names the first n tokens of idBuf the only candidates. It is used while
// all tokens are candidates.
func (c *candidates) keep(n int) {
	c.ids = c.idBuf[:n]
	for i, id := range c.ids {
		c.weightBuf[i] = c.weights[id]
	}
	c.weights = c.weightBuf[:n]
}

// temperature turns logits into weights e^((logit-best)/t), of which the
// largest is 1.
func (c *candidates) temperature(t, best float32) {
	for i, l := range c.weights {
		c.weights[i] = (l - best) / t
	}
	kernels.Exp(c.weights, c.weights)
}

// total is the sum of the weights, in order.
func (c *candidates) total() (sum float64) {
	for _, w := range c.weights {
		sum += float64(w)
	}
	return sum
}

// topP keeps the most likely tokens, as few as reach the share p of the total
// (arXiv:1904.09751).
func (c *candidates) topP(p float32) {
	target := float64(p) * c.total()
	if c.ids != nil { // from topK: most likely first
		n, _ := reach(c.weights, nil, target)
		c.ids, c.weights = c.ids[:n], c.weights[:n]
		return
	}
	// The tokens that count are few as a rule, so look for more only as needed.
	for k := min(64, len(c.weights)); ; k = min(4*k, len(c.weights)) {
		n := kernels.TopK(c.idBuf[:k], c.weights)
		n, reached := reach(c.weights, c.idBuf[:n], target)
		if reached || k == len(c.weights) {
			c.keep(n)
			return
		}
	}
}

// reach returns how many weights, in the order of ids (nil: as they stand),
// reach target together; at least one, and all if they do not reach it.
func reach(weights []float32, ids []Token, target float64) (n int, reached bool) {
	n = len(weights)
	if ids != nil {
		n = len(ids)
	}
	sum := 0.0
	for i := range n {
		if ids != nil {
			sum += float64(weights[ids[i]])
		} else {
			sum += float64(weights[i])
		}
		if sum >= target {
			return i + 1, true
		}
	}
	return n, false
}

// minP keeps the tokens at least p times as likely as the best one
// (arXiv:2407.01082).
func (c *candidates) minP(p float32) {
	n := 0
	for i, w := range c.weights {
		if w >= p { // the best one's weight is 1
			id := Token(i)
			if c.ids != nil {
				id = c.ids[i]
			}
			c.idBuf[n], c.weightBuf[n] = id, w
			n++
		}
	}
	c.ids, c.weights = c.idBuf[:n], c.weightBuf[:n]
}

// draw returns the candidate that u in [0, 1) falls on.
func (c *candidates) draw(u float64) (Token, error) {
	total := c.total()
	if !(total > 0) || math.IsInf(total, 0) {
		return 0, errNoCandidate
	}
	left := float64(u * total) // the conversion keeps compilers from fusing
	chosen := -1
	for i, w := range c.weights {
		if w > 0 {
			chosen = i // the last one takes what rounding leaves
			if left -= float64(w); left < 0 {
				break
			}
		}
	}
	if c.ids != nil {
		return c.ids[chosen], nil
	}
	return Token(chosen), nil
}
