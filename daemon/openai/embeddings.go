package openai

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"net/http"

	"inferd/daemon/ask"
	"inferd/daemon/serve"
	"inferd/daemon/wire"
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
func (a *api) embeddings(w http.ResponseWriter, r *http.Request, req *embeddingRequest, m serve.Model) error {
	embedder, err := ask.NewEmbedder(m, req.dimensions)
	if err != nil {
		return err
	}
	list := embeddingList{Object: "list", Model: m.Name(), Data: make([]embedding, len(req.inputs))}
	for i, input := range req.inputs {
		tokens, err := input.tokensOf(m, "input")
		if err != nil {
			return err
		}
		v, err := embedder.Embed(r.Context(), tokens)
		clear(tokens)
		if err != nil {
			return err
		}
		list.Data[i] = embedding{"embedding", i, vector{v, req.base64}}
		list.Usage.PromptTokens += len(tokens)
	}
	list.Usage.TotalTokens = list.Usage.PromptTokens
	wire.WriteJSON(w, http.StatusOK, list)
	return nil
}
