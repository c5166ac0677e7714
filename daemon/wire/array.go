package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// Array reads an array of 1 to limit elements, nil if there is none.
func (o *Object) Array(member string, limit int) []json.RawMessage {
	value := o.Take(member)
	if value == nil {
		return nil
	}
	if TypeOf(value) != "an array" {
		o.WrongType(member, "an array", value)
		return nil
	}
	return o.Elements(member, value, limit)
}

// Elements returns the elements of value, an array that stands at member. One
// that has none, or more than limit, is a mistake.
func (o *Object) Elements(member string, value json.RawMessage, limit int) []json.RawMessage {
	dec := json.NewDecoder(bytes.NewReader(value))
	_, err := dec.Token() // the opening bracket
	var elements []json.RawMessage
	for err == nil && dec.More() {
		if len(elements) == limit {
			o.Fail("invalid_value", member, "has more than %d elements", limit)
			return nil
		}
		var element json.RawMessage
		err = dec.Decode(&element)
		elements = append(elements, element)
	}
	switch {
	case err != nil: // not seen: the value was parsed before
		o.Fail("invalid_json", member, "is not valid JSON")
	case len(elements) == 0:
		o.Fail("invalid_value", member, "is empty")
	}
	return elements
}

// List reads an array of at most limit elements, which may have none.
func (o *Object) List(member string, limit int) []json.RawMessage {
	if value := o.Peek(member, "null"); TypeOf(value) == "an array" && FirstOf(value) == "" {
		o.Take(member)
		return nil
	}
	return o.Array(member, limit)
}

// Objects hands elements, those of an array that stands at member, to read, one
// by one and as objects, until one has a mistake.
func (o *Object) Objects(member string, elements []json.RawMessage, read func(*Object)) {
	for i, element := range elements {
		if o.Failed() {
			return
		}
		in := o.Inner(fmt.Sprintf("%s[%d]", member, i), element)
		read(in)
		o.CloseInner(in)
	}
}

// Strings reads an array of at most limit strings, which may have none.
func (o *Object) Strings(member string, limit int) []string {
	return o.strings(member, "an array of strings", o.List(member, limit))
}

// OneOrMore reads a string, or an array of at most limit strings, which may have
// none.
func (o *Object) OneOrMore(member string, limit int) []string {
	const what = "a string or an array of strings"
	value := o.Peek(member, "null")
	if TypeOf(value) == "an array" {
		return o.strings(member, what, o.List(member, limit))
	}
	if value = o.Take(member); value == nil {
		return nil
	}
	return o.strings(member, what, []json.RawMessage{value})
}

func (o *Object) strings(member, what string, elements []json.RawMessage) (list []string) {
	for _, element := range elements {
		if TypeOf(element) != "a string" {
			o.WrongType(member, what, element)
			return nil
		}
		list = append(list, Unquote(element))
	}
	return list
}

// Text reads a string, or an array of at most limit objects, which are called
// parts and may be none. read makes a text of each, and each becomes a line.
func (o *Object) Text(member, parts string, limit int, read func(*Object) string) string {
	switch value := o.Peek(member, "null"); TypeOf(value) {
	case "a string":
		text, _ := o.Str(member)
		return text
	case "null", "an array":
	default:
		o.WrongType(member, "a string or an array of "+parts, value)
	}
	var lines []string
	o.Objects(member, o.List(member, limit), func(in *Object) { lines = append(lines, read(in)) })
	return strings.Join(lines, "\n")
}

// FirstOf names the type of an array's first element, "" if it has none.
func FirstOf(array json.RawMessage) string {
	first := bytes.TrimLeft(array[1:], " \t\r\n")
	if first[0] == ']' {
		return ""
	}
	return TypeOf(first)
}
