package sched

import (
	"errors"
	"hash/fnv"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"inferd/daemon/auth"
	"inferd/runtime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const fakeVocab = 20

// follows is the fake model: the token after a text depends on all of it, but
// more often than not on the last two tokens alone, so that texts repeat
// themselves.
func follows(tokens []runtime.Token) runtime.Token {
	sum := func(tokens []runtime.Token) uint32 {
		h := fnv.New32a()
		for _, t := range tokens {
			h.Write([]byte{byte(t), byte(t >> 8)})
		}
		return h.Sum32()
	}
	if all := sum(tokens); all%4 == 0 {
		return runtime.Token(all / 4 % fakeVocab)
	}
	return runtime.Token(sum(tokens[max(0, len(tokens)-2):]) % fakeVocab)
}

// solo is the answer that a request gets if it has the model for itself.
func solo(prompt []runtime.Token, n int) []runtime.Token {
	all := slices.Clone(prompt)
	for range n {
		all = append(all, follows(all))
	}
	return all[len(prompt):]
}

// fakeModel keeps whole timelines and refuses what a real one could not do.
type fakeModel struct {
	t          *testing.T
	nPages     int
	pageTokens int
	whole      bool                // prompts come in one piece
	step       func([]Entry) error // called first in Step, may be nil

	mu        sync.Mutex // guards the fields that follow
	open      []*fakeSession
	published map[auth.User][][]runtime.Token
	nRests    int // calls of Rest
	nSteps    int
	nReused   int
	nGuessed  int // tokens that were computed and taken back
}

type fakeSession struct {
	model  *fakeModel
	user   auth.User
	vector bool
	tokens []runtime.Token
}

func (m *fakeModel) NewSession(r *Request) (Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := &fakeSession{model: m, user: r.User, vector: r.Vector}
	m.open = append(m.open, s)
	return s, nil
}

func (m *fakeModel) Rest() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.nRests++
}

