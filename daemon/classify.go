package daemon

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"

	"inferd/daemon/serve"
	"inferd/runtime"
	"inferd/runtime/head"
)

// maxClassifyTokens bounds the texts that heads read. Reading one takes pages
// of the KV cache for a moment, which are kept back from the answers: up to half
// of all.
const maxClassifyTokens = 512

// pagesForHeads is how many pages of a KV cache are kept back.
func pagesForHeads(kv runtime.KVStats) int {
	return min((maxClassifyTokens+kv.PageTokens-1)/kv.PageTokens, kv.NPages/2)
}

// classifier is a head before the model that it belongs to.
type classifier struct {
	*head.Head
	name  string
	model *model
}

var _ serve.Classifier = (*classifier)(nil)

// Name implements serve.Classifier.
func (c *classifier) Name() string { return c.name }

// Classify implements serve.Classifier.
func (c *classifier) Classify(ctx context.Context, text string) ([]float32, int, error) {
	tokens, err := c.model.ChatPrompt(serve.Conversation{Messages: []serve.Message{{Role: "user", Content: text}}})
	if err != nil {
		return nil, 0, err
	}
	defer clear(tokens)
	if n := min(c.model.nClassify, c.model.engine.nCtx()); len(tokens) == 0 || len(tokens) > n {
		return nil, 0, &serve.LengthError{What: "a text to classify", NTokens: len(tokens), Most: n}
	}
	var embedding []float32
	doErr := c.model.sched.Do(ctx, func() { embedding, err = c.model.engine.embed(tokens) })
	if err = cmp.Or(doErr, err); err != nil {
		return nil, 0, explain(err)
	}
	defer clear(embedding)
	probs := make([]float32, len(c.Labels()))
	c.Head.Classify(probs, embedding)
	return probs, len(tokens), nil
}

// loadHeads reads the head files and finds each one's model.
func loadHeads(paths []string, models []*model, log *slog.Logger) ([]*classifier, error) {
	var list []*classifier
	for _, path := range paths {
		h, err := head.Open(path)
		if err != nil {
			return nil, err
		}
		c := &classifier{Head: h, name: modelName(path)}
		var misfits []error
		for _, m := range models {
			if err := h.Fits(hex.EncodeToString(m.sum), m.engine.dim()); err != nil {
				misfits = append(misfits, fmt.Errorf("model %q: %w", m.name, err))
				continue
			}
			c.model = m
		}
		if c.model == nil {
			return nil, fmt.Errorf("head %s: %w", path, errors.Join(misfits...))
		}
		if c.model.nClassify == 0 {
			return nil, fmt.Errorf("head %s: the KV cache of model %q leaves no room for a head, raise kv-budget", path, c.model.name)
		}
		log.Info("classifier head loaded", "head", c.name, "model", c.model.name, "labels", len(h.Labels()))
		list = append(list, c)
	}
	return list, nil
}

// FindClassifier implements serve.Service.
func (d *daemon) FindClassifier(_ context.Context, w serve.Want) (serve.Classifier, func(), error) {
	e := &serve.UnknownError{What: "classifier", Name: w.Model}
	for _, c := range d.heads {
		if c.name == w.Model {
			return c, func() {}, nil
		}
		e.Known = append(e.Known, c.name)
	}
	return nil, nil, e
}
