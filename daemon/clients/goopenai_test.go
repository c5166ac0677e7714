package clients

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/sashabaranov/go-openai"
)

func goOpenAI() *openai.Client {
	c := openai.DefaultConfig("none")
	c.BaseURL = baseURL
	c.HTTPClient = overSocket()
	return openai.NewClientWithConfig(c)
}

func userMessage(text string) []openai.ChatCompletionMessage {
	return []openai.ChatCompletionMessage{{Role: openai.ChatMessageRoleUser, Content: text}}
}

func TestGoOpenAIChats(t *testing.T) {
	request := openai.ChatCompletionRequest{Model: "demo", Messages: userMessage(question), TopP: 0.01}
	whole, err := goOpenAI().CreateChatCompletion(t.Context(), request)
	must(t, err)
	mustBegin(t, whole.Choices[0].Message.Content, answer)

	request.StreamOptions = &openai.StreamOptions{IncludeUsage: true}
	stream, err := goOpenAI().CreateChatCompletionStream(t.Context(), request)
	must(t, err)
	defer stream.Close()
	var text strings.Builder
	var usage *openai.Usage
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		if chunk.Usage != nil {
			usage = chunk.Usage
			continue
		}
		text.WriteString(chunk.Choices[0].Delta.Content)
	}
	mustBegin(t, text.String(), answer)
	if usage == nil || usage.CompletionTokens != whole.Usage.CompletionTokens {
		t.Fatalf("got usage %v, want %v", usage, whole.Usage)
	}
}

func TestGoOpenAICallsTools(t *testing.T) {
	request := openai.ChatCompletionRequest{
		Model:    "scripted",
		Messages: userMessage("Bern?"),
		Tools: []openai.Tool{{Type: openai.ToolTypeFunction, Function: &openai.FunctionDefinition{
			Name: "weather", Description: "looks out", Strict: true, Parameters: weather,
		}}},
	}
	first, err := goOpenAI().CreateChatCompletion(t.Context(), request)
	must(t, err)
	message := first.Choices[0].Message
	mustBeCity(t, message.ToolCalls[0].Function.Arguments)

	stream, err := goOpenAI().CreateChatCompletionStream(t.Context(), request)
	must(t, err)
	defer stream.Close()
	var arguments strings.Builder
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		for _, call := range chunk.Choices[0].Delta.ToolCalls {
			arguments.WriteString(call.Function.Arguments)
		}
	}
	mustBeCity(t, arguments.String())

	request.Messages = append(request.Messages, message,
		openai.ChatCompletionMessage{Role: openai.ChatMessageRoleTool, ToolCallID: message.ToolCalls[0].ID, Content: "wet"})
	second, err := goOpenAI().CreateChatCompletion(t.Context(), request)
	must(t, err)
	mustBegin(t, second.Choices[0].Message.Content, told)
}

func TestGoOpenAIHoldsAnswersToSchemas(t *testing.T) {
	whole, err := goOpenAI().CreateChatCompletion(t.Context(), openai.ChatCompletionRequest{
		Model:    "scripted",
		Messages: userMessage("hi"),
		ResponseFormat: &openai.ChatCompletionResponseFormat{
			Type:       openai.ChatCompletionResponseFormatTypeJSONSchema,
			JSONSchema: &openai.ChatCompletionResponseFormatJSONSchema{Name: "order", Strict: true, Schema: json.RawMessage(order)},
		},
	})
	must(t, err)
	mustBeOrder(t, whole.Choices[0].Message.Content)
}

func TestGoOpenAIEmbeds(t *testing.T) {
	ask := openai.EmbeddingRequest{Model: "demo", Input: []string{"library", "station"}}
	floats, err := goOpenAI().CreateEmbeddings(t.Context(), ask)
	must(t, err)
	ask.EncodingFormat = openai.EmbeddingEncodingFormatBase64
	binary, err := goOpenAI().CreateEmbeddings(t.Context(), ask)
	must(t, err)
	for i, e := range floats.Data {
		if len(e.Embedding) != 128 || !slices.Equal(e.Embedding, binary.Data[i].Embedding) {
			t.Fatalf("got %v and %v", e, binary.Data[i])
		}
	}
}

func TestGoOpenAILearnsOfErrors(t *testing.T) {
	_, err := goOpenAI().CreateChatCompletion(t.Context(), openai.ChatCompletionRequest{Model: "nobody", Messages: userMessage("hi")})
	e := new(openai.APIError)
	if !errors.As(err, &e) || e.HTTPStatusCode != 404 || e.Code != "model_not_found" {
		t.Fatalf("got %v", err)
	}
}
