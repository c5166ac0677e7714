package grammar

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// CompileGBNF compiles a grammar in GBNF; the rule named root is the start.
func CompileGBNF(source string) (g *Grammar, err error) {
	defer catch(&err)
	if len(source) > maxSourceBytes {
		failf("", "a grammar of %d bytes, limit %d", len(source), maxSourceBytes)
	}
	p := &gbnf{src: source, b: newBuilder(), rules: map[string]call{}, defined: map[string]bool{}}
	for p.blank(true); p.pos < len(p.src); p.blank(true) {
		p.definition()
	}
	for name := range p.rules {
		if !p.defined[name] {
			failf("", "rule %q is used but not defined", name)
		}
	}
	if !p.defined["root"] {
		failf("", "no rule named root")
	}
	return compile(p.b, p.rules["root"])
}

// gbnf parses a grammar.
type gbnf struct {
	src     string
	pos     int
	depth   int
	b       *builder
	rules   map[string]call
	defined map[string]bool
}

func (p *gbnf) fail(format string, a ...any) {
	failf(fmt.Sprintf("line %d", 1+strings.Count(p.src[:p.pos], "\n")), format, a...)
}

// blank skips spaces and comments, and newlines where they mean nothing.
func (p *gbnf) blank(newlines bool) {
	for p.pos < len(p.src) {
		switch c := p.src[p.pos]; {
		case c == ' ' || c == '\t' || (c == '\n' || c == '\r') && newlines:
			p.pos++
		case c == '#':
			for p.pos < len(p.src) && p.src[p.pos] != '\n' {
				p.pos++
			}
		default:
			return
		}
	}
}

func (p *gbnf) peek() byte {
	if p.pos < len(p.src) {
		return p.src[p.pos]
	}
	return 0
}

func (p *gbnf) name() string {
	start := p.pos
	for p.pos < len(p.src) {
		c := p.src[p.pos]
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			break
		}
		p.pos++
	}
	return p.src[start:p.pos]
}

func (p *gbnf) ref(name string) call {
	r, ok := p.rules[name]
	if !ok {
		r = p.b.rule()
		p.rules[name] = r
	}
	return r
}

func (p *gbnf) definition() {
	name := p.name()
	if name == "" {
		p.fail("expected a rule's name, found %q", p.peek())
	}
	p.blank(false)
	if !strings.HasPrefix(p.src[p.pos:], "::=") {
		p.fail("expected ::= after %q", name)
	}
	p.pos += 3
	if p.defined[name] {
		p.fail("rule %q is defined twice", name)
	}
	p.defined[name] = true
	p.blank(true)
	r := p.ref(name)
	p.b.define(r, p.choice(false))
	p.blank(false)
	if c := p.peek(); c != 0 && c != '\n' && c != '\r' {
		p.fail("unexpected %q", c)
	}
}

// choice parses a | b | …; inside parentheses newlines are blanks.
func (p *gbnf) choice(nested bool) expr {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		p.fail("nested deeper than %d", maxDepth)
	}
	out := alt{p.sequence(nested)}
	for p.peek() == '|' {
		p.pos++
		p.blank(true)
		out = append(out, p.sequence(nested))
	}
	if len(out) == 1 {
		return out[0]
	}
	return out
}

func (p *gbnf) sequence(nested bool) expr {
	out := seq{}
	for {
		var x expr
		switch c := p.peek(); {
		case c == '"':
			x = p.literal()
		case c == '[':
			x = p.class()
		case c == '(':
			p.pos++
			p.blank(true)
			x = p.choice(true)
			if p.peek() != ')' {
				p.fail("expected )")
			}
			p.pos++
		case c == '.':
			p.pos++
			x = utf8Of([]runeRange{{0, maxRune}})
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_':
			x = p.ref(p.name())
		default:
			return out
		}
		x = p.repeats(x)
		out = append(out, x)
		p.blank(nested)
	}
}

// repeats applies *, +, ? and {m,n} behind an item.
func (p *gbnf) repeats(x expr) expr {
	for {
		p.blank(false)
		switch p.peek() {
		case '*':
			x = star{x}
		case '+':
			x = seq{x, star{x}}
		case '?':
			x = optional(x)
		case '{':
			x = p.counted(x)
			continue
		default:
			return x
		}
		p.pos++
	}
}

func (p *gbnf) counted(x expr) expr {
	end := strings.IndexByte(p.src[p.pos:], '}')
	if end < 0 {
		p.fail("expected }")
	}
	lo, hi, ranged := strings.Cut(p.src[p.pos+1:p.pos+end], ",")
	number := func(s string) int {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < 0 || n > maxCount {
			p.fail("%q is not a count up to %d", s, maxCount)
		}
		return n
	}
	low := number(lo)
	high := low
	if ranged {
		high = -1
		if strings.TrimSpace(hi) != "" {
			high = number(hi)
		}
	}
	if high >= 0 && high < low {
		p.fail("{%d,%d} is empty", low, high)
	}
	p.pos += end + 1
	return repeat(x, low, high)
}

func (p *gbnf) literal() expr {
	var b strings.Builder
	for p.pos++; ; {
		if p.pos >= len(p.src) || p.src[p.pos] == '\n' {
			p.fail("a string is never closed")
		}
		if p.src[p.pos] == '"' {
			p.pos++
			return lit(b.String())
		}
		b.WriteRune(p.char())
	}
}

// char reads one character, escaped or not.
func (p *gbnf) char() rune {
	r, size := utf8.DecodeRuneInString(p.src[p.pos:])
	if r == utf8.RuneError && size <= 1 {
		p.fail("not UTF-8")
	}
	p.pos += size
	if r != '\\' {
		return r
	}
	if p.pos >= len(p.src) {
		p.fail("a lone backslash")
	}
	c := p.src[p.pos]
	p.pos++
	if i := strings.IndexByte(`nrt\"[]-^/'`, c); i >= 0 {
		return rune("\n\r\t\\\"[]-^/'"[i])
	}
	n := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
	if n == 0 || p.pos+n > len(p.src) {
		p.fail("unknown escape \\%c", c)
	}
	v, err := strconv.ParseUint(p.src[p.pos:p.pos+n], 16, 32)
	if err != nil || !utf8.ValidRune(rune(v)) {
		p.fail("bad escape \\%c%s", c, p.src[p.pos:p.pos+n])
	}
	p.pos += n
	return rune(v)
}

func (p *gbnf) class() expr {
	p.pos++
	negated := p.peek() == '^'
	if negated {
		p.pos++
	}
	var ranges []runeRange
	for p.peek() != ']' {
		if p.pos >= len(p.src) || p.peek() == '\n' {
			p.fail("a character class is never closed")
		}
		r := runeRange{lo: p.char()}
		r.hi = r.lo
		if p.peek() == '-' && p.pos+1 < len(p.src) && p.src[p.pos+1] != ']' {
			p.pos++
			r.hi = p.char()
		}
		if r.hi < r.lo {
			p.fail("the range %c-%c is empty", r.lo, r.hi)
		}
		ranges = append(ranges, r)
	}
	p.pos++
	if negated {
		ranges = complementRanges(ranges)
	}
	return utf8Of(ranges)
}
