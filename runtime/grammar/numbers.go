package grammar

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"
)

// Digits that a constrained number may have: enough for any float64, and
// finite, so that an untrained model ends a number.
const (
	intDigits  = 16
	fracDigits = 16
)

// bounds is a numeric range; nil ends are open.
type bounds struct {
	min, max         *big.Rat
	minOpen, maxOpen bool // exclusive
}

// tighten intersects two ranges.
func (b bounds) tighten(o bounds) bounds {
	if o.min != nil {
		if b.min == nil || o.min.Cmp(b.min) > 0 {
			b.min, b.minOpen = o.min, o.minOpen
		} else if o.min.Cmp(b.min) == 0 {
			b.minOpen = b.minOpen || o.minOpen
		}
	}
	if o.max != nil {
		if b.max == nil || o.max.Cmp(b.max) < 0 {
			b.max, b.maxOpen = o.max, o.maxOpen
		} else if o.max.Cmp(b.max) == 0 {
			b.maxOpen = b.maxOpen || o.maxOpen
		}
	}
	return b
}

// contains reports whether x lies in the range.
func (b bounds) contains(x *big.Rat) bool {
	if b.min != nil && (x.Cmp(b.min) < 0 || b.minOpen && x.Cmp(b.min) == 0) {
		return false
	}
	return b.max == nil || !(x.Cmp(b.max) > 0 || b.maxOpen && x.Cmp(b.max) == 0)
}

// numberDFA accepts JSON numbers in the range, without exponents where it is
// bounded: integers only, or decimals with up to places digits behind the
// point.
func (bu *budget) numberDFA(b bounds, places int) *charDFA {
	b = b.written()
	all := bu.wholeRegex(decimalPattern(b.digits(), places))
	pos, neg := all, bu.intersect(all, bu.magnitudeDFA(false, new(big.Rat), true, places)) // minus zero is left out
	if b.min != nil && b.min.Sign() >= 0 {
		pos = bu.intersect(pos, bu.magnitudeDFA(false, b.min, b.minOpen, places))
		neg = &charDFA{}
	}
	if b.min != nil && b.min.Sign() < 0 {
		neg = bu.intersect(neg, bu.magnitudeDFA(true, new(big.Rat).Neg(b.min), b.minOpen, places))
	}
	if b.max != nil && b.max.Sign() >= 0 {
		pos = bu.intersect(pos, bu.magnitudeDFA(true, b.max, b.maxOpen, places))
	}
	if b.max != nil && b.max.Sign() < 0 {
		pos = &charDFA{}
		neg = bu.intersect(neg, bu.magnitudeDFA(false, new(big.Rat).Neg(b.max), b.maxOpen, places))
	}
	return signed(pos, neg)
}

// maxDigits is the most digits that a number may have before the point.
const maxDigits = 40

// digits is how many digits a number in the range may have before the point.
func (b bounds) digits() int {
	n := intDigits
	for _, x := range []*big.Rat{b.min, b.max} {
		if x != nil {
			whole, _ := decimal(new(big.Rat).Abs(x), 0)
			n = max(n, min(len(whole), maxDigits))
		}
	}
	return n
}

// written is the range without ends that no number reaches.
func (b bounds) written() bounds {
	limit := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(maxDigits), nil))
	if b.max != nil && b.max.Cmp(limit) > 0 {
		b.max, b.maxOpen = limit, true
	}
	if least := new(big.Rat).Neg(limit); b.min != nil && b.min.Cmp(least) < 0 {
		b.min, b.minOpen = least, true
	}
	return b
}

func decimalPattern(digits, places int) string {
	p := fmt.Sprintf("(0|[1-9][0-9]{0,%d})", digits-1)
	if places > 0 {
		p += fmt.Sprintf(`(\.[0-9]{1,%d})?`, places)
	}
	return p
}

// signed joins what may stand plain and what may stand behind a minus.
func signed(pos, neg *charDFA) *charDFA {
	d := &charDFA{}
	d.state(false)
	at := func(sub *charDFA) int {
		base := len(d.edges)
		for i, edges := range sub.edges {
			d.state(sub.accept[i])
			for _, e := range edges {
				d.edges[base+i] = append(d.edges[base+i], charEdge{e.runeRange, e.to + base})
			}
		}
		return base
	}
	if !neg.empty() {
		d.edges[0] = append(d.edges[0], charEdge{runeRange{'-', '-'}, at(neg)})
	}
	if !pos.empty() {
		base := at(pos)
		d.edges[0] = append(d.edges[0], d.edges[base]...)
	}
	return d.trim()
}

