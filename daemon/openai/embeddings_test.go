package openai

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/daemon/serve"
)

const (
	embedPath  = "/v1/embeddings"
	rerankPath = "/v1/rerank"
)

func TestEmbeddings(t *testing.T) {
	s, _ := newService(t)
	unit := []any{float64(float32(1 / math.Sqrt(5))), float64(float32(2 / math.Sqrt(5))), 0.0}
	for input, nTexts := range map[string]int{`"abc"`: 1, `["abc","d"]`: 2, `[5,6,7]`: 1, `[[5,6],[7]]`: 2} {
		status, got := s.post(t, embedPath, `{"model":"fake","input":`+input+`,"encoding_format":"float","user":"u"}`)
		require.Equal(t, http.StatusOK, status, got)
		require.Equal(t, "list", got["object"])
		require.Equal(t, "fake", got["model"])
		require.Len(t, got["data"], nTexts)
		for i := range nTexts {
			require.Equal(t, "embedding", at(t, got, "data", i, "object"))
			require.Equal(t, float64(i), at(t, got, "data", i, "index"))
			require.InDeltaSlice(t, unit, at(t, got, "data", i, "embedding"), 1e-6, "the length is one")
		}
		require.Equal(t, at(t, got, "usage", "prompt_tokens"), at(t, got, "usage", "total_tokens"))
	}
	_, got := s.post(t, embedPath, `{"model":"fake","input":["abc","d"]}`)
	require.Equal(t, 6.0, at(t, got, "usage", "prompt_tokens"), "with two beginnings")

	_, got = s.post(t, embedPath, `{"model":"fake","input":"abc","encoding_format":"base64","dimensions":3}`)
	raw, err := base64.StdEncoding.DecodeString(at(t, got, "data", 0, "embedding").(string))
	require.NoError(t, err)
	require.Len(t, raw, 12)
	require.InDelta(t, 2/math.Sqrt(5), math.Float32frombits(binary.LittleEndian.Uint32(raw[4:])), 1e-6)
}

// TestVectorsAreCutWhereTheyMayBe: only vectors that were trained for it are cut,
// and then have the length one again.
func TestVectorsAreCutWhereTheyMayBe(t *testing.T) {
	s, m := newService(t)
	ask := func(n int) (int, map[string]any) {
		return s.post(t, embedPath, fmt.Sprintf(`{"model":"fake","input":"abc","dimensions":%d}`, n))
	}
	status, got := ask(2)
	require.Equal(t, http.StatusBadRequest, status)
	require.Equal(t, `"dimensions" is 2, but vectors of model "fake" have 3 and must not be cut`, at(t, got, "error", "message"))
	m.info = serve.Info{Architecture: "qwen3", Dim: 40, Capabilities: []serve.Capability{serve.Embedding}}
	m.last = 100
	status, got = ask(32)
	require.Equal(t, http.StatusOK, status)
	want := make([]any, 32)
	for i := range want {
		want[i] = 0.0
	}
	want[0], want[1] = 1/math.Sqrt(5), 2/math.Sqrt(5)
	require.InDeltaSlice(t, want, at(t, got, "data", 0, "embedding"), 1e-6)
	for _, n := range []int{31, 41} {
		status, got = ask(n)
		require.Equal(t, http.StatusBadRequest, status)
		require.Equal(t, "dimensions", at(t, got, "error", "param"))
		require.Contains(t, at(t, got, "error", "message"), "32 to 40")
	}
}

func TestRerank(t *testing.T) {
	s, m := newService(t)
	const ask = `{"model":"fake","query":"a","documents":["b",{"text":"aab"},"ab","aaa"]%s}`
	status, got := s.post(t, rerankPath, fmt.Sprintf(ask, ""))
	require.Equal(t, http.StatusBadRequest, status, "it is no cross-encoder")
	require.Equal(t, "model", at(t, got, "error", "param"))

	m.info.Capabilities = []serve.Capability{serve.Rerank}
	_, got = s.post(t, rerankPath, fmt.Sprintf(ask, ""))
	var order []any
	for i := range 4 {
		order = append(order, at(t, got, "results", i, "index"))
		require.NotContains(t, at(t, got, "results", i), "document")
	}
	require.Equal(t, []any{3.0, 1.0, 2.0, 0.0}, order, "best first")
	require.InDelta(t, 0.3, at(t, got, "results", 0, "relevance_score"), 1e-6)
	require.Equal(t, 13.0, at(t, got, "usage", "total_tokens"))

	_, got = s.post(t, rerankPath, fmt.Sprintf(ask, `,"top_n":1,"return_documents":true,"raw_scores":true`))
	require.Equal(t, []any{map[string]any{"index": 3.0, "relevance_score": 3.0, "document": map[string]any{"text": "aaa"}}}, got["results"])

	status, got = s.post(t, embedPath, `{"model":"fake","input":"abc"}`)
	require.Equal(t, http.StatusBadRequest, status, "a score is no vector")
	require.Equal(t, "unsupported_model", at(t, got, "error", "code"))
}

