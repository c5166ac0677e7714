package openai

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"

	"inferd/daemon/serve"
	"inferd/daemon/wire"
)

// maxReranked bounds the documents of one request.
const maxReranked = 1024

// rerankRequest is the body of POST /v1/rerank, in the shape that Jina and
// Cohere share.
type rerankRequest struct {
	request
	query     string
	documents []string
	topN      int
	withText  bool
	raw       bool
}

func decodeRerank(o *wire.Object) (*rerankRequest, error) {
	r := &rerankRequest{request: readRequest(o)}
	if r.stream {
		o.Fail("unsupported_parameter", "stream", "is not supported: scores come whole")
	}
	o.Require("query")
	r.query, _ = o.Str("query")
	o.Require("documents")
	for i, element := range o.Array("documents", maxReranked) {
		r.documents = append(r.documents, readDocument(o, i, element))
	}
	r.topN = int(o.Integer("top_n", 1, math.MaxInt32, math.MaxInt32))
	r.withText = o.Bool("return_documents", false)
	r.raw = o.Bool("raw_scores", false)
	return r, o.Close()
}

type rerankResult struct {
	Index    int             `json:"index"` // of the document in the request
	Score    float32         `json:"relevance_score"`
	Document *rerankDocument `json:"document,omitempty"`
}

type rerankDocument struct {
	Text string `json:"text"`
}

// rerank serves POST /v1/rerank.
func (a *api) rerank(w http.ResponseWriter, r *http.Request, req *rerankRequest, m serve.Model) error {
	info := m.Info()
	if !info.Can(serve.Rerank) {
		return serve.Invalid("unsupported_model", "model", "model %q was not trained to score documents", m.Name())
	}
	results := make([]rerankResult, len(req.documents))
	var u readUsage
	for i, document := range req.documents {
		relevance, err := m.Rerank(r.Context(), req.query, document)
		if err != nil {
			return err
		}
		u.PromptTokens += relevance.NTokens
		results[i] = rerankResult{Index: i, Score: relevance.Score}
		if req.raw {
			results[i].Score = relevance.Raw
		}
		if req.withText {
			results[i].Document = &rerankDocument{document}
		}
	}
	u.TotalTokens = u.PromptTokens
	slices.SortStableFunc(results, func(a, b rerankResult) int { return cmp.Compare(b.Score, a.Score) })
	wire.WriteJSON(w, http.StatusOK, map[string]any{
		"object": "list", "model": m.Name(), "usage": u,
		"results": results[:min(len(results), req.topN)],
	})
	return nil
}

// readDocument reads a text, or an object with a text as Cohere's clients send.
func readDocument(o *wire.Object, i int, value json.RawMessage) string {
	if wire.TypeOf(value) == "a string" {
		return wire.Unquote(value)
	}
	in := o.Inner(fmt.Sprintf("documents[%d]", i), value)
	in.Require("text")
	text, _ := in.Str("text")
	o.CloseInner(in)
	return text
}
