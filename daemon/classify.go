package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"inferd/daemon/serve"
	"inferd/daemon/store"
	"inferd/runtime/head"
)

// namedHead is a head file that the configuration names.
type namedHead struct {
	*head.Head
	name string
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
	embedding, err := c.model.vector(ctx, tokens, "a text to classify")
	if err != nil {
		return nil, 0, err
	}
	defer clear(embedding)
	probs := make([]float32, len(c.Labels()))
	c.Head.Classify(probs, embedding)
	return probs, len(tokens), nil
}

// readHeads reads the head files that the configuration names.
func readHeads(paths []string) ([]namedHead, error) {
	var list []namedHead
	for _, path := range paths {
		h, err := head.Open(path)
		if err != nil {
			return nil, err
		}
		list = append(list, namedHead{h, store.NameOf(path)})
	}
	return list, nil
}

// checkHeads makes sure that each head of the configuration has found its model
// among those that are loaded from the start.
func (d *daemon) checkHeads() error {
	for _, h := range d.loader.heads {
		var misfits []error
		fits := false
		for _, m := range d.registry.loaded() {
			err := h.Fits(m.info.SHA256, m.engine.dim())
			fits = fits || err == nil
			misfits = append(misfits, fmt.Errorf("model %q: %w", m.name, err))
		}
		if !fits {
			return fmt.Errorf("head %s: %w", h.name, cmp.Or(errors.Join(misfits...), errNoModelForHead))
		}
	}
	return nil
}

var errNoModelForHead = errors.New("its model must be named too, with --model FILE")

// FindClassifier implements serve.Service.
func (d *daemon) FindClassifier(ctx context.Context, w serve.Want) (serve.Classifier, func(), error) {
	e := &serve.UnknownError{What: "classifier", Name: w.Model}
	for _, name := range d.modelsWithHead(w.Model, &e.Known) {
		m, release, err := d.find(ctx, serve.Want{Model: name, Endpoint: w.Endpoint, KeepAlive: w.KeepAlive})
		if err != nil {
			return nil, nil, err
		}
		if h := m.heads[w.Model]; h != nil {
			return &classifier{h, w.Model, m}, release, nil
		}
		release()
	}
	return nil, nil, e
}

// modelsWithHead returns the models that have a head, or may have, and adds the
// names of all heads to known.
func (d *daemon) modelsWithHead(name string, known *[]string) (models []string) {
	for _, m := range d.registry.loaded() {
		if m.heads[name] != nil {
			models = append(models, m.name)
		}
	}
	for _, h := range d.loader.heads {
		*known = append(*known, h.name)
	}
	for _, entry := range d.known.Entries() {
		if entry.Model == nil {
			continue
		}
		for _, file := range entry.Model.Settings.Heads {
			*known = append(*known, store.NameOf(file))
			if store.NameOf(file) == name && !slices.Contains(models, entry.Name) {
				models = append(models, entry.Name)
			}
		}
	}
	return models
}
