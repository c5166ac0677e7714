package grammar

import (
	"fmt"
	"slices"
	"sort"
)

// charDFA is a deterministic automaton over characters; state 0 is the start.
// As an expression it stands for its texts, each character encoded by encode.
type charDFA struct {
	edges  [][]charEdge // of each state, disjoint, ascending
	accept []bool
	// encode writes one character of the ranges: UTF-8, or as inside a JSON
	// string.
	encode func([]runeRange) expr
}

type charEdge struct {
	runeRange
	to int
}

const maxRune = 0x10ffff

// anyChar is every character a JSON string can hold.
var anyChar = []runeRange{{0, 0xd7ff}, {0xe000, maxRune}}

// charNFA is built by the regular expression compiler and made deterministic.
type charNFA struct {
	edges [][]charEdge
	eps   [][]int
}

func (n *charNFA) state() int {
	if len(n.edges) >= maxCharStates {
		failf("", "a pattern needs more than %d states", maxCharStates)
	}
	n.edges = append(n.edges, nil)
	n.eps = append(n.eps, nil)
	return len(n.edges) - 1
}

// closure adds to set what empty edges reach; the result is sorted.
func (n *charNFA) closure(set []int) []int {
	seen := map[int]bool{}
	work := slices.Clone(set)
	var out []int
	for len(work) > 0 {
		s := work[len(work)-1]
		work = work[:len(work)-1]
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
			work = append(work, n.eps[s]...)
		}
	}
	sort.Ints(out)
	return out
}

// determinize is the subset construction, on ranges.
func (n *charNFA) determinize(start, end int) *charDFA {
	d := &charDFA{}
	ids := map[string]int{}
	var sets [][]int
	id := func(set []int) int {
		set = n.closure(set)
		key := fmt.Sprint(set)
		i, ok := ids[key]
		if !ok {
			i = d.state(slices.Contains(set, end))
			ids[key] = i
			sets = append(sets, set)
		}
		return i
	}
	id([]int{start})
	for i := 0; i < len(sets); i++ {
		var edges []charEdge
		for _, s := range sets[i] {
			edges = append(edges, n.edges[s]...)
		}
		for _, r := range cutRanges(edges) {
			var to []int
			for _, e := range edges {
				if e.lo <= r.lo && r.hi <= e.hi {
					to = append(to, e.to)
				}
			}
			d.edges[i] = append(d.edges[i], charEdge{r, id(to)})
		}
	}
	return d.trim()
}

func (d *charDFA) state(accept bool) int {
	if len(d.edges) >= maxCharStates {
		failf("", "a pattern needs more than %d states", maxCharStates)
	}
	d.edges = append(d.edges, nil)
	d.accept = append(d.accept, accept)
	return len(d.edges) - 1
}

