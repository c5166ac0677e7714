package openai

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/http"

	"inferd/daemon/serve"
	"inferd/daemon/wire"
	"inferd/runtime"
)

// maxEmbedded bounds the texts of one request, as OpenAI does.
const maxEmbedded = 2048

// embeddingRequest is the body of POST /v1/embeddings.
type embeddingRequest struct {
	request
	inputs     []textPrompt
	base64     bool
	dimensions int // 0: all
}

func decodeEmbeddings(o *wire.Object) (*embeddingRequest, error) {
	r := &embeddingRequest{request: readRequest(o)}
	if r.stream {
		o.Fail("unsupported_parameter", "stream", "is not supported: vectors come whole")
	}
	o.Require("input")
	r.inputs = readPrompts(o, "input", maxEmbedded)
	r.dimensions = int(o.Integer("dimensions", 1, math.MaxInt32, 0))
	switch format, _ := o.Str("encoding_format"); format {
	case "", "float":
	case "base64":
		r.base64 = true
	default:
		o.Fail("invalid_value", "encoding_format", "must be float or base64, found %q", format)
	}
	return r, o.Close()
}

// vector is an embedding as JSON: an array of numbers, or the bytes of
// little-endian float32 in base64.
type vector struct {
	values []float32
	base64 bool
}

// MarshalJSON implements json.Marshaler.
func (v vector) MarshalJSON() ([]byte, error) {
	if !v.base64 {
		return json.Marshal(v.values)
	}
	raw := make([]byte, 0, 4*len(v.values))
	for _, x := range v.values {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return json.Marshal(base64.StdEncoding.EncodeToString(raw))
}

type embedding struct {
	Object    string `json:"object"`
	Index     int    `json:"index"`
	Embedding vector `json:"embedding"`
}

type embeddingList struct {
	Object string      `json:"object"`
	Model  string      `json:"model"`
	Data   []embedding `json:"data"`
	Usage  readUsage   `json:"usage"`
}

// readUsage counts tokens of a request that has no answer of tokens.
type readUsage struct {
	PromptTokens int `json:"prompt_tokens"`
	TotalTokens  int `json:"total_tokens"`
}

// embeddings serves POST /v1/embeddings.
func (a *api) embeddings(w http.ResponseWriter, r *http.Request) error {
	o, done, err := wire.ParseRequest(r)
	if err != nil {
		return err
	}
	defer done()
	req, err := decodeEmbeddings(o)
	if err != nil {
		return err
	}
	m, release, err := a.find(r, &req.request)
	if err != nil {
		return err
	}
	defer release()
	info := m.Info()
	if info.Can(serve.Rerank) {
		return serve.Invalid("unsupported_model", "model", "model %q scores documents, it makes no embeddings", m.Name())
	}
	if req.dimensions, err = dimensionsOf(&info, req.dimensions); err != nil {
		return err
	}
	list := embeddingList{Object: "list", Model: m.Name(), Data: make([]embedding, len(req.inputs))}
	for i, input := range req.inputs {
		tokens, err := input.tokensOf(m, "input")
		if err != nil {
			return err
		}
		v, err := m.Embed(r.Context(), tokens)
		clear(tokens)
		if err != nil {
			return err
		}
		v = v[:min(len(v), req.dimensions)]
		runtime.Normalize(v)
		if !isFinite(v) {
			return fmt.Errorf("embed: model %q: its output is not a number", m.Name())
		}
		list.Data[i] = embedding{"embedding", i, vector{v, req.base64}}
		list.Usage.PromptTokens += len(tokens)
	}
	list.Usage.TotalTokens = list.Usage.PromptTokens
	wire.WriteJSON(w, http.StatusOK, list)
	return nil
}

// leastDimensions are the shortest vectors that are of use, by architecture, of
// models that were trained so that the beginning of a vector is one as well
// (arXiv:2205.13147). Others' vectors must not be cut.
var leastDimensions = map[string]int{
	"gemma-embedding": 128,
	"qwen3":           32,
}

// dimensionsOf checks how many dimensions a request asks for; 0 is all.
func dimensionsOf(info *serve.Info, n int) (int, error) {
	least, canCut := leastDimensions[info.Architecture]
	switch {
	case n == 0, n == info.Dim:
		return math.MaxInt32, nil
	case !canCut || !info.Can(serve.Embedding):
		return 0, serve.Invalid("invalid_value", "dimensions", "\"dimensions\" is %d, but vectors of model %q have %d and must not be cut", n, info.Name, info.Dim)
	case n < least || n > info.Dim:
		return 0, serve.Invalid("invalid_value", "dimensions", "\"dimensions\" is %d, vectors of model %q can have %d to %d", n, info.Name, least, info.Dim)
	}
	return n, nil
}

func isFinite(v []float32) bool {
	for _, x := range v {
		if x-x != 0 { // NaN or infinite
			return false
		}
	}
	return true
}
