package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"inferd/daemon/serve"
)

// maxMembers bounds what one request may make us keep while it is read. A body
// can hold millions of members, each of which costs more in memory than in JSON.
const maxMembers = 4096 // of an object; logit_bias has the most

// Object is a JSON object that is read member by member, strictly: each
// member that is there must be asked for, with its type and range. The first
// mistake is kept and every later read returns nothing, so a handler reads
// all it wants and asks once, with Close.
//
// A member whose value is null counts as absent.
type Object struct {
	path    string // of the object in the body, with a final dot; empty for the body
	members map[string]json.RawMessage
	names   []string // in the order of the text
	err     error
}

// ParseBody reads a request body.
func ParseBody(body []byte) *Object {
	o := &Object{}
	body = bytes.TrimPrefix(body, []byte("\ufeff")) // as RFC 8259 section 8.1 allows
	switch {
	case len(bytes.TrimSpace(body)) == 0:
		o.err = serve.Invalid("invalid_json", "", "the request body is empty, want a JSON object")
	case !utf8.Valid(body):
		o.err = serve.Invalid("invalid_json", "", "the request body is not valid UTF-8")
	default:
		o.parse(body)
	}
	return o
}

// parse reads text, which must hold one object and nothing else.
func (o *Object) parse(text []byte) {
	o.members = map[string]json.RawMessage{}
	dec := json.NewDecoder(bytes.NewReader(text))
	start, err := dec.Token()
	if err == nil && start != json.Delim('{') {
		o.err = serve.Invalid("invalid_type", o.Name(""), "%s must be an object", o.describe(""))
		return
	}
	for err == nil && dec.More() {
		if len(o.names) == maxMembers {
			o.Fail("invalid_value", "", "has more than %d members", maxMembers)
			return
		}
		var name json.Token
		if name, err = dec.Token(); err != nil {
			break
		}
		var value json.RawMessage
		if err = dec.Decode(&value); err != nil {
			break
		}
		o.add(name.(string), value)
	}
	if err == nil {
		_, err = dec.Token() // the closing brace
	}
	if err == nil {
		if _, err = dec.Token(); err == nil {
			err = fmt.Errorf("more than one value")
		} else if err == io.EOF {
			return
		}
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	o.err = serve.Invalid("invalid_json", "", "the request body is not valid JSON: %v at byte %d", err, dec.InputOffset())
}

func (o *Object) add(name string, value json.RawMessage) {
	if _, twice := o.members[name]; twice {
		o.Fail("duplicate_parameter", name, "is there twice")
	}
	o.members[name] = value
	o.names = append(o.names, name)
}

// Name returns the full name of a member, of the object itself for "".
func (o *Object) Name(member string) string {
	if member == "" {
		return string(bytes.TrimSuffix([]byte(o.path), []byte(".")))
	}
	return o.path + member
}

func (o *Object) describe(member string) string {
	if name := o.Name(member); name != "" {
		return strconv.Quote(name)
	}
	return "the request body"
}

// Fail keeps the first mistake; what it says follows the member's name.
func (o *Object) Fail(code, member, format string, args ...any) {
	if o.err == nil {
		o.err = serve.Invalid(code, o.Name(member), "%s %s", o.describe(member), fmt.Sprintf(format, args...))
	}
}

// Take returns the value of a member and marks it as read; nil if it is
// absent or null, or after a mistake.
func (o *Object) Take(member string) json.RawMessage {
	value, ok := o.members[member]
	if !ok {
		return nil
	}
	delete(o.members, member)
	if o.err != nil || string(value) == "null" {
		return nil
	}
	return value
}

// Peek returns the value of a member that is still to be read, or absent.
func (o *Object) Peek(member, absent string) json.RawMessage {
	if !o.Has(member) {
		return json.RawMessage(absent)
	}
	return o.members[member]
}

// Members returns the names of all members, read or not, in the order of the
// text.
func (o *Object) Members() []string { return o.names }

// Failed reports whether there has been a mistake.
func (o *Object) Failed() bool { return o.err != nil }

// Has reports whether a member is there, not null, and not read yet.
func (o *Object) Has(member string) bool {
	value, ok := o.members[member]
	return ok && string(value) != "null"
}

// Close returns the first mistake. A member that nobody has read is one.
func (o *Object) Close() error {
	for _, name := range o.names {
		if _, left := o.members[name]; left {
			o.Fail("unknown_parameter", name, "is not a known parameter")
		}
	}
	return o.err
}

// Require fails if a member is missing.
func (o *Object) Require(member string) {
	if !o.Has(member) {
		o.Fail("missing_required_parameter", member, "is required")
	}
}

// WrongType fails for a value of another type.
func (o *Object) WrongType(member, what string, value json.RawMessage) {
	o.Fail("invalid_type", member, "must be %s, found %s", what, TypeOf(value))
}

// Str reads a string; ok is false if there is none.
func (o *Object) Str(member string) (s string, ok bool) {
	value := o.Take(member)
	if value == nil {
		return "", false
	}
	if TypeOf(value) != "a string" {
		o.WrongType(member, "a string", value)
		return "", false
	}
	return Unquote(value), true
}

// Bool reads true or false, absent if there is neither.
func (o *Object) Bool(member string, absent bool) bool {
	switch value := o.Take(member); string(value) {
	case "":
		return absent
	case "true":
		return true
	case "false":
		return false
	default:
		o.WrongType(member, "true or false", value)
		return absent
	}
}

// Integer reads an integer from low to high, absent if there is none.
func (o *Object) Integer(member string, low, high, absent int64) int64 {
	value := o.Take(member)
	if value == nil {
		return absent
	}
	if TypeOf(value) != "a number" {
		o.WrongType(member, "an integer", value)
		return absent
	}
	n, isInteger, fits := parseInteger(value)
	if !isInteger {
		o.Fail("invalid_type", member, "must be an integer, found %s", value)
		return absent
	}
	if !fits || n < low || n > high {
		o.Fail("invalid_value", member, "must be an integer from %d to %d, found %s", low, high, value)
		return absent
	}
	return n
}

// parseInteger reads a JSON number. Notations such as 16.0 and 1e3 are of
// integers too; fits is false for one that has more than 64 bits.
func parseInteger(value json.RawMessage) (n int64, isInteger, fits bool) {
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		return n, true, err == nil
	}
	f, err := strconv.ParseFloat(string(value), 64)
	switch {
	case err == nil && f != math.Trunc(f):
		return 0, false, false
	case err != nil || f >= 1<<63 || f < -1<<63:
		return 0, true, false
	default:
		return int64(f), true, true
	}
}

