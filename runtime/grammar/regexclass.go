package grammar

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// set reads an escape that stands for several characters.
func (p *reParser) set() ([]runeRange, bool) {
	if !p.more() {
		p.fail("ends in a backslash")
	}
	c := p.src[p.pos]
	negative := c >= 'A' && c <= 'Z'
	wide := p.wide != negative // what is left out of a narrow set must be wide
	var out []runeRange
	switch c | 0x20 {
	case 'd':
		out = digitChars(wide)
	case 'w':
		out = wordChars(wide)
	case 's':
		out = spaceChars(wide)
	case 'p':
		p.pos++
		out = p.property()
		p.pos--
	default:
		return nil, false
	}
	p.pos++
	if negative {
		out = complementRanges(out)
	}
	p.ranges(len(out))
	return out, true
}

func digitChars(wide bool) []runeRange {
	if wide {
		return tableRanges(unicode.Nd)
	}
	return []runeRange{{'0', '9'}}
}

func wordChars(wide bool) []runeRange {
	out := []runeRange{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}
	if wide {
		for _, t := range []*unicode.RangeTable{unicode.L, unicode.M, unicode.N, unicode.Pc, unicode.Other_Alphabetic, unicode.Join_Control} {
			out = append(out, tableRanges(t)...)
		}
	}
	return mergeRanges(out)
}

func spaceChars(wide bool) []runeRange {
	out := []runeRange{{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}}
	if wide {
		out = append(out, runeRange{'\v', '\v'}, runeRange{0x1c, 0x1f}, runeRange{0x85, 0x85}, runeRange{0xfeff, 0xfeff}, runeRange{0x180e, 0x180e})
		out = append(out, tableRanges(unicode.Z)...)
	}
	return mergeRanges(out)
}

func tableRanges(t *unicode.RangeTable) (out []runeRange) {
	add := func(lo, hi, stride rune) {
		if stride == 1 {
			out = append(out, runeRange{lo, hi})
			return
		}
		for c := lo; c <= hi; c += stride {
			out = append(out, runeRange{c, c})
		}
	}
	for _, r := range t.R16 {
		add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	for _, r := range t.R32 {
		add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	return mergeRanges(out)
}

// property reads {Name} or {Script=Name} behind \p.
func (p *reParser) property() []runeRange {
	name := ""
	if p.eat("{") {
		end := strings.IndexByte(p.src[p.pos:], '}')
		if end < 0 {
			p.fail(`a \p{ is never closed`)
		}
		name = p.src[p.pos : p.pos+end]
		p.pos += end + 1
	} else {
		name = string(p.next())
	}
	if _, value, ok := strings.Cut(name, "="); ok {
		name = value
	}
	switch name {
	case "Any":
		return anyChar
	case "ASCII":
		return []runeRange{{0, 0x7f}}
	case "Alphabetic":
		return mergeRanges(append(append(tableRanges(unicode.L), tableRanges(unicode.Nl)...), tableRanges(unicode.Other_Alphabetic)...))
	case "Letter":
		name = "L"
	case "Number":
		name = "N"
	case "Punctuation":
		name = "P"
	}
	for _, tables := range []map[string]*unicode.RangeTable{unicode.Categories, unicode.Scripts, unicode.Properties} {
		if t, ok := tables[name]; ok {
			return tableRanges(t)
		}
	}
	p.fail(`\p{%.40s} is not supported`, name)
	return nil
}

// char reads an escape that stands for one character, behind its backslash.
func (p *reParser) char() rune {
	c := p.next()
	switch c {
	case 't', 'n', 'v', 'f', 'r', '0', 'a':
		return rune("\t\n\v\f\r\x00\a"[strings.IndexRune("tnvfr0a", c)])
	case 'c':
		if l := p.next(); l < utf8.RuneSelf && unicode.IsLetter(l) {
			return l & 0x1f
		}
		p.fail(`\c needs a letter`)
	case 'x':
		if p.eat("{") {
			return p.braced()
		}
		return p.hex(2)
	case 'u':
		if p.eat("{") {
			return p.braced()
		}
		r := p.hex(4)
		if r >= 0xd800 && r < 0xdc00 && p.eat(`\u`) { // a pair of surrogates
			if low := p.hex(4); low >= 0xdc00 && low < 0xe000 {
				return (r-0xd800)<<10 + (low - 0xdc00) + 0x10000
			}
		}
		if r >= 0xd800 && r < 0xe000 {
			p.fail("a lone surrogate is no character")
		}
		return r
	}
	if c < utf8.RuneSelf && (unicode.IsLetter(c) || unicode.IsDigit(c)) {
		p.fail(`\%c is not supported`, c)
	}
	return c
}

func (p *reParser) hex(n int) rune {
	if p.pos+n > len(p.src) {
		p.fail("ends too early")
	}
	v, err := strconv.ParseUint(p.src[p.pos:p.pos+n], 16, 32)
	if err != nil || v > maxRune {
		p.fail("%q is no character", p.src[p.pos:p.pos+n])
	}
	p.pos += n
	return rune(v)
}

func (p *reParser) braced() rune {
	end := strings.IndexByte(p.src[p.pos:], '}')
	if end < 1 || end > 8 {
		p.fail("a { is never closed")
	}
	r := p.hex(end)
	p.pos++
	return r
}

// class reads […], behind the opening bracket.
func (p *reParser) class() []runeRange {
	negative := p.eat("^")
	if negative {
		p.wide = !p.wide
	}
	var out []runeRange
	for !p.eat("]") {
		if p.eat("[:") {
			p.fail("[:name:] is not supported")
		}
		lo, set := p.classPart()
		if set == nil && p.pos+1 < len(p.src) && p.src[p.pos] == '-' && p.src[p.pos+1] != ']' {
			p.pos++
			hi, notOne := p.classPart()
			if notOne != nil || hi < lo {
				p.fail("a range in a class is empty")
			}
			set = []runeRange{{lo, hi}}
		}
		if set == nil {
			set = []runeRange{{lo, lo}}
		}
		out = append(out, set...)
	}
	p.ranges(len(out))
	out = p.folded(mergeRanges(out))
	if negative {
		p.wide = !p.wide
		out = complementRanges(out)
	}
	return out
}

// classPart reads one character of a class, or several.
func (p *reParser) classPart() (rune, []runeRange) {
	c := p.next()
	if c != '\\' {
		return c, nil
	}
	if p.eat("b") {
		return '\b', nil
	}
	if p.eat("-") {
		return '-', nil
	}
	if set, ok := p.set(); ok {
		return 0, set
	}
	return p.char(), nil
}
