package ask

import (
	"context"
	"fmt"

	"inferd/daemon/serve"
	"inferd/runtime"
)

// Embedder makes vectors of texts with one model.
type Embedder struct {
	model serve.Model
	nDims int // 0: all
}

// leastDimensions are the shortest vectors that are of use, by architecture, of
// models that were trained so that the beginning of a vector is one as well
// (arXiv:2205.13147). Others' vectors must not be cut.
var leastDimensions = map[string]int{
	"gemma-embedding": 128,
	"qwen3":           32,
}

// NewEmbedder returns an embedder whose vectors have nDims dimensions, all that
// the model has if 0. Errors are faults of the client.
func NewEmbedder(m serve.Model, nDims int) (*Embedder, error) {
	info := m.Info()
	if info.Can(serve.Rerank) {
		return nil, serve.Invalid("unsupported_model", "model", "model %q scores documents, it makes no embeddings", m.Name())
	}
	least, canCut := leastDimensions[info.Architecture]
	switch {
	case nDims == 0, nDims == info.Dim:
		nDims = 0
	case !canCut || !info.Can(serve.Embedding):
		return nil, serve.Invalid("invalid_value", "dimensions", "\"dimensions\" is %d, but vectors of model %q have %d and must not be cut", nDims, info.Name, info.Dim)
	case nDims < least || nDims > info.Dim:
		return nil, serve.Invalid("invalid_value", "dimensions", "\"dimensions\" is %d, vectors of model %q can have %d to %d", nDims, info.Name, least, info.Dim)
	}
	return &Embedder{m, nDims}, nil
}

// Embed returns the vector of a text, of length 1. Errors are those of
// serve.Model.
func (e *Embedder) Embed(ctx context.Context, tokens []runtime.Token) ([]float32, error) {
	v, err := e.model.Embed(ctx, tokens)
	if err != nil {
		return nil, err
	}
	if e.nDims > 0 {
		v = v[:e.nDims]
	}
	runtime.Normalize(v)
	for _, x := range v {
		if x-x != 0 { // NaN or infinite
			return nil, fmt.Errorf("embed: model %q: its output is not a number", e.model.Name())
		}
	}
	return v, nil
}
