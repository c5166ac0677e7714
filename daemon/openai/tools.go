package openai

import (
	"math"

	"inferd/daemon/ask"
	"inferd/daemon/members"
	"inferd/daemon/serve"
	"inferd/daemon/wire"
	"inferd/tokenizer/reply"
)

const maxToolCalls = 1024 // of one message

// readTools reads tools, tool_choice and parallel_tool_calls. With the choice
// "none" the model is not told of the tools, but they are checked all the same.
func readTools(o *wire.Object) (t ask.Tools) {
	t.Single = !o.Bool("parallel_tool_calls", true)
	sent := o.Peek("tools", "null")
	o.Objects("tools", o.List("tools", ask.MaxTools), func(in *wire.Object) {
		readToolType(in)
		in.Require("function")
		if f := in.Object("function"); f != nil {
			members.Function(f, &t, "parameters")
			in.CloseInner(f)
		}
	})
	if t.List != nil {
		t.Raw = sent // templates get what the client wrote
	}
	readChoiceOf(o, &t, readFunctionName)
	return t
}

// readToolType reads the type of a tool, of which there is one.
func readToolType(o *wire.Object) {
	o.Require("type")
	if kind, ok := o.Str("type"); ok && kind != "function" {
		o.Fail("unsupported_parameter", "type", "%q is not supported, tools must be functions", kind)
	}
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
	o.Objects("tools", o.Array("tools", ask.MaxTools), func(in *wire.Object) {
		readChoice(in, "type", []string{"function"})
		chosen := name(in)
		checkChosen(in, t, chosen)
		for _, tool := range t.List {
			if tool.Name == chosen {
				allowed = append(allowed, tool)
			}
		}
	})
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
	o.Objects("tool_calls", o.List("tool_calls", maxToolCalls), func(in *wire.Object) {
		calls = append(calls, readToolCall(in))
	})
	return calls
}

func readToolCall(o *wire.Object) (c serve.ToolCall) {
	o.Require("id")
	c.ID, _ = o.Str("id")
	if kind, ok := o.Str("type"); ok && kind != "function" {
		o.Fail("unsupported_parameter", "type", "%q is not supported, calls must be of functions", kind)
	}
	o.Integer("index", 0, math.MaxInt32, 0) // of clients that collected the call from a stream
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