func TestMistakesOfReadersAreNamed(t *testing.T) {
	const docs = `"query":"q","documents":["a"]`
	for _, test := range []struct{ path, rest, param, code string }{
		{embedPath, `"encoding_format":"float"`, "input", "missing_required_parameter"},
		{embedPath, `"input":7`, "input", "invalid_type"},
		{embedPath, `"input":[]`, "input", "invalid_value"},
		{embedPath, `"input":[[]]`, "input", "invalid_value"},
		{embedPath, `"input":["a",7]`, "input", "invalid_type"},
		{embedPath, `"input":[1,"a"]`, "input", "invalid_type"},
		{embedPath, `"input":[260]`, "input", "invalid_value"},
		{embedPath, `"input":["a"` + strings.Repeat(`,"a"`, maxEmbedded) + `]`, "input", "invalid_value"},
		{embedPath, `"input":"a","encoding_format":"int8"`, "encoding_format", "invalid_value"},
		{embedPath, `"input":"a","dimensions":0`, "dimensions", "invalid_value"},
		{embedPath, `"input":"a","dimensions":"3"`, "dimensions", "invalid_type"},
		{embedPath, `"input":"a","stream":true`, "stream", "unsupported_parameter"},
		{embedPath, `"input":"a","temperature":1`, "temperature", "unknown_parameter"},
		{embedPath, `"input":"` + strings.Repeat("a", 200) + `"`, "input", "context_length_exceeded"},
		{rerankPath, `"documents":["a"]`, "query", "missing_required_parameter"},
		{rerankPath, `"query":"q"`, "documents", "missing_required_parameter"},
		{rerankPath, `"query":"q","documents":[]`, "documents", "invalid_value"},
		{rerankPath, `"query":"q","documents":[7]`, "documents[0]", "invalid_type"},
		{rerankPath, `"query":"q","documents":[{"title":"a"}]`, "documents[0].text", "missing_required_parameter"},
		{rerankPath, docs + `,"top_n":0`, "top_n", "invalid_value"},
		{rerankPath, docs + `,"top_n":1.5`, "top_n", "invalid_type"},
		{rerankPath, docs + `,"max_chunks_per_doc":1`, "max_chunks_per_doc", "unknown_parameter"},
		{tokenizePath, ``, "content", "missing_required_parameter"},
		{tokenizePath, `"content":"a","prompt":"a"`, "content", "invalid_value"},
		{tokenizePath, `"content":7`, "content", "invalid_type"},
		{detokenizePath, ``, "tokens", "missing_required_parameter"},
		{detokenizePath, `"tokens":"a"`, "tokens", "invalid_type"},
		{detokenizePath, `"tokens":["a"]`, "tokens", "invalid_type"},
		{detokenizePath, `"tokens":[null]`, "tokens", "invalid_type"},
		{detokenizePath, `"tokens":[-1]`, "tokens", "invalid_value"},
		{detokenizePath, `"tokens":[260]`, "tokens", "invalid_value"},
		{embedPath, `"input":"a","keep_alive":"soon"`, "keep_alive", "invalid_value"},
		{embedPath, `"input":"a","adapter":7`, "adapter", "invalid_type"},
		{embedPath, `"input":"a","adapter":[{"scale":1}]`, "adapter[0].name", "missing_required_parameter"},
		{embedPath, `"input":"a","adapter":{"name":"x","scale":1e9}`, "adapter[0].scale", "invalid_value"},
	} {
		s, _ := newService(t)
		body := `{"model":"fake"`
		if test.rest != "" {
			body += "," + test.rest
		}
		status, got := s.post(t, test.path, body+"}")
		require.Equal(t, http.StatusBadRequest, status, test.rest)
		require.Equal(t, test.param, at(t, got, "error", "param"), "%s: %v", test.rest, got)
		require.Equal(t, test.code, at(t, got, "error", "code"), "%s: %v", test.rest, got)
	}
}
