package ollama

import (
	"math"
	"net/http"
	"time"

	"inferd/daemon/ask"
	"inferd/daemon/members"
	"inferd/daemon/serve"
	"inferd/daemon/wire"
	"inferd/tokenizer"
)

// maxEmbedded bounds the texts of one request.
const maxEmbedded = 2048

// embedRequest is what both routes for vectors have in common.
type embedRequest struct {
	model     string
	adapters  []serve.Adapter
	keepAlive *time.Duration
	nCtx      int
	nDims     int
	texts     []string
}

func readEmbedRequest(o *wire.Object) *embedRequest {
	r := new(embedRequest)
	r.model = readModel(o)
	r.adapters = members.Adapters(o)
	r.keepAlive = members.KeepAlive(o)
	r.nCtx = readOptions(o, new(ask.Params))
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

// decodeEmbed reads the body of POST /api/embed.
func decodeEmbed(o *wire.Object) (*embedRequest, error) {
	r := readEmbedRequest(o)
	r.nDims = int(o.Integer("dimensions", 0, math.MaxInt32, 0))
	o.Require("input")
	r.texts = o.OneOrMore("input", maxEmbedded)
	return r, o.Close()
}

// embed serves POST /api/embed.
func (a *api) embed(w http.ResponseWriter, r *http.Request, req *embedRequest) error {
	start := time.Now()
	e, err := a.vectors(r, req)
	if err != nil {
		return err
	}
	e.TotalDuration = time.Since(start)
	wire.WriteJSON(w, http.StatusOK, e)
	return nil
}

// decodeEmbeddings reads the body of POST /api/embeddings.
func decodeEmbeddings(o *wire.Object) (*embedRequest, error) {
	r := readEmbedRequest(o)
	if prompt, _ := o.Str("prompt"); prompt != "" { // else the model is loaded and no more
		r.texts = []string{prompt}
	}
	return r, o.Close()
}

// embeddings serves POST /api/embeddings, which came before embed.
func (a *api) embeddings(w http.ResponseWriter, r *http.Request, req *embedRequest) error {
	e, err := a.vectors(r, req)
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

func (a *api) vectors(r *http.Request, req *embedRequest) (e embedded, err error) {
	m, err := a.find(r, req.model, req.adapters, req.keepAlive)
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
