package openai

import (
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
	readChoiceOf(o, &t, readFunctionName)
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

// readChoiceOf reads tool_choice; name reads the name of a tool in it.
func readChoiceOf(o *wire.Object, t *ask.Tools, name func(*wire.Object) string) {
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
		isOptional := readChosen(in, t, name)
		o.CloseInner(in)
		if isOptional {
			return
		}
	default:
		o.Fail("invalid_value", "tool_choice", "must be auto, none, required or a function, found %.100s", value)
	}
	t.Forced = true
	if t.List == nil {
		o.Fail("invalid_value", "tool_choice", "asks for a call, but there are no tools")
	}
}

// readChosen reads a choice of one function, or of a few that are allowed, and
// reports whether the model may call none of them.
func readChosen(o *wire.Object, t *ask.Tools, name func(*wire.Object) string) (isOptional bool) {
	o.Require("type")
	switch kind, ok := o.Str("type"); {
	case kind == "allowed_tools" && o.Has("mode"): // as in responses
		return readAllowed(o, t, name)
	case kind == "allowed_tools":
		o.Require("allowed_tools")
		if in := o.Object("allowed_tools"); in != nil {
			isOptional = readAllowed(in, t, name)
			o.CloseInner(in)
		}
		return isOptional
	case ok && kind != "function":
		o.Fail("unsupported_parameter", "type", "%q is not supported, must be function or allowed_tools", kind)
	default:
		t.Named = name(o)
		checkChosen(o, t, t.Named)
	}
	return false
}

// readFunctionName reads the name of {"function": {"name": …}}.
func readFunctionName(o *wire.Object) (name string) {
	o.Require("function")
	if f := o.Object("function"); f != nil {
		f.Require("name")
		name, _ = f.Str("name")
		o.CloseInner(f)
	}
	return name
}

// readAllowed restricts the tools to those that o allows; name reads one's name.
func readAllowed(o *wire.Object, t *ask.Tools, name func(*wire.Object) string) (isOptional bool) {
	o.Require("mode")
	mode := readChoice(o, "mode", []string{"auto", "required"})
	o.Require("tools")
	var allowed []reply.Tool
	for i, element := range o.Array("tools", ask.MaxTools) {
		in := o.Inner(fmt.Sprintf("tools[%d]", i), element)
		readChoice(in, "type", []string{"function"})
		chosen := name(in)
		checkChosen(in, t, chosen)
		for _, tool := range t.List {
			if tool.Name == chosen {
				allowed = append(allowed, tool)
			}
		}
		o.CloseInner(in)
	}
	t.List = allowed
	return mode == "auto"
}

func checkChosen(o *wire.Object, t *ask.Tools, name string) {
	if !t.Has(name) {
		o.Fail("invalid_value", "", "names %q, which is not among the tools", name)
	}
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
	c.Arguments = readArguments(f)
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
