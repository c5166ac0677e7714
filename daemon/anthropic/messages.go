package anthropic

import (
	"encoding/json"

	"inferd/daemon/ask"
	"inferd/daemon/members"
	"inferd/daemon/serve"
	"inferd/daemon/wire"
)

// Limits on what one request may make us keep while it is read.
const (
	maxMessages = 1 << 14
	maxBlocks   = 4096 // of one message
)

// readTexts reads a string, or blocks of text, which become lines.
func readTexts(o *wire.Object, member string) string {
	return o.Text(member, "blocks", maxBlocks, func(in *wire.Object) string {
		in.Require("type")
		if kind, ok := in.Str("type"); ok && kind != "text" {
			in.Fail("unsupported_parameter", "type", "%q is not supported, content must be text", kind)
		}
		return readText(in)
	})
}

// readText reads the rest of a block of text.
func readText(o *wire.Object) string {
	o.Require("text")
	text, _ := o.Str("text")
	o.Ignored("an object", "cache_control")
	o.Unsupported("citations")
	return text
}

// readMessages appends the turns of the conversation to list.
func readMessages(o *wire.Object, list []serve.Message) []serve.Message {
	o.Objects("messages", o.Array("messages", maxMessages), func(in *wire.Object) {
		list = readTurn(in, list)
	})
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
	if value := o.Peek("content", "null"); wire.TypeOf(value) != "an array" || wire.FirstOf(value) == "" {
		return add(list, serve.Message{Role: role, Content: readTexts(o, "content")})
	}
	o.Objects("content", o.Array("content", maxBlocks), func(in *wire.Object) {
		list = add(list, readBlock(in, role))
	})
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
		o.Ignored("a string", "signature")
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
	if c.Arguments = o.Raw("input"); c.Arguments == nil {
		c.Arguments = json.RawMessage("{}")
	}
	o.Ignored("an object", "cache_control", "caller")
	return c
}

func readToolResult(o *wire.Object) serve.Message {
	m := serve.Message{Role: "tool"}
	o.Require("tool_use_id")
	m.ToolCallID, _ = o.Str("tool_use_id")
	m.Content = readTexts(o, "content")
	if o.Bool("is_error", false) { // templates have no other place for it
		m.Content = "Error: " + m.Content
	}
	o.Ignored("an object", "cache_control")
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
	o.Objects("tools", o.List("tools", ask.MaxTools), func(in *wire.Object) { readTool(in, &t) })
	return t
}

func readTool(o *wire.Object, t *ask.Tools) {
	if kind, ok := o.Str("type"); ok && kind != "custom" {
		o.Fail("unsupported_parameter", "type", "%q is not supported, the service has no tools of its own", kind)
	}
	o.Require("input_schema")
	members.Function(o, t, "input_schema")
	o.Ignored("an object", "cache_control")
	o.Ignored("a boolean", "eager_input_streaming")
	o.Unsupported("allowed_callers", `["direct"]`)
	o.Unsupported("defer_loading")
	o.Unsupported("input_examples")
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
