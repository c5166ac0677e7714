package clients

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/tmc/langchaingo/embeddings"
	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/llms/ollama"
	"github.com/tmc/langchaingo/llms/openai"
)

// langchain asks through langchaingo, whichever API is behind model.
type langchain struct{ demo, scripted llms.Model }

func (l langchain) test(t *testing.T) {
	t.Run("chat", func(t *testing.T) {
		text, err := llms.GenerateFromSinglePrompt(t.Context(), l.demo, question, llms.WithTemperature(0))
		must(t, err)
		mustBegin(t, text, answer)
	})
	t.Run("stream", func(t *testing.T) {
		var streamed strings.Builder
		text, err := llms.GenerateFromSinglePrompt(t.Context(), l.demo, question, llms.WithTemperature(0),
			llms.WithStreamingFunc(func(_ context.Context, piece []byte) error {
				streamed.Write(piece)
				return nil
			}))
		must(t, err)
		mustBegin(t, text, answer)
		mustBegin(t, streamed.String(), text)
	})
	t.Run("error", func(t *testing.T) {
		_, err := llms.GenerateFromSinglePrompt(t.Context(), l.demo, question, llms.WithModel("nobody"))
		if err == nil || !strings.Contains(err.Error(), "nobody") {
			t.Fatalf("got %v", err)
		}
	})
	t.Run("JSON", func(t *testing.T) {
		text, err := llms.GenerateFromSinglePrompt(t.Context(), l.demo, question, llms.WithJSONMode(), llms.WithMaxTokens(60))
		must(t, err)
		if !strings.ContainsAny(strings.TrimSpace(text)[:1], `{["tfn-0123456789`) {
			t.Fatalf("got %q", text)
		}
	})
}

func (l langchain) callTools(t *testing.T) {
	tools := []llms.Tool{{Type: "function", Function: &llms.FunctionDefinition{Name: "weather", Description: "looks out", Parameters: weather}}}
	messages := []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeHuman, "Bern?")}
	first, err := l.scripted.GenerateContent(t.Context(), messages, llms.WithTools(tools))
	must(t, err)
	call := first.Choices[0].ToolCalls[0]
	mustBeCity(t, call.FunctionCall.Arguments)
	messages = append(messages,
		llms.MessageContent{Role: llms.ChatMessageTypeAI, Parts: []llms.ContentPart{call}},
		llms.MessageContent{Role: llms.ChatMessageTypeTool, Parts: []llms.ContentPart{
			llms.ToolCallResponse{ToolCallID: call.ID, Name: "weather", Content: "wet"},
		}})
	second, err := l.scripted.GenerateContent(t.Context(), messages, llms.WithTools(tools))
	must(t, err)
	mustBegin(t, second.Choices[0].Content, told)
}

func langchainOpenAI(t *testing.T, model string, more ...openai.Option) *openai.LLM {
	m, err := openai.New(append(more, openai.WithToken("none"), openai.WithBaseURL(baseURL), openai.WithHTTPClient(overSocket()), openai.WithModel(model))...)
	must(t, err)
	return m
}

func TestLangChainGoOverOpenAI(t *testing.T) {
	l := langchain{langchainOpenAI(t, "demo"), langchainOpenAI(t, "scripted")}
	l.test(t)
	t.Run("tools", l.callTools)
	t.Run("schema", func(t *testing.T) {
		m := langchainOpenAI(t, "scripted", openai.WithResponseFormat(&openai.ResponseFormat{
			Type: "json_schema",
			JSONSchema: &openai.ResponseFormatJSONSchema{Name: "order", Strict: true, Schema: &openai.ResponseFormatJSONSchemaProperty{
				Type: "object",
				Properties: map[string]*openai.ResponseFormatJSONSchemaProperty{
					"item":  {Type: "string", Enum: []any{"tea", "coffee"}},
					"count": {Type: "integer", Enum: []any{1, 2}},
				},
				Required: []string{"item", "count"},
			}},
		}))
		text, err := llms.GenerateFromSinglePrompt(t.Context(), m, "hi")
		must(t, err)
		mustBeOrder(t, text)
	})
	t.Run("embeddings", func(t *testing.T) { embedWith(t, langchainOpenAI(t, "demo", openai.WithEmbeddingModel("demo"))) })
}

// embedWith asks for two vectors as langchaingo's stores do.
func embedWith(t *testing.T, c embeddings.EmbedderClient) {
	e, err := embeddings.NewEmbedder(c)
	must(t, err)
	both, err := e.EmbedDocuments(t.Context(), []string{"library", "station"})
	must(t, err)
	one, err := e.EmbedQuery(t.Context(), "library")
	must(t, err)
	if len(both) != 2 || len(one) != 128 || !slices.Equal(one, both[0]) || slices.Equal(one, both[1]) {
		t.Fatalf("got %v and %v", both, one)
	}
}

func langchainOllama(t *testing.T, model string) *ollama.LLM {
	m, err := ollama.New(ollama.WithServerURL("http://inferd"), ollama.WithHTTPClient(overSocket()), ollama.WithModel(model))
	must(t, err)
	return m
}

func TestLangChainGoOverOllama(t *testing.T) {
	langchain{langchainOllama(t, "demo"), langchainOllama(t, "scripted")}.test(t)
	t.Run("embeddings", func(t *testing.T) { embedWith(t, langchainOllama(t, "demo")) })
}
