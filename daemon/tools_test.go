package daemon

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	openaigo "github.com/openai/openai-go/v3"
	"github.com/stretchr/testify/require"

	"inferd/daemon/prompt"
	"inferd/daemon/serve"
	"inferd/runtime"
	"inferd/testdata"
	"inferd/tokenizer"
)

// callingTemplate teaches the form of Hermes in few words.
const callingTemplate = `{{ bos_token }}{% if tools %}{% for t in tools %}{{ t | tojson }}
{% endfor %}{"name": …, "arguments": …}{% endif %}{% for m in messages %}[{{ m.role }}]{{ m.content }}{% for c in m.tool_calls %}<tool_call>{{ c.function | tojson }}</tool_call>{% endfor %}{% endfor %}[assistant]`

// say makes the engine answer each prompt with the next of answers. They end
// with "!", which must be the stop string.
func (e *fakeEngine) say(answers ...string) {
	e.next = func(tokens []runtime.Token) runtime.Token {
		text := spell(e.tok, tokens)
		turn := strings.Count(text, "[assistant]") - 1
		_, said, _ := strings.Cut(text[strings.LastIndex(text, "[assistant]"):], "]")
		// Guesses may go beyond the end.
		if turn = min(turn, len(answers)-1); len(said) >= len(answers[turn]) {
			said = answers[turn][:len(answers[turn])-1]
		}
		return runtime.Token(3 + int(answers[turn][len(said)]))
	}
}

// TestToolsWithTheirClient goes through a whole round with OpenAI's client: the
// model is told of a tool, calls it, and is told the result.
func TestToolsWithTheirClient(t *testing.T) {
	e := newFakeEngine(t)
	d := start(t, e, nil)
	d.model.chat = prompt.New(e.tok, callingTemplate)
	e.say(`I look.<tool_call>{"name":"weather","arguments":{"city":"Bern"}}</tool_call>!`, "Rain.!")
	client := d.openai()
	params := openaigo.ChatCompletionNewParams{
		Model:       "fake",
		Messages:    []openaigo.ChatCompletionMessageParamUnion{openaigo.UserMessage("Bern?")},
		Temperature: openaigo.Float(0),
		Stop:        openaigo.ChatCompletionNewParamsStopUnion{OfString: openaigo.String("!")},
		Tools: []openaigo.ChatCompletionToolUnionParam{openaigo.ChatCompletionFunctionTool(openaigo.FunctionDefinitionParam{
			Name:        "weather",
			Description: openaigo.String("looks out of the window"),
			Parameters:  openaigo.FunctionParameters{"type": "object", "properties": map[string]any{"city": map[string]any{"type": "string"}}},
		})},
		ToolChoice: openaigo.ChatCompletionToolChoiceOptionUnionParam{OfAuto: openaigo.String("auto")},
	}
	whole, err := client.Chat.Completions.New(t.Context(), params)
	require.NoError(t, err)
	stream := client.Chat.Completions.NewStreaming(t.Context(), params)
	var sum openaigo.ChatCompletionAccumulator
	for stream.Next() {
		require.True(t, sum.AddChunk(stream.Current()))
	}
	require.NoError(t, stream.Err())
	for _, choice := range []openaigo.ChatCompletionChoice{whole.Choices[0], sum.Choices[0]} {
		require.Equal(t, "tool_calls", choice.FinishReason)
		require.Equal(t, "I look.", choice.Message.Content)
		require.Len(t, choice.Message.ToolCalls, 1)
		require.Equal(t, "weather", choice.Message.ToolCalls[0].Function.Name)
		require.Equal(t, `{"city":"Bern"}`, choice.Message.ToolCalls[0].Function.Arguments)
		require.NotEmpty(t, choice.Message.ToolCalls[0].ID)
	}

	message := whole.Choices[0].Message
	params.Messages = append(params.Messages, message.ToParam(), openaigo.ToolMessage("wet", message.ToolCalls[0].ID))
	whole, err = client.Chat.Completions.New(t.Context(), params)
	require.NoError(t, err)
	require.Equal(t, "Rain.", whole.Choices[0].Message.Content)
	require.Equal(t, "stop", whole.Choices[0].FinishReason)
}

