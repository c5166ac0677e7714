package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"inferd/daemon/auth"
	"inferd/daemon/sched"
	"inferd/daemon/serve"
	"inferd/kernels"
	"inferd/runtime"
	"inferd/tokenizer"
)

// Embed implements serve.Model.
func (m *model) Embed(ctx context.Context, tokens []runtime.Token) ([]float32, error) {
	if len(m.chosen) > 0 {
		return nil, serve.Invalid("unsupported_parameter", "adapter", "adapters change answers, not vectors of texts")
	}
	return m.vector(ctx, tokens, fmt.Sprintf("a text for the model %q", m.name))
}

// vector returns the pooled vector of a text, which what names in an error. To the
// scheduler it is a prompt without an answer.
func (m *model) vector(ctx context.Context, tokens []runtime.Token, what string) ([]float32, error) {
	if most := m.nCtx; len(tokens) == 0 || len(tokens) > most {
		return nil, &serve.LengthError{What: what, NTokens: len(tokens), Most: most}
	}
	started := time.Now()
	ctx, cancel := m.bound(ctx)
	defer cancel()
	grant := auth.GrantFrom(ctx)
	w := &vectorWriter{ended: make(chan error, 1)}
	done := answered{outcome: "vector", nPrompt: len(tokens)}
	done.record, _ = m.audit(ctx, tokens)
	err := m.sched.Submit(ctx, sched.Request{
		User:   grant.User,
		Share:  grant.Share,
		Prompt: slices.Clone(tokens),
		Vector: true,
		Begin:  func(sched.Session) (sched.Writer, error) { return w, nil },
		Failed: w.End,
	})
	if err == nil {
		err = <-w.ended // soon after ctx ends, if it does
	}
	m.endedWith(ctx, done, started, err)
	if err != nil {
		return nil, explain(err)
	}
	return w.vector, nil
}

// vectorWriter is a sched.Writer that takes the vector of a text.
type vectorWriter struct {
	vector []float32
	ended  chan error
}

var _ sched.Writer = (*vectorWriter)(nil)

// Prompt implements sched.Writer. Texts do not ask for it.
func (w *vectorWriter) Prompt([]float32) {}

// Next implements sched.Writer.
func (w *vectorWriter) Next(vector []float32) (runtime.Token, bool, error) {
	w.vector = slices.Clone(vector)
	return 0, false, nil
}

// End implements sched.Writer.
func (w *vectorWriter) End(err error) { w.ended <- err }

// Rerank implements serve.Model. Query and document are one text to a
// cross-encoder: each as the vocabulary encodes it, without a second
// beginning, and with a second separator where the vocabulary wants one.
func (m *model) Rerank(ctx context.Context, query, document string) (serve.Relevance, error) {
	tok := m.Tokenizer()
	special := tokenizer.EncodeOptions{AddSpecial: true}
	tokens := tok.Encode(query, special)
	if tok.AddsSEP() && tok.AddsEOS() {
		tokens = append(tokens, tok.SEP())
	}
	second := tok.Encode(document, special)
	if len(second) > 0 && second[0] == tok.BOS() {
		second = second[1:]
	}
	tokens = append(tokens, second...)
	defer clear(tokens)
	v, err := m.Embed(ctx, tokens)
	if e, ok := errors.AsType[*serve.LengthError](err); ok {
		e.What = "query and document together"
	}
	if err != nil {
		return serve.Relevance{}, err
	}
	return serve.Relevance{Raw: v[0], Score: relevance(v), NTokens: len(tokens)}, nil
}

// relevance brings a model's output into the range from 0 to 1. One number is
// the logit of being relevant; of several, the first is the probability.
func relevance(v []float32) float32 {
	if len(v) > 1 {
		return v[0]
	}
	x := slices.Clone(v)
	x[0] = -x[0]
	kernels.Exp(x, x)
	return 1 / (1 + x[0])
}
