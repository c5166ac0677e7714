package daemon

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"inferd/daemon/audit"
	"inferd/daemon/auth"
	"inferd/daemon/sched"
	"inferd/daemon/serve"
	"inferd/runtime"
)

// Generate implements serve.Model.
func (m *model) Generate(ctx context.Context, prompt []runtime.Token, o runtime.GenerationOptions) (serve.Answer, error) {
	m.engine.prepare(o)
	a := &answer{
		model:   m,
		request: ctx,
		nPrompt: len(prompt),
		started: time.Now(),
		news:    make(chan struct{}, 1),
	}
	a.record, a.mac = m.audit(ctx, prompt)
	ctx, a.cancel = m.bound(ctx)
	w := &writer{answer: a}
	grant := auth.GrantFrom(ctx)
	err := m.sched.Submit(ctx, sched.Request{
		User:     grant.User,
		Share:    grant.Share,
		Adapters: m.chosen,
		Prompt:   prompt,
		Begin: func(s sched.Session) (_ sched.Writer, err error) {
			w.generation, err = m.engine.begin(s, prompt, o)
			return w, err
		},
		Prefilled: func(n int) { a.nPrefilled.Store(int64(min(n, a.nPrompt))) },
		Failed:    a.end,
	})
	if err != nil {
		a.cancel()
		return nil, explain(err)
	}
	return a, nil
}

// bound returns a context that ends when an answer has taken too long.
func (m *model) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if m.timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, m.timeout)
}

// explain says in openai's words what a client can do about an error.
func explain(err error) error {
	switch {
	case errors.Is(err, sched.ErrQueueFull):
		return fmt.Errorf("%w: %w", serve.ErrBusy, err)
	case errors.Is(err, sched.ErrStopping):
		return fmt.Errorf("%w: %w", serve.ErrStopping, err)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: %w", serve.ErrTimeout, err)
	case errors.Is(err, runtime.ErrNoText):
		return serve.Invalid("unsupported_model", "model", "the model makes embeddings, not texts")
	default:
		return err
	}
}

// writer is the scheduler's end of an answer. It never waits for the reader:
// what is not read yet is bounded by the length of the answer.
type writer struct {
	answer     *answer
	generation generation
}

var _ sched.Writer = (*writer)(nil)

// Prompt implements sched.Writer. Answers do not ask for it.
func (w *writer) Prompt([]float32) {}

// Next implements sched.Writer: it chooses the token that follows.
func (w *writer) Next(logits []float32) (runtime.Token, bool, error) {
	d, err := w.generation.Accept(logits)
	if err != nil {
		return 0, false, err
	}
	// The generation uses its slices again for the next delta.
	d.Text, d.Top = slices.Clone(d.Text), slices.Clone(d.Top)
	w.answer.push(d, w.generation.NReused())
	return d.Token, d.Finished == runtime.NotFinished, nil
}

// End implements sched.Writer.
func (w *writer) End(err error) {
	w.generation.Close()
	w.answer.end(err)
}

// answer is the request's end: deltas wait in it until they are read.
type answer struct {
	model   *model
	request context.Context // for the log
	cancel  context.CancelFunc
	nPrompt int
	started time.Time
	news    chan struct{} // holds one token while there may be something to read

	nPrefilled atomic.Int64 // tokens of the prompt

	record audit.Record // empty where nobody audits

	mu      sync.Mutex      // guards the fields that follow
	deltas  []runtime.Delta // not read yet
	nReused int
	nOut    int
	finish  runtime.FinishReason
	firstAt time.Time // when the first token was there
	lastAt  time.Time // when the last one was
	mac     hash.Hash // of the answer's text so far; nil where nobody audits
	ended   bool
	err     error // why it ended, nil if it is complete
}

var _ serve.Answer = (*answer)(nil)

func (a *answer) push(d runtime.Delta, nReused int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	if a.nOut == 0 {
		a.firstAt = now
		a.nReused = nReused
		a.model.observer.first(a.model.name, now.Sub(a.started))
	} else {
		a.model.observer.next(a.model.name, now.Sub(a.lastAt))
	}
	a.lastAt = now
	a.nOut++
	a.finish = d.Finished
	if a.mac != nil {
		_, _ = a.mac.Write(d.Text)
	}
	a.deltas = append(a.deltas, d)
	a.tellLocked()
}

func (a *answer) end(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ended, a.err = true, err
	a.tellLocked()
}

// tellLocked wakes the reader; a.mu is held.
func (a *answer) tellLocked() {
	select {
	case a.news <- struct{}{}:
	default:
	}
}

