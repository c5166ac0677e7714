package chat

import (
	"strings"
	"unicode/utf8"
)

// text is a string that knows where its bytes came from.
type text struct {
	s      string
	user   []span // byte ranges of s that the caller supplied: ascending, disjoint, not empty
	markup bool   // made by the safe or escape filter: text joined to it is HTML-escaped
}

// span is a half-open byte range.
type span struct{ from, to int }

// lit makes a text that the template itself wrote.
func lit(s string) text { return text{s: s} }

// userText makes a text that the caller supplied.
func userText(s string) text {
	if s == "" {
		return text{}
	}
	return text{s: s, user: []span{{0, len(s)}}}
}

// like makes a text with t's provenance taken as a whole: if any byte of t was
// the caller's, all of s is. For results whose bytes do not map back one by one.
func (t text) like(s string) text {
	if len(t.user) == 0 {
		return text{s: s, markup: t.markup}
	}
	r := userText(s)
	r.markup = t.markup
	return r
}

// slice returns bytes [from, to) of t with their provenance.
func (t text) slice(from, to int) text {
	r := text{s: t.s[from:to], markup: t.markup}
	for _, u := range t.user {
		a, b := max(u.from, from), min(u.to, to)
		if a < b {
			r.user = append(r.user, span{a - from, b - from})
		}
	}
	return r
}

// runes is the length that Python reports.
func (t text) runes() int { return utf8.RuneCountInString(t.s) }

// byteOffset is the byte index of rune number n, or len(t.s) past the end.
func (t text) byteOffset(n int) int {
	if n <= 0 {
		return 0
	}
	for i := range t.s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(t.s)
}

// builder joins texts and charges what it makes to the rendering's budget.
type builder struct {
	in   *interp
	buf  strings.Builder
	user []span
}

func (b *builder) lit(s string) {
	b.in.charge(len(s))
	b.buf.WriteString(s)
}

func (b *builder) text(t text) {
	base := b.buf.Len()
	b.lit(t.s)
	for _, u := range t.user {
		b.mark(base+u.from, base+u.to)
	}
}

// mark records that bytes [from, to) are the caller's, merging neighbours.
func (b *builder) mark(from, to int) {
	if n := len(b.user); n > 0 && b.user[n-1].to == from {
		b.user[n-1].to = to
		return
	}
	b.user = append(b.user, span{from, to})
}

func (b *builder) done() text { return text{s: b.buf.String(), user: b.user} }

// mapRunes rewrites t rune by rune, keeping provenance exact.
func (in *interp) mapRunes(t text, f func(i int, r rune) string) text {
	b := builder{in: in}
	n, k := 0, 0
	for i, r := range t.s {
		for k < len(t.user) && t.user[k].to <= i {
			k++
		}
		out := f(n, r)
		base := b.buf.Len()
		b.lit(out)
		if k < len(t.user) && t.user[k].from <= i && out != "" {
			b.mark(base, base+len(out))
		}
		n++
	}
	r := b.done()
	r.markup = t.markup
	return r
}

// isSpace is Python's str.isspace for one rune.
func isSpace(r rune) bool {
	switch {
	case r >= '\t' && r <= '\r', r >= 0x1c && r <= 0x20, r == 0x85, r == 0xa0, r == 0x1680,
		r >= 0x2000 && r <= 0x200a, r == 0x2028, r == 0x2029, r == 0x202f, r == 0x205f, r == 0x3000:
		return true
	}
	return false
}

// strip removes runes of cut (white space where cut is nil) from the ends.
func (t text) strip(cut *text, left, right bool) text {
	drop := isSpace
	if cut != nil {
		drop = func(r rune) bool { return strings.ContainsRune(cut.s, r) }
	}
	from, to := 0, len(t.s)
	if left {
		from = len(t.s) - len(strings.TrimLeftFunc(t.s, drop))
	}
	if right {
		to = max(from, len(strings.TrimRightFunc(t.s, drop)))
	}
	return t.slice(from, to)
}
