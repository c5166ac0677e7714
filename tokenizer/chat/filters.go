package chat

import (
	"math"
	"net/url"
	"strconv"
	"strings"
	"unicode"
)

type filterFunc func(in *interp, v value, a args) value

// filterTable holds Jinja's built-in filters, less those that need a clock, a
// random source or a web page. tojson is the one of the transformers library.
var filterTable map[string]filterFunc

func init() { // map and the like look filters up by name
	filterTable = map[string]filterFunc{
		"abs": absFilter, "attr": attrFilter, "batch": batchFilter, "capitalize": onText((*interp).capitalize),
		"center": func(in *interp, v value, a args) value {
			return in.pad(in.str(v), "center", a.bind("center", "width").int(0, 80), " ")
		},
		"count": lengthFilter, "d": defaultFilter, "default": defaultFilter, "dictsort": dictsortFilter,
		"e": onText((*interp).escape), "escape": onText((*interp).escape),
		"first": firstFilter, "float": floatFilter, "forceescape": onText((*interp).escape),
		"format": func(in *interp, v value, a args) value {
			return in.format(in.str(v), &list{items: a.pos, tuple: true})
		},
		"groupby": groupbyFilter, "indent": indentFilter, "int": intFilter, "items": itemsFilter, "join": joinFilter,
		"last": lastFilter, "length": lengthFilter, "list": listFilter, "lower": onText(lowerText),
		"map": mapFilter, "max": extreme("max", ">"), "min": extreme("min", "<"),
		"reject": selector("reject", false, false), "rejectattr": selector("rejectattr", false, true),
		"select": selector("select", true, false), "selectattr": selector("selectattr", true, true),
		"replace": func(in *interp, v value, a args) value {
			b := a.bind("replace", "old", "new", "count")
			return in.replace(in.str(v), in.str(b.need(0)), in.str(b.need(1)), b.int(2, -1))
		},
		"reverse": reverseFilter, "round": roundFilter,
		"safe":  func(in *interp, v value, _ args) value { t := in.str(v); t.markup = true; return t },
		"slice": sliceFilter, "sort": sortFilter,
		"string": func(in *interp, v value, _ args) value { return in.str(v) },
		"sum":    sumFilter, "title": onText(titleWords), "tojson": tojsonFilter,
		"trim": func(in *interp, v value, a args) value {
			return in.str(v).strip(a.bind("trim", "chars").optText(0), true, true)
		},
		"truncate": truncateFilter, "unique": uniqueFilter, "upper": onText(upperText),
		"urlencode": urlencodeFilter,
		"wordcount": func(in *interp, v value, _ args) value { return int64(len(strings.FieldsFunc(in.str(v).s, notWord))) },
	}
}

func onText(f func(in *interp, t text) text) filterFunc {
	return func(in *interp, v value, _ args) value { return f(in, in.str(v)) }
}

func lowerText(in *interp, t text) text {
	return in.mapRunes(t, func(_ int, r rune) string { return strings.ToLower(string(r)) })
}

func upperText(in *interp, t text) text {
	return in.mapRunes(t, func(_ int, r rune) string { return strings.ToUpper(string(r)) })
}

// titleWords capitalises at the start and behind white space, dashes and
// opening brackets.
func titleWords(in *interp, t text) text {
	start := true
	return in.mapRunes(t, func(_ int, r rune) string {
		first := start
		start = isSpace(r) || strings.ContainsRune("-({[<", r)
		if first {
			return strings.ToUpper(string(r))
		}
		return strings.ToLower(string(r))
	})
}

func notWord(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsNumber(r) }

// urlencodeFilter quotes a string for a path, or pairs for a query.
func urlencodeFilter(in *interp, v value, _ args) value {
	var pairs []value
	switch v := v.(type) {
	case *dict:
		pairs = v.pairs()
	case *list:
		pairs = v.items
	default:
		t := in.str(v)
		return t.like(strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(t.s), "+", "%20"), "%2F", "/"))
	}
	out := make([]string, len(pairs))
	for i, p := range pairs {
		kv := in.iterate(p)
		if len(kv) != 2 {
			throwf("urlencode: expected pairs, found %d items", len(kv))
		}
		out[i] = url.QueryEscape(in.str(kv[0]).s) + "=" + url.QueryEscape(in.str(kv[1]).s)
	}
	s := strings.Join(out, "&")
	in.charge(len(s))
	return userOr(v, s)
}

