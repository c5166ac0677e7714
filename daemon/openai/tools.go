package openai

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"inferd/runtime/grammar"
	"inferd/tokenizer/reply"
)

const (
	maxTools     = 1024
	maxToolCalls = 1024 // of one message
)

// toolbox is what a request says about tools.
type toolbox struct {
	tools  []reply.Tool
	raw    json.RawMessage // as the client sent them, for the prompt
	single bool            // one call in an answer at most
	forced bool            // the answer must be a call
	named  string          // of this tool, if set
}

// callFormat is the form of an answer that must be a call.
type callFormat struct {
	Open, Shut string
	Calls      []grammar.Call
	Many       bool
}

// force turns a choice that leaves none into a format. A model that takes no
// tools, or writes calls in a form that cannot be held, is a mistake of the client.
func (t *toolbox) force(m Model, f *format) error {
	if t.tools == nil {
		return nil
	}
	if !m.ReplyFormat().TakesTools {
		return invalid("unsupported_parameter", "tools", "model %q knows no tools", m.Name())
	}
	if !t.forced {
		return nil
	}
	c := callFormat{Many: !t.single && t.named == ""}
	var ok bool
	if c.Open, c.Shut, ok = m.ReplyFormat().JSONCalls(); !ok {
		return invalid("unsupported_parameter", "tool_choice", "model %q cannot be made to call a tool, \"tool_choice\" must be \"auto\" or \"none\"", m.Name())
	}
	for _, tool := range t.tools {
		if t.named == "" || t.named == tool.Name {
			c.Calls = append(c.Calls, grammar.Call{Name: tool.Name, Parameters: tool.Parameters})
		}
	}
	source, err := json.Marshal(c)
	*f = format{toolCalls, "tools", source}
	return err
}

// toolName is what OpenAI allows, and the dots of other servers.
var toolName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,64}$`)

// readTools reads tools, tool_choice and parallel_tool_calls. With the choice
// "none" the model is not told of the tools, but they are checked all the same.
func readTools(o *object) (t toolbox) {
	t.single = !o.boolean("parallel_tool_calls", true)
	t.raw = o.take("tools")
	switch {
	case t.raw == nil:
	case typeOf(t.raw) != "an array":
		o.want("tools", "an array", t.raw)
	case firstOf(t.raw) == "": // as good as none
		t.raw = nil
	default:
		names := map[string]bool{}
		for i, element := range o.elements("tools", t.raw, maxTools) {
			in := o.inner(fmt.Sprintf("tools[%d]", i), element)
			tool := readTool(in)
			if names[tool.Name] {
				in.fail("invalid_value", "function.name", "%q is there twice", tool.Name)
			}
			names[tool.Name] = true
			t.tools = append(t.tools, tool)
			o.closeInner(in)
		}
	}
	readToolChoice(o, &t)
	return t
}

func readTool(o *object) (tool reply.Tool) {
	o.require("type")
	if kind, ok := o.str("type"); ok && kind != "function" {
		o.fail("unsupported_parameter", "type", "%q is not supported, tools must be functions", kind)
	}
	o.require("function")
	f := o.object("function")
	if f == nil {
		return tool
	}
	f.require("name")
	tool.Name, _ = f.str("name")
	if !toolName.MatchString(tool.Name) {
		f.fail("invalid_value", "name", "must be 1 to 64 letters, digits, dots, dashes and underscores")
	}
	f.str("description")
	f.boolean("strict", false)
	if tool.Parameters = f.take("parameters"); tool.Parameters != nil && typeOf(tool.Parameters) != "an object" {
		f.want("parameters", "an object", tool.Parameters)
	}
	o.closeInner(f)
	return tool
}

func readToolChoice(o *object, t *toolbox) {
	value := o.take("tool_choice")
	switch {
	case value == nil || string(value) == `"auto"`:
		return
	case string(value) == `"none"`:
		t.tools, t.raw = nil, nil
		return
	case string(value) == `"required"`:
	case typeOf(value) == "an object":
		in := o.inner("tool_choice", value)
		t.named = readNamedChoice(in)
		o.closeInner(in)
		if !slices.ContainsFunc(t.tools, func(tool reply.Tool) bool { return tool.Name == t.named }) {
			o.fail("invalid_value", "tool_choice", "names %q, which is not among the tools", t.named)
		}
	default:
		o.fail("invalid_value", "tool_choice", "must be auto, none, required or a function, found %.100s", value)
	}
	t.forced = true
	if t.tools == nil {
		o.fail("invalid_value", "tool_choice", "asks for a call, but there are no tools")
	}
}

func readNamedChoice(o *object) string {
	o.require("type")
	if kind, ok := o.str("type"); ok && kind != "function" {
		o.fail("unsupported_parameter", "type", "%q is not supported, must be function", kind)
	}
	o.require("function")
	f := o.object("function")
	if f == nil {
		return ""
	}
	f.require("name")
	name, _ := f.str("name")
	o.closeInner(f)
	return name
}

// readToolCalls reads the calls that an assistant made earlier.
func readToolCalls(o *object) (calls []ToolCall) {
	value := o.take("tool_calls")
	switch {
	case value == nil:
		return nil
	case typeOf(value) != "an array":
		o.want("tool_calls", "an array", value)
		return nil
	case firstOf(value) == "":
		return nil
	}
	for i, element := range o.elements("tool_calls", value, maxToolCalls) {
		in := o.inner(fmt.Sprintf("tool_calls[%d]", i), element)
		calls = append(calls, readToolCall(in))
		o.closeInner(in)
	}
	return calls
}

func readToolCall(o *object) (c ToolCall) {
	o.require("id")
	c.ID, _ = o.str("id")
	if kind, ok := o.str("type"); ok && kind != "function" {
		o.fail("unsupported_parameter", "type", "%q is not supported, calls must be of functions", kind)
	}
	o.ignored("index") // of clients that collected the call from a stream
	o.require("function")
	f := o.object("function")
	if f == nil {
		return c
	}
	f.require("name")
	c.Name, _ = f.str("name")
	text, _ := f.str("arguments")
	if text == "" {
		text = "{}"
	}
	c.Arguments = bytes.TrimSpace([]byte(text))
	if !json.Valid(c.Arguments) || c.Arguments[0] != '{' {
		f.fail("invalid_value", "arguments", "must be a string that holds a JSON object")
	}
	o.closeInner(f)
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

// newToolCall gives a call an id. Nine letters and digits are what the most
// particular of chat templates takes back.
func newToolCall(c reply.Call) toolCall {
	return toolCall{
		ID:       strings.ToLower(rand.Text()[:9]),
		Type:     "function",
		Function: toolFunction{c.Name, string(c.Arguments)},
	}
}
