package chat

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// parser is a recursive descent parser. Its depth is bounded by enter.
type parser struct {
	toks  []token
	i     int
	depth int
	loops int // open for loops, so that break and continue have one
	names map[string]bool
}

// parse turns template source into statements and lists every name it reads.
func parse(src string) ([]stmt, map[string]bool, error) {
	if len(src) > maxSourceBytes {
		return nil, nil, &SyntaxError{1, fmt.Sprintf("template has %d bytes, limit %d", len(src), maxSourceBytes)}
	}
	toks, err := lex(src)
	if err != nil {
		return nil, nil, err
	}
	p := &parser{toks: toks, names: map[string]bool{}}
	var body []stmt
	err = p.try(func() { body, _ = p.block() })
	return body, p.names, err
}

// try runs f and returns the *SyntaxError that fail threw in it.
func (p *parser) try(f func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*SyntaxError)
			if !ok {
				panic(r)
			}
			err = e
		}
	}()
	f()
	return nil
}

func (p *parser) fail(format string, a ...any) {
	panic(&SyntaxError{p.toks[p.i].line, fmt.Sprintf(format, a...)})
}

// enter guards recursion: defer p.enter()().
func (p *parser) enter() func() {
	p.depth++
	if p.depth > maxNesting {
		p.fail("nested deeper than %d", maxNesting)
	}
	return func() { p.depth-- }
}

func (p *parser) peek() token { return p.toks[p.i] }

func (p *parser) take() token {
	t := p.toks[p.i]
	if t.kind != tokEOF {
		p.i++
	}
	return t
}

func (p *parser) at(k tokenKind, s string) bool {
	t := p.toks[p.i]
	return t.kind == k && t.s == s
}

func (p *parser) atName(s string) bool { return p.at(tokName, s) }
func (p *parser) atOp(s string) bool   { return p.at(tokOp, s) }

func (p *parser) skip(k tokenKind, s string) bool {
	if !p.at(k, s) {
		return false
	}
	p.i++
	return true
}

func (p *parser) skipName(s string) bool { return p.skip(tokName, s) }
func (p *parser) skipOp(s string) bool   { return p.skip(tokOp, s) }

func (p *parser) expect(k tokenKind, s string) {
	if !p.skip(k, s) {
		p.fail("expected %s, found %s", describe(token{kind: k, s: s}), describe(p.peek()))
	}
}

func (p *parser) expectName() string {
	if p.peek().kind != tokName {
		p.fail("expected a name, found %s", describe(p.peek()))
	}
	return p.take().s
}

func describe(t token) string {
	switch t.kind {
	case tokEOF:
		return "the end of the template"
	case tokData:
		return "text"
	case tokPrintBegin:
		return "{{"
	case tokPrintEnd:
		return "}}"
	case tokBlockBegin:
		return "{%"
	case tokBlockEnd:
		return "%}"
	}
	return strconv.Quote(t.s)
}

// block parses statements until a block tag named in ends, which it consumes
// up to its name, or the end of the template where ends is empty.
func (p *parser) block(ends ...string) ([]stmt, string) {
	defer p.enter()()
	var body []stmt
	for {
		switch t := p.take(); t.kind {
		case tokEOF:
			if len(ends) > 0 {
				p.fail("expected {%% %s %%}, found the end of the template", ends[len(ends)-1])
			}
			return body, ""
		case tokData:
			body = append(body, &dataStmt{lit(t.s)})
		case tokPrintBegin:
			x := p.tuple(true, false)
			p.expect(tokPrintEnd, "")
			body = append(body, &print{x})
		case tokBlockBegin:
			name := p.expectName()
			if slices.Contains(ends, name) {
				return body, name
			}
			body = append(body, p.statement(name))
		default:
			p.fail("unexpected %s", describe(t))
		}
	}
}

// body parses {% … %} up to its end tag and consumes that.
func (p *parser) body(end string) []stmt {
	p.expect(tokBlockEnd, "")
	b, _ := p.block(end)
	p.expect(tokBlockEnd, "")
	return b
}

