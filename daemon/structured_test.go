package daemon

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	openaigo "github.com/openai/openai-go/v3"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"inferd/daemon/prompt"
	"inferd/gguf"
	"inferd/testdata"
	"inferd/tokenizer"
)

const orderSchema = `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{
	"item":{"type":"string","minLength":1,"maxLength":6},
	"count":{"type":"integer","minimum":1,"maximum":99},
	"size":{"enum":["s","m","l"]},
	"notes":{"type":"array","items":{"$ref":"#/$defs/note"},"maxItems":2}
	},"required":["item","count","size","notes"],"additionalProperties":false,
	"$defs":{"note":{"type":"object","properties":{"by":{"type":["string","null"],"maxLength":3}},"required":["by"],"additionalProperties":false}}}`

// judgeOf is an independent validator of a schema.
func judgeOf(t *testing.T, source string) (schema any, judge func(text string)) {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(source))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("mem:///s.json", doc))
	s, err := c.Compile("mem:///s.json")
	require.NoError(t, err)
	return json.RawMessage(source), func(text string) {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		require.NoError(t, err, text)
		require.NoError(t, s.Validate(v), text)
	}
}

// TestUntrainedModelsFollowSchemas: OpenAI's client asks models that know
// nothing, and what they write is what was asked for.
func TestUntrainedModelsFollowSchemas(t *testing.T) {
	d := run(t, func(c *Config) { c.Models = []string{testdata.Path("models", "llama-Q4_K.gguf")} })
	client := d.openai()
	schema, judge := judgeOf(t, orderSchema)
	params := openaigo.ChatCompletionNewParams{
		Model:    "llama-Q4_K",
		Messages: []openaigo.ChatCompletionMessageParamUnion{openaigo.UserMessage("hi")},
		N:        openaigo.Int(8),
		Seed:     openaigo.Int(5),
		ResponseFormat: openaigo.ChatCompletionNewParamsResponseFormatUnion{
			OfJSONSchema: &openaigo.ResponseFormatJSONSchemaParam{
				JSONSchema: openaigo.ResponseFormatJSONSchemaJSONSchemaParam{Name: "order", Strict: openaigo.Bool(true), Schema: schema},
			},
		},
	}
	answer, err := client.Chat.Completions.New(t.Context(), params)
	require.NoError(t, err)
	require.Len(t, answer.Choices, 8)
	for _, c := range answer.Choices {
		require.Equal(t, "stop", c.FinishReason, c.Message.Content)
		judge(c.Message.Content)
	}

	stream := client.Chat.Completions.NewStreaming(t.Context(), params)
	var sum openaigo.ChatCompletionAccumulator
	for stream.Next() {
		require.True(t, sum.AddChunk(stream.Current()))
	}
	require.NoError(t, stream.Err())
	require.Len(t, sum.Choices, 8)
	for i, c := range sum.Choices {
		require.Equal(t, answer.Choices[i].Message.Content, c.Message.Content)
	}

	params.ResponseFormat.OfJSONSchema.JSONSchema.Schema = map[string]any{"contains": map[string]any{}}
	_, err = client.Chat.Completions.New(t.Context(), params)
	apiErr, ok := errors.AsType[*openaigo.Error](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, http.StatusBadRequest, apiErr.StatusCode)
	require.Equal(t, "response_format.json_schema.schema", apiErr.Param)
}

