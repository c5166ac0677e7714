package grammar

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// CompileSchema compiles a JSON Schema to the grammar of compact or modestly
// spaced JSON texts that it allows. Properties come in the schema's order.
// Where a schema leaves additional properties open without saying so, none are
// written. An *Error names the keyword that cannot be followed by its JSON
// pointer.
func CompileSchema(schema []byte) (g *Grammar, err error) {
	defer catch(&err)
	c := newSchemaCompiler(newBuilder(), schema)
	root := c.value([]ref{{schema: c.root, where: "#"}})
	return compile(c.b, seq{c.ws(), root, c.ws()})
}

// CompileJSON returns the grammar of any JSON object.
func CompileJSON() (*Grammar, error) { return CompileSchema([]byte(`{"type":"object"}`)) }

// object is a JSON object with its order kept.
type object struct {
	keys   []string
	values map[string]any
}

func (o *object) get(key string) (any, bool) {
	v, ok := o.values[key]
	return v, ok
}

// newObject is an object of keys and values in turn.
func newObject(members ...any) *object {
	o := &object{values: map[string]any{}}
	for i := 0; i < len(members); i += 2 {
		k := members[i].(string)
		o.keys = append(o.keys, k)
		o.values[k] = members[i+1]
	}
	return o
}

// ref is a subschema and where it stands, as a JSON pointer.
type ref struct {
	schema any // *object or bool
	where  string
	up     *ref // the schema that applies it to the same value, nil for none
}

// sub is the schema under a keyword of r, for another value.
func (r ref) sub(key string) ref {
	return ref{schema: r.schema.(*object).values[key], where: child(r.where, key)}
}

type schemaCompiler struct {
	b     *builder
	root  any
	depth int
	// wide is set while constants are checked against schemas where saying yes
	// too often is the safe side.
	wide     bool
	enums    map[*object]map[string]bool // canonical values
	patterns map[patternKey]*charDFA
	formats  map[string]*charDFA
	anchors  map[string]ref // nil: not looked for yet
}

