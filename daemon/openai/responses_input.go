package openai

import (
	"bytes"
	"encoding/json"

	"inferd/daemon/ask"
	"inferd/daemon/members"
	"inferd/daemon/serve"
	"inferd/daemon/wire"
)

// readInput reads input, a text or an array of items, as the conversation that
// follows the instructions.
func readInput(o *wire.Object, instructions string) (messages []serve.Message) {
	if instructions != "" {
		messages = append(messages, serve.Message{Role: "system", Content: instructions})
	}
	value := o.Take("input")
	switch {
	case value == nil:
		return messages
	case wire.TypeOf(value) == "a string":
		return append(messages, serve.Message{Role: "user", Content: wire.Unquote(value)})
	case wire.TypeOf(value) != "an array":
		o.WrongType("input", "a string or an array of items", value)
		return nil
	}
	c := inputReader{messages: messages}
	o.Objects("input", o.Elements("input", value, maxMessages), c.read)
	if c.reasoning != "" { // of an answer that was cut
		c.assistant()
	}
	return c.messages
}

// inputReader puts items together: reasoning, text and calls of one turn of the
// assistant are a message.
type inputReader struct {
	messages  []serve.Message
	reasoning string // not part of a message yet
}

func (c *inputReader) read(o *wire.Object) {
	o.Ignored("a string", "id", "status", "phase") // of answers that are sent back
	kind, ok := o.Str("type")
	switch {
	case kind == "message" || !ok:
		c.readMessage(o)
	case kind == "function_call":
		c.readCall(o)
	case kind == "function_call_output":
		o.Require("call_id")
		id, _ := o.Str("call_id")
		o.Require("output")
		c.messages = append(c.messages, serve.Message{Role: "tool", ToolCallID: id, Content: readInputText(o, "output")})
	case kind == "reasoning":
		o.Ignored("an array", "summary")
		o.Ignored("a string", "encrypted_content")
		c.reasoning += readInputText(o, "content")
	case kind == "item_reference":
		o.Fail("unsupported_parameter", "type", "%q is not supported: responses are not stored, send the item itself (or \"store\": false)", kind)
	default:
		o.Fail("unsupported_parameter", "type", "%q is not supported", kind)
	}
}

func (c *inputReader) readMessage(o *wire.Object) {
	o.Require("role")
	role := readChoice(o, "role", []string{"user", "system", "developer", "assistant"})
	o.Require("content")
	text := readInputText(o, "content")
	if role != "assistant" {
		c.messages = append(c.messages, serve.Message{Role: role, Content: text})
		return
	}
	c.assistant().Content += text
}

// assistant returns the message of the assistant's turn.
func (c *inputReader) assistant() *serve.Message {
	if n := len(c.messages); n == 0 || c.messages[n-1].Role != "assistant" || c.reasoning != "" {
		c.messages = append(c.messages, serve.Message{Role: "assistant", Reasoning: c.reasoning})
		c.reasoning = ""
	}
	return &c.messages[len(c.messages)-1]
}

func (c *inputReader) readCall(o *wire.Object) {
	var call serve.ToolCall
	o.Require("call_id")
	call.ID, _ = o.Str("call_id")
	o.Require("name")
	call.Name, _ = o.Str("name")
	call.Arguments = readArguments(o)
	m := c.assistant()
	m.ToolCalls = append(m.ToolCalls, call)
}

// readArguments reads arguments, a string that holds a JSON object.
func readArguments(o *wire.Object) json.RawMessage {
	text, _ := o.Str("arguments")
	if text == "" {
		text = "{}"
	}
	arguments := bytes.TrimSpace([]byte(text))
	if !json.Valid(arguments) || arguments[0] != '{' {
		o.Fail("invalid_value", "arguments", "must be a string that holds a JSON object")
	}
	return arguments
}

// textParts are the types of parts that are text, and the member it is in.
var textParts = map[string]string{
	"input_text": "text", "output_text": "text", "text": "text", "reasoning_text": "text", "summary_text": "text",
	"refusal": "refusal",
}

// readInputText reads a string, or an array of parts of text, which become
// lines.
func readInputText(o *wire.Object, member string) string {
	return o.Text(member, "parts", maxParts, func(in *wire.Object) string {
		in.Require("type")
		kind, ok := in.Str("type")
		text, known := textParts[kind]
		if ok && !known {
			in.Fail("unsupported_parameter", "type", "%q is not supported, %s must be text", kind, member)
		}
		in.Require(text)
		s, _ := in.Str(text)
		in.Ignored("an array", "annotations", "logprobs")
		return s
	})
}

// readFlatTools reads tools, tool_choice and parallel_tool_calls in the form of
// responses, whose functions have their members beside the type.
func readFlatTools(o *wire.Object) (t ask.Tools) {
	t.Single = !o.Bool("parallel_tool_calls", true)
	o.Objects("tools", o.List("tools", ask.MaxTools), func(in *wire.Object) {
		readToolType(in)
		members.Function(in, &t, "parameters")
		in.Ignored("a boolean", "defer_loading")
	})
	readChoiceOf(o, &t, func(in *wire.Object) string {
		in.Require("name")
		name, _ := in.Str("name")
		return name
	})
	return t
}
