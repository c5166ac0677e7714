package chat

import (
	"slices"
	"strconv"
)

// expression parses one expression with its conditional form, a if t else b.
func (p *parser) expression() expr {
	defer p.enter()()
	x := p.or()
	for n := 0; p.skipName("if"); p.chain(&n) {
		c := &cond{yes: x, test: p.or()}
		if p.skipName("else") {
			c.no = p.expression()
		}
		x = c
	}
	return x
}

// tuple parses a, b, … and gives a bare expression where there is no comma.
// withCond allows a conditional inside; explicit means that parentheses stand
// around it, so that it may be empty.
func (p *parser) tuple(withCond, explicit bool) expr {
	item := p.or
	if withCond {
		item = p.expression
	}
	var items []expr
	comma := false
	for {
		if p.tupleEnds() {
			break
		}
		items = append(items, item())
		if !p.skipOp(",") {
			break
		}
		comma = true
	}
	if len(items) == 1 && !comma {
		return items[0]
	}
	if len(items) == 0 && !explicit {
		p.fail("expected an expression, found %s", describe(p.peek()))
	}
	return &listExpr{items, true}
}

func (p *parser) tupleEnds() bool {
	t := p.peek()
	return t.kind == tokPrintEnd || t.kind == tokBlockEnd || t.kind == tokEOF || t.kind == tokOp && t.s == ")" ||
		t.kind == tokName && (t.s == "recursive" || t.s == "in")
}

// chain guards loops that build left-leaning trees: each turn nests the tree
// one level deeper, though the parser itself does not recurse.
func (p *parser) chain(n *int) {
	if *n++; *n > maxNesting {
		p.fail("more than %d operators in one chain", maxNesting)
	}
}

func (p *parser) or() expr {
	x := p.and()
	for n := 0; p.skipName("or"); p.chain(&n) {
		x = &logical{false, x, p.and()}
	}
	return x
}

func (p *parser) and() expr {
	x := p.not()
	for n := 0; p.skipName("and"); p.chain(&n) {
		x = &logical{true, x, p.not()}
	}
	return x
}

func (p *parser) not() expr {
	if p.atName("not") {
		defer p.enter()()
		p.take()
		return &unary{"not", p.not()}
	}
	return p.comparison()
}

func (p *parser) comparison() expr {
	c := &compare{first: p.sum()}
	for {
		switch t := p.peek(); {
		case t.kind == tokOp && slices.Contains([]string{"==", "!=", "<", "<=", ">", ">="}, t.s):
			p.take()
			c.ops = append(c.ops, t.s)
		case p.skipName("in"):
			c.ops = append(c.ops, "in")
		case p.atName("not") && p.toks[p.i+1].kind == tokName && p.toks[p.i+1].s == "in":
			p.i += 2
			c.ops = append(c.ops, "not in")
		case len(c.ops) == 0:
			return c.first
		default:
			return c
		}
		c.rest = append(c.rest, p.sum())
	}
}

// left parses a left-associative chain of binary operators.
func (p *parser) left(operand func() expr, ops ...string) expr {
	x := operand()
	for n := 0; p.peek().kind == tokOp && slices.Contains(ops, p.peek().s); p.chain(&n) {
		x = &binary{p.take().s, x, operand()}
	}
	return x
}

func (p *parser) sum() expr { return p.left(p.concat, "+", "-") }

func (p *parser) concat() expr {
	x := p.product()
	if !p.atOp("~") {
		return x
	}
	c := &concat{[]expr{x}}
	for p.skipOp("~") {
		c.parts = append(c.parts, p.product())
	}
	return c
}

func (p *parser) product() expr { return p.left(p.power, "*", "/", "//", "%") }

func (p *parser) power() expr {
	return p.left(func() expr { return p.unary(true) }, "**")
}

func (p *parser) unary(withFilter bool) expr {
	defer p.enter()()
	var x expr
	if p.atOp("-") || p.atOp("+") {
		op := p.take().s
		x = &unary{op, p.unary(false)}
	} else {
		x = p.primary()
	}
	n := 0
	x = p.postfix(x, &n)
	if withFilter {
		x = p.filterOrTest(x, &n)
	}
	return x
}

func (p *parser) postfix(x expr, n *int) expr {
	for ; ; p.chain(n) {
		switch {
		case p.skipOp("."):
			t := p.take()
			switch t.kind {
			case tokName:
				x = &attribute{x, t.s}
			case tokInt:
				i, _ := strconv.ParseInt(t.s, 10, 64)
				x = &subscript{x, &literal{i}}
			default:
				p.fail("expected a name after the dot, found %s", describe(t))
			}
		case p.skipOp("["):
			x = p.index(x)
		case p.atOp("("):
			x = &call{x, p.arguments()}
		default:
			return x
		}
	}
}

