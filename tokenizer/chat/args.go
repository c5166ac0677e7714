package chat

// Arguments of built-in functions: by position or by name, with defaults.

// bind maps a call's arguments to the named parameters. Absent ones are
// undefined values with no name, which the getters below replace by defaults.
func (a args) bind(fn string, params ...string) bound {
	if len(a.pos) > len(params) {
		throwf("%s() takes at most %d argument(s) (%d given)", fn, len(params), len(a.pos))
	}
	b := bound{fn: fn, v: make([]value, len(params)), set: make([]bool, len(params))}
	for i, v := range a.pos {
		b.v[i], b.set[i] = v, true
	}
	for i, n := range a.names {
		at := -1
		for j, p := range params {
			if p == n {
				at = j
			}
		}
		if at < 0 || b.set[at] {
			throwf("%s() got an unexpected keyword argument '%s'", fn, n)
		}
		b.v[at], b.set[at] = a.kw[i], true
	}
	return b
}

type bound struct {
	fn  string
	v   []value
	set []bool
}

func (b bound) value(i int, def value) value {
	if !b.set[i] {
		return def
	}
	return b.v[i]
}

func (b bound) need(i int) value {
	if !b.set[i] {
		throwf("%s() is missing a required argument", b.fn)
	}
	return b.v[i]
}

func (b bound) bool(i int, def bool) bool {
	if !b.set[i] {
		return def
	}
	return truth(b.v[i])
}

func (b bound) int(i int, def int64) int64 {
	if !b.set[i] || b.v[i] == nil {
		return def
	}
	n, ok := number(b.v[i]).(int64)
	if !ok {
		needDefined(b.v[i])
		throwf("%s(): '%s' object cannot be interpreted as an integer", b.fn, typeName(b.v[i]))
	}
	return n
}

func (b bound) text(i int) text {
	t, ok := b.need(i).(text)
	if !ok {
		needDefined(b.v[i])
		throwf("%s() argument must be str, not %s", b.fn, typeName(b.v[i]))
	}
	return t
}

// optText is a str, or nil for None and absent.
func (b bound) optText(i int) *text {
	if !b.set[i] || b.v[i] == nil {
		return nil
	}
	t := b.text(i)
	return &t
}
