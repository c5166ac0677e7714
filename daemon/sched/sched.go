package sched

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"inferd/daemon/auth"
	"inferd/daemon/private"
	"inferd/runtime"
)

// Errors of Submit.
var (
	// ErrQueueFull is returned when as many requests of a user wait as may.
	ErrQueueFull = errors.New("sched: queue is full")

	// ErrStopping is returned once the scheduler takes no more requests. It
	// also ends the requests that are left when Run returns.
	ErrStopping = errors.New("sched: stopping")
)

// Session is one timeline of tokens in a model's KV cache. Only the goroutine
// in Run calls it.
type Session interface {
	// NTokens returns how many tokens the timeline holds.
	NTokens() int

	// Reuse fills an empty timeline with the beginning of tokens, as far as
	// it is cached; at least the last token is left out.
	Reuse(tokens []runtime.Token) int

	// Publish lets later sessions of the same user reuse this one's tokens.
	Publish()

	// Rewind shortens the timeline to n tokens and frees their pages.
	Rewind(n int)

	Close()
}

// Entry is one session's part of a step: Tokens are appended to its timeline.
type Entry struct {
	Session Session
	Tokens  []runtime.Token
	Want    runtime.Want
	Logits  []float32 // set by Step: one row for each position wanted, valid until the next step
}

// Model is a loaded model. Only the goroutine in Run calls it.
type Model interface {
	// NewSession begins the timeline of a request.
	NewSession(*Request) (Session, error)

	// Step computes all entries: MaxRows tokens, or MaxRunning and PrefillChunk
	// together, or one prompt more if prompts are computed whole. Where it fails
	// all requests of the entries end.
	Step([]Entry) error

	// Rest is called after steps when no request is left: nobody needs what they
	// have left in memory.
	Rest()
}

// Writer makes an answer from logits. Its methods are called by the goroutine
// in Run and must not block. Logits are theirs to change, but not to keep.
type Writer interface {
	// Prompt takes the logits after the next positions of the prompt, one row
	// each, the last one included. It is called only if Request.PromptLogits.
	Prompt(logits []float32)

	// Next takes the logits after the last token and returns the token that
	// follows; more is false if the answer ends there. An error ends it too. Of a
	// request for a vector it takes that, and the answer must end.
	Next(logits []float32) (token runtime.Token, more bool, err error)

	// End is called once, after which the writer is forgotten: with nil if
	// the answer is complete, the error of the request's context if that
	// ended first, or what went wrong.
	End(error)
}

// Request is an answer to be made.
type Request struct {
	User  auth.User
	Share auth.Share // of the user; that of its last request holds

	// Adapters change the model for this request.
	Adapters []runtime.AdapterUse

	// Prompt has at least one token, and leaves room in the context for the
	// answer that the Writer may make. The scheduler keeps and clears it.
	Prompt []runtime.Token

	// PromptLogits asks for the logits after every token of the prompt.
	PromptLogits bool

	// Vector asks for the vector of the prompt in place of an answer. Its session
	// is one that makes it.
	Vector bool

	// Begin is called once, when the request is first admitted and its session
	// is new. If it fails the request ends with its error, without a Writer.
	Begin func(Session) (Writer, error)

	// Prefilled, if set, is called after each step with how many tokens are in
	// the model. It must not block.
	Prefilled func(n int)

	// Failed is called instead of Writer.End if the request ends before Begin
	// has succeeded. It must not block.
	Failed func(error)
}

// Options are a scheduler's limits. All numbers are at least 1, save QueueSize.
type Options struct {
	QueueSize    int // requests of each user that may wait besides those that run
	MaxRunning   int // requests answered at once
	PrefillChunk int // prompt tokens in one step
	NPages       int // of the model's KV cache; a whole context fits
	PageTokens   int // positions in a page
	NCtx         int // tokens that a session may hold

	// Whole has steps compute prompts whole, however long they are: the model
	// looks at all of a text at once.
	Whole bool

	// Speculate lets steps compute tokens that are only guessed, so that an
	// answer may gain several in one step. It takes sessions whose Rewind costs
	// nothing.
	Speculate bool

	// Guessed, if set, is called after each step that computed guesses of a
	// request, with their number and that of the right ones.
	Guessed func(n, nRight int)

	// Now, if set, is the clock in place of time.Now. How long steps take decides
	// how much they compute.
	Now func() time.Time
}

// Scheduler shares a model between requests.
type Scheduler struct {
	model   Model
	options Options
	wake    chan struct{} // holds one token while there may be news for Run
	pings   chan struct{} // of Ping
	ended   chan struct{} // closed when Run returns

	mu       sync.Mutex // guards the fields that follow
	arrived  []*job     // submitted, not seen by Run yet
	nIn      int        // requests submitted and not ended
	nInOf    map[auth.User]int
	loads    []Load // as of the last step
	stopping bool
	empty    chan struct{} // closed when stopping and nIn is 0

	nRunning atomic.Int64 // requests that are being answered, as of the last step

	// These belong to the goroutine in Run.
	policy  policy
	work    []work
	entries []Entry
	refill  time.Time // when allowances were filled up last
	pace    pace
	stepped bool // since the model rested last
}

