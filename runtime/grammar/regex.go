package grammar

import (
	"regexp/syntax"
	"strings"
	"unicode"
)

// CompileRegex compiles a regular expression that must match the whole text.
// Its syntax is RE2's; \uXXXX is understood as well.
func CompileRegex(pattern string) (g *Grammar, err error) {
	defer catch(&err)
	d := wholeRegex(pattern)
	if d.empty() {
		failf("", "the pattern %q matches nothing", pattern)
	}
	return compile(newBuilder(), d.plain())
}

// wholeRegex is the automaton of texts that a pattern matches in full;
// anchors at its ends are allowed and mean nothing.
func wholeRegex(pattern string) *charDFA {
	n := &charNFA{}
	re := parseRegex(pattern)
	start, end := n.state(), n.state()
	n.regex(re, start, end, true, true)
	return n.determinize(start, end)
}

// searchRegex is the automaton of texts in which a pattern matches somewhere,
// as JSON Schema's pattern means it.
func searchRegex(pattern string) *charDFA {
	n := &charNFA{}
	start, end := n.state(), n.state()
	for _, re := range alternatives(parseRegex(pattern)) {
		a, z := n.state(), n.state()
		body, fixedStart, fixedEnd := stripAnchors(re)
		if !fixedStart {
			n.anyTimes(a)
		}
		if !fixedEnd {
			n.anyTimes(z)
		}
		n.eps[start] = append(n.eps[start], a)
		n.eps[z] = append(n.eps[z], end)
		entry := n.state()
		n.eps[a] = append(n.eps[a], entry)
		n.regex(body, entry, z, false, false)
	}
	return n.determinize(start, end)
}

func (n *charNFA) anyTimes(s int) {
	for _, r := range anyChar {
		n.edges[s] = append(n.edges[s], charEdge{r, s})
	}
}

func parseRegex(pattern string) *syntax.Regexp {
	if len(pattern) > 4096 {
		failf("", "a pattern of %d bytes, limit 4096", len(pattern))
	}
	re, err := syntax.Parse(unescapeUnicode(pattern), syntax.Perl)
	if err != nil {
		failf("", "pattern %q: %v", pattern, err)
	}
	return re
}

// unescapeUnicode turns ECMAScript's \uXXXX and \/ into what RE2 reads.
func unescapeUnicode(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '\\' || i+1 == len(s):
			b.WriteByte(s[i])
		case s[i+1] == 'u' && i+6 <= len(s):
			b.WriteString(`\x{` + s[i+2:i+6] + `}`)
			i += 5
		case s[i+1] == '/':
			b.WriteByte('/')
			i++
		default:
			b.WriteString(s[i : i+2])
			i++
		}
	}
	return b.String()
}

// alternatives lists the top-level branches of a pattern.
func alternatives(re *syntax.Regexp) []*syntax.Regexp {
	switch {
	case re.Op == syntax.OpCapture:
		return alternatives(re.Sub[0])
	case re.Op == syntax.OpAlternate:
		var out []*syntax.Regexp
		for _, s := range re.Sub {
			out = append(out, alternatives(s)...)
		}
		return out
	case re.Op == syntax.OpConcat && re.Sub[0].Op != syntax.OpBeginText && hasAnchor(re.Sub[0]):
		return distribute(re, 0)
	case re.Op == syntax.OpConcat && re.Sub[len(re.Sub)-1].Op != syntax.OpEndText && hasAnchor(re.Sub[len(re.Sub)-1]):
		return distribute(re, len(re.Sub)-1)
	}
	return []*syntax.Regexp{re}
}

// distribute turns (^a|b)c into ^ac and bc, at part i of a concatenation.
func distribute(re *syntax.Regexp, i int) []*syntax.Regexp {
	branches := alternatives(re.Sub[i])
	if len(branches) == 1 && branches[0] == re.Sub[i] {
		return []*syntax.Regexp{re}
	}
	var out []*syntax.Regexp
	for _, branch := range branches {
		sub := append([]*syntax.Regexp(nil), re.Sub...)
		if branch.Op == syntax.OpConcat { // keep anchors at the top level
			sub = append(append(append([]*syntax.Regexp(nil), re.Sub[:i]...), branch.Sub...), re.Sub[i+1:]...)
		} else {
			sub[i] = branch
		}
		out = append(out, &syntax.Regexp{Op: syntax.OpConcat, Sub: sub})
	}
	return out
}

