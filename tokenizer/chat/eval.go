package chat

import (
	"fmt"
	"time"
	"unicode/utf8"
)

// interp runs one template once.
type interp struct {
	limits Limits
	steps  int // used so far
	alloc  int // bytes made so far
	calls  int // macros open
	now    func() time.Time
	out    *builder
}

// RenderError is a template that gave up: it called raise_exception, did what
// Jinja or Python would refuse, or ran over a budget.
type RenderError struct {
	Msg    string
	Raised bool // the template itself called raise_exception
}

func (e *RenderError) Error() string { return "chat template: " + e.Msg }

// throwf unwinds to Render.
func throwf(format string, a ...any) {
	panic(&RenderError{Msg: fmt.Sprintf(format, a...)})
}

// work charges n steps.
func (in *interp) work(n int) {
	in.steps += n
	if in.steps > in.limits.Steps {
		throwf("more than %d steps", in.limits.Steps)
	}
}

// charge accounts for n bytes about to be made.
func (in *interp) charge(n int) {
	in.alloc += n
	if in.alloc > in.limits.AllocBytes || n < 0 {
		throwf("more than %d bytes of strings and lists", in.limits.AllocBytes)
	}
	in.work(1 + n/64)
}

// bytesPerItem is what a list element is charged as.
const bytesPerItem = 32

func (in *interp) newList(items []value) *list {
	in.charge(bytesPerItem * len(items))
	return &list{items: items}
}

// scope is a chain of name tables: the template, then loops and macros.
type scope struct {
	vars   map[string]value
	parent *scope
}

func (s *scope) child() *scope { return &scope{parent: s} }

func (s *scope) get(name string) (value, bool) {
	for ; s != nil; s = s.parent {
		if v, ok := s.vars[name]; ok {
			return v, true
		}
	}
	return nil, false
}

func (s *scope) set(name string, v value) {
	if s.vars == nil {
		s.vars = map[string]value{}
	}
	s.vars[name] = v
}

func (x *literal) eval(in *interp, _ *scope) value { in.work(1); return x.v }

func (x *nameExpr) eval(in *interp, s *scope) value {
	in.work(1)
	if v, ok := s.get(x.name); ok {
		return v
	}
	return undefined{name: x.name}
}

func (x *listExpr) eval(in *interp, s *scope) value {
	items := make([]value, len(x.items))
	for i, e := range x.items {
		items[i] = e.eval(in, s)
	}
	l := in.newList(items)
	l.tuple = x.tuple
	return l
}

func (x *dictExpr) eval(in *interp, s *scope) value {
	d := newDict()
	in.charge(2 * bytesPerItem * len(x.keys))
	for i, k := range x.keys {
		in.put(d, k.eval(in, s), x.values[i].eval(in, s))
	}
	return d
}

func (in *interp) put(d *dict, k, v value) {
	if !d.set(k, v) {
		throwf("unhashable type: '%s'", typeName(k))
	}
}

func (x *unary) eval(in *interp, s *scope) value {
	in.work(1)
	v := x.x.eval(in, s)
	if x.op == "not" {
		return !truth(v)
	}
	needDefined(v)
	switch v := number(v).(type) {
	case int64:
		if x.op == "-" {
			return -v
		}
		return v
	case float64:
		if x.op == "-" {
			return -v
		}
		return v
	}
	throwf("bad operand type for unary %s: '%s'", x.op, typeName(v))
	return nil
}

func (x *logical) eval(in *interp, s *scope) value {
	in.work(1)
	if a := x.a.eval(in, s); truth(a) != x.and {
		return a
	}
	return x.b.eval(in, s)
}

func (x *cond) eval(in *interp, s *scope) value {
	in.work(1)
	if truth(x.test.eval(in, s)) {
		return x.yes.eval(in, s)
	}
	if x.no == nil {
		return undefined{hint: "the inline if-expression evaluated to false and no else section was defined."}
	}
	return x.no.eval(in, s)
}

func (x *concat) eval(in *interp, s *scope) value {
	b := builder{in: in}
	for _, e := range x.parts {
		b.text(in.str(e.eval(in, s))) // unlike +, ~ does not escape beside markup
	}
	return b.done()
}

func (x *compare) eval(in *interp, s *scope) value {
	a := x.first.eval(in, s)
	for i, op := range x.ops {
		in.work(1)
		b := x.rest[i].eval(in, s)
		if !in.compare(op, a, b) {
			return false
		}
		a = b
	}
	return true
}