// TestUntrainedModelsFollowSDKs: schemas as converters of SDKs write them, through
// the socket. Free strings end because the client's logit_bias makes quotes and
// closing brackets likelier; schemas with patterns are left out, whose ends may
// be too rare for that. INFERD_ALL_SCHEMAS takes all.
func TestUntrainedModelsFollowSDKs(t *testing.T) {
	f, err := gguf.Open(testdata.Path("models", "llama-tied.gguf"))
	require.NoError(t, err)
	defer f.Close()
	c := DefaultConfig()
	e, err := loadEngine(f, c.plan(), new(sync.Mutex))
	require.NoError(t, err)
	bias := map[string]int64{}
	for text, b := range map[string]int64{`"`: 8, "}": 6, "]": 6} {
		for id := range tokenizer.Token(100_000) { // those that are not there have no piece
			if string(e.tokenizer().Piece(id, false)) == text {
				bias[strconv.Itoa(int(id))] = b
			}
		}
	}
	d := start(t, e, nil)
	client := d.openai()
	data, err := os.ReadFile("../runtime/grammar/testdata/sdk.jsonl")
	require.NoError(t, err)
	every := 40
	if os.Getenv("INFERD_ALL_SCHEMAS") != "" {
		every = 1
	}
	n := 0
	for i, line := range bytes.Split(bytes.TrimSpace(data), []byte("\n")) {
		var of struct{ Schema json.RawMessage }
		require.NoError(t, json.Unmarshal(line, &of))
		if i%every != 0 || bytes.Contains(line, []byte(`"pattern"`)) || bytes.Contains(line, []byte(`nullable`)) || bytes.Contains(line, []byte(`Minimum":true`)) {
			continue
		}
		schema, judge := judgeOf(t, string(of.Schema))
		answer, err := client.Chat.Completions.New(t.Context(), openaigo.ChatCompletionNewParams{
			Model:     "fake",
			Messages:  []openaigo.ChatCompletionMessageParamUnion{openaigo.UserMessage("hi")},
			N:         openaigo.Int(3),
			Seed:      openaigo.Int(int64(i)),
			LogitBias: bias,
			ResponseFormat: openaigo.ChatCompletionNewParamsResponseFormatUnion{
				OfJSONSchema: &openaigo.ResponseFormatJSONSchemaParam{
					JSONSchema: openaigo.ResponseFormatJSONSchemaJSONSchemaParam{Name: "answer", Schema: schema},
				},
			},
		})
		require.NoError(t, err, "%s", line)
		for _, c := range answer.Choices {
			require.Equal(t, "stop", c.FinishReason, "%s\n%s", line, c.Message.Content)
			judge(c.Message.Content)
			n++
		}
	}
	t.Logf("%d answers", n)
}

// TestUntrainedModelsCallTools: a model that knows nothing calls the tool that
// it must, with arguments of the schema.
func TestUntrainedModelsCallTools(t *testing.T) {
	f, err := gguf.Open(testdata.Path("models", "llama-tied.gguf"))
	require.NoError(t, err)
	defer f.Close()
	c := DefaultConfig()
	e, err := loadEngine(f, c.plan(), new(sync.Mutex))
	require.NoError(t, err)
	d := start(t, e, nil)
	d.model.chat = prompt.New(e.tokenizer(), callingTemplate)
	client := d.openai()
	schema, judge := judgeOf(t, `{"type":"object","properties":{"n":{"type":"integer","minimum":1,"maximum":99},"size":{"enum":["s","é"]}},"required":["n","size"],"additionalProperties":false}`)
	var parameters openaigo.FunctionParameters
	require.NoError(t, json.Unmarshal(schema.(json.RawMessage), &parameters))
	for seed := range int64(4) {
		answer, err := client.Chat.Completions.New(t.Context(), openaigo.ChatCompletionNewParams{
			Model:    "fake",
			Messages: []openaigo.ChatCompletionMessageParamUnion{openaigo.UserMessage("hi")},
			Seed:     openaigo.Int(seed),
			Tools: []openaigo.ChatCompletionToolUnionParam{
				openaigo.ChatCompletionFunctionTool(openaigo.FunctionDefinitionParam{Name: "order", Parameters: parameters}),
				openaigo.ChatCompletionFunctionTool(openaigo.FunctionDefinitionParam{Name: "wait"}),
			},
			ToolChoice: openaigo.ToolChoiceOptionFunctionToolChoice(openaigo.ChatCompletionNamedToolChoiceFunctionParam{Name: "order"}),
		})
		require.NoError(t, err)
		require.Equal(t, "tool_calls", answer.Choices[0].FinishReason)
		require.Empty(t, answer.Choices[0].Message.Content)
		require.Len(t, answer.Choices[0].Message.ToolCalls, 1)
		require.Equal(t, "order", answer.Choices[0].Message.ToolCalls[0].Function.Name)
		judge(answer.Choices[0].Message.ToolCalls[0].Function.Arguments)
	}
}
