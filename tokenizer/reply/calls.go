package reply

import (
	"bytes"
	"encoding/json"
	"strings"
)

// toolset knows the offered tools and the types of their parameters.
type toolset map[string]map[string]string

// newToolset reads of each schema no more than the types of its properties.
func newToolset(tools []Tool) toolset {
	t := toolset{}
	for _, tool := range tools {
		var schema struct {
			Properties map[string]struct{ Type any }
		}
		types := map[string]string{}
		if json.Unmarshal(tool.Parameters, &schema) == nil {
			for name, p := range schema.Properties {
				types[name], _ = p.Type.(string)
			}
		}
		t[tool.Name] = types
	}
	return t
}

func (t toolset) empty() bool { return len(t) == 0 }

// call makes a call if the tool was offered and the arguments are an object.
func (t toolset) call(name string, arguments []byte) (Call, bool) {
	name = strings.TrimPrefix(strings.TrimSpace(name), "functions.")
	if _, offered := t[name]; !offered {
		return Call{}, false
	}
	arguments = bytes.TrimSpace(arguments)
	if len(arguments) == 0 || bytes.Equal(arguments, []byte("null")) {
		arguments = []byte("{}")
	}
	var text string
	if arguments[0] == '"' && json.Unmarshal(arguments, &text) == nil { // JSON inside a string
		arguments = []byte(strings.TrimSpace(text))
	}
	var out bytes.Buffer
	if len(arguments) == 0 || arguments[0] != '{' || json.Compact(&out, arguments) != nil {
		return Call{}, false
	}
	return Call{name, out.Bytes()}, true
}

// parseCalls reads the body of a section, whichever of the known forms it has.
func parseCalls(body string, tools toolset) ([]Call, bool) {
	body = strings.TrimSpace(body)
	body = strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(body, "```json"), "```"))
	switch {
	case body == "":
		return nil, false
	case strings.Contains(body, "<｜tool▁call▁begin｜>"):
		return parseDeepSeek(body, tools)
	case strings.Contains(body, "<｜DSML｜invoke"):
		return parseDSML(body, tools)
	case strings.Contains(body, "<|tool_call_begin|>"):
		return parseKimi(body, tools)
	case strings.Contains(body, "[ARGS]"):
		return parseMistralArgs(body, tools)
	case strings.HasPrefix(body, "<function="):
		return parseFunctionTags(body, tools)
	case strings.HasPrefix(body, "call:"):
		return parseGemma(body, tools)
	case body[0] == '{' || body[0] == '[':
		if c, ok := parseJSON(body, tools); ok {
			return c, true
		}
		return parsePythonic(body, tools)
	case strings.Contains(body, "<arg_key>") || !strings.ContainsAny(body, "(){}<>\n"):
		return parseGLM(body, tools)
	}
	return parsePythonic(body, tools)
}

// parseJSON reads one call object, an array of them, or several in a row.
func parseJSON(body string, tools toolset) ([]Call, bool) {
	var out []Call
	for rest := body; rest != ""; {
		d := json.NewDecoder(strings.NewReader(rest))
		var raw json.RawMessage
		if d.Decode(&raw) != nil {
			return nil, false
		}
		rest = strings.TrimLeft(rest[d.InputOffset():], " \n\r\t;,")
		items := []json.RawMessage{raw}
		if raw[0] == '[' {
			items = nil
			if json.Unmarshal(raw, &items) != nil {
				return nil, false
			}
		}
		for _, item := range items {
			c, ok := tools.fromObject(item)
			if !ok {
				return nil, false
			}
			out = append(out, c)
		}
	}
	return out, len(out) > 0
}

// fromObject reads {"name", "arguments"} under any of the names models use.
func (t toolset) fromObject(raw json.RawMessage) (Call, bool) {
	var o map[string]json.RawMessage
	if json.Unmarshal(raw, &o) != nil {
		return Call{}, false
	}
	if inner, ok := o["function"]; ok && len(inner) > 0 && inner[0] == '{' {
		return t.fromObject(inner)
	}
	if len(o) == 1 { // Apertus: {"tool": {arguments}}
		for name, arguments := range o {
			if _, offered := t[name]; offered {
				return t.call(name, arguments)
			}
		}
	}
	var name string
	for _, k := range []string{"name", "tool_name", "function"} {
		if json.Unmarshal(o[k], &name) == nil && name != "" {
			break
		}
	}
	for _, k := range []string{"arguments", "parameters", "args"} {
		if raw, ok := o[k]; ok {
			return t.call(name, raw)
		}
	}
	return t.call(name, nil)
}

// parseFunctools reads functools[{…}], Firefunction's form.
func parseFunctools(body string, tools toolset) ([]Call, bool) {
	return parseJSON(strings.TrimPrefix(strings.TrimSpace(body), "functools"), tools)
}

// parseChannel reads a gpt-oss call: the header names the tool.
func parseChannel(header, body string, tools toolset) ([]Call, bool) {
	_, name, _ := strings.Cut(header, "to=")
	name = strings.FieldsFunc(name+" ", func(r rune) bool { return r == ' ' || r == '<' })[0]
	c, ok := tools.call(name, []byte(body))
	return []Call{c}, ok
}

// parseMistralArgs reads name[ARGS]{…}, with [CALL_ID]… between in some models.
func parseMistralArgs(body string, tools toolset) ([]Call, bool) {
	name, arguments, _ := strings.Cut(body, "[ARGS]")
	name, _, _ = strings.Cut(name, "[CALL_ID]")
	c, ok := tools.call(name, []byte(arguments))
	return []Call{c}, ok
}

// parseDeepSeek reads begin [type sep] name (fence JSON fence | sep JSON) end, repeated.
func parseDeepSeek(body string, tools toolset) ([]Call, bool) {
	var out []Call
	for _, part := range strings.Split(body, "<｜tool▁call▁begin｜>")[1:] {
		part, _, _ = strings.Cut(part, "<｜tool▁call▁end｜>")
		name, arguments, ok := strings.Cut(part, "<｜tool▁sep｜>")
		if !ok {
			return nil, false
		}
		if head, fenced, isR1 := strings.Cut(arguments, "```json"); isR1 {
			name, arguments = head, strings.TrimSuffix(strings.TrimSpace(fenced), "```")
		}
		c, ok := tools.call(name, []byte(arguments))
		if !ok {
			return nil, false
		}
		out = append(out, c)
	}
	return out, len(out) > 0
}

// parseKimi reads functions.NAME:INDEX and JSON between Kimi's marks, repeated.
func parseKimi(body string, tools toolset) ([]Call, bool) {
	var out []Call
	for _, part := range strings.Split(body, "<|tool_call_begin|>")[1:] {
		part, _, _ = strings.Cut(part, "<|tool_call_end|>")
		name, arguments, ok := strings.Cut(part, "<|tool_call_argument_begin|>")
		if i := strings.LastIndexByte(name, ':'); i >= 0 {
			name = name[:i]
		}
		c, fine := tools.call(name, []byte(arguments))
		if !ok || !fine {
			return nil, false
		}
		out = append(out, c)
	}
	return out, len(out) > 0
}
