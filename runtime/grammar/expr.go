package grammar

import (
	"fmt"
	"unicode/utf8"
)

// expr is a language over bytes.
type expr interface{}

type (
	lit    string  // these bytes
	byteIn byteSet // one byte of a set
	seq    []expr  // one after the other; empty: the empty text
	alt    []expr  // any one; empty: nothing matches
	star   struct{ x expr }
	call   int // a rule, by index into builder.rules
)

// byteSet is a set of bytes.
type byteSet [4]uint64

func (s *byteSet) add(lo, hi byte) {
	for c := int(lo); c <= int(hi); c++ {
		s[c>>6] |= 1 << (c & 63)
	}
}

func (s *byteSet) has(c byte) bool { return s[c>>6]>>(c&63)&1 != 0 }

// builder collects rules while a source is compiled.
type builder struct {
	rules []expr          // rule 0 is the root
	named map[string]call // rules that are made once, by what they mean
}

func newBuilder() *builder { return &builder{rules: make([]expr, 1), named: map[string]call{}} }

// rule reserves a rule; define gives its body.
func (b *builder) rule() call {
	if len(b.rules) >= maxRules {
		failf("", "more than %d rules", maxRules)
	}
	b.rules = append(b.rules, nil)
	return call(len(b.rules) - 1)
}

func (b *builder) define(r call, x expr) { b.rules[r] = x }

// once returns the rule of that name, made on first use.
func (b *builder) once(name string, body func() expr) call {
	if r, ok := b.named[name]; ok {
		return r
	}
	r := b.rule()
	b.named[name] = r
	b.define(r, body())
	return r
}

func optional(x expr) expr { return alt{x, seq{}} }

// repeat is x from min to max times; max < 0 is no limit. Large counts become
// rules that halve the count, so that their size is logarithmic.
func (b *builder) repeat(x expr, min, max int) expr {
	if max >= 0 && max < min {
		return alt{}
	}
	if min+max > inlineRepeat || min > inlineRepeat { // a rule of its own, so that copies are calls
		r := b.rule()
		b.define(r, x)
		x = r
	}
	head := b.exactly(x, min)
	switch {
	case max < 0:
		return seq{head, star{x}}
	case max == min:
		return head
	}
	return seq{head, b.atMost(x, max-min)}
}

func (b *builder) exactly(x expr, n int) expr {
	if n <= inlineRepeat {
		out := seq{}
		for range n {
			out = append(out, x)
		}
		return out
	}
	half := b.once(fmt.Sprintf("%v{%d}", x, n/2), func() expr { return b.exactly(x, n/2) })
	out := seq{half, half}
	if n%2 == 1 {
		out = append(out, x)
	}
	return out
}

// atMost is 0 to n copies of x. Past the inline size it is either a full half
// and then up to the rest, or fewer than the half.
func (b *builder) atMost(x expr, n int) expr {
	if n <= inlineRepeat {
		var out expr = seq{}
		for range n {
			out = optional(seq{x, out})
		}
		return out
	}
	half := n / 2
	full := b.once(fmt.Sprintf("%v{%d}", x, half), func() expr { return b.exactly(x, half) })
	rest := b.once(fmt.Sprintf("%v{,%d}", x, n-half), func() expr { return b.atMost(x, n-half) })
	fewer := b.once(fmt.Sprintf("%v{,%d}", x, half-1), func() expr { return b.atMost(x, half-1) })
	return alt{seq{full, rest}, fewer}
}

// runeRange is a closed range of code points.
type runeRange struct{ lo, hi rune }

// utf8Of is one character of the ranges, encoded. Surrogates are left out.
func utf8Of(ranges []runeRange) expr {
	var out alt
	for _, r := range ranges {
		for _, part := range []runeRange{{r.lo, min(r.hi, 0xd7ff)}, {max(r.lo, 0xe000), r.hi}} {
			if part.lo <= part.hi {
				out = appendUTF8(out, part.lo, part.hi)
			}
		}
	}
	return out
}

// appendUTF8 splits [lo, hi] until each piece is a product of byte ranges.
func appendUTF8(out alt, lo, hi rune) alt {
	for _, limit := range []rune{0x7f, 0x7ff, 0xffff} {
		if lo <= limit && hi > limit {
			return appendUTF8(appendUTF8(out, lo, limit), limit+1, hi)
		}
	}
	for bits := 6; bits <= 18; bits += 6 {
		mask := rune(1)<<bits - 1
		if lo&^mask == hi&^mask {
			break
		}
		if lo&mask != 0 {
			return appendUTF8(appendUTF8(out, lo, lo|mask), (lo|mask)+1, hi)
		}
		if hi&mask != mask {
			return appendUTF8(appendUTF8(out, lo, hi&^mask-1), hi&^mask, hi)
		}
	}
	var a, z [utf8.UTFMax]byte
	n := utf8.EncodeRune(a[:], lo)
	utf8.EncodeRune(z[:], hi)
	s := seq{}
	for i := range n {
		var set byteSet
		set.add(a[i], z[i])
		s = append(s, byteIn(set))
	}
	return append(out, s)
}
