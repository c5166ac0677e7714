package grammar

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The parts of a regular expression.
type (
	reChars  []runeRange // one of these characters
	reSeq    []any
	reAlt    []any
	reRepeat struct {
		x        any
		min, max int // max < 0: no limit
	}
	reLook struct { // what follows matches x, or does not
		x        any
		negative bool
	}
	reStart struct{} // ^
	reEnd   struct{} // $
)

// reParser reads ECMAScript's regular expressions, and the parts of RE2's and
// Python's that are spelled in another way: (?i), (?P<name>…), \A, \z and \x{…}.
//
// Dialects disagree on which characters \d, \w, \s, . and ignored case stand
// for. A pattern is read as what all of them agree on, and as what any of them
// allows where wide is set, inside negative lookahead: every text that is
// matched, is matched in every dialect.
type reParser struct {
	src          string
	pos, depth   int
	nRanges      int // of characters, named so far
	wide         bool
	fold, dotAll bool // the flags i and s
}

func parseRegex(pattern string, wide bool) any {
	if len(pattern) > maxPatternBytes {
		failf("", "a pattern of %d bytes, limit %d", len(pattern), maxPatternBytes)
	}
	if !utf8.ValidString(pattern) {
		failf("", "a pattern is not UTF-8")
	}
	p := &reParser{src: pattern, wide: wide}
	x := p.choice()
	if p.pos < len(p.src) {
		p.fail("an unmatched )")
	}
	return x
}

func (p *reParser) fail(format string, a ...any) {
	failf("", "pattern %.100q: "+format, append([]any{p.src}, a...)...)
}

// ranges counts n ranges of characters.
func (p *reParser) ranges(n int) {
	if p.nRanges += n; p.nRanges > maxPatternRanges {
		p.fail("names more than %d ranges of characters", maxPatternRanges)
	}
}

func (p *reParser) more() bool { return p.pos < len(p.src) }

// eat skips s if it comes next.
func (p *reParser) eat(s string) bool {
	if strings.HasPrefix(p.src[p.pos:], s) {
		p.pos += len(s)
		return true
	}
	return false
}

func (p *reParser) next() rune {
	if !p.more() {
		p.fail("ends too early")
	}
	r, size := utf8.DecodeRuneInString(p.src[p.pos:])
	p.pos += size
	return r
}

func (p *reParser) choice() any {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > maxDepth {
		p.fail("nested deeper than %d", maxDepth)
	}
	fold, dotAll := p.fold, p.dotAll
	defer func() { p.fold, p.dotAll = fold, dotAll }() // flags end with their group
	out := reAlt{p.sequence()}
	for p.eat("|") {
		out = append(out, p.sequence())
	}
	if len(out) == 1 {
		return out[0]
	}
	return out
}

func (p *reParser) sequence() any {
	out := reSeq{}
	for p.more() && p.src[p.pos] != '|' && p.src[p.pos] != ')' {
		x := p.atom()
		if x == nil {
			continue
		}
		out = append(out, p.repeated(x))
	}
	return out
}

// atom reads one part; nil if it only sets flags.
func (p *reParser) atom() any {
	switch c := p.next(); c {
	case '^':
		return reStart{}
	case '$':
		return reEnd{}
	case '.':
		return p.dot()
	case '[':
		return reChars(p.class())
	case '(':
		return p.group()
	case '*', '+', '?':
		p.fail("nothing to repeat before %q", c)
	case '\\':
		return p.escape()
	default:
		return p.literal(c)
	}
	return nil
}

func (p *reParser) dot() reChars {
	switch {
	case p.dotAll:
		return anyChar
	case p.wide:
		return complementRanges([]runeRange{{'\n', '\n'}})
	}
	return complementRanges([]runeRange{{'\n', '\n'}, {'\r', '\r'}, {0x85, 0x85}, {0x2028, 0x2029}})
}

