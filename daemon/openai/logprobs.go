package openai

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"inferd/daemon/serve"
	"inferd/daemon/wire"
	"inferd/runtime"
	"inferd/tokenizer"
)

// chatLogProbs is the member "logprobs" of a chat choice.
type chatLogProbs struct {
	Content []chatLogProb `json:"content"`
	Refusal *struct{}     `json:"refusal"` // always null
}

// chatLogProb is a token of an answer and what else was likely there.
type chatLogProb struct {
	tokenLogProb
	Top []tokenLogProb `json:"top_logprobs"`
}

type tokenLogProb struct {
	Token   string  `json:"token"` // an incomplete character appears as U+FFFD
	LogProb float32 `json:"logprob"`
	Bytes   []int   `json:"bytes"` // exact
}

// hasLogProb reports whether d is part of the log probabilities: the token
// that ends an answer is no part of its text.
func hasLogProb(d runtime.Delta) bool { return d.Finished != runtime.FinishEOG }

// add appends a token, unless it ends the answer, and reports whether it did.
// Without a list there is nothing to do.
func (l *chatLogProbs) add(t *tokenizer.Tokenizer, d runtime.Delta) bool {
	if l == nil || !hasLogProb(d) {
		return false
	}
	l.Content = append(l.Content, chatLogProbOf(t, d))
	return true
}

func chatLogProbOf(t *tokenizer.Tokenizer, d runtime.Delta) chatLogProb {
	entry := chatLogProb{tokenLogProbOf(t, d.Token, d.LogProb), []tokenLogProb{}}
	for _, top := range d.Top {
		entry.Top = append(entry.Top, tokenLogProbOf(t, top.Token, top.LogProb))
	}
	return entry
}

func tokenLogProbOf(t *tokenizer.Tokenizer, token runtime.Token, logProb float32) tokenLogProb {
	piece := t.Piece(token, true)
	values := make([]int, len(piece))
	for i, b := range piece {
		values[i] = int(b)
	}
	return tokenLogProb{strings.ToValidUTF8(string(piece), "\uFFFD"), finite(logProb), values}
}

// finite replaces what JSON cannot say. OpenAI's floor is the same.
func finite(logProb float32) float32 {
	if math.IsNaN(float64(logProb)) || logProb < -9999 {
		return -9999
	}
	return logProb
}

// textLogProbs is the member "logprobs" of a completion choice: lists with an
// element for each token.
type textLogProbs struct {
	Tokens  []string             `json:"tokens"`
	Token   []*float32           `json:"token_logprobs"` // null for the first token of a prompt
	Top     []map[string]float32 `json:"top_logprobs"`   // likewise, or if none were asked for
	Offsets []int                `json:"text_offset"`    // in characters, from the beginning of "text"

	nChars int
}

// add appends a token and what else was likely there.
func (l *textLogProbs) add(t *tokenizer.Tokenizer, d runtime.Delta, nTop int) {
	logProb := finite(d.LogProb)
	l.append(t, d.Token, &logProb)
	if nTop == 0 {
		l.Top = append(l.Top, nil)
		return
	}
	top := map[string]float32{}
	for _, candidate := range d.Top[:min(nTop, len(d.Top))] {
		top[pieceName(t.Piece(candidate.Token, true))] = finite(candidate.LogProb)
	}
	top[pieceName(t.Piece(d.Token, true))] = logProb
	l.Top = append(l.Top, top)
}

// addFirst appends the first token of a prompt, about which nothing is known.
func (l *textLogProbs) addFirst(t *tokenizer.Tokenizer, token runtime.Token) {
	l.append(t, token, nil)
	l.Top = append(l.Top, nil)
}

func (l *textLogProbs) append(t *tokenizer.Tokenizer, token runtime.Token, logProb *float32) {
	l.Tokens = append(l.Tokens, pieceName(t.Piece(token, true)))
	l.Token = append(l.Token, logProb)
	l.Offsets = append(l.Offsets, l.nChars)
	l.nChars += utf8.RuneCount(t.Piece(token, false))
}

// take returns what was added since the last take.
func (l *textLogProbs) take() *textLogProbs {
	taken := *l
	*l = textLogProbs{nChars: l.nChars}
	return &taken
}

// pieceName is a piece as a string; bytes that are no whole characters are
// spelled out, so that different pieces have different names.
func pieceName(piece []byte) string {
	if utf8.Valid(piece) {
		return string(piece)
	}
	var name strings.Builder
	name.WriteString("bytes:")
	for _, b := range piece {
		fmt.Fprintf(&name, `\x%02x`, b)
	}
	return name.String()
}

// maxEventTokens bounds the tokens whose log probabilities are in one event,
// as package wire bounds its text.
const maxEventTokens = 16

// cut removes the first n tokens and returns them.
func (l *textLogProbs) cut(n int) *textLogProbs {
	n = min(n, len(l.Tokens))
	first := &textLogProbs{Tokens: l.Tokens[:n], Token: l.Token[:n], Top: l.Top[:n], Offsets: l.Offsets[:n]}
	l.Tokens, l.Token, l.Top, l.Offsets = l.Tokens[n:], l.Token[n:], l.Top[n:], l.Offsets[n:]
	return first
}

// promptLogProb is what the model thinks of one token of a prompt, in the shape
// of vLLM: by token id, that token and the most likely ones. It is null for the
// first token.
type promptLogProb map[string]promptCandidate

type promptCandidate struct {
	LogProb float32 `json:"logprob"`
	Rank    int     `json:"rank,omitempty"` // from 1; absent if it is not among those asked for
	Token   string  `json:"decoded_token"`
}

// readPromptLogProbs reads how many likely tokens to tell for each token of the
// prompt; -1 if none are asked for.
func readPromptLogProbs(o *wire.Object, stream bool) int {
	n := readTopLogProbs(o, "prompt_logprobs", -1)
	if n >= 0 && stream {
		o.Fail("invalid_value", "prompt_logprobs", "is only allowed without \"stream\"")
	}
	return n
}

// scorePrompt returns an element for each token of a prompt.
func scorePrompt(ctx context.Context, m serve.Model, prompt []runtime.Token, nTop int) ([]promptLogProb, error) {
	scores, err := m.Score(ctx, slices.Clone(prompt), nTop)
	if err != nil {
		return nil, err
	}
	list := make([]promptLogProb, 1, 1+len(scores))
	for _, d := range scores {
		entry := promptLogProb{}
		add := func(t runtime.Token, logProb float32, rank int) {
			entry[strconv.Itoa(int(t))] = promptCandidate{finite(logProb), rank, pieceName(m.Tokenizer().Piece(t, true))}
		}
		add(d.Token, d.LogProb, 0)
		for i, top := range d.Top[:min(nTop, len(d.Top))] {
			add(top.Token, top.LogProb, i+1)
		}
		list = append(list, entry)
	}
	return list, nil
}