// magnitudeDFA accepts unsigned decimals below (less) or above x >= 0; x itself
// unless open.
func (b *budget) magnitudeDFA(less bool, x *big.Rat, open bool, places int) *charDFA {
	whole, frac := decimal(x, max(places, 20))
	frac = strings.TrimRight(frac, "0")
	var p []string
	tail := `(\.[0-9]*)?`
	for i, c := range whole { // first difference in the integer part
		if r := digitsBeyond(less, byte(c)); r != "" {
			if i == 0 && len(whole) > 1 && less && c == '1' { // a leading zero is no number
				continue
			}
			if i == 0 && len(whole) > 1 && less {
				r = strings.Replace(r, "[0-", "[1-", 1)
			}
			p = append(p, fmt.Sprintf("%s%s[0-9]{%d}%s", whole[:i], r, len(whole)-i-1, tail))
		}
	}
	if less && len(whole) > 1 {
		p = append(p, fmt.Sprintf("[0-9]{1,%d}%s", len(whole)-1, tail))
	}
	if !less {
		p = append(p, fmt.Sprintf("[1-9][0-9]{%d,}%s", len(whole), tail))
	}
	whole = regexp.QuoteMeta(whole)
	for i, c := range frac { // or in the fraction
		if r := digitsBeyond(less, byte(c)); r != "" {
			p = append(p, fmt.Sprintf(`%s\.%s%s[0-9]*`, whole, frac[:i], r))
		}
		if less { // a shorter fraction is smaller
			p = append(p, whole+point(frac[:i]))
		}
	}
	if !less {
		p = append(p, fmt.Sprintf(`%s\.%s[0-9]*[1-9][0-9]*`, whole, frac))
	}
	if !open && exactDecimal(x, frac) {
		tail := "0*"
		if frac == "" { // point then takes the zeros
			tail = ""
		}
		p = append(p, whole+point(frac)+tail)
	}
	if len(p) == 0 {
		return &charDFA{}
	}
	return b.wholeRegex(strings.Join(p, "|"))
}

func point(frac string) string {
	if frac == "" {
		return `(\.0*)?`
	}
	return `\.` + frac
}

// digitsBeyond is a class of the digits below (less) or above c, or "".
func digitsBeyond(less bool, c byte) string {
	switch {
	case less && c > '0':
		return fmt.Sprintf("[0-%c]", c-1)
	case !less && c < '9':
		return fmt.Sprintf("[%c-9]", c+1)
	}
	return ""
}

// decimal writes x >= 0 cut to that many places.
func decimal(x *big.Rat, places int) (whole, frac string) {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places)), nil)
	n := new(big.Int).Mul(x.Num(), scale)
	n.Quo(n, x.Denom())
	s := n.String()
	if len(s) <= places {
		s = strings.Repeat("0", places-len(s)+1) + s
	}
	return s[:len(s)-places], s[len(s)-places:]
}

// exactDecimal reports whether the cut fraction lost nothing.
func exactDecimal(x *big.Rat, frac string) bool {
	y, ok := new(big.Rat).SetString("0." + frac + "0")
	if !ok {
		return false
	}
	whole := new(big.Rat).SetInt(new(big.Int).Quo(x.Num(), x.Denom()))
	return y.Add(y, whole).Cmp(x) == 0
}

// multiplesDFA accepts decimal integers of which m divides scale times the value,
// signs allowed.
func (b *budget) multiplesDFA(m, scale int) *charDFA {
	b.spend(10 * m)
	d := &charDFA{}
	for r := range m { // states 0..m-1: the remainder so far
		d.state(r*scale%m == 0)
	}
	for r := range m {
		for c := range 10 {
			d.edges[r] = append(d.edges[r], charEdge{runeRange{rune('0' + c), rune('0' + c)}, (r*10 + c) % m})
		}
	}
	d.edges[0] = append([]charEdge{{runeRange{'-', '-'}, 0}}, d.edges[0]...) // where a minus may stand is numberDFA's to say
	return d
}
