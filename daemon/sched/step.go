package sched

import (
	"fmt"
	"slices"

	"inferd/runtime"
)

// step does one step of work and reports whether there was any.
func (s *Scheduler) step() bool {
	out, in := s.policy.rearrange()
	for _, j := range out {
		leaveCache(j)
	}
	for _, j := range in {
		if err := s.begin(j); err != nil {
			s.end(j, err)
		}
	}
	s.nRunning.Store(int64(len(s.policy.running)))
	s.noteLoads()
	s.plan()
	if len(s.work) == 0 {
		return false
	}
	n, nPrompt := 0, 0
	s.entries = s.entries[:0]
	for _, w := range s.work {
		e := w.entry()
		s.entries = append(s.entries, e)
		n += len(e.Tokens)
		if w.n > 1 {
			nPrompt += w.n
		}
	}
	started := s.options.Now()
	err := s.model.Step(s.entries)
	if err == nil {
		s.pace.observe(n, nPrompt, s.options.Now().Sub(started))
	}
	for i, w := range s.work {
		if err != nil {
			s.end(w.job, fmt.Errorf("step: %w", err))
		} else {
			s.advance(w, s.entries[i].Logits)
		}
	}
	clear(s.work)
	clear(s.entries)
	return true
}

// plan sets work to that of the next step.
func (s *Scheduler) plan() {
	chunk := s.options.PrefillChunk
	if slices.ContainsFunc(s.policy.running, func(j *job) bool { return j.nTokens-j.nDone == 1 }) {
		chunk = s.pace.chunk(chunk)
	}
	s.work = s.policy.plan(s.work[:0], chunk)
	if !s.options.Speculate || len(s.work) >= MaxRows {
		return
	}
	for _, w := range s.work {
		if w.n > 1 { // a prompt keeps the CPU busy as it is
			return
		}
	}
	for _, w := range s.work {
		w.guess(min(s.policy.pages(w.job)*s.options.PageTokens, s.options.NCtx) - w.nTokens)
	}
	s.pace.speculate(s.work)
}

// guess makes a draft of what follows, of at most n tokens.
func (j *job) guess(n int) {
	j.draft = nil
	if !j.wantsScores() && !j.Vector && j.nDone+1 == j.nTokens {
		j.draft = j.drafter.propose(j.tokens, n)
	}
}

// begin gives an admitted request its session and what is cached of its tokens.
func (s *Scheduler) begin(j *job) error {
	if j.session != nil { // it was set aside
		if !j.wantsScores() {
			j.nDone = j.session.Reuse(j.tokens)
		}
		return nil
	}
	session, err := s.model.NewSession(&j.Request)
	if err != nil {
		return err
	}
	writer, err := j.Begin(session)
	if err != nil {
		session.Close()
		return err
	}
	j.session, j.writer = session, writer
	j.nDone = session.NTokens()
	return nil
}

// wantsScores reports whether logits of the prompt are still owed.
func (j *job) wantsScores() bool {
	return j.PromptLogits && j.nScored < len(j.Prompt)
}

// leaveCache frees a request's pages. What they hold may be found again by
// Reuse, if nobody needs the room meanwhile.
func leaveCache(j *job) {
	j.session.Publish()
	j.session.Rewind(0)
}

// entry returns what a step is told to do for w.
func (w work) entry() Entry {
	e := Entry{Session: w.session, Tokens: w.tokens[w.nDone : w.nDone+w.n]}
	switch {
	case w.nDraft > 0:
		w.grow(w.nDraft) // so that the draft lies in what is cleared in the end
		e.Tokens = w.tokens[w.nDone:]
		e.Tokens = append(e.Tokens, w.draft[:w.nDraft]...)
		e.Want = runtime.WantAll
	case w.wantsScores():
		e.Want = runtime.WantAll
	case w.nDone+w.n == w.nTokens:
		e.Want = runtime.WantLast
	}
	return e
}

// advance takes the result of a step for one request.
func (s *Scheduler) advance(w work, logits []float32) {
	j := w.job
	nVocab := len(logits) / (w.n + w.nDraft)
	if j.wantsScores() {
		// Positions computed again after being set aside are known already.
		known := min(j.nScored-j.nDone, w.n)
		if known < w.n {
			j.writer.Prompt(logits[known*nVocab:])
			j.nScored = j.nDone + w.n
		}
		logits = logits[(w.n-1)*nVocab:]
	}
	j.nDone += w.n
	if j.Prefilled != nil {
		j.Prefilled(j.nDone)
	}
	if j.nDone < j.nTokens {
		return
	}
	if w.nDraft > 0 {
		s.verify(w, logits, nVocab)
		return
	}
	s.extend(j, logits)
}

// extend appends the token that a row of logits gives, and reports whether the
// answer goes on.
func (s *Scheduler) extend(j *job, logits []float32) bool {
	token, more, err := j.writer.Next(logits)
	if err != nil || !more {
		s.end(j, err)
		return false
	}
	j.grow(1)
	j.tokens = append(j.tokens, token)
	j.nTokens++
	j.grown++
	return true
}

// grow makes room for n more tokens. Memory that held others is cleared.
func (j *job) grow(n int) {
	if len(j.tokens)+n <= cap(j.tokens) {
		return
	}
	tokens := append(make([]runtime.Token, 0, 2*len(j.tokens)+n), j.tokens...)
	clear(j.tokens)
	j.tokens = tokens
}

// verify takes the rows of logits after a token and its draft: each is what it
// would be without a draft as long as the tokens before it are. The first token
// that is not the one guessed ends that, and the cache goes back to it.
func (s *Scheduler) verify(w work, logits []float32, nVocab int) {
	j := w.job
	draft := w.draft[:w.nDraft]
	nRight := 0
	if s.options.Guessed != nil {
		defer func() { s.options.Guessed(len(draft), nRight) }()
	}
	for {
		if !s.extend(j, logits[nRight*nVocab:][:nVocab]) {
			return
		}
		if nRight == len(draft) || j.tokens[j.nTokens-1] != draft[nRight] {
			break
		}
		nRight++
	}
	j.drafter.learn(len(draft), nRight)
	j.nDone += nRight
	j.session.Rewind(j.nDone)
	s.policy.charge(j, nRight)
}

// end lets a request go, wherever it was, and clears its tokens.
func (s *Scheduler) end(j *job, err error) {
	s.policy.leave(j)
	if j.session != nil {
		j.session.Close()
		j.writer.End(err)
	} else {
		j.Failed(err)
	}
	j.wakeOff()
	j.drafter.wipe()
	clear(j.tokens[:cap(j.tokens)])
	clear(j.Prompt)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nIn--
	if s.nInOf[j.User]--; s.nInOf[j.User] == 0 {
		delete(s.nInOf, j.User)
	}
	if s.stopping && s.nIn == 0 {
		close(s.empty)
	}
}
