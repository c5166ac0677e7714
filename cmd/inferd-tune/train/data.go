package train

import (
	"math/rand/v2"

	"inferd/cmd/inferd-tune/bpe"
	"inferd/cmd/inferd-tune/corpus"
	"inferd/cmd/inferd-tune/graph"
	"inferd/tokenizer"
)

// questionWeight is the weight of a question's tokens in the loss, where an
// answer's have 1: reading is worth a little practice, but not most of it.
const questionWeight = 0.1

// sequence is one example as the model reads it.
type sequence struct {
	tokens []int32
	answer int  // index of the first token of the answer
	open   bool // many answers are right: it cannot be exact
}

// encode lays an example out as the chat template does: <s>, then
// <|user|> question <|end|> <|assistant|>, then the answer and <|end|>.
// Plain text has no question and no chat tokens in front.
func encode(t *tokenizer.Tokenizer, x corpus.Example) sequence {
	s := sequence{tokens: []int32{bpe.BOS}, open: x.Open}
	text := func(text string) {
		s.tokens = t.AppendEncode(s.tokens, []byte(text), tokenizer.EncodeOptions{})
	}
	if x.User != "" {
		s.tokens = append(s.tokens, bpe.User)
		text(x.User)
		s.tokens = append(s.tokens, bpe.End, bpe.Assistant)
	}
	s.answer = len(s.tokens)
	text(x.Assistant)
	s.tokens = append(s.tokens, bpe.End)
	return s
}

func encodeAll(t *tokenizer.Tokenizer, xs []corpus.Example) []sequence {
	out := make([]sequence, len(xs))
	for i, x := range xs {
		out[i] = encode(t, x)
	}
	return out
}

// batch is a graph's input under construction.
type batch struct {
	graph.Batch
	nTok int
	row  int // being filled
	used int // tokens of it
	docs int32
}

func newBatch(nRows, nTok int) *batch {
	n := nRows * nTok
	return &batch{nTok: nTok, Batch: graph.Batch{
		Tokens: make([]int32, n), Docs: make([]int32, n),
		Targets: make([]int32, n), Weights: make([]float32, n)}}
}

// place adds s behind what is there and returns the position of its first
// token, or false when no row has room. The last token is only a target.
func (b *batch) place(s sequence) (at int, ok bool) {
	n := len(s.tokens) - 1
	if b.used+n > b.nTok {
		b.row, b.used = b.row+1, 0
	}
	if n > b.nTok || (b.row+1)*b.nTok > len(b.Tokens) {
		return 0, false
	}
	at = b.row*b.nTok + b.used
	b.docs++
	for i := range n {
		b.Tokens[at+i] = s.tokens[i]
		b.Targets[at+i] = s.tokens[i+1]
		b.Docs[at+i] = b.docs
		b.Weights[at+i] = 1
		if i+1 < s.answer {
			b.Weights[at+i] = questionWeight
		}
	}
	b.used += n
	return at, true
}

// drawBatch fills a batch with examples drawn evenly. Weights add up to 1.
func drawBatch(data []sequence, r *rand.Rand, nRows, nTok int) graph.Batch {
	b := newBatch(nRows, nTok)
	for {
		if _, ok := b.place(data[r.IntN(len(data))]); !ok {
			break
		}
	}
	var sum float32
	for _, w := range b.Weights {
		sum += w
	}
	for i := range b.Weights {
		b.Weights[i] /= sum
	}
	return b.Batch
}

// part returns rows [lo, hi) of a batch.
func part(b graph.Batch, lo, hi, nTok int) graph.Batch {
	lo, hi = lo*nTok, hi*nTok
	return graph.Batch{Tokens: b.Tokens[lo:hi], Docs: b.Docs[lo:hi], Targets: b.Targets[lo:hi], Weights: b.Weights[lo:hi]}
}
