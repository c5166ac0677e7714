package openai

import (
	"context"
	"crypto/rand"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"inferd/daemon/ask"
	"inferd/daemon/serve"
	"inferd/daemon/wire"
	"inferd/runtime"
	"inferd/tokenizer"
)

// textRequest is the body of POST /v1/completions.
type textRequest struct {
	request
	ask.Params
	prompts   []textPrompt
	echo      bool
	maxTokens int // 0 is allowed: nothing but the prompt's scores
	logProbs  int // most likely tokens to tell; -1: no log probabilities at all

	promptLogProbs int // likewise, at each place of the prompts
}

// maxPrompts bounds the prompts of one request.
const maxPrompts = 128

// decodeText reads a completion request. Every member it knows stands here.
func decodeText(o *wire.Object) (*textRequest, error) {
	r := &textRequest{request: readRequest(o)}
	r.includeUsage = readStreamOptions(o, r.stream)
	r.Params = readParams(o)
	o.Require("prompt")
	r.prompts = readPrompts(o, "prompt", maxPrompts)
	r.echo = o.Bool("echo", false)
	r.maxTokens = int(o.Integer("max_tokens", 0, math.MaxInt32, 16)) // OpenAI's default
	r.logProbs = readTopLogProbs(o, "logprobs", -1)
	r.promptLogProbs = readPromptLogProbs(o, r.stream)
	r.Receipt = o.Bool("receipt", false)
	r.Generation.LogProbs = r.logProbs >= 0
	r.Generation.TopLogProbs = max(0, r.logProbs)
	if r.maxTokens == 0 && !r.echo && r.promptLogProbs < 0 {
		o.Fail("invalid_value", "max_tokens", "0 asks for nothing unless \"echo\" is true")
	}
	if r.maxTokens == 0 && r.Receipt {
		o.Fail("invalid_value", "receipt", "is of answers, which \"max_tokens\" 0 does not ask for")
	}
	if len(r.prompts)*r.N > maxChoices {
		o.Fail("invalid_value", "n", "times the number of prompts is %d, at most %d answers are allowed", len(r.prompts)*r.N, maxChoices)
	}
	o.Unsupported("best_of", "1", fmt.Sprint(r.N))
	o.Unsupported("suffix", `""`)
	return r, o.Close()
}

// tokensOf returns the tokens of a prompt that leaves room for an answer.
func (req *textRequest) tokensOf(p textPrompt, m serve.Model) ([]runtime.Token, error) {
	tokens, err := p.tokensOf(m, "prompt")
	if err == nil && (len(tokens) > m.NCtx() || len(tokens) == m.NCtx() && req.maxTokens > 0) {
		return nil, ask.TooLong(m, "prompt", len(tokens))
	}
	return tokens, err
}

// textCompletion is an answer, or a chunk of one that is streamed.
type textCompletion struct {
	ID          string       `json:"id"`
	Object      string       `json:"object"`
	Created     int64        `json:"created"`
	Model       string       `json:"model"`
	Fingerprint string       `json:"system_fingerprint"`
	Choices     []textChoice `json:"choices"`
	Usage       usageIn      `json:"usage,omitzero"`
	Receipt     *ask.Receipt `json:"receipt,omitempty"`
}

type textChoice struct {
	Text         string        `json:"text"`
	Index        int           `json:"index"`
	LogProbs     *textLogProbs `json:"logprobs"`
	FinishReason *string       `json:"finish_reason"`

	PromptLogProbs []promptLogProb `json:"prompt_logprobs,omitempty"`
}

// echoed is a prompt as it appears in an answer.
type echoed struct {
	text   string
	tokens []runtime.Token
	scores []runtime.Delta // of the tokens, if log probabilities are asked for
}

// textAnswer is what is needed to answer a completion request.
type textAnswer struct {
	*textRequest
	model   serve.Model
	echoes  []echoed          // one for each prompt, if the request says echo
	scores  [][]promptLogProb // of each prompt, if asked for
	answers *ask.Answers      // nil if max_tokens is 0
	nChoice int
	nPrompt int
	head    textCompletion
}

