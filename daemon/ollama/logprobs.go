package ollama

import (
	"strings"

	"inferd/runtime"
)

// logProb is a token and what else was likely at its place.
type logProb struct {
	tokenLogProb
	Top []tokenLogProb `json:"top_logprobs,omitempty"`
}

type tokenLogProb struct {
	Token   string  `json:"token"` // an incomplete character appears as U+FFFD
	LogProb float32 `json:"logprob"`
	Bytes   []int   `json:"bytes"` // exact
}

// logProbsOf tells of a token, if log probabilities were asked for and it is
// part of the text.
func (a *answer) logProbsOf(d runtime.Delta) []logProb {
	if !a.scored || d.Finished == runtime.FinishEOG {
		return nil
	}
	l := logProb{tokenLogProb: a.logProbOf(d.Token, d.LogProb)}
	for _, top := range d.Top {
		l.Top = append(l.Top, a.logProbOf(top.Token, top.LogProb))
	}
	return []logProb{l}
}

func (a *answer) logProbOf(t runtime.Token, p float32) tokenLogProb {
	piece := a.model.Tokenizer().Piece(t, true)
	values := make([]int, len(piece))
	for i, b := range piece {
		values[i] = int(b)
	}
	if !(p > -9999) { // JSON knows neither infinity nor NaN
		p = -9999
	}
	return tokenLogProb{strings.ToValidUTF8(string(piece), "\uFFFD"), p, values}
}