// Number reads a number from low to high, absent if there is none.
func (o *Object) Number(member string, low, high, absent float64) float32 {
	value := o.Take(member)
	if value == nil {
		return float32(absent)
	}
	if TypeOf(value) != "a number" {
		o.WrongType(member, "a number", value)
		return float32(absent)
	}
	f, err := strconv.ParseFloat(string(value), 64)
	if err != nil || f < low || f > high {
		o.Fail("invalid_value", member, "must be a number from %g to %g, found %s", low, high, value)
		return float32(absent)
	}
	return float32(f)
}

// Raw reads an object as it stands, nil if there is none.
func (o *Object) Raw(member string) json.RawMessage {
	value := o.Take(member)
	if value != nil && TypeOf(value) != "an object" {
		o.WrongType(member, "an object", value)
		return nil
	}
	return value
}

// Object reads an object, nil if there is none. Its mistakes become o's when
// it is handed to CloseInner.
func (o *Object) Object(member string) *Object {
	value := o.Take(member)
	if value == nil {
		return nil
	}
	return o.Inner(member, value)
}

// Inner reads value, which stands at member, as an object.
func (o *Object) Inner(member string, value json.RawMessage) *Object {
	in := &Object{path: o.Name(member) + "."}
	in.parse(value)
	return in
}

// CloseInner closes an object inside o and takes over its first mistake.
func (o *Object) CloseInner(in *Object) {
	if err := in.Close(); err != nil && o.err == nil {
		o.err = err
	}
}

// Unsupported fails if a member has a value that asks for something. Empty
// arrays and objects, false, and the values in harmless do not.
func (o *Object) Unsupported(member string, harmless ...string) {
	o.Only(member, append([]string{"[]", "{}", "false"}, harmless...)...)
}

// Only fails if a member has none of values, which are compact JSON.
func (o *Object) Only(member string, values ...string) {
	value := o.Take(member)
	if value == nil {
		return
	}
	var compact bytes.Buffer
	if json.Compact(&compact, value) == nil && !slices.Contains(values, compact.String()) {
		o.Fail("unsupported_parameter", member, "is not supported")
	}
}

// Ignored reads members that have no effect: they label a request, or say how to
// compute it. What they are, as TypeOf names it, matters all the same.
func (o *Object) Ignored(what string, members ...string) {
	for _, member := range members {
		if value := o.Take(member); value != nil && TypeOf(value) != what {
			o.WrongType(member, what, value)
		}
	}
}

// TypeOf names the type of a JSON value.
func TypeOf(value json.RawMessage) string {
	switch value[0] {
	case '"':
		return "a string"
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	default:
		return "a number"
	}
}

// Unquote returns the text of a JSON string that has been parsed before.
func Unquote(value json.RawMessage) string {
	var s string
	if err := json.Unmarshal(value, &s); err != nil {
		panic("wire: value is no JSON string")
	}
	return s
}
