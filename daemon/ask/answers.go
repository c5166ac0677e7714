package ask

import (
	"context"
	"io"
	"slices"
	"sync"
	"time"

	"inferd/daemon/serve"
	"inferd/runtime"
	"inferd/tokenizer/reply"
)

// pingInterval is how long a stream may be silent. Clients and relays give up
// on connections that are silent for a minute or less.
const pingInterval = 10 * time.Second

// Answers are those of one request: N for each prompt, side by side.
type Answers struct {
	list       []serve.Answer // N for the first prompt, N for the second, …
	parts      []parts        // of each answer
	n          int
	nPrompt    int // tokens of all prompts
	nOut       int // tokens of all answers so far
	nReasoning int // of them, spent on reasoning
	news       chan news
	ctx        context.Context // of the readers; ends with the request at the latest
	cancel     context.CancelFunc
	readers    sync.WaitGroup
	receipt    *Receipt // nil unless asked for
}

// Event is a token of one answer and what became certain with it.
type Event struct {
	Choice int // 0 to N-1 for the first prompt, N to 2N-1 for the second, …
	Delta  runtime.Delta

	// Parts are the text, the reasoning and the calls of tools that the token
	// adds. Of a plain prompt's answer all is text.
	Parts []reply.Event

	Finish Finish
}

// news is a token of one answer, or its end.
type news struct {
	choice int
	delta  runtime.Delta
	err    error // io.EOF at the end of a complete answer
}

// Begin starts the answers to prompts, which are tokens that the model has room
// for, or none of them. They end with ctx.
func Begin(ctx context.Context, m serve.Model, prompts [][]runtime.Token, p *Params) (*Answers, error) {
	return beginAnswers(ctx, m, prompts, p, make([]parts, len(prompts)*p.N))
}

func beginAnswers(ctx context.Context, m serve.Model, prompts [][]runtime.Token, p *Params, parts []parts) (*Answers, error) {
	m.Info().Sampling.Apply(&p.Generation.Sampling, p.Given)
	ctx, cancel := context.WithCancel(ctx)
	a := &Answers{parts: parts, n: p.N, ctx: ctx, cancel: cancel, news: make(chan news, 16)}
	if p.Receipt {
		a.receipt = new(Receipt)
		a.receipt.begin(m, p)
	}
	for k, prompt := range prompts {
		a.nPrompt += len(prompt)
		if a.receipt != nil {
			a.receipt.Prompts = append(a.receipt.Prompts, ReceiptPrompt{PromptSum(prompt), len(prompt)})
		}
		for i := range p.N {
			o := p.choice(i, len(prompt), m)
			if a.receipt != nil {
				a.receipt.Answers = append(a.receipt.Answers, ReceiptAnswer{Prompt: k, Seed: int64(o.Sampling.Seed), MaxTokens: o.MaxTokens})
			}
			answer, err := m.Generate(ctx, slices.Clone(prompt), o)
			if err != nil {
				a.Close()
				return nil, err
			}
			a.list = append(a.list, answer)
		}
	}
	for i := range a.list {
		a.readers.Go(func() { a.read(i) })
	}
	return a, nil
}

// read turns one answer into news until it ends or ctx does.
func (a *Answers) read(i int) {
	for {
		delta, err := a.list[i].Next(a.ctx)
		select {
		case a.news <- news{i, delta, err}:
		case <-a.ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// Each calls handle for every token of every answer as it comes, pause
// whenever no more are at hand, and ping when none came for a while; pause and
// ping may be nil. It returns nil when all answers are complete.
func (a *Answers) Each(handle func(Event) error, pause, ping func() error) error {
	silence := time.NewTicker(pingInterval)
	defer silence.Stop()
	for left := len(a.list); left > 0; {
		var err error
		select {
		case n := <-a.news:
			silence.Reset(pingInterval)
			switch n.err {
			case nil:
				err = handle(a.event(n))
			case io.EOF:
				left--
			default:
				return n.err
			}
			if err == nil && len(a.news) == 0 && pause != nil {
				err = pause()
			}
		case <-silence.C:
			if ping != nil {
				err = ping()
			}
		case <-a.ctx.Done():
			err = a.ctx.Err()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *Answers) event(n news) Event {
	a.nOut++
	if a.receipt != nil {
		answer := &a.receipt.Answers[n.choice]
		answer.Tokens = append(answer.Tokens, n.delta.Token)
		answer.Finish = n.delta.Finished.String()
	}
	p := &a.parts[n.choice]
	e := Event{
		Choice: n.choice,
		Delta:  n.delta,
		Parts:  p.of(n.delta),
		Finish: p.finish(n.delta.Finished),
	}
	if p.isReasoning(e.Parts) {
		a.nReasoning++
	}
	return e
}

// Receipt returns the receipt of complete answers, nil unless it was asked for.
func (a *Answers) Receipt() *Receipt { return a.receipt }

// Progress returns how many tokens of the prompts are in the model, and how many
// there are; equal once all answers have begun.
func (a *Answers) Progress() (done, total int) {
	for _, answer := range a.list {
		d, t := answer.Progress()
		done, total = done+d, total+t
	}
	return done, total
}

// Len returns the number of answers.
func (a *Answers) Len() int { return len(a.list) }

// Usage counts the tokens of a request.
type Usage struct {
	NPrompt int // a prompt counts once, however many answers it has
	NCached int // of them
	NOut    int // of all answers

	NReasoning int // tokens of the answers that were spent on reasoning
}

// Usage counts tokens. What is cached is known when each answer has a token.
func (a *Answers) Usage() Usage {
	u := Usage{NPrompt: a.nPrompt, NOut: a.nOut, NReasoning: a.nReasoning}
	for i := 0; i < len(a.list); i += a.n {
		u.NCached += a.list[i].NReused()
	}
	return u
}

// Close gives up what is left of the answers.
func (a *Answers) Close() {
	a.cancel()
	a.readers.Wait()
	for _, answer := range a.list {
		answer.Close()
	}
	if a.receipt != nil {
		for _, answer := range a.receipt.Answers {
			clear(answer.Tokens)
		}
	}
}