func (p *reParser) group() any {
	switch {
	case !p.eat("?"), p.eat(":"):
	case p.eat("="), p.eat("!"):
		negative := p.src[p.pos-1] == '!'
		p.wide = p.wide != negative
		x := p.inside()
		p.wide = p.wide != negative
		return reLook{x, negative}
	case p.eat("<="), p.eat("<!"):
		p.fail("lookbehind is not supported")
	case p.eat("P<"), p.eat("<"):
		end := strings.IndexByte(p.src[p.pos:], '>')
		if end <= 0 {
			p.fail("a group's name is never closed")
		}
		p.pos += end + 1
	default:
		return p.flags()
	}
	return p.inside()
}

func (p *reParser) inside() any {
	x := p.choice()
	if !p.eat(")") {
		p.fail("a ( is never closed")
	}
	return x
}

// flags reads (?i) and (?i:…).
func (p *reParser) flags() any {
	fold, dotAll, on := p.fold, p.dotAll, true
	for {
		switch c := p.next(); c {
		case 'i':
			p.fold = on
		case 's':
			p.dotAll = on
		case '-':
			on = false
		case ')':
			return nil
		case ':':
			x := p.inside()
			p.fold, p.dotAll = fold, dotAll
			return x
		default:
			p.fail("(?%c is not supported", c)
		}
	}
}

// repeated reads the quantifiers behind x.
func (p *reParser) repeated(x any) any {
	lo, hi, ok := p.quantifier()
	if !ok {
		return x
	}
	switch x.(type) {
	case reLook, reStart, reEnd:
		p.fail("an assertion cannot be repeated")
	}
	p.eat("?") // lazy: the same texts
	if _, _, again := p.quantifier(); again {
		p.fail("nothing to repeat")
	}
	return reRepeat{x, lo, hi}
}

func (p *reParser) quantifier() (lo, hi int, ok bool) {
	switch {
	case p.eat("*"):
		return 0, -1, true
	case p.eat("+"):
		return 1, -1, true
	case p.eat("?"):
		return 0, 1, true
	case !strings.HasPrefix(p.src[p.pos:], "{"):
		return 0, 0, false
	}
	end := strings.IndexByte(p.src[p.pos:], '}')
	if end < 0 {
		return 0, 0, false
	}
	low, high, ranged := strings.Cut(p.src[p.pos+1:p.pos+end], ",")
	if strings.Trim(low+high, "0123456789") != "" || low == "" { // {x} stands for itself
		return 0, 0, false
	}
	lo = p.count(low)
	switch {
	case !ranged:
		hi = lo
	case high == "":
		hi = -1
	default:
		if hi = p.count(high); hi < lo {
			p.fail("{%d,%d} is empty", lo, hi)
		}
	}
	p.pos += end + 1
	return lo, hi, true
}

func (p *reParser) count(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n > maxCount {
		p.fail("a count of %.20s, limit %d", s, maxCount)
	}
	return n
}

func (p *reParser) literal(c rune) reChars { return p.folded([]runeRange{{c, c}}) }

// folded adds the other cases of letters, where case is ignored.
func (p *reParser) folded(ranges []runeRange) []runeRange {
	if !p.fold {
		return ranges
	}
	const lastFolded = 0x1e943
	out := ranges
	for _, r := range ranges {
		p.ranges(1 + max(0, int(min(r.hi, lastFolded)-r.lo))/16)
		for c := r.lo; c <= min(r.hi, lastFolded); c++ {
			for f := unicode.SimpleFold(c); f != c; f = unicode.SimpleFold(f) {
				if p.wide || (c < utf8.RuneSelf) == (f < utf8.RuneSelf) {
					out = append(out, runeRange{f, f})
				}
			}
		}
	}
	return mergeRanges(out)
}

// escape reads what follows a backslash outside a class.
func (p *reParser) escape() any {
	switch c := p.src[min(p.pos, len(p.src)-1)]; c {
	case 'b', 'B':
		p.fail(`\%c is not supported`, c)
	case 'A':
		p.pos++
		return reStart{}
	case 'z', 'Z':
		p.pos++
		return reEnd{}
	case 'k', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		p.fail("backreferences are not supported")
	}
	if set, ok := p.set(); ok {
		return reChars(set)
	}
	return p.literal(p.char())
}
