package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"inferd/daemon/serve"
	"inferd/kernels"
	"inferd/runtime"
	"inferd/tokenizer"
)

// Embed implements serve.Model. The text is read between two steps of the
// scheduler. An embedding model keeps pages back for it (see pagesKept); any
// other has those that no answer is using, or else is busy.
func (m *model) Embed(ctx context.Context, tokens []runtime.Token) ([]float32, error) {
	if most := m.engine.nCtx(); len(tokens) == 0 || len(tokens) > most {
		return nil, &serve.LengthError{What: fmt.Sprintf("a text for the model %q", m.name), NTokens: len(tokens), Most: most}
	}
	if len(m.chosen) > 0 {
		return nil, serve.Invalid("unsupported_parameter", "adapter", "adapters change answers, not vectors of texts")
	}
	var v []float32
	var err error
	doErr := m.sched.Do(ctx, func() { v, err = m.engine.embed(tokens) })
	if errors.Is(err, runtime.ErrKVFull) {
		err = fmt.Errorf("%w: %w", serve.ErrBusy, err)
	}
	if err = cmp.Or(doErr, err); err != nil {
		return nil, explain(err)
	}
	return v, nil
}

// pagesKept is how many pages of a KV cache no answer gets: they are for texts
// that are embedded. An encoder's are, since it makes no answers, and of other
// models that were trained for embeddings the larger part is.
func pagesKept(kv runtime.KVStats, pooling string, hasHeads bool) int {
	switch {
	case pooling != "":
		return kv.NPages * 3 / 4
	case hasHeads:
		return pagesForHeads(kv)
	default:
		return 0
	}
}

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