// completions serves POST /v1/completions.
func (a *api) completions(w http.ResponseWriter, r *http.Request, req *textRequest, m serve.Model) (err error) {
	if req.Generation.Grammar, err = a.grammars.Of(r.Context(), req.Format); err != nil {
		return err
	}
	t, err := req.begin(r.Context(), m)
	if err != nil {
		return err
	}
	if t.answers != nil {
		defer t.answers.Close()
	}
	if !req.stream {
		return t.whole(w)
	}
	s := wire.NewEvents(w)
	a.fail(s, r, t.streamTo(s))
	return nil
}

// begin turns prompts into tokens, scores them if need be, and starts the
// answers.
func (req *textRequest) begin(ctx context.Context, m serve.Model) (*textAnswer, error) {
	if err := req.Generation.Validate(m.NVocab()); err != nil {
		return nil, err
	}
	t := &textAnswer{
		textRequest: req,
		model:       m,
		nChoice:     len(req.prompts) * req.N,
		head: textCompletion{
			ID:          newID("cmpl-"),
			Object:      "text_completion",
			Created:     time.Now().Unix(),
			Model:       m.Name(),
			Fingerprint: m.Fingerprint(),
			Usage:       usageIn{asked: req.includeUsage || !req.stream},
		},
	}
	var prompts [][]runtime.Token
	for _, p := range req.prompts {
		tokens, err := req.tokensOf(p, m)
		if err != nil {
			return nil, err
		}
		prompts = append(prompts, tokens)
		t.nPrompt += len(tokens)
	}
	if req.echo {
		for i, tokens := range prompts {
			e, err := req.echoOf(ctx, m, req.prompts[i], tokens)
			if err != nil {
				return nil, err
			}
			t.echoes = append(t.echoes, e)
		}
	}
	for i := 0; i < len(prompts) && req.promptLogProbs >= 0; i++ {
		scores, err := scorePrompt(ctx, m, prompts[i], req.promptLogProbs)
		if err != nil {
			return nil, err
		}
		t.scores = append(t.scores, scores)
	}
	if req.maxTokens == 0 {
		return t, nil
	}
	req.Generation.MaxTokens = req.maxTokens
	var err error
	t.answers, err = ask.Begin(ctx, m, prompts, &req.Params)
	return t, err
}

func (req *textRequest) echoOf(ctx context.Context, m serve.Model, p textPrompt, tokens []runtime.Token) (e echoed, err error) {
	e = echoed{text: p.text, tokens: tokens}
	if p.tokens != nil {
		text := m.Tokenizer().Decode(tokens, tokenizer.DecodeOptions{RemoveSpecial: true})
		e.text = strings.ToValidUTF8(string(text), "\uFFFD")
	}
	if req.logProbs >= 0 {
		e.scores, err = m.Score(ctx, append([]runtime.Token(nil), tokens...), req.logProbs)
	}
	return e, err
}

// logProbsOf returns the log probabilities of an echoed prompt, nil unless
// they are asked for.
func (t *textAnswer) logProbsOf(choice int) *textLogProbs {
	if t.logProbs < 0 {
		return nil
	}
	l := &textLogProbs{}
	if t.echoes == nil {
		return l
	}
	e := t.echoes[choice/t.N]
	l.addFirst(t.model.Tokenizer(), e.tokens[0])
	for _, score := range e.scores {
		l.add(t.model.Tokenizer(), score, t.logProbs)
	}
	return l
}

// finishOfEcho is why an answer ends that has nothing but its prompt.
func (t *textAnswer) finishOfEcho() *string {
	if t.answers != nil {
		return nil
	}
	return finishReason(ask.FinishLength)
}

func (t *textAnswer) usage() *usage {
	if t.answers != nil {
		return usageOf(t.answers.Usage())
	}
	return &usage{PromptTokens: t.nPrompt, TotalTokens: t.nPrompt}
}