// needText refuses what has no string methods, as Python would.
func needText(v value) text {
	t, ok := v.(text)
	if !ok {
		needDefined(v)
		throwf("object of type '%s' has no len()", typeName(v))
	}
	return t
}

func absFilter(_ *interp, v value, _ args) value {
	switch v := number(v).(type) {
	case int64:
		if v < 0 {
			return -v
		}
		return v
	case float64:
		return math.Abs(v)
	}
	needDefined(v)
	throwf("bad operand type for abs(): '%s'", typeName(v))
	return nil
}

func attrFilter(in *interp, v value, a args) value {
	name := a.bind("attr", "name").text(0)
	if _, ok := v.(*dict); ok {
		if m, found := in.method(v, name.s); found {
			return m
		}
		return undefined{name: name.s, object: v, ofObj: true}
	}
	return in.attribute(v, name.s)
}

func defaultFilter(_ *interp, v value, a args) value {
	b := a.bind("default", "default_value", "boolean")
	if _, missing := v.(undefined); missing || b.bool(1, false) && !truth(v) {
		return b.value(0, text{})
	}
	return v
}

func lengthFilter(_ *interp, v value, _ args) value {
	switch v := v.(type) {
	case text:
		return int64(v.runes())
	case *list:
		return int64(len(v.items))
	case *dict:
		return int64(len(v.keys))
	case undefined:
		return int64(0)
	case *iterator:
		if v.sized {
			return int64(len(v.items))
		}
	}
	throwf("object of type '%s' has no len()", typeName(v))
	return nil
}

func listFilter(in *interp, v value, _ args) value {
	return in.newList(append([]value(nil), in.iterate(v)...))
}

func firstFilter(in *interp, v value, _ args) value {
	if items := in.iterate(v); len(items) > 0 {
		return items[0]
	}
	return undefined{hint: "No first item, sequence was empty."}
}

func lastFilter(in *interp, v value, _ args) value {
	if it, ok := v.(*iterator); ok && !it.sized {
		throwf("'generator' object is not reversible")
	}
	if items := in.iterate(v); len(items) > 0 {
		return items[len(items)-1]
	}
	return undefined{hint: "No last item, sequence was empty."}
}

func itemsFilter(in *interp, v value, _ args) value {
	switch v := v.(type) {
	case undefined:
		return in.generator(nil)
	case *dict:
		return in.generator(v.pairs())
	}
	throwf("Can only get item pairs from a mapping.")
	return nil
}

func joinFilter(in *interp, v value, a args) value {
	b := a.bind("join", "d", "attribute")
	items := in.iterate(v)
	if b.set[1] && b.v[1] != nil {
		get := in.attrGetter(b.v[1], nil)
		mapped := make([]value, len(items))
		for i, x := range items {
			mapped[i] = get(x)
		}
		items = mapped
	}
	sep := in.str(b.value(0, text{}))
	out := builder{in: in}
	for i, x := range items {
		if i > 0 {
			out.text(sep)
		}
		out.text(in.str(x))
	}
	return out.done()
}

func indentFilter(in *interp, v value, a args) value {
	b := a.bind("indent", "width", "first", "blank")
	var pad text
	switch w := b.value(0, int64(4)).(type) {
	case text:
		pad = w
	default:
		n := b.int(0, 4)
		in.room(1, n)
		pad = lit(strings.Repeat(" ", int(max(n, 0))))
	}
	t := needText(v)
	out := builder{in: in}
	if b.bool(1, false) {
		out.text(pad)
	}
	blank := b.bool(2, false)
	rest := in.join2(text{s: t.s, user: t.user}, lit("\n"))
	for from, first := 0, true; from < len(rest.s); first = false {
		end, after := lineEnd(rest.s, from)
		if !first {
			out.lit("\n")
			if blank || end > from {
				out.text(pad)
			}
		}
		out.text(rest.slice(from, end))
		from = after
	}
	r := out.done()
	r.markup = t.markup
	return r
}