func (m *fakeModel) Step(entries []Entry) error {
	if m.step != nil {
		if err := m.step(entries); err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.nSteps++
	seen := map[Session]bool{}
	for i, e := range entries {
		s := e.Session.(*fakeSession)
		if seen[s] || len(e.Tokens) == 0 || !slices.Contains(m.open, s) {
			return errors.New("malformed batch")
		}
		seen[s] = true
		if m.whole && e.Want != runtime.WantLast {
			return errors.New("a part of a prompt")
		}
		for k, token := range e.Tokens {
			s.tokens = append(s.tokens, token)
			if e.Want == runtime.WantAll || e.Want == runtime.WantLast && k == len(e.Tokens)-1 {
				entries[i].Logits = append(entries[i].Logits, s.result()...)
			}
		}
	}
	if n := m.nPagesLocked(); n > m.nPages {
		m.t.Errorf("step fills %d pages of %d", n, m.nPages)
	}
	return nil
}

// result is what follows, as logits or as a vector of one number.
func (s *fakeSession) result() []float32 {
	if s.vector {
		return []float32{float32(follows(s.tokens))}
	}
	row := make([]float32, fakeVocab)
	row[follows(s.tokens)] = 1
	return row
}

func (m *fakeModel) nPagesLocked() int {
	n := 0
	for _, s := range m.open {
		n += (len(s.tokens) + m.pageTokens - 1) / m.pageTokens
	}
	return n
}

func (s *fakeSession) NTokens() int { return len(s.tokens) }

func (s *fakeSession) Reuse(tokens []runtime.Token) int {
	s.model.mu.Lock()
	defer s.model.mu.Unlock()
	if len(s.tokens) > 0 {
		s.model.t.Error("Reuse of a session that is not empty")
	}
	if s.vector {
		return 0
	}
	for _, known := range s.model.published[s.user] {
		n := 0
		for n < min(len(known), len(tokens)-1) && known[n] == tokens[n] {
			n++
		}
		if n > len(s.tokens) {
			s.tokens = slices.Clone(tokens[:n])
		}
	}
	s.model.nReused += len(s.tokens)
	return len(s.tokens)
}

func (s *fakeSession) Publish() {
	s.model.mu.Lock()
	defer s.model.mu.Unlock()
	if s.model.published == nil {
		s.model.published = map[auth.User][][]runtime.Token{}
	}
	full := len(s.tokens) / s.model.pageTokens * s.model.pageTokens
	s.model.published[s.user] = append(s.model.published[s.user], slices.Clone(s.tokens[:full]))
}

func (s *fakeSession) Rewind(n int) {
	if n > 0 {
		s.model.nGuessed += len(s.tokens) - n
	}
	s.tokens = s.tokens[:n]
}

func (s *fakeSession) Close() {
	s.model.mu.Lock()
	defer s.model.mu.Unlock()
	if !slices.Contains(s.model.open, s) {
		s.model.t.Error("session closed twice")
	}
	s.model.open = without(s.model.open, s)
}

// answer collects what a request gets; it is the request's Writer.
type answer struct {
	nWant  int // tokens
	vector bool
	tokens []runtime.Token
	scores []runtime.Token // the most likely token after each prompt position
	first  func()          // called with the first token, may be nil
	ended  chan error
}

var errWriter = errors.New("writer broke")

func (a *answer) Prompt(logits []float32) {
	for ; len(logits) > 0; logits = logits[fakeVocab:] {
		a.scores = append(a.scores, best(logits[:fakeVocab]))
	}
}

func (a *answer) Next(logits []float32) (runtime.Token, bool, error) {
	if a.nWant < 0 {
		return 0, false, errWriter
	}
	if a.vector && len(logits) == 1 {
		a.tokens = append(a.tokens, runtime.Token(logits[0]))
		return 0, false, nil
	}
	if len(logits) != fakeVocab {
		return 0, false, errors.New("want one row of logits")
	}
	if a.nWant == 0 { // nothing but the prompt's scores
		return 0, false, nil
	}
	if a.first != nil && len(a.tokens) == 0 {
		a.first()
	}
	a.tokens = append(a.tokens, best(logits))
	return best(logits), len(a.tokens) < a.nWant, nil
}

func (a *answer) End(err error) { a.ended <- err }

func best(logits []float32) runtime.Token {
	return runtime.Token(slices.Index(logits, slices.Max(logits)))
}

// ask returns a request for n tokens and where its answer will be.
func ask(user auth.User, prompt []runtime.Token, n int) (Request, *answer) {
	a := &answer{nWant: n, ended: make(chan error, 2)}
	return Request{
		User:   user,
		Prompt: slices.Clone(prompt),
		Begin: func(s Session) (Writer, error) {
			s.Reuse(prompt)
			return a, nil
		},
		Failed: func(err error) { a.ended <- err },
	}, a
}

// embed returns a request for a vector and where it will be.
func embed(user auth.User, prompt []runtime.Token) (Request, *answer) {
	r, a := ask(user, prompt, 1)
	r.Vector, a.vector = true, true
	return r, a
}

// text makes a prompt of n tokens that differs with seed.
func text(seed, n int) []runtime.Token {
	tokens := make([]runtime.Token, n)
	for i := range tokens {
		tokens[i] = runtime.Token((seed*31 + i*7) % fakeVocab)
	}
	return tokens
}

// start runs a scheduler for m until the test ends, and checks then that no
// session is left. roomy options if o is zero.
func start(t *testing.T, m *fakeModel, o Options) *Scheduler {
	if o.NPages == 0 {
		o = Options{QueueSize: 1000, MaxRunning: 8, PrefillChunk: 4, NPages: 100, PageTokens: 4, NCtx: 400, Speculate: true}
	}
	m.t, m.nPages, m.pageTokens, m.whole = t, o.NPages, o.PageTokens, o.Whole
	s := New(m, o)
	ctx, cancel := newRun(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		require.Empty(t, m.open, "sessions are closed")
		require.Zero(t, s.NRequests())
	})
	return s
}
