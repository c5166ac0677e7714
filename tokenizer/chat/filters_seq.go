package chat

import (
	"sort"
	"strconv"
	"strings"
)

// attrGetter looks up a dotted path, integer parts as indices.
func (in *interp) attrGetter(path, def value) func(value) value {
	var parts []value
	switch p := path.(type) {
	case text:
		for _, s := range strings.Split(p.s, ".") {
			if n, err := strconv.ParseInt(s, 10, 64); err == nil {
				parts = append(parts, n)
			} else {
				parts = append(parts, lit(s))
			}
		}
	default:
		parts = []value{path}
	}
	return func(v value) value {
		for _, p := range parts {
			in.work(1)
			v = in.item(v, p)
			if _, missing := v.(undefined); missing && def != nil {
				v = def
			}
		}
		return v
	}
}

func mapFilter(in *interp, v value, a args) value {
	f := in.mapper(a)
	if !truth(v) {
		return in.generator(nil)
	}
	items := in.iterate(v)
	out := make([]value, len(items))
	for i, x := range items {
		in.work(1)
		out[i] = f(x)
	}
	return in.generator(out)
}

// mapper is what map(…) applies: a filter by name, or an attribute.
func (in *interp) mapper(a args) func(value) value {
	if len(a.pos) == 0 {
		b := a.bind("map", "attribute", "default")
		if !b.set[0] {
			throwf("map requires a filter argument")
		}
		return in.attrGetter(b.v[0], b.value(1, nil))
	}
	name, ok := a.pos[0].(text)
	f := filterTable[name.s]
	if !ok || f == nil {
		throwf("No filter named %s found.", repr(a.pos[0]))
	}
	rest := args{pos: a.pos[1:], names: a.names, kw: a.kw}
	return func(x value) value { return f(in, x, rest) }
}

// selector builds select, reject and their attr forms.
func selector(fn string, keep, attr bool) filterFunc {
	return func(in *interp, v value, a args) value {
		if !truth(v) {
			return in.generator(nil)
		}
		get := func(x value) value { return x }
		if attr {
			if len(a.pos) == 0 {
				throwf("%s requires an attribute name", fn)
			}
			get = in.attrGetter(a.pos[0], nil)
			a.pos = a.pos[1:]
		}
		test := func(x value) bool { return truth(x) }
		if len(a.pos) > 0 {
			name, ok := a.pos[0].(text)
			t := testTable[name.s]
			if !ok || t == nil {
				throwf("No test named %s found.", repr(a.pos[0]))
			}
			rest := args{pos: a.pos[1:], names: a.names, kw: a.kw}
			test = func(x value) bool { return t(in, x, rest) }
		}
		var out []value
		for _, x := range in.iterate(v) {
			in.work(1)
			if test(get(x)) == keep {
				out = append(out, x)
			}
		}
		return in.generator(out)
	}
}

// sorter orders items by a key, ignoring case unless told otherwise.
func (in *interp) sorter(items []value, key func(value) value, caseSensitive, reverse bool) []value {
	keys := make(map[int]value, len(items))
	order := make([]int, len(items))
	for i, v := range items {
		order[i] = i
		k := key(v)
		if t, ok := k.(text); ok && !caseSensitive {
			k = lowerText(in, t)
		}
		keys[i] = k
	}
	sort.SliceStable(order, func(a, b int) bool {
		x, y := keys[order[a]], keys[order[b]]
		if reverse {
			x, y = y, x
		}
		return in.less(x, y)
	})
	out := make([]value, len(items))
	for i, at := range order {
		out[i] = items[at]
	}
	return out
}

func sortFilter(in *interp, v value, a args) value {
	b := a.bind("sort", "reverse", "case_sensitive", "attribute")
	get := func(x value) value { return x }
	if b.set[2] && b.v[2] != nil {
		get = in.attrGetter(b.v[2], nil)
	}
	key := func(x value) value { // a list of one: equal items then need no order, as in Jinja
		k := get(x)
		if t, ok := k.(text); ok && !b.bool(1, false) {
			k = lowerText(in, t)
		}
		return &list{items: []value{k}}
	}
	return in.newList(in.sorter(in.iterate(v), key, true, b.bool(0, false)))
}

