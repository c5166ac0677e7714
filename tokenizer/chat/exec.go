package chat

func (in *interp) run(body []stmt, s *scope) signal {
	for _, st := range body {
		if sig := st.exec(in, s); sig != next {
			return sig
		}
	}
	return next
}

// capture runs body and returns what it prints.
func (in *interp) capture(body []stmt, s *scope) text {
	b := &builder{in: in}
	outer := in.out
	in.out = b
	in.run(body, s)
	in.out = outer
	return b.done()
}

func (in *interp) print(t text) {
	in.out.text(t)
	if in.out.buf.Len() > in.limits.OutputBytes {
		throwf("output over %d bytes", in.limits.OutputBytes)
	}
}

func (x *dataStmt) exec(in *interp, _ *scope) signal {
	in.print(x.t)
	return next
}

func (x *print) exec(in *interp, s *scope) signal {
	in.print(in.str(x.x.eval(in, s)))
	return next
}

func (x *ifStmt) exec(in *interp, s *scope) signal {
	for i, t := range x.tests {
		if truth(t.eval(in, s)) {
			return in.run(x.bodies[i], s)
		}
	}
	return in.run(x.orElse, s)
}

func (x *signalStmt) exec(in *interp, _ *scope) signal { in.work(1); return x.s }

func (x *groupStmt) exec(in *interp, s *scope) signal { return in.run(x.body, s) }

// loop is the variable of that name inside a for.
type loop struct {
	items   []value
	i       int
	depth   int
	last    []value // what changed() saw last
	recurse func(in *interp, v value) value
}

func (x *forStmt) exec(in *interp, s *scope) signal {
	x.loop(in, s, x.iter.eval(in, s), 0)
	return next
}

func (x *forStmt) loop(in *interp, s *scope, over value, depth int) {
	items := in.iterate(over)
	if x.test != nil {
		kept := make([]value, 0, len(items))
		for _, v := range items {
			sub := s.child()
			in.assign(sub, x.target, v)
			if truth(x.test.eval(in, sub)) {
				kept = append(kept, v)
			}
		}
		items = kept
	}
	if len(items) == 0 {
		in.run(x.orElse, s.child())
		return
	}
	l := &loop{items: items, depth: depth}
	if x.recursive {
		l.recurse = func(in *interp, v value) value { return x.nested(in, s, v, depth+1) }
	}
	for i, v := range items {
		in.work(1)
		l.i = i
		sub := s.child()
		sub.set("loop", l)
		in.assign(sub, x.target, v)
		if in.run(x.body, sub) == breakLoop {
			return
		}
	}
}

// nested runs a recursive loop one level down and returns its output.
func (x *forStmt) nested(in *interp, s *scope, over value, depth int) value {
	defer in.enterCall()()
	b := &builder{in: in}
	outer := in.out
	in.out = b
	x.loop(in, s, over, depth)
	in.out = outer
	return b.done()
}

// enterCall guards recursion of macros: defer in.enterCall()().
func (in *interp) enterCall() func() {
	in.calls++
	if in.calls > maxCallDepth {
		throwf("maximum recursion depth exceeded")
	}
	return func() { in.calls-- }
}

func (x *setStmt) exec(in *interp, s *scope) signal {
	in.assign(s, x.target, x.x.eval(in, s))
	return next
}

func (x *setBlock) exec(in *interp, s *scope) signal {
	var v value = in.capture(x.body, s.child())
	for _, f := range x.filters {
		v = f.apply(in, s, v)
	}
	in.assign(s, x.target, v)
	return next
}

func (in *interp) assign(s *scope, t target, v value) {
	switch {
	case t.attr != "":
		ns, _ := s.get(t.name)
		n, ok := ns.(*namespace)
		if !ok {
			throwf("cannot assign attribute on non-namespace object")
		}
		in.charge(bytesPerItem)
		in.put(n.vars, lit(t.attr), v)
	case t.many != nil:
		items := in.iterate(v)
		if len(items) < len(t.many) {
			throwf("not enough values to unpack (expected %d, got %d)", len(t.many), len(items))
		}
		if len(items) > len(t.many) {
			throwf("too many values to unpack (expected %d)", len(t.many))
		}
		for i, sub := range t.many {
			in.assign(s, sub, items[i])
		}
	default:
		in.work(1)
		s.set(t.name, v)
	}
}

func (x *macroStmt) exec(in *interp, s *scope) signal {
	s.set(x.name, x.bind(s))
	return next
}

// bind makes the macro a value that remembers where it was defined.
func (x *macroStmt) bind(s *scope) *function {
	return &function{name: x.name, params: x.params, call: func(in *interp, a args) value {
		defer in.enterCall()()
		sub := s.child()
		x.bindArgs(in, sub, a)
		return in.capture(x.body, sub)
	}}
}

func (x *macroStmt) bindArgs(in *interp, s *scope, a args) {
	given := map[string]value{}
	extra := newDict()
	for i, n := range a.names {
		given[n] = a.kw[i]
	}
	for i, p := range x.params {
		v, named := given[p]
		delete(given, p)
		switch first := len(x.params) - len(x.defaults); {
		case i < len(a.pos):
			if named {
				throwf("macro '%s' got multiple values for argument '%s'", x.name, p)
			}
			v = a.pos[i]
		case named:
		case i >= first:
			v = x.defaults[i-first].eval(in, s)
		default:
			v = undefined{name: p, hint: "parameter '" + p + "' was not provided"}
		}
		s.set(p, v)
	}
	for i, n := range a.names {
		if _, left := given[n]; !left {
			continue
		}
		if n == "caller" {
			s.set(n, a.kw[i])
			continue
		}
		in.put(extra, lit(n), a.kw[i])
	}
	rest := a.pos[min(len(x.params), len(a.pos)):]
	if len(rest) > 0 && !x.readsVarargs {
		throwf("macro '%s' takes not more than %d argument(s)", x.name, len(x.params))
	}
	if len(extra.keys) > 0 && !x.readsKwargs {
		throwf("macro '%s' takes no keyword argument '%s'", x.name, extra.keys[0].(text).s)
	}
	s.set("varargs", &list{items: rest, tuple: true})
	s.set("kwargs", extra)
}

func (x *callStmt) exec(in *interp, s *scope) signal {
	f := x.x.f.eval(in, s)
	a := x.x.args.eval(in, s)
	a.names = append(append([]string(nil), a.names...), "caller")
	a.kw = append(append([]value(nil), a.kw...), x.macro.bind(s))
	in.print(in.str(in.call(f, a)))
	return next
}

func (x *filterStmt) exec(in *interp, s *scope) signal {
	var v value = in.capture(x.body, s.child())
	for _, f := range x.filters {
		v = f.apply(in, s, v)
	}
	in.print(in.str(v))
	return next
}

func (x *withStmt) exec(in *interp, s *scope) signal {
	sub := s.child()
	for i, t := range x.targets {
		in.assign(sub, t, x.values[i].eval(in, s))
	}
	return in.run(x.body, sub)
}
