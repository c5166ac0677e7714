package chat

import (
	"fmt"
	"math"
	"sort"
	"strings"
	"unicode/utf16"
)

// jsonWriter is Python's json.dumps with the options templates pass.
type jsonWriter struct {
	b         builder
	indent    string // one level; used where indented is set
	indented  bool
	itemSep   string
	keySep    string
	asciiOnly bool
	sortKeys  bool
}

// toJSON renders v and keeps provenance: names and strings inside v stay the
// caller's.
func (in *interp) toJSON(v value, w jsonWriter) text {
	w.b.in = in
	w.write(v, 0)
	return w.b.done()
}

func (w *jsonWriter) write(v value, depth int) {
	if depth > maxNesting {
		throwf("tojson: nested deeper than %d", maxNesting)
	}
	w.b.in.work(1)
	switch v := v.(type) {
	case nil:
		w.b.lit("null")
	case bool:
		if v {
			w.b.lit("true")
		} else {
			w.b.lit("false")
		}
	case int64, bigInt:
		w.b.lit(repr(v))
	case float64:
		w.b.lit(jsonFloat(v))
	case text:
		w.string(v)
	case *list:
		w.list(v, depth)
	case *dict:
		w.dict(v, depth)
	case *namespace:
		throwf("Object of type Namespace is not JSON serializable")
	default:
		throwf("Object of type %s is not JSON serializable", typeName(v))
	}
}

func jsonFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return reprFloat(f)
}

func (w *jsonWriter) newline(depth int) {
	w.b.lit("\n" + strings.Repeat(w.indent, depth))
}

func (w *jsonWriter) list(v *list, depth int) {
	if len(v.items) == 0 {
		w.b.lit("[]")
		return
	}
	w.b.lit("[")
	for i, x := range v.items {
		w.separate(i, depth)
		w.write(x, depth+1)
	}
	if w.indented {
		w.newline(depth)
	}
	w.b.lit("]")
}

// separate writes what stands before item i of a container at this depth.
func (w *jsonWriter) separate(i, depth int) {
	if i > 0 {
		w.b.lit(w.itemSep)
	}
	if w.indented {
		w.newline(depth + 1)
	}
}

func (w *jsonWriter) dict(v *dict, depth int) {
	if len(v.keys) == 0 {
		w.b.lit("{}")
		return
	}
	order := make([]int, len(v.keys))
	for i := range order {
		order[i] = i
	}
	if w.sortKeys {
		sort.SliceStable(order, func(a, b int) bool { return w.b.in.less(v.keys[order[a]], v.keys[order[b]]) })
	}
	w.b.lit("{")
	for n, i := range order {
		w.separate(n, depth)
		switch k := v.keys[i].(type) {
		case text:
			w.string(k)
		case nil, bool, int64, float64, bigInt:
			sub := jsonWriter{b: builder{in: w.b.in}}
			sub.write(k, depth)
			w.b.lit(`"` + sub.b.done().s + `"`)
		default:
			throwf("keys must be str, int, float, bool or None, not %s", typeName(k))
		}
		w.b.lit(w.keySep)
		w.write(v.values[i], depth+1)
	}
	if w.indented {
		w.newline(depth)
	}
	w.b.lit("}")
}

func (w *jsonWriter) string(t text) {
	w.b.lit(`"`)
	w.b.text(w.b.in.mapRunes(t, func(_ int, r rune) string { return escapeJSON(r, w.asciiOnly) }))
	w.b.lit(`"`)
}

// escapeJSON is how json.dumps writes one rune inside a string.
func escapeJSON(r rune, asciiOnly bool) string {
	switch r {
	case '"':
		return `\"`
	case '\\':
		return `\\`
	case '\n':
		return `\n`
	case '\r':
		return `\r`
	case '\t':
		return `\t`
	case '\b':
		return `\b`
	case '\f':
		return `\f`
	}
	switch {
	case r < 0x20 || asciiOnly && r > 0x7e && r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	case asciiOnly && r >= 0x10000:
		hi, lo := utf16.EncodeRune(r)
		return fmt.Sprintf(`\u%04x\u%04x`, hi, lo)
	}
	return string(r)
}