func dictsortFilter(in *interp, v value, a args) value {
	b := a.bind("dictsort", "case_sensitive", "by", "reverse")
	d, ok := v.(*dict)
	if !ok {
		needDefined(v)
		throwf("'%s object' has no attribute 'items'", undefinedOwner(v))
	}
	at := 0
	if b.set[1] {
		switch b.text(1).s {
		case "key":
		case "value":
			at = 1
		default:
			throwf(`You can only sort by either "key" or "value"`)
		}
	}
	key := func(x value) value { return x.(*list).items[at] }
	return in.newList(in.sorter(d.pairs(), key, b.bool(0, false), b.bool(2, false)))
}

func groupbyFilter(in *interp, v value, a args) value {
	b := a.bind("groupby", "attribute", "default", "case_sensitive")
	get := in.attrGetter(b.need(0), b.value(1, nil))
	key := func(x value) value {
		k := get(x)
		if t, ok := k.(text); ok && !b.bool(2, false) {
			return lowerText(in, t)
		}
		return k
	}
	var groups []value
	var open *list
	var last value
	for _, x := range in.sorter(in.iterate(v), get, b.bool(2, false), false) {
		if k := key(x); open == nil || !in.equal(k, last, 0) {
			open, last = &list{}, k
			groups = append(groups, &list{tuple: true, items: []value{get(x), open}})
		}
		open.items = append(open.items, x)
	}
	return in.newList(groups)
}

func uniqueFilter(in *interp, v value, a args) value {
	b := a.bind("unique", "case_sensitive", "attribute")
	get := func(x value) value { return x }
	if b.set[1] && b.v[1] != nil {
		get = in.attrGetter(b.v[1], nil)
	}
	seen := newDict()
	var out []value
	for _, x := range in.iterate(v) {
		k := get(x)
		if t, ok := k.(text); ok && !b.bool(0, false) {
			k = lowerText(in, t)
		}
		if _, dup := seen.get(k); dup {
			continue
		}
		in.put(seen, k, true)
		out = append(out, x)
	}
	return in.generator(out)
}

func extreme(fn, op string) filterFunc {
	return func(in *interp, v value, a args) value {
		b := a.bind(fn, "case_sensitive", "attribute")
		get := func(x value) value { return x }
		if b.set[1] && b.v[1] != nil {
			get = in.attrGetter(b.v[1], nil)
		}
		key := func(x value) value {
			k := get(x)
			if t, ok := k.(text); ok && !b.bool(0, false) {
				return lowerText(in, t)
			}
			return k
		}
		items := in.iterate(v)
		if len(items) == 0 {
			return undefined{hint: "No aggregated item, sequence was empty."}
		}
		best := items[0]
		for _, x := range items[1:] {
			if in.compare(op, key(x), key(best)) {
				best = x
			}
		}
		return best
	}
}

func batchFilter(in *interp, v value, a args) value {
	b := a.bind("batch", "linecount", "fill_with")
	n := int(max(b.int(0, 1), 1))
	var out []value
	items := in.iterate(v)
	for from := 0; from < len(items); from += n {
		part := append([]value(nil), items[from:min(from+n, len(items))]...)
		if fill := b.value(1, nil); fill != nil {
			in.room(bytesPerItem, int64(n-len(part)))
			for len(part) < n {
				part = append(part, fill)
			}
		}
		out = append(out, in.newList(part))
	}
	return in.generator(out)
}

func sliceFilter(in *interp, v value, a args) value {
	b := a.bind("slice", "slices", "fill_with")
	n := int(b.int(0, 1))
	if n < 1 {
		throwf("slice() needs a positive number of slices")
	}
	in.room(bytesPerItem, int64(n))
	items := in.iterate(v)
	size, longer := len(items)/n, len(items)%n
	var out []value
	for i, from := 0, 0; i < n; i++ {
		to := from + size
		if i < longer {
			to++
		}
		part := append([]value(nil), items[from:to]...)
		if fill := b.value(1, nil); fill != nil && i >= longer {
			part = append(part, fill)
		}
		out = append(out, in.newList(part))
		from = to
	}
	return in.generator(out)
}
