package runtime

import "fmt"

// SessionOptions are the choices made when a session begins.
type SessionOptions struct {
	// User names who may reuse this session's keys and values: later sessions
	// with the same name. The empty name shares with nobody.
	User string

	// KVReserve is the part of all pages, 0 to 1, that cached prompts of the user
	// keep as long as cached prompts of others can go instead.
	KVReserve float64

	// Adapters change the model for this session. They are kept until it is
	// closed.
	Adapters []AdapterUse
}

// Session is one token timeline with its keys and values. It belongs to one
// goroutine at a time: the one that calls its methods and puts it into batches.
type Session struct {
	engine   *Engine
	user     string
	nReserve int
	pages    []pageID // cap is the most that nCtx tokens need, so that growing never allocates
	views    [][]byte // the memory of pages
	nTokens  int
	nReused  int
	state    stateID // of models that have one; noState until a step needs it
	nState   int     // tokens that the state has gone through
	closed   bool

	adapters   []AdapterUse
	adapterKey string
}

// NewSession begins an empty timeline. It keeps the engine loaded until Close.
// A model that only makes embeddings has none.
func (e *Engine) NewSession(o SessionOptions) (*Session, error) {
	if e.readsWhole {
		return nil, fmt.Errorf("new session: %w", ErrNoText)
	}
	return e.newSession(o)
}

func (e *Engine) newSession(o SessionOptions) (*Session, error) {
	if !(o.KVReserve >= 0 && o.KVReserve <= 1) {
		return nil, fmt.Errorf("new session: %w", &ParamError{"kv_reserve", o.KVReserve, "0 to 1"})
	}
	if !e.Acquire() {
		return nil, fmt.Errorf("new session: %w", ErrClosed)
	}
	n := pagesFor(e.nCtx)
	s := &Session{engine: e, user: o.User, pages: make([]pageID, 0, n), views: make([][]byte, 0, n), state: noState}
	s.nReserve = int(o.KVReserve * float64(len(e.kv.refs)))
	if err := s.adapt(o.Adapters); err != nil {
		s.Close()
		return nil, fmt.Errorf("new session: %w", err)
	}
	return s, nil
}

// adapt gives a new session its adapters.
func (s *Session) adapt(uses []AdapterUse) error {
	if err := s.engine.checkAdapters(uses); err != nil {
		return err
	}
	for _, u := range uses {
		if !u.Adapter.acquire() {
			return fmt.Errorf("adapter %s: %w", u.Adapter.path, ErrClosed)
		}
		s.adapters = append(s.adapters, u)
	}
	s.adapterKey = adapterKey(uses)
	return nil
}

// pagesFor returns the number of pages that nTokens positions need.
func pagesFor(nTokens int) int { return (nTokens + pageTokens - 1) / pageTokens }

// Engine returns the engine the session runs on.
func (s *Session) Engine() *Engine { return s.engine }

// NTokens returns the length of the timeline.
func (s *Session) NTokens() int { return s.nTokens }

// NReused returns how many tokens the last Reuse took from the prefix cache.
func (s *Session) NReused() int { return s.nReused }

// AppendTokens appends the timeline's tokens to dst.
func (s *Session) AppendTokens(dst []Token) []Token {
	for i, id := range s.pages[:pagesFor(s.nTokens)] {
		n := min(pageTokens, s.nTokens-i*pageTokens)
		dst = append(dst, s.engine.kv.tokens(id)[:n]...)
	}
	return dst
}

// Reuse fills an empty session with the longest prefix of prompt that earlier
// sessions of the same user have computed, whole pages only, and returns its
// number of tokens. At least one token of prompt is always left for a step,
// because logits are not kept.
func (s *Session) Reuse(prompt []Token) int {
	if s.user == "" || s.nTokens > 0 || s.closed || len(prompt) == 0 {
		return 0
	}
	limit := min(len(prompt)-1, s.engine.nCtx)
	s.engine.kv.release(s.pages) // pages that a step took and failed to fill
	s.pages = s.engine.kv.reuse(s.user, s.adapterKey, prompt[:limit], s.pages[:0])
	s.nTokens = len(s.pages) * pageTokens
	s.view()
	s.nReused = s.nTokens
	return s.nTokens
}

// Publish offers the timeline's full pages to later sessions of the same user;
// Close does so as well.
func (s *Session) Publish() {
	if s.user != "" && !s.closed {
		s.engine.kv.publish(s.user, s.adapterKey, s.nReserve, s.pages[:s.nTokens/pageTokens])
	}
}

// Rewind shortens the timeline to its first n tokens. It panics if n is not
// between 0 and NTokens.
func (s *Session) Rewind(n int) {
	if n < 0 || n > s.nTokens {
		panic(fmt.Sprintf("runtime: rewind to %d of %d tokens", n, s.nTokens))
	}
	keep := pagesFor(n)
	s.engine.kv.release(s.pages[keep:])
	s.pages = s.pages[:keep]
	s.nTokens = n
	s.view()
	if n == 0 {
		s.releaseState()
	}
}

// Close ends the session: its full pages stay in the prefix cache for the same
// user, all others are cleared. A second Close does nothing.
func (s *Session) Close() {
	if s.closed {
		return
	}
	s.Publish()
	s.Rewind(0)
	s.closed = true
	for _, u := range s.adapters {
		u.Adapter.Close()
	}
	s.engine.Close()
}

// reserve makes room for n more tokens, and for a recurrent state. It changes
// nothing that can be seen.
func (s *Session) reserve(n int) error {
	if err := s.reservePages(n); err != nil {
		return err
	}
	return s.reserveState()
}

// reservePages makes room for n more tokens: it takes pages, and replaces a last
// page that others use by a copy. It allocates nothing on the Go heap unless a
// page is copied.
func (s *Session) reservePages(n int) error {
	if s.nTokens+n > s.engine.nCtx {
		return &ContextError{NTokens: s.nTokens + n, NCtx: s.engine.nCtx}
	}
	kv := s.engine.kv
	if s.nTokens%pageTokens != 0 {
		if last := s.nTokens / pageTokens; kv.shared(s.pages[last]) {
			own, ok := kv.take(nil, 1)
			if !ok {
				return ErrKVFull
			}
			copy(kv.page(own[0]), kv.page(s.pages[last]))
			s.pages[last], own[0] = own[0], s.pages[last]
			kv.release(own)
			s.view()
		}
	}
	need := pagesFor(s.nTokens+n) - len(s.pages)
	if need <= 0 {
		return nil
	}
	pages, ok := kv.take(s.pages, need)
	if !ok {
		return ErrKVFull
	}
	s.pages = pages
	s.view()
	return nil
}

// advance makes n tokens that a step has computed part of the timeline.
func (s *Session) advance(n int) {
	s.nTokens += n
	s.nState = s.nTokens
}

// view sets views to the memory of pages.
func (s *Session) view() {
	clear(s.views)
	s.views = s.views[:0]
	for _, id := range s.pages {
		s.views = append(s.views, s.engine.kv.page(id))
	}
}

// write stores tokens behind the timeline, for which reserve made room; the
// timeline's length is the caller's to change.
func (s *Session) write(tokens []Token) {
	pos := s.nTokens
	for len(tokens) > 0 {
		n := copy(s.engine.kv.tokens(s.pages[pos/pageTokens])[pos%pageTokens:], tokens)
		tokens = tokens[n:]
		pos += n
	}
}
