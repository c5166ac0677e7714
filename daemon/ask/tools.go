package ask

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"regexp"
	"strings"

	"inferd/daemon/serve"
	"inferd/runtime/grammar"
	"inferd/tokenizer/reply"
)

// Tools are the functions that an answer may or must call.
type Tools struct {
	List []reply.Tool

	// Raw is the list as templates are told of it: OpenAI's array of objects
	// with "type" and "function". EncodeTools makes it for other formats.
	Raw json.RawMessage

	Single bool   // one call in an answer at most
	Forced bool   // the answer must be a call
	Named  string // of this tool, if set
}

// MaxTools bounds the tools of a request.
const MaxTools = 1024

// toolName is what OpenAI allows, and the dots of other servers.
var toolName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{1,64}$`)

// IsToolName reports whether a tool may have a name.
func IsToolName(name string) bool { return toolName.MatchString(name) }

// Has reports whether there is a tool of a name.
func (t *Tools) Has(name string) bool {
	for _, tool := range t.List {
		if tool.Name == name {
			return true
		}
	}
	return false
}

// Forget drops the tools: the model is not told of them.
func (t *Tools) Forget() { *t = Tools{Single: t.Single} }

// Add adds a tool that a format spells in its own way. Parameters is a JSON
// Schema, or nil.
func (t *Tools) Add(name, description string, parameters json.RawMessage) {
	type function struct {
		Name        string          `json:"name"`
		Description string          `json:"description,omitempty"`
		Parameters  json.RawMessage `json:"parameters,omitempty"`
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(struct {
		Type     string   `json:"type"`
		Function function `json:"function"`
	}{"function", function{name, description, parameters}}); err != nil {
		panic("ask: parameters are no JSON value")
	}
	one := bytes.TrimSpace(b.Bytes())
	if t.Raw == nil {
		t.Raw = append(append([]byte{'['}, one...), ']')
	} else {
		t.Raw = append(append(append(t.Raw[:len(t.Raw)-1], ','), one...), ']')
	}
	t.List = append(t.List, reply.Tool{Name: name, Parameters: parameters})
}

// callFormat is the form of an answer that must be a call.
type callFormat struct {
	Open, Shut string
	Calls      []grammar.Call
	Many       bool
}

// format returns the form that the tools give an answer, or f where they leave
// the choice. A model that takes no tools, or writes calls in a form that cannot
// be held, is a mistake of the client.
func (t *Tools) format(m serve.Model, f Format) (Format, error) {
	if t.List == nil {
		return f, nil
	}
	if !f.IsText() {
		return f, serve.Invalid("invalid_value", f.param, "the form of the answer leaves no room for calls of tools, choose one of both")
	}
	if !m.ReplyFormat().TakesTools {
		return f, serve.Invalid("unsupported_parameter", "tools", "model %q knows no tools", m.Name())
	}
	if !t.Forced {
		return f, nil
	}
	c := callFormat{Many: !t.Single && t.Named == ""}
	var ok bool
	if c.Open, c.Shut, ok = m.ReplyFormat().JSONCalls(); !ok {
		return f, serve.Invalid("unsupported_parameter", "tool_choice", "model %q cannot be made to call a tool, \"tool_choice\" must be \"auto\" or \"none\"", m.Name())
	}
	for _, tool := range t.List {
		if t.Named == "" || t.Named == tool.Name {
			c.Calls = append(c.Calls, grammar.Call{Name: tool.Name, Parameters: tool.Parameters})
		}
	}
	source, err := json.Marshal(c)
	return Format{toolCalls, "tools", source}, err
}

// NewCallID returns a random id for a call. Nine letters and digits are what
// the most particular of chat templates takes back.
func NewCallID() string { return strings.ToLower(rand.Text()[:9]) }