func (t *textAnswer) receipt() *ask.Receipt {
	if t.answers == nil {
		return nil
	}
	return t.answers.Receipt()
}

// whole collects the answers and sends them.
func (t *textAnswer) whole(w http.ResponseWriter) error {
	c := t.head
	texts := make([]strings.Builder, t.nChoice)
	c.Choices = make([]textChoice, t.nChoice)
	for i := range c.Choices {
		c.Choices[i] = textChoice{Index: i, LogProbs: t.logProbsOf(i), FinishReason: t.finishOfEcho()}
		if t.echo {
			texts[i].WriteString(t.echoes[i/t.N].text)
		}
		if t.scores != nil {
			c.Choices[i].PromptLogProbs = t.scores[i/t.N]
		}
	}
	if t.answers != nil {
		err := t.answers.Each(func(e ask.Event) error {
			choice := &c.Choices[e.Choice]
			texts[e.Choice].Write(e.Delta.Text)
			if choice.LogProbs != nil && hasLogProb(e.Delta) {
				choice.LogProbs.add(t.model.Tokenizer(), e.Delta, t.logProbs)
			}
			choice.FinishReason = finishReason(e.Finish)
			return nil
		}, nil, nil)
		if err != nil {
			return err
		}
	}
	for i := range c.Choices {
		c.Choices[i].Text = texts[i].String()
	}
	c.Usage.usage = t.usage()
	c.Receipt = t.receipt()
	wire.WriteJSON(w, http.StatusOK, c)
	return nil
}

// streamTo sends the answers token by token, after the prompts if they are
// echoed.
func (t *textAnswer) streamTo(s *wire.Stream) error {
	c := t.head
	send := func(choice textChoice) error {
		c.Choices = []textChoice{choice}
		return s.Send(c)
	}
	logProbs := make([]*textLogProbs, t.nChoice)
	for i := range t.nChoice {
		logProbs[i] = t.logProbsOf(i)
		if t.echo {
			if err := t.streamEcho(i, logProbs[i], send); err != nil {
				return err
			}
		}
	}
	if err := s.Flush(); err != nil {
		return err
	}
	if t.answers != nil {
		err := t.answers.Each(func(e ask.Event) error {
			choice := textChoice{Index: e.Choice, Text: string(e.Delta.Text), FinishReason: finishReason(e.Finish)}
			if l := logProbs[e.Choice]; l != nil && hasLogProb(e.Delta) {
				l.add(t.model.Tokenizer(), e.Delta, t.logProbs)
				choice.LogProbs = l.take()
			}
			if choice.Text == "" && choice.LogProbs == nil && choice.FinishReason == nil {
				return nil
			}
			return send(choice)
		}, s.Flush, ping(s, t.answers))
		if err != nil {
			return err
		}
	}
	if c.Receipt = t.receipt(); t.includeUsage || c.Receipt != nil {
		c.Choices = []textChoice{}
		c.Usage.usage = t.usage()
		if err := s.Send(c); err != nil {
			return err
		}
	}
	return s.Done()
}

// streamEcho sends a prompt in pieces that fit into events: its text, then
// its log probabilities.
func (t *textAnswer) streamEcho(i int, l *textLogProbs, send func(textChoice) error) error {
	for piece := range wire.Pieces(t.echoes[i/t.N].text) {
		if err := send(textChoice{Index: i, Text: piece}); err != nil {
			return err
		}
	}
	if l != nil {
		for all := l.take(); len(all.Tokens) > 0; {
			if err := send(textChoice{Index: i, LogProbs: all.cut(maxEventTokens)}); err != nil {
				return err
			}
		}
	}
	if finish := t.finishOfEcho(); finish != nil {
		return send(textChoice{Index: i, FinishReason: finish})
	}
	return nil
}

// newID returns a random id for an answer.
func newID(prefix string) string { return prefix + strings.ToLower(rand.Text()) }
