package daemon

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	openaigo "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/responses"
	"github.com/stretchr/testify/require"

	"inferd/daemon/demo"
	"inferd/runtime"
	"inferd/testdata"
	"inferd/tokenizer"
)

// vectorOf is what the runtime alone makes of a text.
func vectorOf(t *testing.T, path, text string) []float32 {
	e, err := runtime.Load(path, runtime.Options{})
	require.NoError(t, err)
	defer e.Close()
	v, err := e.Embed(e.Tokenizer().Encode(text, tokenizer.EncodeOptions{AddSpecial: true}))
	require.NoError(t, err)
	return v
}

func TestEmbeddingsWithTheirClient(t *testing.T) {
	path, err := demo.Write(t.TempDir())
	require.NoError(t, err)
	d := run(t, func(c *Config) { c.Demo = true })
	const text = "When does the library open?"
	want := vectorOf(t, path, text)
	runtime.Normalize(want)
	client := d.openai()
	answer, err := client.Embeddings.New(t.Context(), openaigo.EmbeddingNewParams{
		Model: "demo",
		Input: openaigo.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{text, "Hello"}},
	})
	require.NoError(t, err)
	require.Len(t, answer.Data, 2)
	for i, x := range answer.Data[0].Embedding {
		require.Equal(t, want[i], float32(x), "every bit")
	}
	require.NotEqual(t, answer.Data[0].Embedding, answer.Data[1].Embedding)

	// Beside answers that fill the cache, an embedding is the same or busy.
	const body = `{"model":"demo","input":"When does the library open?"}`
	_, alone := d.ask("/v1/embeddings", body)
	long := fmt.Sprintf(`{"model":"demo","prompt":%q,"max_tokens":20,"temperature":0}`, strings.Repeat("the library ", 15))
	wantAnswer, err := d.complete(long)
	require.NoError(t, err)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if got, err := d.complete(long); err != nil || got != wantAnswer {
				t.Errorf("got %q, %v, want %q", got, err, wantAnswer)
			}
		})
		all.Go(func() {
			if status, got := d.ask("/v1/embeddings", body); status == http.StatusOK && fmt.Sprint(got) != fmt.Sprint(alone) {
				t.Errorf("got %v, want %v", got, alone)
			}
		})
	}
	all.Wait()

	status, got := d.ask("/v1/embeddings", fmt.Sprintf(`{"model":"demo","input":%q}`, strings.Repeat("the library ", 300)))
	require.Equal(t, http.StatusBadRequest, status, got)
	require.Equal(t, "context_length_exceeded", got["error"].(map[string]any)["code"])
	require.Regexp(t, `has 1 to 256 tokens, this one has \d+`, got["error"].(map[string]any)["message"])
}

// TestCrossEncodersScoreDocuments: the score is that of query and document as
// one text, and nothing else can be asked of such a model.
func TestCrossEncodersScoreDocuments(t *testing.T) {
	path := testdata.Path("models", "bert-rerank.gguf")
	d := run(t, func(c *Config) { c.Models = []string{path} })
	model := strings.TrimSuffix(filepath.Base(path), ".gguf")
	status, got := d.ask("/v1/rerank", fmt.Sprintf(`{"model":%q,"query":"a","documents":["b","c d","e"],"raw_scores":true}`, model))
	require.Equal(t, http.StatusOK, status, got)
	results := got["results"].([]any)
	require.Len(t, results, 3)
	before := results[0].(map[string]any)["relevance_score"].(float64)
	for _, r := range results {
		score := r.(map[string]any)["relevance_score"].(float64)
		require.LessOrEqual(t, score, before)
		before = score
	}
	for path, body := range map[string]string{
		"/v1/embeddings":       `"input":"a"`,
		"/v1/completions":      `"prompt":"a"`,
		"/v1/chat/completions": `"messages":[{"role":"user","content":"a"}]`,
	} {
		status, got := d.ask(path, fmt.Sprintf(`{"model":%q,%s}`, model, body))
		require.Equal(t, http.StatusBadRequest, status, got)
		require.Equal(t, "unsupported_model", got["error"].(map[string]any)["code"])
	}
}

func TestResponsesWithTheirClient(t *testing.T) {
	d := run(t, func(c *Config) { c.Demo = true })
	client := d.openai()
	params := responses.ResponseNewParams{
		Model:           "demo",
		Instructions:    openaigo.String("Be brief."),
		Input:           responses.ResponseNewParamsInputUnion{OfString: openaigo.String("When does the library open?")},
		Temperature:     openaigo.Float(0),
		MaxOutputTokens: openaigo.Int(40),
	}
	whole, err := client.Responses.New(t.Context(), params)
	require.NoError(t, err)
	require.NotEmpty(t, whole.OutputText())
	require.Equal(t, whole.Usage.TotalTokens, whole.Usage.InputTokens+whole.Usage.OutputTokens)

	stream := client.Responses.NewStreaming(t.Context(), params)
	var text string
	var last responses.Response
	for stream.Next() {
		e := stream.Current()
		if e.Type == "response.output_text.delta" {
			text += e.Delta
		}
		last = e.Response
	}
	require.NoError(t, stream.Err())
	require.Equal(t, whole.OutputText(), text)
	require.Equal(t, whole.OutputText(), last.OutputText())

	params.PreviousResponseID = openaigo.String("resp_1")
	_, err = client.Responses.New(t.Context(), params)
	apiErr, ok := errors.AsType[*openaigo.Error](err)
	require.True(t, ok, err)
	require.Equal(t, http.StatusBadRequest, apiErr.StatusCode)
	require.Equal(t, "previous_response_id", apiErr.Param)
}
