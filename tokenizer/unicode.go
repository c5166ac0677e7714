package tokenizer

import (
	"sync"
	"unicode"
	"unicode/utf8"
)

// class is a set of properties of a code point. Every code point has at least
// one; the end of a text has none.
type class uint8

const (
	isNumber class = 1 << iota
	isLetter
	isMark
	isPunct
	isSymbol
	isSpace
	isControl // Cc, Cf, Cs, Co
	isOther   // unassigned
)

// Classes are those of Unicode 15.1, on which the reference's tables are
// built: Go's tables, which are of Unicode 15.0, and what 15.1 added. A test
// holds the sum, so that a newer Go cannot change them unnoticed.
var classRanges = []struct {
	class class
	table *unicode.RangeTable
}{
	{isNumber, unicode.N}, {isLetter, unicode.L}, {isMark, unicode.M}, {isPunct, unicode.P}, {isSymbol, unicode.S},
	{isControl, unicode.Cc}, {isControl, unicode.Cf}, {isControl, unicode.Cs}, {isControl, unicode.Co},
	{isSpace, unicode.White_Space},
	{isLetter, added(0x2EBF0, 0x2EE5D)}, {isSymbol, added(0x2FFC, 0x2FFF)}, {isSymbol, added(0x31EF, 0x31EF)},
}

func added(lo, hi uint32) *unicode.RangeTable {
	return &unicode.RangeTable{R32: []unicode.Range32{{Lo: lo, Hi: hi, Stride: 1}}}
}

// classTable is a two-stage table: equal pages of 256 code points share memory.
type classTable struct {
	page  [(unicode.MaxRune + 1) >> 8]uint16
	pages [][256]class
	ascii [128]class
}

var classes = sync.OnceValue(func() *classTable {
	flat := make([]class, unicode.MaxRune+1)
	for _, r := range classRanges {
		for _, x := range r.table.R16 {
			for c := uint32(x.Lo); c <= uint32(x.Hi); c += uint32(x.Stride) {
				flat[c] |= r.class
			}
		}
		for _, x := range r.table.R32 {
			for c := x.Lo; c <= x.Hi; c += x.Stride {
				flat[c] |= r.class
			}
		}
	}
	t := new(classTable)
	seen := make(map[[256]class]uint16)
	for i := range t.page {
		page := [256]class(flat[i<<8:])
		for j, c := range page {
			if c == 0 {
				page[j] = isOther
			}
		}
		n, ok := seen[page]
		if !ok {
			n = uint16(len(t.pages))
			seen[page] = n
			t.pages = append(t.pages, page)
		}
		t.page[i] = n
	}
	copy(t.ascii[:], t.pages[t.page[0]][:])
	return t
})

func (t *classTable) of(r rune) class { return t.pages[t.page[r>>8]][r&255] }

// A scanner reads the characters of a text that wellFormed returned.
type scanner struct {
	text    []byte
	classes *classTable
	steps   int // characters looked at: the work done
}

// at returns the character at p, its class and its length; class 0 at end.
func (s *scanner) at(p, end int) (rune, class, int) {
	s.steps++
	if p >= end {
		return -1, 0, 0
	}
	if b := s.text[p]; b < utf8.RuneSelf {
		return rune(b), s.classes.ascii[b], 1
	}
	r, n := decodeLoose(s.text[p:end])
	return r, s.classes.of(r), n
}

// class is at for callers that need the class only.
func (s *scanner) class(p, end int) (class, int) {
	_, c, n := s.at(p, end)
	return c, n
}

// skip returns the place after the run of characters of the classes in set.
func (s *scanner) skip(p, end int, set class) int {
	for {
		c, n := s.class(p, end)
		if c&set == 0 {
			return p
		}
		p += n
	}
}

// skipOther returns the place after the run of characters of no class in set.
func (s *scanner) skipOther(p, end int, set class) int {
	for {
		c, n := s.class(p, end)
		if c == 0 || c&set != 0 {
			return p
		}
		p += n
	}
}

// wellFormed returns text as the code points that the reference reads from
// it: surrogates are kept, and each byte that begins no character is U+FFFD.
// Text in order is returned as it is, else the result is in *buf.
func wellFormed(text []byte, buf *[]byte) []byte {
	if utf8.Valid(text) {
		return text
	}
	out := (*buf)[:0]
	for len(text) > 0 {
		r, n := decodeLoose(text)
		out = appendLoose(out, r)
		text = text[n:]
	}
	*buf = out
	return out
}

// decodeLoose is utf8.DecodeRune, but accepts encoded surrogates.
func decodeLoose(b []byte) (rune, int) {
	r, n := utf8.DecodeRune(b)
	if n == 1 && len(b) >= 3 && b[0] == 0xED && 0xA0 <= b[1] && b[1] <= 0xBF && b[2]&0xC0 == 0x80 {
		return 0xD000 | rune(b[1]&0x3F)<<6 | rune(b[2]&0x3F), 3
	}
	return r, n
}

// appendLoose is utf8.AppendRune with surrogates encoded too.
func appendLoose(b []byte, r rune) []byte {
	if 0xD800 <= r && r <= 0xDFFF {
		return append(b, 0xED, 0x80|byte(r>>6)&0x3F, 0x80|byte(r)&0x3F)
	}
	return utf8.AppendRune(b, r)
}
