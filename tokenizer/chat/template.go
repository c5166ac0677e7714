package chat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"time"

	"inferd/tokenizer"
)

// Template is a parsed chat template. It is immutable and safe for concurrent
// use.
type Template struct {
	body  []stmt
	names map[string]bool
}

// Parse reads a template's source. Its error is a *SyntaxError.
func Parse(source string) (*Template, error) {
	body, names, err := parse(source)
	if err != nil {
		return nil, err
	}
	return &Template{body, names}, nil
}

// Reads reports whether the template looks at a variable, such as "tools" or
// "enable_thinking", anywhere.
func (t *Template) Reads(name string) bool { return t.names[name] }

// Value is a value that a caller hands to a template. The zero Value is None.
type Value struct{ v value }

// Literal is a string that the template may use as its own text: special
// tokens in it are honoured. For bos_token and the like, never for input.
func Literal(s string) Value { return Value{lit(s)} }

// Bool is a boolean value.
func Bool(b bool) Value { return Value{b} }

// JSON decodes a value whose every string is the caller's: no special token
// in it will be honoured. Objects keep the order of their keys.
func JSON(raw []byte) (Value, error) {
	v, err := decode(raw)
	return Value{v}, err
}

// roleName is the form of a role: too plain to spell a special token, so that
// templates may build one around it ("<|" + role + "|>").
var roleName = regexp.MustCompile(`^[a-z_]{1,32}$`)

// Messages decodes an array of message objects as JSON does, except that the
// role of each counts as the template's own text.
func Messages(raw []byte) (Value, error) {
	v, err := decode(raw)
	if err != nil {
		return Value{}, err
	}
	l, ok := v.(*list)
	if !ok {
		return Value{}, fmt.Errorf("messages: expected an array, found %s", typeName(v))
	}
	for i, m := range l.items {
		d, ok := m.(*dict)
		if !ok {
			return Value{}, fmt.Errorf("messages[%d]: expected an object, found %s", i, typeName(m))
		}
		if role, found := d.lookup("role"); found {
			if t, ok := role.(text); ok && roleName.MatchString(t.s) {
				d.set(lit("role"), lit(t.s))
			}
		}
	}
	return Value{v}, nil
}

// Options sets what a rendering may use. The zero value is ready.
type Options struct {
	Limits Limits
	Now    func() time.Time // what strftime_now reads; nil: time.Now
}

// Render runs the template over vars and returns the prompt. Its error is a
// *RenderError. Names that vars lacks are undefined in the template.
func (t *Template) Render(vars map[string]Value, o Options) (segments []tokenizer.Segment, err error) {
	in := &interp{limits: o.Limits.or(), now: o.Now}
	if in.now == nil {
		in.now = time.Now
	}
	in.out = &builder{in: in}
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*RenderError)
			if !ok {
				panic(r)
			}
			segments, err = nil, e
		}
	}()
	outer := &scope{vars: globals()}
	for name, v := range vars {
		outer.set(name, v.v)
	}
	in.run(t.body, outer.child())
	return in.out.done().segments(), nil
}

// segments cuts t where its provenance changes.
func (t text) segments() []tokenizer.Segment {
	var out []tokenizer.Segment
	add := func(s string, special bool) {
		if s != "" {
			out = append(out, tokenizer.Segment{Text: s, Special: special})
		}
	}
	at := 0
	for _, u := range t.user {
		add(t.s[at:u.from], true)
		add(t.s[u.from:u.to], false)
		at = u.to
	}
	add(t.s[at:], true)
	return out
}

// decode reads one JSON value without recursion on the caller's stack beyond
// maxJSONDepth.
func decode(raw []byte) (value, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	v, err := decodeValue(d, 0)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil, fmt.Errorf("json: cut off at byte %d", d.InputOffset())
	}
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("json: more than one value, at byte %d", d.InputOffset())
	}
	return v, nil
}

func decodeValue(d *json.Decoder, depth int) (value, error) {
	if depth > maxJSONDepth {
		return nil, fmt.Errorf("json: nested deeper than %d at byte %d", maxJSONDepth, d.InputOffset())
	}
	tok, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch tok := tok.(type) {
	case string:
		return userText(tok), nil
	case bool:
		return tok, nil
	case json.Number:
		return decodeNumber(tok)
	case json.Delim:
		if tok == '[' {
			return decodeArray(d, depth)
		}
		return decodeObject(d, depth)
	}
	return nil, nil
}

func decodeNumber(n json.Number) (value, error) {
	if i, err := n.Int64(); err == nil {
		return i, nil
	}
	if !bytes.ContainsAny([]byte(n), ".eE") {
		return bigInt(n), nil
	}
	f, err := n.Float64()
	if err != nil {
		return nil, fmt.Errorf("json: number %q out of range", n)
	}
	return f, nil
}

func decodeArray(d *json.Decoder, depth int) (value, error) {
	l := &list{}
	for d.More() {
		v, err := decodeValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		l.items = append(l.items, v)
	}
	_, err := d.Token()
	return l, err
}

func decodeObject(d *json.Decoder, depth int) (value, error) {
	o := newDict()
	for d.More() {
		k, err := decodeValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		v, err := decodeValue(d, depth+1)
		if err != nil {
			return nil, err
		}
		o.set(k, v)
	}
	_, err := d.Token()
	return o, err
}