// index parses what stands in brackets, the opening one consumed.
func (p *parser) index(x expr) expr {
	var bounds [3]expr
	colons := 0
	for !p.atOp("]") {
		if p.skipOp(":") {
			if colons++; colons > 2 {
				p.fail("a slice has at most two colons")
			}
			continue
		}
		if bounds[colons] != nil {
			p.fail("expected ], found %s", describe(p.peek()))
		}
		bounds[colons] = p.expression()
		if colons == 0 && p.atOp(",") {
			items := []expr{bounds[0]}
			for p.skipOp(",") && !p.atOp("]") {
				items = append(items, p.expression())
			}
			bounds[0] = &listExpr{items, true}
		}
	}
	p.expect(tokOp, "]")
	if colons > 0 {
		return &sliceExpr{x, bounds[0], bounds[1], bounds[2]}
	}
	if bounds[0] == nil {
		p.fail("expected an index")
	}
	return &subscript{x, bounds[0]}
}

func (p *parser) filterOrTest(x expr, n *int) expr {
	for ; ; p.chain(n) {
		switch {
		case p.skipOp("|"):
			x = p.filter(x)
		case p.skipName("is"):
			x = p.test(x)
		case p.atOp("("):
			x = &call{x, p.arguments()}
		default:
			return x
		}
	}
}

// filters parses | a | b(…) of filter and set blocks; the first bar is
// already implied where bare is set.
func (p *parser) filters(out []*filter, bare bool) []*filter {
	for bare || p.skipOp("|") {
		bare = false
		out = append(out, p.filter(nil))
	}
	return out
}

func (p *parser) filter(x expr) *filter {
	name := p.expectName()
	for p.skipOp(".") {
		name += "." + p.expectName()
	}
	f := filterTable[name]
	if f == nil { // as in Jinja, an error only where it runs
		f = func(*interp, value, args) value { throwf("No filter named '%s' found.", name); return nil }
	}
	out := &filter{x: x, name: name, f: f}
	if p.atOp("(") {
		out.args = p.arguments()
	}
	return out
}

func (p *parser) test(x expr) expr {
	t := &testExpr{x: x, not: p.skipName("not")}
	t.name = p.expectName()
	t.f = testTable[t.name]
	if t.f == nil {
		t.f = func(*interp, value, args) bool { throwf("No test named '%s' found.", t.name); return false }
	}
	switch k := p.peek(); {
	case p.atOp("("):
		t.args = p.arguments()
	case k.kind == tokString || k.kind == tokInt || k.kind == tokFloat || k.kind == tokOp && (k.s == "[" || k.s == "{") ||
		k.kind == tokName && !slices.Contains([]string{"else", "or", "and", "is", "if", "in", "not", "recursive"}, k.s):
		n := 0
		t.args.pos = []expr{p.postfix(p.primary(), &n)}
	}
	return t
}

// arguments parses (a, b, k=v, *rest, **named).
func (p *parser) arguments() callArgs {
	defer p.enter()()
	var a callArgs
	p.expect(tokOp, "(")
	for first := true; !p.skipOp(")"); first = false {
		if !first {
			p.expect(tokOp, ",")
			if p.skipOp(")") {
				break
			}
		}
		switch {
		case p.skipOp("**"):
			a.starStar = p.expression()
		case p.skipOp("*"):
			a.star = p.expression()
		case p.peek().kind == tokName && p.toks[p.i+1].kind == tokOp && p.toks[p.i+1].s == "=":
			a.names = append(a.names, p.take().s)
			p.take()
			a.kw = append(a.kw, p.expression())
		default:
			if len(a.kw) > 0 {
				p.fail("a positional argument follows a named one")
			}
			a.pos = append(a.pos, p.expression())
		}
	}
	return a
}

func (p *parser) primary() expr {
	t := p.take()
	switch t.kind {
	case tokName:
		switch t.s {
		case "true", "True":
			return &literal{true}
		case "false", "False":
			return &literal{false}
		case "none", "None":
			return &literal{nil}
		}
		p.names[t.s] = true
		return &nameExpr{t.s}
	case tokString:
		s := t.s
		for p.peek().kind == tokString {
			s += p.take().s
		}
		return &literal{lit(s)}
	case tokInt:
		i, _ := strconv.ParseInt(t.s, 10, 64) // the lexer checked it
		return &literal{i}
	case tokFloat:
		f, err := strconv.ParseFloat(t.s, 64)
		if err != nil {
			p.fail("not a number: %q", t.s)
		}
		return &literal{f}
	case tokOp:
		switch t.s {
		case "(":
			x := p.tuple(true, true)
			p.expect(tokOp, ")")
			return x
		case "[":
			return p.listLiteral()
		case "{":
			return p.dictLiteral()
		}
	}
	p.fail("unexpected %s", describe(t))
	return nil
}

func (p *parser) listLiteral() expr {
	x := &listExpr{}
	for !p.skipOp("]") {
		if len(x.items) > 0 {
			p.expect(tokOp, ",")
			if p.skipOp("]") {
				break
			}
		}
		x.items = append(x.items, p.expression())
	}
	return x
}

func (p *parser) dictLiteral() expr {
	x := &dictExpr{}
	for !p.skipOp("}") {
		if len(x.keys) > 0 {
			p.expect(tokOp, ",")
			if p.skipOp("}") {
				break
			}
		}
		x.keys = append(x.keys, p.expression())
		p.expect(tokOp, ":")
		x.values = append(x.values, p.expression())
	}
	return x
}