var toolConversation = serve.Conversation{
	Messages: []serve.Message{
		{Role: "user", Content: "Bern?"},
		{Role: "assistant", ToolCalls: []serve.ToolCall{{ID: "abcdefghi", Name: "weather", Arguments: json.RawMessage(`{"z":1,"a":"</s>"}`)}}},
		{Role: "tool", ToolCallID: "abcdefghi", Content: "wet </s>"},
	},
	Tools: json.RawMessage(`[{"type":"function","function":{"name":"weather","description":"d","parameters":{"type":"object","properties":{"z":{"type":"integer","description":"d"},"a":{"type":"string","description":"d"}},"required":["z"]}}}]`),
}

func TestTemplatesLearnOfTools(t *testing.T) {
	tok := byteTokenizer(t)
	f := prompt.New(tok, callingTemplate)
	require.True(t, f.Reply.TakesTools)
	tokens, err := f.Prompt(toolConversation)
	require.NoError(t, err)
	require.NotContains(t, tokens, tok.EOS(), "neither the call nor the result makes a control token")
	text := spell(tok, tokens)
	require.Contains(t, text, `"properties": {"z": {"type": "integer", "description": "d"}, "a":`, "in the order of the client")
	require.Contains(t, text, `[assistant]<tool_call>{"name": "weather", "arguments": {"z": 1, "a": "</s>"}}</tool_call>[tool]wet </s>[assistant]`)

	joins := prompt.New(tok, `{% for m in messages %}{% for c in m.tool_calls %}{{ c.function.name + ":" + c.function.arguments }}{% endfor %}{% endfor %}`)
	tokens, err = joins.Prompt(toolConversation)
	require.NoError(t, err)
	require.Equal(t, `<s>weather:{"z":1,"a":"</s>"}`, spell(tok, tokens))
	require.False(t, joins.Reply.TakesTools)

	_, err = prompt.New(tok, "").Prompt(toolConversation)
	require.ErrorContains(t, err, "no chat template")
}

// TestRealTemplatesLearnOfTools renders calls and their results with the
// templates of real models, as far as they know tools.
func TestRealTemplatesLearnOfTools(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(testdata.Shared(t, "templates", "jinja"), "*.jinja"))
	require.NoError(t, err)
	refusing := map[string]string{ // they run into what the sandbox of the reference refuses as well
		"Kimi-K2-Thinking.jinja":      "'append' of 'list' object is unsafe",
		"llama-cpp-deepseek-r1.jinja": "generator is not JSON serializable",
	}
	tok := byteTokenizer(t)
	n := 0
	for _, path := range paths {
		source, err := os.ReadFile(path)
		require.NoError(t, err)
		f := prompt.New(tok, string(source))
		require.NoError(t, f.Broken, path)
		if !f.Reply.TakesTools {
			continue
		}
		n++
		tokens, err := f.Prompt(toolConversation)
		if why, refused := refusing[filepath.Base(path)]; refused {
			require.ErrorContains(t, err, why, path)
			continue
		}
		require.NoError(t, err, path)
		require.Contains(t, spell(tok, tokens), "weather", path)
		require.Contains(t, spell(tok, tokens), "wet", path)
	}
	require.Greater(t, n, 20)
}

// TestMarksAreControlTokens finds marks that a text would not show.
func TestMarksAreControlTokens(t *testing.T) {
	no := false
	v := tokenizer.Vocab{
		Model:          "llama",
		Tokens:         []string{"<unk>", "<tool_call>", "</tool_call>", "<other>", "<think>"},
		Types:          []tokenizer.TokenType{tokenizer.Unknown, tokenizer.Control, tokenizer.Control, tokenizer.Control, tokenizer.UserDefined},
		Scores:         make([]float32, 5),
		AddSpacePrefix: &no,
	}
	tok, err := tokenizer.New(v)
	require.NoError(t, err)
	require.Equal(t, []runtime.Token{1, 2}, prompt.New(tok, "<tool_call><think>").Reply.Marks)
}
