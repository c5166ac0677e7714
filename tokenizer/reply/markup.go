package reply

import (
	"bytes"
	"encoding/json"
	"strings"
)

// object builds a JSON object in order.
type object struct{ b bytes.Buffer }

func (o *object) put(key string, value []byte) {
	sep := byte(',')
	if o.b.Len() == 0 {
		sep = '{'
	}
	o.b.WriteByte(sep)
	o.b.Write(quote(key))
	o.b.WriteByte(':')
	o.b.Write(value)
}

func (o *object) done() []byte {
	if o.b.Len() == 0 {
		return []byte("{}")
	}
	return append(o.b.Bytes(), '}')
}

// quote is s as a JSON string, without HTML escapes.
func quote(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return bytes.TrimRight(b.Bytes(), "\n")
}

// typed reads a parameter that a model wrote without quotes: a string where
// the tool's schema wants one, else JSON if it is JSON.
func (t toolset) typed(tool, param, value string) []byte {
	if t[tool][param] != "string" {
		v := strings.TrimSpace(value)
		if json.Valid([]byte(v)) {
			return []byte(v)
		}
		switch v {
		case "True":
			return []byte("true")
		case "False":
			return []byte("false")
		case "None":
			return []byte("null")
		}
	}
	return quote(value)
}

// parseFunctionTags reads <function=NAME>, then either JSON (Functionary) or
// <parameter=KEY> elements (Qwen3 Coder, Nemotron), then </function>.
func parseFunctionTags(body string, tools toolset) ([]Call, bool) {
	var out []Call
	for _, part := range strings.Split(body, "<function=")[1:] {
		name, rest, ok := strings.Cut(part, ">")
		if !ok {
			return nil, false
		}
		rest, _, _ = strings.Cut(rest, "</function>")
		name = strings.Trim(strings.TrimSpace(name), `"'`)
		arguments := []byte(rest)
		if !strings.HasPrefix(strings.TrimSpace(rest), "{") {
			arguments = tools.parameterTags(name, rest)
		}
		c, ok := tools.call(name, arguments)
		if !ok {
			return nil, false
		}
		out = append(out, c)
	}
	return out, len(out) > 0
}

func (t toolset) parameterTags(tool, body string) []byte {
	var o object
	parts := strings.Split(body, "<parameter=")
	for _, part := range parts[1:] {
		key, value, _ := strings.Cut(part, ">")
		if i := strings.LastIndex(value, "</parameter>"); i >= 0 {
			value = value[:i]
		}
		value = strings.TrimSuffix(strings.TrimPrefix(value, "\n"), "\n")
		key = strings.Trim(strings.TrimSpace(key), `"'`)
		o.put(key, t.typed(tool, key, value))
	}
	return o.done()
}

// parseGLM reads NAME and pairs of <arg_key> and <arg_value>.
func parseGLM(body string, tools toolset) ([]Call, bool) {
	name, _, _ := strings.Cut(body, "<arg_key>")
	name = strings.TrimSpace(name)
	var o object
	for _, part := range strings.Split(body, "<arg_key>")[1:] {
		key, rest, ok := strings.Cut(part, "</arg_key>")
		_, value, found := strings.Cut(rest, "<arg_value>")
		if !ok || !found {
			return nil, false
		}
		value, _, _ = strings.Cut(value, "</arg_value>")
		key = strings.TrimSpace(key)
		o.put(key, tools.typed(name, key, value))
	}
	c, ok := tools.call(name, o.done())
	return []Call{c}, ok
}

// parseDSML reads DeepSeek V4's <｜DSML｜invoke name="…"> elements.
func parseDSML(body string, tools toolset) ([]Call, bool) {
	var out []Call
	for _, part := range strings.Split(body, "<｜DSML｜invoke")[1:] {
		part, _, _ = strings.Cut(part, "</｜DSML｜invoke>")
		name, ok := attribute(part, "name")
		if !ok {
			return nil, false
		}
		var o object
		for _, param := range strings.Split(part, "<｜DSML｜parameter")[1:] {
			head, value, _ := strings.Cut(param, ">")
			value, _, _ = strings.Cut(value, "</｜DSML｜parameter>")
			key, ok := attribute(head, "name")
			if !ok {
				return nil, false
			}
			if isString, _ := attribute(head, "string"); isString == "true" {
				o.put(key, quote(value))
			} else {
				o.put(key, tools.typed(name, key, value))
			}
		}
		c, ok := tools.call(name, o.done())
		if !ok {
			return nil, false
		}
		out = append(out, c)
	}
	return out, len(out) > 0
}

// attribute reads key="value" from the head of a tag.
func attribute(head, key string) (string, bool) {
	head, _, _ = strings.Cut(head, ">")
	_, rest, ok := strings.Cut(head, " "+key+`="`)
	if !ok {
		return "", false
	}
	value, _, ok := strings.Cut(rest, `"`)
	return value, ok
}

// parseGemma reads call:NAME{key:value,…}, strings between <|"|> marks.
func parseGemma(body string, tools toolset) ([]Call, bool) {
	name, rest, ok := strings.Cut(strings.TrimPrefix(body, "call:"), "{")
	if !ok {
		return nil, false
	}
	l := literals{s: "{" + rest, gemma: true}
	v, ok := l.value(0)
	if !ok || strings.TrimSpace(l.s) != "" {
		return nil, false
	}
	c, ok := tools.call(name, v)
	return []Call{c}, ok
}
