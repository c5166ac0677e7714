package anthropic

import (
	"encoding/json"
	"fmt"
	"strings"

	"inferd/daemon/ask"
	"inferd/daemon/serve"
	"inferd/daemon/wire"
)

// Limits on what one request may make us keep while it is read.
const (
	maxMessages = 1 << 14
	maxBlocks   = 4096 // of one message
)

// readSystem reads a string or blocks of text, which become lines.
func readSystem(o *wire.Object) string {
	value := o.Take("system")
	if value == nil {
		return ""
	}
	return readTexts(o, "system", value)
}

// readTexts reads value, which stands at member: a string or blocks of text.
func readTexts(o *wire.Object, member string, value json.RawMessage) string {
	switch wire.TypeOf(value) {
	case "a string":
		return wire.Unquote(value)
	case "an array":
	default:
		o.WrongType(member, "a string or an array of blocks", value)
		return ""
	}
	if wire.FirstOf(value) == "" {
		return ""
	}
	var texts []string
	for i, element := range o.Elements(member, value, maxBlocks) {
		in := o.Inner(fmt.Sprintf("%s[%d]", member, i), element)
		in.Require("type")
		if kind, ok := in.Str("type"); ok && kind != "text" {
			in.Fail("unsupported_parameter", "type", "%q is not supported, content must be text", kind)
		}
		texts = append(texts, readText(in))
		o.CloseInner(in)
	}
	return strings.Join(texts, "\n")
}

// readText reads the rest of a block of text.
func readText(o *wire.Object) string {
	o.Require("text")
	text, _ := o.Str("text")
	o.Ignored("cache_control")
	o.Unsupported("citations")
	return text
}

// readMessages appends the turns of the conversation to list.
func readMessages(o *wire.Object, list []serve.Message) []serve.Message {
	for i, element := range o.Array("messages", maxMessages) {
		if o.Failed() {
			return nil
		}
		in := o.Inner(fmt.Sprintf("messages[%d]", i), element)
		list = readTurn(in, list)
		o.CloseInner(in)
	}
	if n := len(list); n > 0 && list[n-1].Role == "assistant" {
		o.Fail("unsupported_parameter", "messages", "must not end with a turn of the assistant: answers cannot be begun by the client")
	}
	return list
}

func readTurn(o *wire.Object, list []serve.Message) []serve.Message {
	o.Require("role")
	role, _ := o.Str("role")
	switch role {
	case "user", "assistant", "system", "":
	default:
		o.Fail("invalid_value", "role", "must be user or assistant, found %q", role)
	}
	o.Require("content")
	value := o.Take("content")
	if value == nil {
		return list
	}
	switch wire.TypeOf(value) {
	case "a string":
		return add(list, serve.Message{Role: role, Content: wire.Unquote(value)})
	case "an array":
	default:
		o.WrongType("content", "a string or an array of blocks", value)
		return list
	}
	if wire.FirstOf(value) == "" {
		return add(list, serve.Message{Role: role})
	}
	for i, element := range o.Elements("content", value, maxBlocks) {
		in := o.Inner(fmt.Sprintf("content[%d]", i), element)
		list = add(list, readBlock(in, role))
		o.CloseInner(in)
	}
	return list
}

// readBlock reads one block of a turn as a message of its own.
func readBlock(o *wire.Object, role string) serve.Message {
	m := serve.Message{Role: role}
	o.Require("type")
	kind, _ := o.Str("type")
	switch {
	case kind == "text":
		m.Content = readText(o)
	case kind == "thinking" && role == "assistant":
		o.Require("thinking")
		m.Reasoning, _ = o.Str("thinking")
		o.Ignored("signature")
	case kind == "tool_use" && role == "assistant":
		m.ToolCalls = []serve.ToolCall{readToolUse(o)}
	case kind == "tool_result" && role == "user":
		m = readToolResult(o)
	case kind != "":
		o.Fail("unsupported_parameter", "type", "%q is not supported in a turn of the %s", kind, role)
	}
	return m
}

