package openai

import "net/http"

// modelEntry describes a model in a list.
type modelEntry struct {
	ID            string `json:"id"`
	Object        string `json:"object"`
	Created       int64  `json:"created"`
	OwnedBy       string `json:"owned_by"`
	ContextLength int    `json:"context_length"` // not in OpenAI's format
}

func entryOf(m Model) modelEntry {
	return modelEntry{m.Name(), "model", m.Created().Unix(), "inferd", m.NCtx()}
}

// models lists what can be asked.
func (a *API) models(w http.ResponseWriter, _ *http.Request) error {
	entries := []modelEntry{}
	for _, m := range a.service.Models() {
		entries = append(entries, entryOf(m))
	}
	writeJSON(w, http.StatusOK, map[string]any{"object": "list", "data": entries})
	return nil
}

// model describes one.
func (a *API) model(w http.ResponseWriter, r *http.Request) error {
	m, err := a.find(r.PathValue("model"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, entryOf(m))
	return nil
}