func hasAnchor(re *syntax.Regexp) bool {
	if re.Op == syntax.OpBeginText || re.Op == syntax.OpEndText {
		return true
	}
	for _, s := range re.Sub {
		if hasAnchor(s) {
			return true
		}
	}
	return false
}

// stripAnchors takes ^ and $ off the ends of one branch.
func stripAnchors(re *syntax.Regexp) (body *syntax.Regexp, start, end bool) {
	parts := []*syntax.Regexp{re}
	if re.Op == syntax.OpConcat {
		parts = re.Sub
	}
	for len(parts) > 0 && parts[0].Op == syntax.OpBeginText {
		parts, start = parts[1:], true
	}
	for len(parts) > 0 && parts[len(parts)-1].Op == syntax.OpEndText {
		parts, end = parts[:len(parts)-1], true
	}
	return &syntax.Regexp{Op: syntax.OpConcat, Sub: parts}, start, end
}

// regex adds what re matches between two states. atStart and atEnd say
// whether re begins or ends the text, where anchors hold by themselves.
func (n *charNFA) regex(re *syntax.Regexp, from, to int, atStart, atEnd bool) {
	switch re.Op {
	case syntax.OpNoMatch:
	case syntax.OpEmptyMatch:
		n.eps[from] = append(n.eps[from], to)
	case syntax.OpLiteral:
		n.literal(re, from, to)
	case syntax.OpCharClass:
		for i := 0; i+1 < len(re.Rune); i += 2 {
			n.edges[from] = append(n.edges[from], charEdge{runeRange{re.Rune[i], min(re.Rune[i+1], maxRune)}, to})
		}
	case syntax.OpAnyChar:
		n.edges[from] = append(n.edges[from], charEdge{runeRange{0, maxRune}, to})
	case syntax.OpAnyCharNotNL:
		n.edges[from] = append(n.edges[from], charEdge{runeRange{0, '\n' - 1}, to}, charEdge{runeRange{'\n' + 1, maxRune}, to})
	case syntax.OpBeginText:
		if !atStart {
			failf("", "^ inside a pattern is not supported")
		}
		n.eps[from] = append(n.eps[from], to)
	case syntax.OpEndText:
		if !atEnd {
			failf("", "$ inside a pattern is not supported")
		}
		n.eps[from] = append(n.eps[from], to)
	case syntax.OpCapture:
		n.regex(re.Sub[0], from, to, atStart, atEnd)
	case syntax.OpConcat:
		for i, s := range re.Sub {
			next := to
			if i < len(re.Sub)-1 {
				next = n.state()
			}
			n.regex(s, from, next, atStart && i == 0, atEnd && i == len(re.Sub)-1)
			from = next
		}
		if len(re.Sub) == 0 {
			n.eps[from] = append(n.eps[from], to)
		}
	case syntax.OpAlternate:
		for _, s := range re.Sub {
			a := n.state()
			n.eps[from] = append(n.eps[from], a)
			n.regex(s, a, to, atStart, atEnd)
		}
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat:
		n.repeat(re, from, to)
	default:
		failf("", "%v in a pattern is not supported", re.Op)
	}
}

func (n *charNFA) literal(re *syntax.Regexp, from, to int) {
	for i, r := range re.Rune {
		next := to
		if i < len(re.Rune)-1 {
			next = n.state()
		}
		n.edges[from] = append(n.edges[from], charEdge{runeRange{r, r}, next})
		if re.Flags&syntax.FoldCase != 0 {
			for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
				n.edges[from] = append(n.edges[from], charEdge{runeRange{f, f}, next})
			}
		}
		from = next
	}
}

func (n *charNFA) repeat(re *syntax.Regexp, from, to int) {
	lo, hi := re.Min, re.Max
	switch re.Op {
	case syntax.OpStar:
		lo, hi = 0, -1
	case syntax.OpPlus:
		lo, hi = 1, -1
	case syntax.OpQuest:
		lo, hi = 0, 1
	}
	for range lo {
		next := n.state()
		n.regex(re.Sub[0], from, next, false, false)
		from = next
	}
	if hi < 0 {
		loop := n.state()
		n.eps[from] = append(n.eps[from], loop)
		n.eps[loop] = append(n.eps[loop], to)
		n.regex(re.Sub[0], loop, loop, false, false)
		return
	}
	for i := lo; i < hi; i++ {
		n.eps[from] = append(n.eps[from], to)
		next := n.state()
		n.regex(re.Sub[0], from, next, false, false)
		from = next
	}
	n.eps[from] = append(n.eps[from], to)
}
