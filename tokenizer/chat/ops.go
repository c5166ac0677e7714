package chat

import (
	"math"
	"strings"
	"unicode/utf8"
)

// number turns a bool into the int it is in Python.
func number(v value) value {
	if b, ok := v.(bool); ok {
		if b {
			return int64(1)
		}
		return int64(0)
	}
	return v
}

// floats gives both operands as float64 if both are numbers.
func floats(a, b value) (x, y float64, ok bool) {
	x, okA := toFloat(a)
	y, okB := toFloat(b)
	return x, y, okA && okB
}

func toFloat(v value) (float64, bool) {
	switch v := number(v).(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

func (in *interp) binary(op string, a, b value) value {
	needDefined(a)
	if t, ok := a.(text); ok && op == "%" {
		return in.format(t, b)
	}
	needDefined(b)
	if i, ok := number(a).(int64); ok {
		if j, ok := number(b).(int64); ok {
			return intOp(op, i, j)
		}
	}
	if x, y, ok := floats(a, b); ok {
		return floatOp(op, x, y)
	}
	switch op {
	case "+":
		return in.add(a, b)
	case "*":
		if n, ok := number(b).(int64); ok {
			return in.repeat(a, n)
		}
		if n, ok := number(a).(int64); ok {
			return in.repeat(b, n)
		}
	}
	if op == "**" {
		op = "** or pow()"
	}
	throwf("unsupported operand type(s) for %s: '%s' and '%s'", op, typeName(a), typeName(b))
	return nil
}

func intOp(op string, a, b int64) value {
	switch op {
	case "+":
		if s := a + b; (s > a) == (b > 0) {
			return s
		}
	case "-":
		if d := a - b; (d < a) == (b > 0) {
			return d
		}
	case "*":
		if p := a * b; a == 0 || (p/a == b && !(a == -1 && b == math.MinInt64)) {
			return p
		}
	case "/":
		if b == 0 {
			throwf("division by zero")
		}
		return float64(a) / float64(b)
	case "//", "%":
		if b == 0 {
			throwf("integer division or modulo by zero")
		}
		q, r := a/b, a%b
		if r != 0 && (r < 0) != (b < 0) { // Python rounds toward minus infinity
			q, r = q-1, r+b
		}
		if op == "%" {
			return r
		}
		return q
	case "**":
		if b < 0 {
			return math.Pow(float64(a), float64(b))
		}
		if p, ok := intPow(a, b); ok {
			return p
		}
	}
	throwf("integer overflow in %s", op)
	return nil
}

func intPow(a, b int64) (value, bool) {
	if a >= -1 && a <= 1 && b > 1 { // the only bases that may have a huge exponent
		b = 2 - b%2
	}
	r := int64(1)
	for ; b > 0; b-- {
		if a == 0 {
			return a, true
		}
		p := r * a
		if p/a != r {
			return nil, false
		}
		r = p
	}
	return r, true
}

func floatOp(op string, a, b float64) value {
	switch op {
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	case "**":
		return math.Pow(a, b)
	}
	if b == 0 {
		throwf("float division by zero")
	}
	switch op {
	case "/":
		return a / b
	case "//":
		return math.Floor(a / b)
	}
	r := math.Mod(a, b)
	if r != 0 && (r < 0) != (b < 0) {
		r += b
	}
	return r
}

func (in *interp) add(a, b value) value {
	switch x := a.(type) {
	case text:
		y, ok := b.(text)
		if !ok {
			throwf(`can only concatenate str (not "%s") to str`, typeName(b))
		}
		return in.join2(x, y)
	case *list:
		y, ok := b.(*list)
		if !ok || x.tuple != y.tuple {
			throwf(`can only concatenate %s (not "%s") to %s`, typeName(a), typeName(b), typeName(a))
		}
		l := in.newList(append(append([]value(nil), x.items...), y.items...))
		l.tuple = x.tuple
		return l
	}
	throwf("unsupported operand type(s) for +: '%s' and '%s'", typeName(a), typeName(b))
	return nil
}

// join2 is a + b; where one side is markup the other is escaped.
func (in *interp) join2(a, b text) text {
	markup := a.markup || b.markup
	b2 := builder{in: in}
	for _, t := range []text{a, b} {
		if markup && !t.markup {
			t = in.escape(t)
		}
		b2.text(t)
	}
	t := b2.done()
	t.markup = markup
	return t
}

var htmlEscapes = map[rune]string{'&': "&amp;", '<': "&lt;", '>': "&gt;", '"': "&#34;", '\'': "&#39;"}

// escape HTML-escapes t and marks it as markup.
func (in *interp) escape(t text) text {
	if !t.markup {
		t = in.mapRunes(t, func(_ int, r rune) string {
			if e, ok := htmlEscapes[r]; ok {
				return e
			}
			return string(r)
		})
		t.markup = true
	}
	return t
}

func (in *interp) repeat(v value, n int64) value {
	n = max(n, 0)
	switch v := v.(type) {
	case text:
		in.room(int64(len(v.s)), n)
		b := builder{in: in}
		for range n {
			b.text(v)
		}
		t := b.done()
		t.markup = v.markup
		return t
	case *list:
		in.room(int64(len(v.items))*bytesPerItem, n)
		var items []value
		for range n {
			items = append(items, v.items...)
		}
		l := in.newList(items)
		l.tuple = v.tuple
		return l
	}
	throwf("can't multiply sequence by non-int of type '%s'", typeName(v))
	return nil
}

// room refuses n pieces of the given size before any is made.
func (in *interp) room(size, n int64) {
	if size > 0 && n > int64(in.limits.AllocBytes)/size || n > int64(in.limits.Steps) {
		throwf("more than %d bytes of strings and lists", in.limits.AllocBytes)
	}
}

func (in *interp) compare(op string, a, b value) bool {
	switch op {
	case "==":
		return in.equal(a, b, 0)
	case "!=":
		return !in.equal(a, b, 0)
	case "in":
		return in.contains(b, a)
	case "not in":
		return !in.contains(b, a)
	}
	needDefined(a)
	needDefined(b)
	switch op {
	case "<":
		return in.ordered(op, a, b) < 0
	case "<=":
		c := in.ordered(op, a, b)
		return c <= 0
	case ">":
		return in.ordered(op, a, b) == 1
	}
	c := in.ordered(op, a, b)
	return c == 0 || c == 1
}

// equal is Python's ==.
func (in *interp) equal(a, b value, depth int) bool {
	in.work(1)
	if depth > maxNesting {
		throwf("maximum recursion depth exceeded in comparison")
	}
	if x, y, ok := floats(a, b); ok {
		i, okI := number(a).(int64)
		j, okJ := number(b).(int64)
		if okI && okJ {
			return i == j
		}
		return x == y
	}
	switch x := a.(type) {
	case nil:
		return b == nil
	case undefined:
		_, ok := b.(undefined)
		return ok
	case text:
		y, ok := b.(text)
		return ok && x.s == y.s
	case bigInt:
		y, ok := b.(bigInt)
		return ok && x == y
	case *list:
		y, ok := b.(*list)
		if !ok || x.tuple != y.tuple || len(x.items) != len(y.items) {
			return false
		}
		for i := range x.items {
			if !in.equal(x.items[i], y.items[i], depth+1) {
				return false
			}
		}
		return true
	case *dict:
		y, ok := b.(*dict)
		if !ok || len(x.keys) != len(y.keys) {
			return false
		}
		for i, k := range x.keys {
			v, found := y.get(k)
			if !found || !in.equal(x.values[i], v, depth+1) {
				return false
			}
		}
		return true
	case *function:
		y, ok := b.(*function)
		return ok && x == y
	case *namespace:
		y, ok := b.(*namespace)
		return ok && x == y
	case *iterator:
		y, ok := b.(*iterator)
		return ok && x == y
	case *loop:
		y, ok := b.(*loop)
		return ok && x == y
	}
	return false
}

// ordered gives -1, 0 or 1, or 2 where a NaN makes every order false.
func (in *interp) ordered(op string, a, b value) int {
	in.work(1)
	if x, y, ok := floats(a, b); ok {
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		case x == y:
			return 0
		}
		return 2
	}
	switch x := a.(type) {
	case text:
		if y, ok := b.(text); ok {
			return strings.Compare(x.s, y.s) // UTF-8 sorts as code points do
		}
	case *list:
		y, ok := b.(*list)
		if !ok || x.tuple != y.tuple {
			break
		}
		for i := range min(len(x.items), len(y.items)) {
			if !in.equal(x.items[i], y.items[i], 0) {
				defer in.enterCall()()
				return in.ordered(op, x.items[i], y.items[i])
			}
		}
		return in.ordered(op, int64(len(x.items)), int64(len(y.items)))
	}
	throwf("'%s' not supported between instances of '%s' and '%s'", op, typeName(a), typeName(b))
	return 0
}

func (in *interp) less(a, b value) bool { return in.ordered("<", a, b) < 0 }

// contains is Python's x in c.
func (in *interp) contains(c, x value) bool {
	switch c := c.(type) {
	case text:
		t, ok := x.(text)
		if !ok {
			needDefined(x)
			throwf("'in <string>' requires string as left operand, not %s", typeName(x))
		}
		in.work(len(c.s) / 64)
		return strings.Contains(c.s, t.s)
	case *dict:
		if _, ok := hashKey(x); !ok {
			throwf("unhashable type: '%s'", typeName(x))
		}
		_, found := c.get(x)
		return found
	case *list, *iterator, undefined:
		for _, v := range in.iterate(c) {
			if in.equal(v, x, 0) {
				return true
			}
		}
		return false
	}
	throwf("argument of type '%s' is not iterable", typeName(c))
	return false
}

// attribute is x.name: a method first, then an item.
func (in *interp) attribute(x value, name string) value {
	if u, ok := x.(undefined); ok {
		throwUndefined(u)
	}
	if v, ok := in.method(x, name); ok {
		return v
	}
	if d, ok := x.(*dict); ok {
		if v, found := d.lookup(name); found {
			return v
		}
	}
	return undefined{name: name, object: x, ofObj: true}
}

// item is x[key]: an item first, then a method.
func (in *interp) item(x, key value) value {
	switch x := x.(type) {
	case undefined:
		throwUndefined(x)
	case *dict:
		if v, found := x.get(key); found {
			return v
		}
	case *list:
		if i, ok := number(key).(int64); ok {
			if i < 0 {
				i += int64(len(x.items))
			}
			if i >= 0 && i < int64(len(x.items)) {
				return x.items[i]
			}
		}
	case text:
		if i, ok := number(key).(int64); ok {
			in.work(len(x.s) / 64)
			n := int64(x.runes())
			if i < 0 {
				i += n
			}
			if i >= 0 && i < n {
				from := x.byteOffset(int(i))
				_, size := utf8.DecodeRuneInString(x.s[from:])
				return x.slice(from, from+size)
			}
		}
	}
	if t, ok := key.(text); ok {
		if v, found := in.method(x, t.s); found {
			return v
		}
		return undefined{name: t.s, object: x, ofObj: true}
	}
	return undefined{name: repr(key), object: x, ofObj: true, hint: missingItem(x, key)}
}

func missingItem(x, key value) string {
	if x == nil {
		return "None has no element " + repr(key)
	}
	return typeName(x) + " object has no element " + repr(key)
}

// slice is x[from:to:step] with Python's clamping.
func (in *interp) slice(x, from, to, step value) value {
	var n int
	switch x := x.(type) {
	case text:
		in.work(len(x.s) / 64)
		n = x.runes()
	case *list:
		n = len(x.items)
	case undefined:
		throwUndefined(x)
	case *dict:
		throwf("unhashable type: 'slice'")
	default:
		throwf("'%s' object is not subscriptable", typeName(x))
	}
	i, j, k := sliceBounds(n, from, to, step)
	if t, ok := x.(text); ok {
		return in.sliceText(t, i, j, k)
	}
	l := x.(*list)
	var items []value
	for ; k > 0 && i < j || k < 0 && i > j; i += k {
		items = append(items, l.items[i])
	}
	out := in.newList(items)
	out.tuple = l.tuple
	return out
}

// sliceBounds clamps a slice of n items: start, end, step.
func sliceBounds(n int, from, to, step value) (i, j, k int) {
	k = sliceInt(step, 1)
	if k == 0 {
		throwf("slice step cannot be zero")
	}
	lo, hi := 0, n
	if k < 0 {
		lo, hi = -1, n-1
	}
	clamp := func(v value, def int) int {
		x := sliceInt(v, def)
		if v != nil && x < 0 {
			x += n
		}
		return min(max(x, lo), hi)
	}
	if k > 0 {
		return clamp(from, 0), clamp(to, n), k
	}
	return clamp(from, n-1), clamp(to, -1), k
}

func sliceInt(v value, def int) int {
	switch v := number(v).(type) {
	case nil:
		return def
	case int64:
		return int(min(max(v, math.MinInt32), math.MaxInt32))
	}
	throwf("slice indices must be integers or None or have an __index__ method")
	return 0
}

func (in *interp) sliceText(t text, i, j, k int) text {
	if k == 1 {
		if i >= j {
			return text{markup: t.markup}
		}
		return t.slice(t.byteOffset(i), t.byteOffset(j))
	}
	chars := in.iterate(t)
	b := builder{in: in}
	for ; k > 0 && i < j || k < 0 && i > j; i += k {
		b.text(chars[i].(text))
	}
	r := b.done()
	r.markup = t.markup
	return r
}