// Next implements serve.Answer.
func (a *answer) Next(ctx context.Context) (runtime.Delta, error) {
	for {
		d, more, err := a.take()
		if err != nil || more {
			return d, err
		}
		select {
		case <-a.news:
		case <-ctx.Done():
			return runtime.Delta{}, ctx.Err()
		}
	}
}

// take returns the next delta if there is one, or how the answer has ended.
func (a *answer) take() (d runtime.Delta, ok bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case len(a.deltas) > 0:
		d = a.deltas[0]
		a.deltas[0] = runtime.Delta{}
		a.deltas = a.deltas[1:]
		return d, true, nil
	case !a.ended:
		return d, false, nil
	case a.err != nil:
		return d, false, explain(a.err)
	default:
		return d, false, io.EOF
	}
}

// Progress implements serve.Answer.
func (a *answer) Progress() (done, total int) { return int(a.nPrefilled.Load()), a.nPrompt }

// NReused implements serve.Answer.
func (a *answer) NReused() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.nReused
}

// Close implements serve.Answer. An answer that has not ended leaves the
// scheduler before the next step.
func (a *answer) Close() {
	a.cancel()
	a.mu.Lock()
	defer a.mu.Unlock()
	outcome := a.finish.String()
	switch {
	case !a.ended:
		outcome = outcomeOf(context.Canceled)
	case a.err != nil:
		outcome = outcomeOf(a.err)
	}
	var firstToken time.Duration
	if a.nOut > 0 {
		firstToken = a.firstAt.Sub(a.started)
	}
	for _, d := range a.deltas {
		clear(d.Text)
	}
	a.deltas = nil
	if a.mac != nil {
		a.record.SetAnswer(a.mac)
		a.mac = nil // it holds the last bytes of the answer
	}
	a.model.ended(a.request, answered{
		outcome: outcome, nPrompt: a.nPrompt, nReused: a.nReused, nOut: a.nOut,
		firstToken: firstToken, took: time.Since(a.started), record: a.record,
	})
}

// Score implements serve.Model.
func (m *model) Score(ctx context.Context, prompt []runtime.Token, nTop int) ([]runtime.Delta, error) {
	s := &scorer{
		tokens:   slices.Clone(prompt[1:]), // the scheduler clears the prompt
		logProbs: runtime.NewLogProbs(m.NVocab(), nTop),
		nVocab:   m.NVocab(),
		ended:    make(chan error, 1),
	}
	defer clear(s.tokens)
	done := answered{outcome: "scores", nPrompt: len(prompt)}
	done.record, _ = m.audit(ctx, prompt)
	started := time.Now()
	ctx, cancel := m.bound(ctx)
	defer cancel()
	grant := auth.GrantFrom(ctx)
	err := m.sched.Submit(ctx, sched.Request{
		User:         grant.User,
		Share:        grant.Share,
		Adapters:     m.chosen,
		Prompt:       prompt,
		PromptLogits: true,
		Begin:        func(sched.Session) (sched.Writer, error) { return s, nil },
		Failed:       s.End,
	})
	if err == nil {
		err = <-s.ended // soon after ctx ends, if it does
	}
	m.endedWith(ctx, done, started, err)
	if err != nil {
		return nil, explain(err)
	}
	return s.scores, nil
}

// scorer is a sched.Writer that generates nothing and looks up what the
// model thinks of the prompt.
type scorer struct {
	tokens   []runtime.Token // the prompt without its first token
	logProbs *runtime.LogProbs
	nVocab   int
	scores   []runtime.Delta
	ended    chan error
}

var _ sched.Writer = (*scorer)(nil)

// Prompt implements sched.Writer. The row after a position tells of the token
// at the next one; the last row, of a token that the prompt does not have.
func (s *scorer) Prompt(logits []float32) {
	for ; len(logits) > 0 && len(s.scores) < len(s.tokens); logits = logits[s.nVocab:] {
		s.logProbs.Set(logits[:s.nVocab])
		token := s.tokens[len(s.scores)]
		s.scores = append(s.scores, runtime.Delta{
			Token:   token,
			LogProb: s.logProbs.Of(token),
			Top:     slices.Clone(s.logProbs.Top()),
		})
	}
}

// Next implements sched.Writer: there is nothing behind the prompt.
func (s *scorer) Next([]float32) (runtime.Token, bool, error) { return 0, false, nil }

// End implements sched.Writer.
func (s *scorer) End(err error) { s.ended <- err }
