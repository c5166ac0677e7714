package ollama

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"inferd/daemon/serve"
	"inferd/daemon/wire"
)

// details are what clients show of a model.
type details struct {
	ParentModel   string   `json:"parent_model"`
	Format        string   `json:"format"`
	Family        string   `json:"family"`
	Families      []string `json:"families"`
	ParameterSize string   `json:"parameter_size"`
	Quantisation  string   `json:"quantization_level"`
	NCtx          int      `json:"context_length,omitempty"`
	Dim           int      `json:"embedding_length,omitempty"`
}

func detailsOf(i serve.Info) details {
	return details{
		Format:        "gguf",
		Family:        i.Architecture,
		Families:      []string{i.Architecture},
		ParameterSize: inWords(i.NParams),
		Quantisation:  i.Quantisation,
		NCtx:          nCtxOf(i),
		Dim:           i.Dim,
	}
}

// nCtxOf is the longest context that a request may use, as far as it is known.
func nCtxOf(i serve.Info) int {
	if i.NCtx > 0 {
		return i.NCtx
	}
	return i.NCtxTrain
}

// inWords writes a number of parameters as people do: 935.04K, 1.24B.
func inWords(n int64) string {
	for _, unit := range []struct {
		size int64
		name string
	}{{1e9, "B"}, {1e6, "M"}, {1e3, "K"}} {
		if n >= unit.size {
			return strings.TrimSuffix(fmt.Sprintf("%.2f", float64(n)/float64(unit.size)), ".00") + unit.name
		}
	}
	return fmt.Sprint(n)
}

// entry is a model in a list.
type entry struct {
	Name         string             `json:"name"`
	Model        string             `json:"model"`
	Modified     *time.Time         `json:"modified_at,omitempty"`
	Size         int64              `json:"size"`
	Digest       string             `json:"digest"`
	Details      details            `json:"details"`
	Capabilities []serve.Capability `json:"capabilities,omitempty"`
}

// loadedEntry is a model in the list of those that are loaded.
type loadedEntry struct {
	entry
	Expires  time.Time `json:"expires_at"`
	SizeVRAM int64     `json:"size_vram"`
	NCtx     int       `json:"context_length"`
}

func entryOf(i serve.Info) entry {
	return entry{Name: i.Name, Model: i.Name, Size: i.Bytes, Digest: digestOf(i), Details: detailsOf(i)}
}

// digestOf is the sum of a model, or zeros while it is not known: clients cut
// twelve digits off without asking.
func digestOf(i serve.Info) string {
	if i.SHA256 == "" {
		return strings.Repeat("0", 64)
	}
	return i.SHA256
}

// usable returns the models that a client may ask.
func (a *api) usable(r *http.Request) []serve.Info {
	return slices.DeleteFunc(slices.Clone(a.service.Models(r.Context())), func(i serve.Info) bool { return i.Problem != "" })
}

// tags lists the models that there are.
func (a *api) tags(w http.ResponseWriter, r *http.Request) error {
	entries := []entry{}
	for _, i := range a.usable(r) {
		e := entryOf(i)
		e.Modified, e.Capabilities = &i.Modified, i.Capabilities
		entries = append(entries, e)
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"models": entries})
	return nil
}

// forever is when a model expires that stays loaded.
var forever = time.Date(2999, 12, 31, 0, 0, 0, 0, time.UTC)

// ps lists the models that are loaded.
func (a *api) ps(w http.ResponseWriter, r *http.Request) error {
	entries := []loadedEntry{}
	for _, i := range a.usable(r) {
		if !i.Loaded {
			continue
		}
		e := loadedEntry{entry: entryOf(i), Expires: i.Expires, NCtx: nCtxOf(i)}
		e.Size = i.MemoryBytes
		if e.Expires.IsZero() {
			e.Expires = forever
		}
		entries = append(entries, e)
	}
	wire.WriteJSON(w, http.StatusOK, map[string]any{"models": entries})
	return nil
}

// known returns what is known of a model by its name or an alias.
func (a *api) known(r *http.Request, name string) (serve.Info, error) {
	models := a.usable(r)
	for _, name := range []string{name, withoutTag(name)} {
		for _, i := range models {
			if i.Name == name || slices.Contains(i.Aliases, name) {
				return i, nil
			}
		}
	}
	return serve.Info{}, serve.Unknown("model", name, models)
}

// shown describes one model.
type shown struct {
	License      string             `json:"license,omitempty"`
	Template     string             `json:"template,omitempty"`
	Details      details            `json:"details"`
	ModelInfo    map[string]any     `json:"model_info"`
	Capabilities []serve.Capability `json:"capabilities"`
	Modified     time.Time          `json:"modified_at"`
}

// decodeShow reads which model to describe.
func decodeShow(o *wire.Object) (name string, err error) {
	name = readModel(o)
	o.Ignored("a boolean", "verbose") // the tensors are not told either way
	o.Ignored("a string", "system", "template")
	o.Ignored("an object", "options")
	return name, o.Close()
}

// show serves POST /api/show.
func (a *api) show(w http.ResponseWriter, r *http.Request, name string) error {
	i, err := a.known(r, name)
	if err != nil {
		return err
	}
	wire.WriteJSON(w, http.StatusOK, shown{
		License:  i.License,
		Template: i.ChatTemplate,
		Details:  detailsOf(i),
		ModelInfo: map[string]any{
			"general.architecture":               i.Architecture,
			"general.parameter_count":            i.NParams,
			i.Architecture + ".context_length":   i.NCtxTrain,
			i.Architecture + ".embedding_length": i.Dim,
		},
		Capabilities: append([]serve.Capability{}, i.Capabilities...),
		Modified:     i.Modified,
	})
	return nil
}
