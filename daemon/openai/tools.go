package openai

import (
	"bytes"
	"encoding/json"
	"fmt"

	"inferd/daemon/ask"
	"inferd/daemon/serve"
	"inferd/daemon/wire"
	"inferd/tokenizer/reply"
)

const maxToolCalls = 1024 // of one message

// readTools reads tools, tool_choice and parallel_tool_calls. With the choice
// "none" the model is not told of the tools, but they are checked all the same.
func readTools(o *wire.Object) (t ask.Tools) {
	t.Single = !o.Bool("parallel_tool_calls", true)
	t.Raw = o.Take("tools")
	switch {
	case t.Raw == nil:
	case wire.TypeOf(t.Raw) != "an array":
		o.WrongType("tools", "an array", t.Raw)
	case wire.FirstOf(t.Raw) == "": // as good as none
		t.Raw = nil
	default:
		names := map[string]bool{}
		for i, element := range o.Elements("tools", t.Raw, ask.MaxTools) {
			in := o.Inner(fmt.Sprintf("tools[%d]", i), element)
			tool := readTool(in)
			if names[tool.Name] {
				in.Fail("invalid_value", "function.name", "%q is there twice", tool.Name)
			}
			names[tool.Name] = true
			t.List = append(t.List, tool)
			o.CloseInner(in)
		}
	}
	readToolChoice(o, &t)
	return t
}

func readTool(o *wire.Object) (tool reply.Tool) {
	o.Require("type")
	if kind, ok := o.Str("type"); ok && kind != "function" {
		o.Fail("unsupported_parameter", "type", "%q is not supported, tools must be functions", kind)
	}
	o.Require("function")
	f := o.Object("function")
	if f == nil {
		return tool
	}
	f.Require("name")
	tool.Name, _ = f.Str("name")
	if !ask.IsToolName(tool.Name) {
		f.Fail("invalid_value", "name", "must be 1 to 64 letters, digits, dots, dashes and underscores")
	}
	f.Str("description")
	f.Bool("strict", false)
	if tool.Parameters = f.Take("parameters"); tool.Parameters != nil && wire.TypeOf(tool.Parameters) != "an object" {
		f.WrongType("parameters", "an object", tool.Parameters)
	}
	o.CloseInner(f)
	return tool
}

func readToolChoice(o *wire.Object, t *ask.Tools) {
	value := o.Take("tool_choice")
	switch {
	case value == nil || string(value) == `"auto"`:
		return
	case string(value) == `"none"`:
		t.Forget()
		return
	case string(value) == `"required"`:
	case wire.TypeOf(value) == "an object":
		in := o.Inner("tool_choice", value)
		t.Named = readNamedChoice(in)
		o.CloseInner(in)
		if !t.Has(t.Named) {
			o.Fail("invalid_value", "tool_choice", "names %q, which is not among the tools", t.Named)
		}
	default:
		o.Fail("invalid_value", "tool_choice", "must be auto, none, required or a function, found %.100s", value)
	}
	t.Forced = true
	if t.List == nil {
		o.Fail("invalid_value", "tool_choice", "asks for a call, but there are no tools")
	}
}

func readNamedChoice(o *wire.Object) string {
	o.Require("type")
	if kind, ok := o.Str("type"); ok && kind != "function" {
		o.Fail("unsupported_parameter", "type", "%q is not supported, must be function", kind)
	}
	o.Require("function")
	f := o.Object("function")
	if f == nil {
		return ""
	}
	f.Require("name")
	name, _ := f.Str("name")
	o.CloseInner(f)
	return name
}

// readToolCalls reads the calls that an assistant made earlier.
func readToolCalls(o *wire.Object) (calls []serve.ToolCall) {
	value := o.Take("tool_calls")
	switch {
	case value == nil:
		return nil
	case wire.TypeOf(value) != "an array":
		o.WrongType("tool_calls", "an array", value)
		return nil
	case wire.FirstOf(value) == "":
		return nil
	}
	for i, element := range o.Elements("tool_calls", value, maxToolCalls) {
		in := o.Inner(fmt.Sprintf("tool_calls[%d]", i), element)
		calls = append(calls, readToolCall(in))
		o.CloseInner(in)
	}
	return calls
}

func readToolCall(o *wire.Object) (c serve.ToolCall) {
	o.Require("id")
	c.ID, _ = o.Str("id")
	if kind, ok := o.Str("type"); ok && kind != "function" {
		o.Fail("unsupported_parameter", "type", "%q is not supported, calls must be of functions", kind)
	}
	o.Ignored("index") // of clients that collected the call from a stream
	o.Require("function")
	f := o.Object("function")
	if f == nil {
		return c
	}
	f.Require("name")
	c.Name, _ = f.Str("name")
	text, _ := f.Str("arguments")
	if text == "" {
		text = "{}"
	}
	c.Arguments = bytes.TrimSpace([]byte(text))
	if !json.Valid(c.Arguments) || c.Arguments[0] != '{' {
		f.Fail("invalid_value", "arguments", "must be a string that holds a JSON object")
	}
	o.CloseInner(f)
	return c
}

// toolCall is a call in an answer, or what a chunk adds to one.
type toolCall struct {
	Index    *int         `json:"index,omitempty"` // in chunks
	ID       string       `json:"id,omitempty"`
	Type     string       `json:"type,omitempty"`
	Function toolFunction `json:"function"`
}

type toolFunction struct {
	Name      string `json:"name,omitempty"`
	Arguments string `json:"arguments"`
}

func newToolCall(c reply.Call) toolCall {
	return toolCall{ID: ask.NewCallID(), Type: "function", Function: toolFunction{c.Name, string(c.Arguments)}}
}
