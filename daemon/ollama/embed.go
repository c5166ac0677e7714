package ollama

import (
	"encoding/json"
	"math"
	"net/http"
	"time"

	"inferd/daemon/ask"
	"inferd/daemon/wire"
	"inferd/runtime"
	"inferd/tokenizer"
)

// maxEmbedded bounds the texts of one request.
const maxEmbedded = 2048

// embedRequest is what both routes for vectors have in common.
type embedRequest struct {
	model     string
	keepAlive *time.Duration
	nCtx      int
	nDims     int
	texts     []string
}

func readEmbedRequest(o *wire.Object) (r embedRequest) {
	r.model = readModel(o)
	r.keepAlive = readKeepAlive(o)
	r.nCtx = readOptions(o, new(runtime.GenerationOptions))
	o.Bool("truncate", false)
	return r
}

// embedded is the answer of POST /api/embed.
type embedded struct {
	Model           string        `json:"model"`
	Embeddings      [][]float32   `json:"embeddings"`
	TotalDuration   time.Duration `json:"total_duration"`
	LoadDuration    time.Duration `json:"load_duration"`
	PromptEvalCount int           `json:"prompt_eval_count"`
}

// embed serves POST /api/embed.
func (a *api) embed(w http.ResponseWriter, r *http.Request) error {
	start := time.Now()
	o, done, err := wire.ParseRequest(r)
	if err != nil {
		return err
	}
	defer done()
	req := readEmbedRequest(o)
	req.nDims = int(o.Integer("dimensions", 0, math.MaxInt32, 0))
	o.Require("input")
	req.texts = readInput(o)
	if err := o.Close(); err != nil {
		return err
	}
	e, err := a.vectors(r, &req)
	if err != nil {
		return err
	}
	e.TotalDuration = time.Since(start)
	wire.WriteJSON(w, http.StatusOK, e)
	return nil
}

// embeddings serves POST /api/embeddings, which came before embed.
func (a *api) embeddings(w http.ResponseWriter, r *http.Request) error {
	o, done, err := wire.ParseRequest(r)
	if err != nil {
		return err
	}
	defer done()
	req := readEmbedRequest(o)
	prompt, _ := o.Str("prompt")
	if err := o.Close(); err != nil {
		return err
	}
	if prompt != "" { // else the model is loaded and no more
		req.texts = []string{prompt}
	}
	e, err := a.vectors(r, &req)
	if err != nil {
		return err
	}
	v := []float32{}
	if len(e.Embeddings) > 0 {
		v = e.Embeddings[0]
	}
	wire.WriteJSON(w, http.StatusOK, map[string][]float32{"embedding": v})
	return nil
}

// readInput reads a string or an array of strings, which may be empty.
func readInput(o *wire.Object) []string {
	value := o.Take("input")
	if value == nil {
		return nil
	}
	elements := []json.RawMessage{value}
	if wire.TypeOf(value) == "an array" {
		if wire.FirstOf(value) == "" {
			return nil
		}
		elements = o.Elements("input", value, maxEmbedded)
	}
	texts := make([]string, len(elements))
	for i, element := range elements {
		if wire.TypeOf(element) != "a string" {
			o.WrongType("input", "a string or an array of strings", element)
			return nil
		}
		texts[i] = wire.Unquote(element)
	}
	return texts
}

func (a *api) vectors(r *http.Request, req *embedRequest) (e embedded, err error) {
	m, err := a.find(r, req.model, req.keepAlive)
	if err != nil {
		return e, err
	}
	defer m.release()
	embedder, err := ask.NewEmbedder(m, req.nDims)
	if err != nil {
		return e, err
	}
	e = embedded{Model: m.name, LoadDuration: m.took, Embeddings: [][]float32{}}
	for _, text := range req.texts {
		tokens := m.Tokenizer().Encode(text, tokenizer.EncodeOptions{AddSpecial: true})
		if req.nCtx > 0 && len(tokens) > req.nCtx {
			return e, ask.TooLong(capped{m.Model, req.nCtx}, "input", len(tokens))
		}
		v, err := embedder.Embed(r.Context(), tokens)
		clear(tokens)
		if err != nil {
			return e, err
		}
		e.Embeddings = append(e.Embeddings, v)
		e.PromptEvalCount += len(tokens)
	}
	return e, nil
}
