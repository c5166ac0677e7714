package clients

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
)

func anthropicClient() anthropic.Client {
	return anthropic.NewClient(option.WithBaseURL("http://inferd"), option.WithAPIKey("none"), option.WithHTTPClient(overSocket()), option.WithMaxRetries(0))
}

func TestAnthropicMessages(t *testing.T) {
	client := anthropicClient()
	request := anthropic.MessageNewParams{
		Model:       "demo",
		MaxTokens:   60,
		Temperature: anthropic.Float(0),
		System:      []anthropic.TextBlockParam{{Text: "Be brief."}},
		Messages:    []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(question))},
	}
	whole, err := client.Messages.New(t.Context(), request)
	must(t, err)
	mustBegin(t, whole.Content[0].Text, answer)

	stream := client.Messages.NewStreaming(t.Context(), request)
	var sum anthropic.Message
	for stream.Next() {
		must(t, sum.Accumulate(stream.Current()))
	}
	must(t, stream.Err())
	if sum.Content[0].Text != whole.Content[0].Text || sum.Usage.OutputTokens != whole.Usage.OutputTokens || sum.StopReason != anthropic.StopReasonEndTurn {
		t.Fatalf("got %+v, want %+v", sum, whole)
	}
}

func TestAnthropicTools(t *testing.T) {
	client := anthropicClient()
	request := anthropic.MessageNewParams{
		Model:     "scripted",
		MaxTokens: 100,
		Messages:  []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("Bern?"))},
		Tools: []anthropic.ToolUnionParam{{OfTool: &anthropic.ToolParam{
			Name:        "weather",
			Description: anthropic.String("looks out"),
			InputSchema: anthropic.ToolInputSchemaParam{Properties: weather["properties"], Required: []string{"city"}},
		}}},
	}
	first, err := client.Messages.New(t.Context(), request)
	must(t, err)
	use := first.Content[0].AsToolUse()
	mustBeCity(t, string(use.Input))

	stream := client.Messages.NewStreaming(t.Context(), request)
	var sum anthropic.Message
	for stream.Next() {
		must(t, sum.Accumulate(stream.Current()))
	}
	must(t, stream.Err())
	mustBeCity(t, string(sum.Content[0].AsToolUse().Input))

	request.Messages = append(request.Messages, first.ToParam(), anthropic.NewUserMessage(anthropic.NewToolResultBlock(use.ID, "wet", false)))
	second, err := client.Messages.New(t.Context(), request)
	must(t, err)
	mustBegin(t, second.Content[0].Text, told)
}

func TestAnthropicHoldsAnswersToSchemas(t *testing.T) {
	client := anthropicClient()
	var schema map[string]any
	must(t, json.Unmarshal([]byte(order), &schema))
	message, err := client.Messages.New(t.Context(), anthropic.MessageNewParams{
		Model:        "scripted",
		MaxTokens:    100,
		Messages:     []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("hi"))},
		OutputConfig: anthropic.OutputConfigParam{Format: anthropic.JSONOutputFormatParam{Schema: schema}},
	})
	must(t, err)
	mustBeOrder(t, message.Content[0].Text)
}

func TestAnthropicErrors(t *testing.T) {
	client := anthropicClient()
	_, err := client.Messages.CountTokens(t.Context(), anthropic.MessageCountTokensParams{
		Model:    "nobody",
		Messages: []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock("hi"))},
	})
	e := new(anthropic.Error)
	if !errors.As(err, &e) || e.StatusCode != http.StatusNotFound || !strings.Contains(err.Error(), "nobody") {
		t.Fatalf("got %v", err)
	}
}
