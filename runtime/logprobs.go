package runtime

import "inferd/kernels"

// TokenLogProb is a token and the logarithm of its probability.
type TokenLogProb struct {
	Token   Token
	LogProb float32
}

// LogProbs reads log probabilities out of logits as the model gave them,
// before any sampling parameter. It belongs to one goroutine.
type LogProbs struct {
	logits []float32 // a copy, minus the logarithm of the sum of exponentials
	exps   []float32
	ids    []Token
	top    []TokenLogProb
}

// NewLogProbs returns log probabilities for a vocabulary of nVocab tokens and
// the nTop most likely ones.
func NewLogProbs(nVocab, nTop int) *LogProbs {
	nTop = min(nTop, nVocab)
	return &LogProbs{
		logits: make([]float32, nVocab),
		exps:   make([]float32, nVocab),
		ids:    make([]Token, nTop),
		top:    make([]TokenLogProb, nTop),
	}
}

// Set takes a row of logits, which it leaves as it is.
func (l *LogProbs) Set(logits []float32) {
	best := kernels.Max(logits)
	for i, v := range logits {
		l.logits[i] = v - best
	}
	kernels.Exp(l.exps, l.logits)
	sum := 0.0
	for _, e := range l.exps {
		sum += float64(e)
	}
	lse := [1]float32{float32(sum)}
	kernels.Log(lse[:], lse[:])
	for i := range l.logits {
		l.logits[i] -= lse[0]
	}
}

// Of returns the log probability of a token.
func (l *LogProbs) Of(t Token) float32 { return l.logits[t] }

// Top returns the most likely tokens, most likely first, valid until the next
// Set.
func (l *LogProbs) Top() []TokenLogProb {
	n := kernels.TopK(l.ids, l.logits)
	for i, id := range l.ids[:n] {
		l.top[i] = TokenLogProb{id, l.logits[id]}
	}
	return l.top[:n]
}

// wipe clears the logits.
func (l *LogProbs) wipe() {
	clear(l.logits)
	clear(l.exps)
	clear(l.ids)
	clear(l.top)
}