func (x *binary) eval(in *interp, s *scope) value {
	in.work(1)
	a := x.a.eval(in, s)
	return in.binary(x.op, a, x.b.eval(in, s))
}

func (x *attribute) eval(in *interp, s *scope) value {
	in.work(1)
	return in.attribute(x.x.eval(in, s), x.name)
}

func (x *subscript) eval(in *interp, s *scope) value {
	in.work(1)
	v := x.x.eval(in, s)
	return in.item(v, x.key.eval(in, s))
}

func (x *sliceExpr) eval(in *interp, s *scope) value {
	in.work(1)
	v := x.x.eval(in, s)
	bound := func(e expr) value {
		if e == nil {
			return nil
		}
		return e.eval(in, s)
	}
	return in.slice(v, bound(x.from), bound(x.to), bound(x.step))
}

func (x *call) eval(in *interp, s *scope) value {
	in.work(1)
	f := x.f.eval(in, s)
	return in.call(f, x.args.eval(in, s))
}

func (in *interp) call(f value, a args) value {
	switch f := f.(type) {
	case *function:
		return f.call(in, a)
	case undefined:
		throwUndefined(f)
	case *loop:
		if f.recurse == nil {
			throwf("the loop must have the recursive marker to be called recursively")
		}
		if len(a.pos) != 1 {
			throwf("loop() takes one argument")
		}
		return f.recurse(in, a.pos[0])
	}
	throwf("'%s' object is not callable", typeName(f))
	return nil
}

func (c *callArgs) eval(in *interp, s *scope) args {
	a := args{names: c.names}
	if len(c.pos) > 0 {
		a.pos = make([]value, len(c.pos))
		for i, e := range c.pos {
			a.pos[i] = e.eval(in, s)
		}
	}
	if len(c.kw) > 0 {
		a.kw = make([]value, len(c.kw))
		for i, e := range c.kw {
			a.kw[i] = e.eval(in, s)
		}
	}
	if c.star != nil {
		a.pos = append(a.pos, in.iterate(c.star.eval(in, s))...)
	}
	if c.starStar != nil {
		d, ok := c.starStar.eval(in, s).(*dict)
		if !ok {
			throwf("argument after ** must be a mapping")
		}
		a.names = append([]string(nil), a.names...)
		for i, k := range d.keys {
			t, ok := k.(text)
			if !ok {
				throwf("keywords must be strings")
			}
			a.names, a.kw = append(a.names, t.s), append(a.kw, d.values[i])
		}
	}
	return a
}

func (x *filter) eval(in *interp, s *scope) value { return x.apply(in, s, x.x.eval(in, s)) }

func (x *filter) apply(in *interp, s *scope, v value) value {
	in.work(1)
	return x.f(in, v, x.args.eval(in, s))
}

func (x *testExpr) eval(in *interp, s *scope) value {
	in.work(1)
	v := x.x.eval(in, s)
	return x.f(in, v, x.args.eval(in, s)) != x.not
}

// throwUndefined reports the use of something that is not there, in Jinja's words.
func throwUndefined(u undefined) {
	switch {
	case u.hint != "":
		throwf("%s", u.hint)
	case !u.ofObj:
		throwf("'%s' is undefined", u.name)
	default:
		throwf("'%s object' has no attribute '%s'", undefinedOwner(u.object), u.name)
	}
}

func undefinedOwner(v value) string {
	if v == nil {
		return "None"
	}
	return typeName(v)
}

func needDefined(v value) {
	if u, ok := v.(undefined); ok {
		throwUndefined(u)
	}
}

// iterate lists what Python's iter(v) yields.
func (in *interp) iterate(v value) []value {
	switch v := v.(type) {
	case *list:
		return v.items
	case *iterator:
		items := v.items
		if !v.sized {
			v.items = nil // a generator runs once
		}
		return items
	case *dict:
		return v.keys
	case text:
		in.charge(bytesPerItem * len(v.s))
		items := make([]value, 0, v.runes())
		for i, r := range v.s {
			c := v.slice(i, i+utf8.RuneLen(r))
			c.markup = false
			items = append(items, c)
		}
		return items
	case undefined:
		return nil
	}
	throwf("'%s' object is not iterable", typeName(v))
	return nil
}
