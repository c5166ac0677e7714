package grammar

import (
	"fmt"
	"slices"
)

// runeRange is a closed range of code points.
type runeRange struct{ lo, hi rune }

const maxRune = 0x10ffff

// anyChar is every character a text can hold.
var anyChar = []runeRange{{0, 0xd7ff}, {0xe000, maxRune}}

// mergeRanges sorts ranges and joins those that touch.
func mergeRanges(ranges []runeRange) []runeRange {
	ranges = slices.Clone(ranges)
	slices.SortFunc(ranges, func(a, b runeRange) int { return int(a.lo - b.lo) })
	var out []runeRange
	for _, r := range ranges {
		if r.lo > r.hi {
			continue
		}
		if n := len(out); n > 0 && r.lo <= out[n-1].hi+1 {
			out[n-1].hi = max(out[n-1].hi, r.hi)
			continue
		}
		out = append(out, r)
	}
	return out
}

// overlap is the part of sorted disjoint ranges inside [lo, hi].
func overlap(ranges []runeRange, lo, hi rune) []runeRange {
	i, _ := slices.BinarySearchFunc(ranges, lo, func(r runeRange, x rune) int { return int(r.hi - x) })
	var out []runeRange
	for ; i < len(ranges) && ranges[i].lo <= hi; i++ {
		out = append(out, runeRange{max(ranges[i].lo, lo), min(ranges[i].hi, hi)})
	}
	return out
}

// complementRanges is every character outside the ranges.
func complementRanges(ranges []runeRange) []runeRange {
	var out []runeRange
	at := rune(0)
	for _, r := range mergeRanges(append([]runeRange{{0xd800, 0xdfff}}, ranges...)) {
		if r.lo > at {
			out = append(out, runeRange{at, r.lo - 1})
		}
		at = r.hi + 1
	}
	if at <= maxRune {
		out = append(out, runeRange{at, maxRune})
	}
	return out
}

// utf8Of is one character of the ranges, encoded; surrogates are left out. No
// two of its ways begin with the same byte.
func utf8Of(ranges []runeRange) expr {
	ranges = mergeRanges(ranges)
	var out alt
	for _, length := range []struct {
		lo, hi rune
		bits   int  // of the bytes behind the first
		mark   byte // of the first
	}{{0, 0x7f, 0, 0}, {0x80, 0x7ff, 6, 0xc0}, {0x800, 0xd7ff, 12, 0xe0}, {0xe000, 0xffff, 12, 0xe0}, {0x10000, maxRune, 18, 0xf0}} {
		if part := overlap(ranges, length.lo, length.hi); len(part) > 0 {
			out = append(out, encoded(part, length.bits, length.mark)...)
		}
	}
	if len(out) == 1 {
		return out[0]
	}
	return out
}

// encoded is the numbers of ranges in bytes of six bits, bits of them behind
// the first, which has mark set.
func encoded(ranges []runeRange, bits int, mark byte) alt {
	type group struct {
		first byteSet
		rest  expr
	}
	groups := map[string]*group{} // by what follows the first byte
	var order []*group
	for lead := ranges[0].lo >> bits; lead <= ranges[len(ranges)-1].hi>>bits; lead++ {
		base := lead << bits
		part := overlap(ranges, base, base|(1<<bits-1))
		if len(part) == 0 {
			continue
		}
		for i := range part {
			part[i].lo -= base
			part[i].hi -= base
		}
		key := fmt.Sprint(part)
		g := groups[key]
		if g == nil {
			g = &group{rest: seq{}}
			if bits > 0 {
				g.rest = encoded(part, bits-6, 0x80)
			}
			groups[key] = g
			order = append(order, g)
		}
		g.first.add(mark|byte(lead), mark|byte(lead))
	}
	var out alt
	for _, g := range order {
		out = append(out, seq{byteIn(g.first), g.rest})
	}
	return out
}
