package grammar

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// CompileSchema compiles a JSON Schema to the grammar of compact or modestly
// spaced JSON texts that it allows. Properties come in the schema's order.
// Where a schema leaves additional properties open without saying so, none are
// written.
func CompileSchema(schema []byte) (g *Grammar, err error) {
	defer catch(&err)
	c := newSchemaCompiler(schema)
	root := c.value([]ref{{c.root, "#"}})
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

// ref is a subschema and where it stands, as a JSON pointer.
type ref struct {
	schema any // *object or bool
	where  string
}

type schemaCompiler struct {
	b     *builder
	root  any
	depth int
}

func newSchemaCompiler(raw []byte) *schemaCompiler {
	if len(raw) > maxSourceBytes {
		failf("", "a schema of %d bytes, limit %d", len(raw), maxSourceBytes)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	root := decodeOrdered(d, 0)
	if _, err := d.Token(); err != io.EOF {
		failf("", "the schema is followed by more data")
	}
	return &schemaCompiler{b: newBuilder(), root: root}
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

// refused lists keywords that change what is valid and cannot be followed.
// Other unknown keywords are annotations, as the standard has it.
var refused = map[string]bool{
	"not": true, "if": true, "then": true, "else": true, "contains": true, "minContains": true, "maxContains": true,
	"unevaluatedProperties": true, "unevaluatedItems": true, "dependentRequired": true, "dependentSchemas": true, "dependencies": true,
	"$dynamicRef": true, "$recursiveRef": true, "nullable": true,
}

// value returns the language of values that satisfy all schemas, as a rule, so
// that schemas may refer to themselves.
func (c *schemaCompiler) value(all []ref) expr {
	c.depth++
	defer func() { c.depth-- }()
	if c.depth > maxDepth {
		failf(all[0].where, "nested deeper than %d", maxDepth)
	}
	names := make([]string, len(all))
	for i, r := range all {
		names[i] = r.where
	}
	sort.Strings(names)
	return c.b.once("value "+strings.Join(slices.Compact(names), " & "), func() expr {
		return c.conjunction(nil, all, map[string]bool{})
	})
}

// conjunction resolves references and allOf and splits anyOf and oneOf, until
// only plain assertions are left in done.
func (c *schemaCompiler) conjunction(done, todo []ref, seen map[string]bool) expr {
	c.depth++
	defer func() { c.depth-- }()
	if c.depth > 4*maxDepth {
		failf(todo[0].where, "nested deeper than %d", maxDepth)
	}
	for len(todo) > 0 {
		r := todo[0]
		todo = todo[1:]
		if b, ok := r.schema.(bool); ok {
			if !b {
				return alt{}
			}
			continue
		}
		o, ok := r.schema.(*object)
		if !ok {
			failf(r.where, "a schema must be an object or a boolean")
		}
		if seen[r.where] {
			continue
		}
		seen[r.where] = true
		c.checkKeywords(o, r.where)
		if target, ok := o.get("$ref"); ok {
			t := c.resolve(target, r.where)
			if seen[t.where] {
				failf(r.where, "$ref %q leads back to itself", target)
			}
			todo = append([]ref{t}, todo...)
		}
		if list, ok := o.get("allOf"); ok {
			todo = append(c.list(list, r.where+"/allOf"), todo...)
		}
		done = append(done, r)
		for _, key := range []string{"anyOf", "oneOf"} {
			list, ok := o.get(key)
			if !ok {
				continue
			}
			branches := c.list(list, r.where+"/"+key)
			if key == "oneOf" {
				c.requireDisjoint(branches)
				if _, both := o.get("anyOf"); both {
					failf(r.where, "anyOf and oneOf in one schema are not supported")
				}
			}
			if _, both := o.get("oneOf"); both && key == "anyOf" {
				failf(r.where, "anyOf and oneOf in one schema are not supported")
			}
			var out alt
			for _, b := range branches {
				path := map[string]bool{}
				for k := range seen {
					path[k] = true
				}
				out = append(out, c.conjunction(slices.Clone(done), append([]ref{b}, todo...), path))
			}
			return out
		}
	}
	return c.leaf(done)
}

func (c *schemaCompiler) checkKeywords(o *object, where string) {
	for _, k := range o.keys {
		if refused[k] {
			failf(where, "the keyword %q is not supported", k)
		}
	}
	if u, ok := o.get("uniqueItems"); ok && u != false {
		failf(where, "the keyword %q is not supported", "uniqueItems")
	}
}

// list reads an array of subschemas.
func (c *schemaCompiler) list(v any, where string) []ref {
	items, ok := v.([]any)
	if !ok || len(items) == 0 {
		failf(where, "expected a list of schemas")
	}
	out := make([]ref, len(items))
	for i, s := range items {
		out[i] = ref{s, where + "/" + strconv.Itoa(i)}
	}
	return out
}

// resolve follows a local reference.
func (c *schemaCompiler) resolve(target any, where string) ref {
	s, ok := target.(string)
	if !ok || !strings.HasPrefix(s, "#") {
		failf(where, "$ref %v: only references inside the schema are followed", target)
	}
	path, err := url.PathUnescape(s[1:])
	if err != nil {
		failf(where, "$ref %q is not a URI", s)
	}
	at, pointer := c.root, "#"
	if path == "" {
		return ref{at, pointer}
	}
	if !strings.HasPrefix(path, "/") {
		return c.anchor(path, where)
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
			failf(where, "$ref %q leads nowhere", s)
		}
		at, pointer = next, pointer+"/"+part
	}
	return ref{at, pointer}
}

// anchor finds a definition by its $anchor.
func (c *schemaCompiler) anchor(name, where string) ref {
	if root, ok := c.root.(*object); ok {
		for _, group := range []string{"$defs", "definitions"} {
			defs, _ := root.values[group].(*object)
			if defs == nil {
				continue
			}
			for _, k := range defs.keys {
				if d, ok := defs.values[k].(*object); ok && d.values["$anchor"] == name {
					return ref{d, "#/" + group + "/" + k}
				}
			}
		}
	}
	failf(where, "$ref %q leads nowhere", "#"+name)
	return ref{}
}

// integer reads a count; absent is -1.
func (c *schemaCompiler) integer(o *object, key, where string) int {
	v, ok := o.get(key)
	if !ok {
		return -1
	}
	x := c.rational(v, where+"/"+key)
	if !x.IsInt() || x.Sign() < 0 || !x.Num().IsInt64() || x.Num().Int64() > maxCount {
		failf(where, "%s must be an integer from 0 to %d", key, maxCount)
	}
	return int(x.Num().Int64())
}

func (c *schemaCompiler) rational(v any, where string) *big.Rat {
	n, ok := v.(json.Number)
	if !ok {
		failf(where, "expected a number")
	}
	if len(n) > 64 { // an exponent of a million would be computed
		failf(where, "the number %.20s… is too long", n)
	}
	if f, err := n.Float64(); err != nil || f > 1e30 || f < -1e30 || f != 0 && f < 1e-30 && f > -1e-30 {
		failf(where, "the number %s is out of range", n)
	}
	x, ok := new(big.Rat).SetString(string(n))
	if !ok {
		failf(where, "expected a number")
	}
	return x
}

// text is the JSON text of a value, compact.
func text(v any) string {
	var b strings.Builder
	writeText(&b, v)
	return b.String()
}

func writeText(b *strings.Builder, v any) {
	switch v := v.(type) {
	case *object:
		b.WriteByte('{')
		for i, k := range v.keys {
			if i > 0 {
				b.WriteByte(',')
			}
			writeText(b, k)
			b.WriteByte(':')
			writeText(b, v.values[k])
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i, x := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			writeText(b, x)
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
	default:
		fmt.Fprint(b, v)
	}
}