func newSchemaCompiler(b *builder, raw []byte) *schemaCompiler {
	if len(raw) > maxSourceBytes {
		failf("", "a schema of %d bytes, limit %d", len(raw), maxSourceBytes)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	root := decodeOrdered(d, 0)
	if _, err := d.Token(); err != io.EOF {
		failf("", "the schema is followed by more data")
	}
	c := &schemaCompiler{b: b, root: root, enums: map[*object]map[string]bool{}, patterns: map[patternKey]*charDFA{}, formats: map[string]*charDFA{}}
	c.check(root, "#", 0)
	return c
}

// decodeOrdered reads one JSON value.
func decodeOrdered(d *json.Decoder, depth int) any {
	if depth > maxDepth {
		failf("", "the schema is nested deeper than %d", maxDepth)
	}
	tok, err := d.Token()
	if err != nil {
		failf("", "the schema is not JSON: %v", err)
	}
	switch tok {
	case json.Delim('{'):
		o := &object{values: map[string]any{}}
		for d.More() {
			key := decodeOrdered(d, depth+1).(string)
			if _, dup := o.values[key]; !dup {
				o.keys = append(o.keys, key)
			}
			o.values[key] = decodeOrdered(d, depth+1)
		}
		endOf(d)
		return o
	case json.Delim('['):
		list := []any{}
		for d.More() {
			list = append(list, decodeOrdered(d, depth+1))
		}
		endOf(d)
		return list
	}
	return tok
}

func endOf(d *json.Decoder) {
	if _, err := d.Token(); err != nil {
		failf("", "the schema is not JSON: %v", err)
	}
}

// list reads an array of subschemas that apply to the same value as r.
func (c *schemaCompiler) list(r ref, key string) []ref {
	items, _ := r.schema.(*object).values[key].([]any)
	out := make([]ref, len(items))
	for i, s := range items {
		out[i] = ref{s, child(child(r.where, key), strconv.Itoa(i)), &r}
	}
	return out
}

// resolve follows the reference of a schema, which must be inside the document.
func (c *schemaCompiler) resolve(r ref) ref {
	s, _ := r.schema.(*object).values["$ref"].(string)
	where := child(r.where, "$ref")
	if root, ok := c.root.(*object); ok {
		if id, _ := root.values["$id"].(string); id != "" && strings.HasPrefix(s, strings.TrimSuffix(id, "#")) {
			s = "#" + strings.TrimPrefix(strings.TrimPrefix(s, strings.TrimSuffix(id, "#")), "#")
		}
	}
	if !strings.HasPrefix(s, "#") {
		failf(where, "%q: only references inside the schema are followed", s)
	}
	path, err := url.PathUnescape(s[1:])
	if err != nil {
		failf(where, "%q is not a URI", s)
	}
	at, pointer := c.root, "#"
	if path == "" {
		return ref{at, pointer, &r}
	}
	if !strings.HasPrefix(path, "/") {
		t := c.anchor(path, where)
		t.up = &r
		return t
	}
	for _, part := range strings.Split(path[1:], "/") {
		part = strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
		var next any
		found := false
		switch x := at.(type) {
		case *object:
			next, found = x.get(part)
		case []any:
			i, err := strconv.Atoi(part)
			if err == nil && i >= 0 && i < len(x) {
				next, found = x[i], true
			}
		}
		if !found {
			failf(where, "%q leads nowhere", s)
		}
		at, pointer = next, child(pointer, part)
	}
	c.check(at, pointer, 0) // it may stand where no schemas are looked for
	return ref{at, pointer, &r}
}

// anchor finds a definition by its $anchor.
func (c *schemaCompiler) anchor(name, where string) ref {
	if c.anchors == nil {
		c.findAnchors()
	}
	r, ok := c.anchors[name]
	if !ok {
		failf(where, "%q leads nowhere", "#"+name)
	}
	return r
}

func (c *schemaCompiler) findAnchors() {
	c.anchors = map[string]ref{}
	root, _ := c.root.(*object)
	for _, group := range []string{"definitions", "$defs"} {
		defs, _ := root.values[group].(*object)
		if defs == nil {
			continue
		}
		for _, k := range defs.keys {
			if d, ok := defs.values[k].(*object); ok {
				if name, ok := d.values["$anchor"].(string); ok {
					c.anchors[name] = ref{schema: d, where: child("#/"+group, k)}
				}
			}
		}
	}
}

// count reads a count; absent is -1.
func (r ref) count(key string) int {
	v, ok := r.schema.(*object).get(key)
	if !ok {
		return -1
	}
	return countOf(v, child(r.where, key))
}

func countOf(v any, where string) int {
	x := rational(v, where)
	if !x.IsInt() || x.Sign() < 0 || x.Cmp(big.NewRat(maxCount, 1)) > 0 {
		failf(where, "must be an integer from 0 to %d", maxCount)
	}
	return int(x.Num().Int64())
}

func rational(v any, where string) *big.Rat {
	n, ok := v.(json.Number)
	if !ok {
		failf(where, "must be a number")
	}
	x := ratOf(n)
	if x == nil {
		failf(where, "the number %.20s is out of range", n)
	}
	return x
}

// ratOf is the exact value of a number, nil if that would be very large to write.
func ratOf(n json.Number) *big.Rat {
	if len(n) > 400 {
		return nil
	}
	if f, err := n.Float64(); err != nil || f == 0 && strings.Trim(strings.ToLower(string(n)), "-0.e+") != "" {
		return nil // not of a float64's range: an exponent of a million would be computed
	}
	x, ok := new(big.Rat).SetString(string(n))
	if !ok {
		return nil
	}
	return x
}

// strings reads a keyword whose value is a list of strings.
func (r ref) strings(key string) []string {
	v, ok := r.schema.(*object).get(key)
	if !ok {
		return nil
	}
	return stringsOf(v, child(r.where, key))
}

func stringsOf(v any, where string) []string {
	list, ok := v.([]any)
	if !ok {
		failf(where, "must be a list of strings")
	}
	out := make([]string, len(list))
	for i, x := range list {
		if out[i], ok = x.(string); !ok {
			failf(where, "must be a list of strings")
		}
	}
	return out
}

// text is the JSON text of a value, compact.
func text(v any) string {
	var b strings.Builder
	writeText(&b, v, false)
	return b.String()
}

// canonical is one text for all spellings of a value.
func canonical(v any) string {
	var b strings.Builder
	writeText(&b, v, true)
	return b.String()
}

func writeText(b *strings.Builder, v any, canonical bool) {
	switch v := v.(type) {
	case *object:
		keys := v.keys
		if canonical {
			keys = slices.Sorted(slices.Values(keys))
		}
		b.WriteByte('{')
		for i, k := range keys {
			if i > 0 {
				b.WriteByte(',')
			}
			writeText(b, k, canonical)
			b.WriteByte(':')
			writeText(b, v.values[k], canonical)
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i, x := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			writeText(b, x, canonical)
		}
		b.WriteByte(']')
	case string:
		var buf bytes.Buffer
		e := json.NewEncoder(&buf)
		e.SetEscapeHTML(false)
		_ = e.Encode(v) // a string always encodes
		b.Write(bytes.TrimRight(buf.Bytes(), "\n"))
	case nil:
		b.WriteString("null")
	case json.Number:
		if x := ratOf(v); canonical && x != nil {
			b.WriteString(x.RatString())
			return
		}
		b.WriteString(string(v))
	default:
		fmt.Fprint(b, v)
	}
}
