package clients

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/ollama/ollama/api"
)

func ollamaClient(t *testing.T) *api.Client {
	t.Helper()
	base, err := url.Parse("http://inferd")
	must(t, err)
	return api.NewClient(base, overSocket())
}

// ollamaChat returns the joined text, the calls, and the last part of an answer.
func ollamaChat(t *testing.T, request *api.ChatRequest) (text string, calls []api.ToolCall, last api.ChatResponse) {
	t.Helper()
	err := ollamaClient(t).Chat(t.Context(), request, func(r api.ChatResponse) error {
		text += r.Message.Content
		calls = append(calls, r.Message.ToolCalls...)
		last = r
		return nil
	})
	must(t, err)
	return text, calls, last
}

func TestOllamaChats(t *testing.T) {
	whole := false
	request := &api.ChatRequest{
		Model:    "demo",
		Messages: []api.Message{{Role: "user", Content: question}},
		Options:  map[string]any{"temperature": 0},
	}
	streamed, _, last := ollamaChat(t, request)
	request.Stream = &whole
	text, _, only := ollamaChat(t, request)
	mustBegin(t, text, answer)
	if streamed != text || !last.Done || last.EvalCount != only.EvalCount || last.EvalDuration <= 0 {
		t.Fatalf("got %q, %+v, want %q", streamed, last, text)
	}
}

func TestOllamaGenerates(t *testing.T) {
	var text strings.Builder
	err := ollamaClient(t).Generate(t.Context(), &api.GenerateRequest{Model: "demo", Prompt: question, Options: map[string]any{"temperature": 0}},
		func(r api.GenerateResponse) error {
			text.WriteString(r.Response)
			return nil
		})
	must(t, err)
	mustBegin(t, text.String(), answer)
}

func TestOllamaCallsTools(t *testing.T) {
	properties := api.NewToolPropertiesMap()
	properties.Set("city", api.ToolProperty{Type: api.PropertyType{"string"}})
	request := &api.ChatRequest{
		Model:    "scripted",
		Messages: []api.Message{{Role: "user", Content: "Bern?"}},
		Tools: api.Tools{{Type: "function", Function: api.ToolFunction{
			Name: "weather", Parameters: api.ToolFunctionParameters{Type: "object", Required: []string{"city"}, Properties: properties},
		}}},
	}
	_, calls, last := ollamaChat(t, request)
	mustBeCity(t, calls[0].Function.Arguments.String())
	request.Messages = append(request.Messages,
		api.Message{Role: "assistant", ToolCalls: calls},
		api.Message{Role: "tool", Content: "wet", ToolName: "weather", ToolCallID: calls[0].ID})
	text, _, _ := ollamaChat(t, request)
	mustBegin(t, text, told)
	if last.DoneReason != "stop" {
		t.Fatalf("got %q", last.DoneReason)
	}
}

func TestOllamaHoldsAnswersToSchemas(t *testing.T) {
	text, _, _ := ollamaChat(t, &api.ChatRequest{Model: "scripted", Messages: []api.Message{{Role: "user", Content: "hi"}}, Format: json.RawMessage(order)})
	mustBeOrder(t, text)
}

func TestOllamaKnowsModels(t *testing.T) {
	client := ollamaClient(t)
	must(t, client.Heartbeat(t.Context()))
	list, err := client.List(t.Context())
	must(t, err)
	if len(list.Models) != 2 || list.Models[0].Name != "demo" || len(list.Models[0].Digest) != 64 {
		t.Fatalf("got %+v", list)
	}
	shown, err := client.Show(t.Context(), &api.ShowRequest{Model: "demo"})
	must(t, err)
	if shown.Details.Family != "llama" || shown.ModelInfo["general.architecture"] != "llama" {
		t.Fatalf("got %+v", shown)
	}
	running, err := client.ListRunning(t.Context())
	must(t, err)
	if len(running.Models) == 0 {
		t.Fatal("nothing is loaded")
	}
	must(t, client.Pull(t.Context(), &api.PullRequest{Model: "demo"}, func(api.ProgressResponse) error { return nil }))
	_, err = client.Version(t.Context())
	must(t, err)
}

func TestOllamaLearnsOfErrors(t *testing.T) {
	err := ollamaClient(t).Chat(t.Context(), &api.ChatRequest{Model: "nobody", Messages: []api.Message{{Role: "user", Content: "hi"}}},
		func(api.ChatResponse) error { return nil })
	var e api.StatusError
	if !errors.As(err, &e) || e.StatusCode != 404 || !strings.Contains(e.ErrorMessage, "nobody") {
		t.Fatalf("got %v", err)
	}
}

func TestOllamaEmbeds(t *testing.T) {
	both, err := ollamaClient(t).Embed(t.Context(), &api.EmbedRequest{Model: "demo", Input: []string{"library", "station"}})
	must(t, err)
	one, err := ollamaClient(t).Embeddings(t.Context(), &api.EmbeddingRequest{Model: "demo", Prompt: "library"})
	must(t, err)
	if len(both.Embeddings) != 2 || len(both.Embeddings[0]) != 128 || float32(one.Embedding[0]) != both.Embeddings[0][0] {
		t.Fatalf("got %v and %v", both, one)
	}
}
