package ollama

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"inferd/daemon/ask"
	"inferd/daemon/members"
	"inferd/daemon/serve"
	"inferd/daemon/wire"
)

// Limits on what one request may make us keep while it is read.
const (
	maxMessages = 1 << 14
	maxCalls    = 1024 // of one message
)

// readMessages reads a conversation; an empty one is none.
func readMessages(o *wire.Object) (messages []serve.Message) {
	var open pending
	o.Objects("messages", o.List("messages", maxMessages), func(in *wire.Object) {
		messages = append(messages, readMessage(in, &open))
	})
	return messages
}

func readMessage(o *wire.Object, open *pending) (m serve.Message) {
	o.Require("role")
	m.Role, _ = o.Str("role")
	m.Role = strings.ToLower(m.Role)
	m.Content, _ = o.Str("content")
	o.Unsupported("images")
	thinking, _ := o.Str("thinking")
	toolName, _ := o.Str("tool_name")
	callID, _ := o.Str("tool_call_id")
	if name, ok := o.Str("name"); ok && toolName == "" { // of clients that know OpenAI better
		toolName = name
	}
	switch m.Role {
	case "assistant":
		m.Reasoning = thinking
		m.ToolCalls = readCalls(o, open)
	case "tool":
		m.Name = toolName
		m.ToolCallID = open.answer(callID, toolName)
	case "system", "user", "":
	default:
		o.Fail("invalid_value", "role", "must be system, user, assistant or tool, found %q", m.Role)
	}
	o.Unsupported("tool_calls")
	return m
}

// readCalls reads the calls that an assistant made earlier.
func readCalls(o *wire.Object, open *pending) (calls []serve.ToolCall) {
	o.Objects("tool_calls", o.List("tool_calls", maxCalls), func(in *wire.Object) {
		c := readCall(in)
		open.call(&c)
		calls = append(calls, c)
	})
	return calls
}

func readCall(o *wire.Object) (c serve.ToolCall) {
	c.ID, _ = o.Str("id")
	o.Ignored("a string", "type")
	o.Require("function")
	f := o.Object("function")
	if f == nil {
		return c
	}
	f.Integer("index", 0, math.MaxInt32, 0)
	f.Ignored("a string", "description")
	f.Require("name")
	c.Name, _ = f.Str("name")
	if c.Arguments = f.Raw("arguments"); c.Arguments == nil {
		c.Arguments = json.RawMessage("{}")
	}
	o.CloseInner(f)
	return c
}

// pending are the calls of a conversation that no message has answered yet.
// Ollama's calls need no id, templates do: those without get one by their place,
// and an answer belongs to the first open call of its tool.
type pending struct {
	calls []serve.ToolCall
	n     int
}

func (p *pending) call(c *serve.ToolCall) {
	if c.ID == "" {
		c.ID = fmt.Sprintf("call%05d", p.n)
	}
	p.n++
	p.calls = append(p.calls, *c)
}

// answer returns the id of the call that is answered, empty if there is none.
func (p *pending) answer(id, tool string) string {
	for i, c := range p.calls {
		if c.ID == id || id == "" && (tool == "" || c.Name == tool) {
			p.calls = append(p.calls[:i:i], p.calls[i+1:]...)
			return c.ID
		}
	}
	return id
}

// readTools reads functions as OpenAI writes them, and tool_choice, which Ollama
// does not know but some of its clients send.
func readTools(o *wire.Object) (t ask.Tools) {
	o.Objects("tools", o.List("tools", ask.MaxTools), func(in *wire.Object) { readTool(in, &t) })
	switch choice := o.Take("tool_choice"); string(choice) {
	case "", `"auto"`:
	case `"none"`:
		t.Forget()
	case `"required"`:
		if t.Forced = t.List != nil; !t.Forced {
			o.Fail("invalid_value", "tool_choice", "asks for a call, but there are no tools")
		}
	default:
		o.Fail("invalid_value", "tool_choice", "must be auto, none or required, found %.100s", choice)
	}
	return t
}

func readTool(o *wire.Object, t *ask.Tools) {
	if kind, ok := o.Str("type"); ok && kind != "function" {
		o.Fail("unsupported_parameter", "type", "%q is not supported, tools must be functions", kind)
	}
	o.Unsupported("items")
	o.Require("function")
	if f := o.Object("function"); f != nil {
		members.Function(f, t, "parameters")
		o.CloseInner(f)
	}
}