func (p *parser) statement(name string) stmt {
	switch name {
	case "if":
		return p.ifStmt()
	case "for":
		return p.forStmt()
	case "set":
		return p.setStmt()
	case "macro":
		m := &macroStmt{name: p.expectName()}
		p.signature(m)
		p.macroBody(m, "endmacro")
		return m
	case "call":
		m := &macroStmt{name: "caller"}
		if p.atOp("(") {
			p.signature(m)
		}
		c, ok := p.expression().(*call)
		if !ok {
			p.fail("expected a call of a macro")
		}
		p.macroBody(m, "endcall")
		return &callStmt{m, c}
	case "filter":
		f := p.filters(nil, true)
		return &filterStmt{f, p.body("endfilter")}
	case "with":
		return p.withStmt()
	case "generation":
		return &groupStmt{p.body("endgeneration")}
	case "break", "continue":
		if p.loops == 0 {
			p.fail("%s outside a loop", name)
		}
		p.expect(tokBlockEnd, "")
		if name == "break" {
			return &signalStmt{breakLoop}
		}
		return &signalStmt{continueLoop}
	}
	p.fail("unknown tag %q", name)
	return nil
}

// macroBody parses a macro's body: break in it has no loop, and the names it
// reads tell whether it takes further arguments.
func (p *parser) macroBody(m *macroStmt, end string) {
	loops, names := p.loops, p.names
	p.loops, p.names = 0, map[string]bool{}
	m.body = p.body(end)
	m.readsVarargs, m.readsKwargs = p.names["varargs"], p.names["kwargs"]
	maps.Copy(names, p.names)
	p.loops, p.names = loops, names
}

func (p *parser) ifStmt() stmt {
	s := &ifStmt{}
	for {
		s.tests = append(s.tests, p.tuple(true, false))
		p.expect(tokBlockEnd, "")
		b, end := p.block("elif", "else", "endif")
		s.bodies = append(s.bodies, b)
		if end == "elif" {
			continue
		}
		if end == "else" {
			s.orElse = p.body("endif")
		} else {
			p.expect(tokBlockEnd, "")
		}
		return s
	}
}

func (p *parser) forStmt() stmt {
	s := &forStmt{target: p.target(false)}
	if !p.skipName("in") {
		p.fail("expected in, found %s", describe(p.peek()))
	}
	s.iter = p.tuple(false, false)
	if p.skipName("if") {
		s.test = p.expression()
	}
	s.recursive = p.skipName("recursive")
	p.expect(tokBlockEnd, "")
	p.loops++
	b, end := p.block("else", "endfor")
	p.loops--
	s.body = b
	if end == "else" {
		s.orElse = p.body("endfor")
	} else {
		p.expect(tokBlockEnd, "")
	}
	return s
}

func (p *parser) setStmt() stmt {
	t := p.target(true)
	if p.skipOp("=") {
		x := p.tuple(true, false)
		p.expect(tokBlockEnd, "")
		return &setStmt{t, x}
	}
	f := p.filters(nil, false)
	return &setBlock{t, f, p.body("endset")}
}

func (p *parser) withStmt() stmt {
	s := &withStmt{}
	for p.peek().kind != tokBlockEnd {
		if len(s.targets) > 0 && !p.skipOp(",") {
			p.fail("expected a comma, found %s", describe(p.peek()))
		}
		s.targets = append(s.targets, p.target(false))
		p.expect(tokOp, "=")
		s.values = append(s.values, p.expression())
	}
	s.body = p.body("endwith")
	return s
}

// target parses what is assigned to: a name, a tuple of names, or, where
// attr is set, ns.name.
func (p *parser) target(attr bool) target {
	first := p.oneTarget(attr)
	if !p.atOp(",") {
		return first
	}
	many := []target{first}
	for p.skipOp(",") {
		if p.peek().kind != tokName && !p.atOp("(") {
			break
		}
		many = append(many, p.oneTarget(attr))
	}
	return target{many: many}
}

func (p *parser) oneTarget(attr bool) target {
	defer p.enter()()
	if p.skipOp("(") {
		t := p.target(attr)
		p.expect(tokOp, ")")
		return t
	}
	t := target{name: p.expectName()}
	if slices.Contains(reserved, t.name) {
		p.fail("cannot assign to %q", t.name)
	}
	if attr && p.skipOp(".") {
		t.attr = p.expectName()
	}
	return t
}

var reserved = []string{"true", "false", "none", "True", "False", "None", "and", "or", "not", "in", "is", "if", "else"}

// signature parses (a, b=1, …) of a macro or call block.
func (p *parser) signature(m *macroStmt) {
	p.expect(tokOp, "(")
	for !p.skipOp(")") {
		if len(m.params) > 0 {
			p.expect(tokOp, ",")
			if p.skipOp(")") {
				return
			}
		}
		m.params = append(m.params, p.expectName())
		if p.skipOp("=") {
			m.defaults = append(m.defaults, p.expression())
		} else if len(m.defaults) > 0 {
			p.fail("parameter %q without a default follows one with", m.params[len(m.params)-1])
		}
	}
}