func intFilter(in *interp, v value, a args) value {
	b := a.bind("int", "default", "base")
	needDefined(v)
	switch v := number(v).(type) {
	case int64, bigInt:
		return v
	case float64:
		if math.IsNaN(v) || math.Abs(v) >= 1<<63 {
			return b.value(0, int64(0))
		}
		return int64(v)
	case text:
		s := strings.ReplaceAll(strings.TrimFunc(v.s, isSpace), "_", "")
		if n, err := strconv.ParseInt(s, int(min(max(b.int(1, 10), 0), 36)), 64); err == nil {
			return n
		}
		if f, err := strconv.ParseFloat(s, 64); err == nil && math.Abs(f) < 1<<63 {
			return int64(f)
		}
	}
	return b.value(0, int64(0))
}

func floatFilter(_ *interp, v value, a args) value {
	needDefined(v)
	if f, ok := toFloat(v); ok {
		return f
	}
	if t, ok := v.(text); ok {
		if f, err := strconv.ParseFloat(strings.TrimFunc(t.s, isSpace), 64); err == nil {
			return f
		}
	}
	return a.bind("float", "default").value(0, 0.0)
}

func roundFilter(_ *interp, v value, a args) value {
	b := a.bind("round", "precision", "method")
	x, ok := toFloat(v)
	if !ok {
		needDefined(v)
		throwf("type %s doesn't define __round__ method", typeName(v))
	}
	scale := math.Pow(10, float64(min(max(b.int(0, 0), -300), 300)))
	method := "common"
	if b.set[1] {
		method = b.text(1).s
	}
	var r float64
	switch method {
	case "common":
		if n, isInt := number(v).(int64); isInt && b.int(0, 0) >= 0 {
			return n
		}
		f, err := strconv.ParseFloat(strconv.FormatFloat(x, 'f', int(max(b.int(0, 0), 0)), 64), 64)
		if err != nil || b.int(0, 0) < 0 {
			f = math.RoundToEven(x*scale) / scale
		}
		return f
	case "ceil":
		r = math.Ceil(x*scale) / scale
	case "floor":
		r = math.Floor(x*scale) / scale
	default:
		throwf("method must be common, ceil or floor")
	}
	return r
}

func reverseFilter(in *interp, v value, _ args) value {
	if t, ok := v.(text); ok {
		return in.sliceText(t, t.runes()-1, -1, -1)
	}
	items := in.iterate(v)
	out := make([]value, len(items))
	for i, x := range items {
		out[len(items)-1-i] = x
	}
	in.charge(bytesPerItem * len(out))
	return &iterator{kind: "list_reverseiterator", items: out}
}

func sumFilter(in *interp, v value, a args) value {
	b := a.bind("sum", "attribute", "start")
	get := func(x value) value { return x }
	if b.set[0] && b.v[0] != nil {
		get = in.attrGetter(b.v[0], nil)
	}
	total := b.value(1, int64(0))
	for _, x := range in.iterate(v) {
		total = in.binary("+", total, get(x))
	}
	return total
}

func tojsonFilter(in *interp, v value, a args) value {
	b := a.bind("tojson", "ensure_ascii", "indent", "separators", "sort_keys")
	w := jsonWriter{itemSep: ", ", keySep: ": ", asciiOnly: b.bool(0, false), sortKeys: b.bool(3, false)}
	switch n := b.value(1, nil).(type) {
	case nil:
	case text:
		w.indented, w.indent = true, n.s
	default:
		width := min(max(b.int(1, 0), 0), maxPrecision)
		w.indented, w.indent = true, strings.Repeat(" ", int(width))
	}
	if w.indented {
		w.itemSep = ","
	}
	if seps, ok := b.value(2, nil).(*list); ok && len(seps.items) == 2 {
		w.itemSep, w.keySep = in.str(seps.items[0]).s, in.str(seps.items[1]).s
	}
	return in.toJSON(v, w)
}

func truncateFilter(in *interp, v value, a args) value {
	b := a.bind("truncate", "length", "killwords", "end", "leeway")
	end := lit("...")
	if e := b.optText(2); e != nil {
		end = *e
	}
	n := b.int(0, 255)
	if length := lengthFilter(in, v, args{}).(int64); length <= n+b.int(3, 5) {
		return v
	}
	t := needText(v)
	cut := t.slice(0, t.byteOffset(int(max(n-int64(end.runes()), 0))))
	if !b.bool(1, false) {
		if i := strings.LastIndexByte(cut.s, ' '); i >= 0 {
			cut = cut.slice(0, i)
		}
	}
	return in.join2(cut, end)
}