// cutRanges splits overlapping ranges into disjoint ones, dropping gaps.
func cutRanges(edges []charEdge) []runeRange {
	var cuts []rune
	for _, e := range edges {
		cuts = append(cuts, e.lo, e.hi+1)
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	var out []runeRange
	for i := 0; i+1 < len(cuts); i++ {
		r := runeRange{cuts[i], cuts[i+1] - 1}
		if slices.ContainsFunc(edges, func(e charEdge) bool { return e.lo <= r.lo && r.hi <= e.hi }) {
			out = append(out, r)
		}
	}
	return out
}

// intersect is the automaton of texts that both accept.
func intersect(a, b *charDFA) *charDFA {
	if a.empty() || b.empty() {
		return &charDFA{}
	}
	type pair struct{ a, b int }
	d := &charDFA{}
	ids := map[pair]int{}
	var pairs []pair
	id := func(p pair) int {
		i, ok := ids[p]
		if !ok {
			i = d.state(a.accept[p.a] && b.accept[p.b])
			ids[p] = i
			pairs = append(pairs, p)
		}
		return i
	}
	id(pair{})
	for i := 0; i < len(pairs); i++ {
		p := pairs[i]
		for _, x := range a.edges[p.a] {
			for _, y := range b.edges[p.b] {
				r := runeRange{max(x.lo, y.lo), min(x.hi, y.hi)}
				if r.lo <= r.hi {
					d.edges[i] = append(d.edges[i], charEdge{r, id(pair{x.to, y.to})})
				}
			}
		}
	}
	return d.trim()
}

// complement accepts the texts of anyChar that d does not.
func (d *charDFA) complement() *charDFA {
	if d.empty() {
		return lengths(0, -1)
	}
	c := &charDFA{}
	for i := range d.edges {
		c.state(!d.accept[i])
	}
	sink := c.state(true)
	for i := range c.edges {
		var have []charEdge
		if i != sink {
			have = d.edges[i]
		}
		for _, r := range anyChar {
			at := r.lo
			for _, e := range have {
				if e.hi < r.lo || e.lo > r.hi {
					continue
				}
				if e.lo > at {
					c.edges[i] = append(c.edges[i], charEdge{runeRange{at, e.lo - 1}, sink})
				}
				c.edges[i] = append(c.edges[i], charEdge{runeRange{max(e.lo, r.lo), min(e.hi, r.hi)}, e.to})
				at = e.hi + 1
			}
			if at <= r.hi {
				c.edges[i] = append(c.edges[i], charEdge{runeRange{at, r.hi}, sink})
			}
		}
	}
	return c.trim()
}

// lengths accepts min to max characters; max < 0 is no limit.
func lengths(min, max int) *charDFA {
	d := &charDFA{}
	last := max
	if max < 0 {
		last = min
	}
	for i := 0; i <= last; i++ {
		d.state(i >= min)
	}
	for i := range d.edges {
		to := i + 1
		if i == last {
			if max >= 0 {
				break
			}
			to = i
		}
		for _, r := range anyChar {
			d.edges[i] = append(d.edges[i], charEdge{r, to})
		}
	}
	return d
}

// words accepts exactly the given texts.
func words(texts []string) *charDFA {
	d := &charDFA{}
	d.state(false)
	for _, t := range texts {
		at := 0
		for _, r := range t {
			i := slices.IndexFunc(d.edges[at], func(e charEdge) bool { return e.lo == r })
			if i < 0 {
				d.edges[at] = append(d.edges[at], charEdge{runeRange{r, r}, d.state(false)})
				i = len(d.edges[at]) - 1
			}
			at = d.edges[at][i].to
		}
		d.accept[at] = true
	}
	for i := range d.edges {
		slices.SortFunc(d.edges[i], func(a, b charEdge) int { return int(a.lo - b.lo) })
	}
	return d
}

// empty reports whether no text is accepted.
func (d *charDFA) empty() bool { return len(d.edges) == 0 }

// matches reports whether d accepts s.
func (d *charDFA) matches(s string) bool {
	if d.empty() {
		return false
	}
	at := 0
	for _, r := range s {
		i := slices.IndexFunc(d.edges[at], func(e charEdge) bool { return e.lo <= r && r <= e.hi })
		if i < 0 {
			return false
		}
		at = d.edges[at][i].to
	}
	return d.accept[at]
}

// trim drops states from which no text can be finished, so that a mask never
// leads into a dead end. An automaton of no texts has no states.
func (d *charDFA) trim() *charDFA {
	back := make([][]int, len(d.edges))
	for i, edges := range d.edges {
		for _, e := range edges {
			back[e.to] = append(back[e.to], i)
		}
	}
	live := make([]bool, len(d.edges))
	var work []int
	for i, a := range d.accept {
		if a {
			live[i] = true
			work = append(work, i)
		}
	}
	for len(work) > 0 {
		s := work[len(work)-1]
		work = work[:len(work)-1]
		for _, p := range back[s] {
			if !live[p] {
				live[p] = true
				work = append(work, p)
			}
		}
	}
	out := &charDFA{encode: d.encode}
	if len(live) == 0 || !live[0] {
		return out
	}
	ids := make([]int, len(live))
	for i, l := range live {
		if l {
			ids[i] = out.state(d.accept[i])
		}
	}
	for i, edges := range d.edges {
		for _, e := range edges {
			if live[i] && live[e.to] {
				out.edges[ids[i]] = append(out.edges[ids[i]], charEdge{e.runeRange, ids[e.to]})
			}
		}
	}
	return out
}

// plain is d as an expression of UTF-8 text.
func (d *charDFA) plain() expr { return d.as(func(r []runeRange) expr { return utf8Of(r) }) }

// inJSON is d as an expression of text inside a JSON string, quotes not
// included: characters that JSON escapes are escaped, in one way only.
func (d *charDFA) inJSON() expr { return d.as(jsonChars) }

func (d *charDFA) as(encode func([]runeRange) expr) expr {
	if d.empty() {
		return alt{}
	}
	return &charDFA{edges: d.edges, accept: d.accept, encode: encode}
}

// jsonChars is one character of the ranges as a JSON string spells it.
func jsonChars(ranges []runeRange) expr {
	var out alt
	var plain []runeRange
	for _, r := range ranges {
		for c := r.lo; c <= min(r.hi, 0x1f); c++ {
			out = append(out, lit(escapeControl(c)))
		}
		at := max(r.lo, 0x20)
		for _, special := range []rune{'"', '\\'} {
			if r.lo <= special && special <= r.hi {
				out = append(out, lit("\\"+string(special)))
				if at < special {
					plain = append(plain, runeRange{at, special - 1})
				}
				at = special + 1
			}
		}
		if at <= r.hi {
			plain = append(plain, runeRange{at, r.hi})
		}
	}
	if len(plain) > 0 {
		out = append(out, utf8Of(plain))
	}
	return out
}

func escapeControl(c rune) string {
	switch c {
	case '\n':
		return `\n`
	case '\r':
		return `\r`
	case '\t':
		return `\t`
	case '\b':
		return `\b`
	case '\f':
		return `\f`
	}
	return fmt.Sprintf(`\u%04x`, c)
}