func readToolUse(o *wire.Object) (c serve.ToolCall) {
	o.Require("id")
	c.ID, _ = o.Str("id")
	o.Require("name")
	c.Name, _ = o.Str("name")
	c.Arguments = json.RawMessage("{}")
	if input := o.Take("input"); input != nil {
		if c.Arguments = input; wire.TypeOf(input) != "an object" {
			o.WrongType("input", "an object", input)
		}
	}
	o.Ignored("cache_control", "caller")
	return c
}

func readToolResult(o *wire.Object) serve.Message {
	m := serve.Message{Role: "tool"}
	o.Require("tool_use_id")
	m.ToolCallID, _ = o.Str("tool_use_id")
	if value := o.Take("content"); value != nil {
		m.Content = readTexts(o, "content", value)
	}
	if o.Bool("is_error", false) { // templates have no other place for it
		m.Content = "Error: " + m.Content
	}
	o.Ignored("cache_control")
	return m
}

// add appends a message, or adds it to the last one of the same turn: templates
// want turns that alternate.
func add(list []serve.Message, m serve.Message) []serve.Message {
	if len(list) == 0 {
		return append(list, m)
	}
	last := &list[len(list)-1]
	if m.Role == "tool" || m.Role != last.Role {
		return append(list, m)
	}
	last.Content = join(last.Content, m.Content)
	last.Reasoning = join(last.Reasoning, m.Reasoning)
	last.ToolCalls = append(last.ToolCalls, m.ToolCalls...)
	return list
}

func join(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "\n" + b
}

func readTools(o *wire.Object) (t ask.Tools) {
	value := o.Take("tools")
	switch {
	case value == nil:
		return t
	case wire.TypeOf(value) != "an array":
		o.WrongType("tools", "an array", value)
		return t
	case wire.FirstOf(value) == "":
		return t
	}
	for i, element := range o.Elements("tools", value, ask.MaxTools) {
		in := o.Inner(fmt.Sprintf("tools[%d]", i), element)
		readTool(in, &t)
		o.CloseInner(in)
	}
	return t
}

func readTool(o *wire.Object, t *ask.Tools) {
	if kind, ok := o.Str("type"); ok && kind != "custom" {
		o.Fail("unsupported_parameter", "type", "%q is not supported, the service has no tools of its own", kind)
	}
	o.Require("name")
	name, _ := o.Str("name")
	switch {
	case !ask.IsToolName(name):
		o.Fail("invalid_value", "name", "must be 1 to 64 letters, digits, dots, dashes and underscores")
	case t.Has(name):
		o.Fail("invalid_value", "name", "%q is there twice", name)
	}
	description, _ := o.Str("description")
	o.Require("input_schema")
	schema := o.Take("input_schema")
	if schema != nil && wire.TypeOf(schema) != "an object" {
		o.WrongType("input_schema", "an object", schema)
	}
	o.Bool("strict", false)
	o.Ignored("cache_control", "eager_input_streaming")
	o.Unsupported("allowed_callers", `["direct"]`)
	o.Unsupported("defer_loading")
	o.Unsupported("input_examples")
	if !o.Failed() {
		t.Add(name, description, schema)
	}
}

func readToolChoice(o *wire.Object, t *ask.Tools) {
	in := o.Object("tool_choice")
	if in == nil {
		return
	}
	in.Require("type")
	kind, _ := in.Str("type")
	t.Single = in.Bool("disable_parallel_tool_use", false)
	switch kind {
	case "auto", "":
	case "none":
		t.Forget()
	case "any":
		t.Forced = true
	case "tool":
		t.Forced = true
		in.Require("name")
		if t.Named, _ = in.Str("name"); !t.Has(t.Named) {
			in.Fail("invalid_value", "name", "is %q, which is not among the tools", t.Named)
		}
	default:
		in.Fail("invalid_value", "type", "must be auto, any, tool or none, found %q", kind)
	}
	if t.Forced && t.List == nil {
		in.Fail("invalid_value", "type", "asks for a call, but there are no tools")
	}
	o.CloseInner(in)
}
