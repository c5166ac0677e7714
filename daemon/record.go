package daemon

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"time"

	"inferd/daemon/audit"
	"inferd/daemon/auth"
	"inferd/daemon/transport"
	"inferd/runtime"
)

// audit begins the record of an answer to prompt with the prompt's hash, and
// returns the hash that its text is written to. Without a key there is neither.
func (m *model) audit(ctx context.Context, prompt []runtime.Token) (r audit.Record, answer hash.Hash) {
	key := m.observer.auditKey()
	if key == nil {
		return r, nil
	}
	r = audit.Record{ID: transport.RequestID(ctx), User: fmt.Sprint(auth.GrantFrom(ctx).User), Model: m.name}
	key.Prompt(&r, prompt)
	return r, key.Answer(&r)
}

// outcomeOf is what a record says of an answer that ended with err.
func outcomeOf(err error) string {
	if errors.Is(err, context.Canceled) {
		return "cancelled"
	}
	return "error"
}

// endedWith is ended for what has an error, or nil, at its end. Without a result no
// tokens count.
func (m *model) endedWith(ctx context.Context, a answered, started time.Time, err error) {
	if err != nil {
		a.outcome, a.nPrompt = outcomeOf(err), 0
	}
	a.took = time.Since(started)
	m.ended(ctx, a)
}

// ended counts and logs an answer to ctx's request: who and how much, never what.
func (m *model) ended(ctx context.Context, a answered) {
	a.user, a.model = auth.GrantFrom(ctx).User, m.name
	m.observer.ended(a)
	attrs := []any{"id", transport.RequestID(ctx), "user", a.user, "model", a.model,
		"n_prompt", a.nPrompt, "n_reused", a.nReused, "n_generated", a.nOut, "outcome", a.outcome,
		"first_token", a.firstToken, "duration", a.took}
	if peer, _ := auth.PeerFrom(ctx); peer.Unit != "" {
		attrs = append(attrs, "unit", peer.Unit)
	}
	if a.record.PromptMAC != "" {
		attrs = append(attrs, "prompt_mac", a.record.PromptMAC)
	}
	if a.record.AnswerMAC != "" {
		attrs = append(attrs, "answer_mac", a.record.AnswerMAC)
	}
	m.log.Info("answer", attrs...)
}