// job is a request on its way.
type job struct {
	Request
	ctx     context.Context
	session Session         // nil until first admitted
	writer  Writer          // likewise
	tokens  []runtime.Token // prompt and answer so far
	nScored int             // prompt positions whose logits the writer has had
	drafter drafter
	draft   []runtime.Token // guesses at what follows, for the step that is planned
	wakeOff func() bool     // ends the watch over ctx

	// What the policy sees besides user and share.
	account *account
	nTokens int // len(tokens)
	nDone   int // of them in the KV cache
	grown   int // tokens that the answer gained since it was admitted last
	nAside  int // times that it was set aside
}

// New returns a scheduler for m. It does nothing until Run.
func New(m Model, o Options) *Scheduler {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Scheduler{
		model:   m,
		options: o,
		wake:    make(chan struct{}, 1),
		pings:   make(chan struct{}),
		ended:   make(chan struct{}),
		empty:   make(chan struct{}),
		nInOf:   map[auth.User]int{},
		policy: policy{limits: limits{
			maxRunning:   o.MaxRunning,
			prefillChunk: o.PrefillChunk,
			nPages:       o.NPages,
			pageTokens:   o.PageTokens,
			whole:        o.Whole,
		}},
	}
}

// Submit hands a request over, or returns ErrQueueFull or ErrStopping at once.
// When ctx ends the request leaves before the next step.
func (s *Scheduler) Submit(ctx context.Context, r Request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopping:
		return ErrStopping
	case len(r.Prompt) == 0 || len(r.Prompt) > s.options.NPages*s.options.PageTokens:
		return fmt.Errorf("sched: prompt has %d tokens, want 1 to %d", len(r.Prompt), s.options.NPages*s.options.PageTokens)
	case s.nInOf[r.User] >= s.options.MaxRunning+s.options.QueueSize:
		return ErrQueueFull
	}
	s.nIn++
	s.nInOf[r.User]++
	j := &job{Request: r, ctx: ctx, tokens: r.Prompt, nTokens: len(r.Prompt)}
	j.wakeOff = context.AfterFunc(ctx, s.wakeUp)
	s.arrived = append(s.arrived, j)
	s.wakeUp()
	return nil
}

// wakeUp tells Run that there is news.
func (s *Scheduler) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default: // it has some already
	}
}

// Stop refuses requests from now on. The channel it returns is closed when
// those submitted before have ended.
func (s *Scheduler) Stop() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopping {
		s.stopping = true
		if s.nIn == 0 {
			close(s.empty)
		}
	}
	return s.empty
}

// NRequests returns how many requests are in: waiting, running and set aside.
func (s *Scheduler) NRequests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nIn
}

// NRunning returns how many of them are running.
func (s *Scheduler) NRunning() int { return int(s.nRunning.Load()) }

// Load is what a user has of a model.
type Load struct {
	User      auth.User
	NRunning  int // requests
	NWaiting  int // those set aside included
	NPages    int // of running requests
	NReserved int // pages that others leave to it
}

// Loads lists the users who have requests, or a reserve, as of the last step.
func (s *Scheduler) Loads() []Load {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.loads)
}

func (s *Scheduler) noteLoads() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loads = s.loads[:0]
	for _, a := range s.policy.accounts {
		s.loads = append(s.loads, Load{a.user, len(a.running), len(a.line), s.policy.nPagesHeld(a), a.nReserved})
	}
}

// Ping returns nil once Run is between two steps, or idle: proof that it makes
// progress. It fails when ctx or Run ends first.
func (s *Scheduler) Ping(ctx context.Context) error {
	select {
	case s.pings <- struct{}{}:
		return nil
	case <-s.ended:
		return ErrStopping
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run carries requests until ctx ends, then ends those that are left with
// ErrStopping. It must be called once.
func (s *Scheduler) Run(ctx context.Context) {
	defer close(s.ended)
	for ctx.Err() == nil {
		s.receive()
		if s.step() {
			s.stepped = true
			select {
			case <-s.pings:
			default:
			}
			continue
		}
		s.sleep(ctx)
	}
	s.Stop()
	s.receive()
	s.policy.each(func(j *job) { s.end(j, ErrStopping) })
}

// sleep waits for news, a ping, or the end of a user's rest.
func (s *Scheduler) sleep(ctx context.Context) {
	if s.NRequests() == 0 && s.stepped {
		s.stepped = false
		s.model.Rest()
		private.ClearStack()
	}
	var rested <-chan time.Time
	if d, ok := s.policy.rest(); ok {
		t := time.NewTimer(d)
		defer t.Stop()
		rested = t.C
	}
	select {
	case <-s.wake:
	case <-rested:
	case <-s.pings:
	case <-ctx.Done():
	}
}

// receive queues what has been submitted, lets go of what was cancelled, and
// gives users the tokens that time has brought them.
func (s *Scheduler) receive() {
	s.mu.Lock()
	arrived := s.arrived
	s.arrived = nil
	s.mu.Unlock()
	for _, j := range arrived {
		s.policy.add(j)
	}
	s.policy.each(func(j *job) {
		if err := j.ctx.Err(); err != nil {
			s.end(j, err)
		}
	})
	now := s.options.Now()
	s.policy.refill(now.Sub(s.refill))
	s.refill = now
}
