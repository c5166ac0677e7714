package openai

import (
	"context"
	"io"
	"slices"
	"sync"
	"time"

	"inferd/runtime"
)

// pingInterval is how long a stream may be silent. Clients and relays give up
// on connections that are silent for a minute or less.
const pingInterval = 10 * time.Second

// answers are those of one request: n for each prompt, side by side.
type answers struct {
	list    []Answer // n for the first prompt, n for the second, …
	n       int
	nPrompt int // tokens of all prompts
	nOut    int // tokens of all answers so far
	events  chan event
	ctx     context.Context // of the readers; ends with the request at the latest
	cancel  context.CancelFunc
	readers sync.WaitGroup
}

// event is news of one answer: a token, or its end.
type event struct {
	choice int // index in answers.list
	delta  runtime.Delta
	err    error // io.EOF at the end of a complete answer
}

// beginAnswers starts every answer of a request, or none. They end with ctx.
func beginAnswers(ctx context.Context, m Model, prompts [][]runtime.Token, p *params) (*answers, error) {
	ctx, cancel := context.WithCancel(ctx)
	a := &answers{n: p.n, ctx: ctx, cancel: cancel, events: make(chan event, 16)}
	for _, prompt := range prompts {
		a.nPrompt += len(prompt)
		for i := range p.n {
			answer, err := m.Generate(ctx, slices.Clone(prompt), p.choice(i, len(prompt), m))
			if err != nil {
				a.close()
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

// read turns one answer into events until it ends or ctx does.
func (a *answers) read(i int) {
	for {
		delta, err := a.list[i].Next(a.ctx)
		select {
		case a.events <- event{i, delta, err}:
		case <-a.ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// each calls handle for every token of every answer as it comes, pause
// whenever no more are at hand, and ping when none came for a while. It
// returns nil when all answers are complete.
func (a *answers) each(handle func(event) error, pause, ping func() error) error {
	silence := time.NewTicker(pingInterval)
	defer silence.Stop()
	for left := len(a.list); left > 0; {
		var err error
		select {
		case e := <-a.events:
			silence.Reset(pingInterval)
			switch e.err {
			case nil:
				a.nOut++
				err = handle(e)
			case io.EOF:
				left--
			default:
				return e.err
			}
			if err == nil && len(a.events) == 0 {
				err = pause()
			}
		case <-silence.C:
			err = ping()
		case <-a.ctx.Done():
			err = a.ctx.Err()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// nothing is for callers of each that do not stream.
func nothing() error { return nil }

// usage counts tokens. A prompt counts once, however many answers it has.
func (a *answers) usage() *usage {
	u := &usage{PromptTokens: a.nPrompt, CompletionTokens: a.nOut, TotalTokens: a.nPrompt + a.nOut}
	for i := 0; i < len(a.list); i += a.n {
		u.PromptDetails.CachedTokens += a.list[i].NReused()
	}
	return u
}

// close gives up what is left of the answers.
func (a *answers) close() {
	a.cancel()
	a.readers.Wait()
	for _, answer := range a.list {
		answer.Close()
	}
}

// finishReason is how the format names the reason.
func finishReason(r runtime.FinishReason) *string {
	var name string
	switch r {
	case runtime.NotFinished:
		return nil
	case runtime.FinishEOG, runtime.FinishStop:
		name = "stop"
	default:
		name = "length"
	}
	return &name
}
