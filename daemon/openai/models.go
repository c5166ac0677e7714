package openai

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"inferd/daemon/serve"
	"inferd/daemon/wire"
)

// modelEntry describes a model in a list.
type modelEntry struct {
	ID            string `json:"id"`
	Object        string `json:"object"`
	Created       int64  `json:"created"`
	OwnedBy       string `json:"owned_by"`
	ContextLength int    `json:"context_length"` // not in OpenAI's format

	// What Anthropic's clients read, who ask at the same path.
	Type        string `json:"type"`
	DisplayName string `json:"display_name"`
	CreatedAt   string `json:"created_at"`
}

func entryOf(m serve.Info) modelEntry {
	return modelEntry{
		m.Name, "model", m.Modified.Unix(), "inferd", cmp.Or(m.NCtx, m.NCtxTrain),
		"model", m.Name, m.Modified.UTC().Format(time.RFC3339),
	}
}

// models lists what can be asked.
func (a *api) models(w http.ResponseWriter, r *http.Request) error {
	entries := []modelEntry{}
	for _, m := range a.service.Models(r.Context()) {
		if m.Problem == "" {
			entries = append(entries, entryOf(m))
		}
	}
	list := map[string]any{"object": "list", "data": entries, "has_more": false, "first_id": nil, "last_id": nil}
	if len(entries) > 0 {
		list["first_id"], list["last_id"] = entries[0].ID, entries[len(entries)-1].ID
	}
	wire.WriteJSON(w, http.StatusOK, list)
	return nil
}

// model describes one, and loads nothing.
func (a *api) model(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("model")
	models := a.service.Models(r.Context())
	i := slices.IndexFunc(models, func(m serve.Info) bool { return m.Name == name || slices.Contains(m.Aliases, name) })
	if i < 0 {
		return serve.Unknown("model", name, models)
	}
	wire.WriteJSON(w, http.StatusOK, entryOf(models[i]))
	return nil
}
