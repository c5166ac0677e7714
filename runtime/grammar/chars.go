package grammar

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
)

// charDFA is a deterministic automaton over characters; state 0 is the start.
// As an expression it stands for its texts in an encoding, of minChars to
// maxChars characters if counted is set.
type charDFA struct {
	edges              [][]charEdge // of each state, disjoint, ascending
	accept             []bool
	encoding           charEncoding
	counted            bool
	minChars, maxChars int // maxChars < 0: no limit
}

type charEdge struct {
	runeRange
	to int
}

// charEncoding is how characters are written.
type charEncoding uint8

const (
	inText charEncoding = iota // UTF-8
	inJSON                     // as inside a JSON string
)

// of is one character of the ranges.
func (e charEncoding) of(ranges []runeRange) expr {
	if e == inJSON {
		return jsonChars(ranges)
	}
	return utf8Of(ranges)
}

// charNFA is built by the regular expression compiler and made deterministic.
type charNFA struct {
	*budget
	edges [][]charEdge
	eps   [][]int
}

func (n *charNFA) state() int {
	if len(n.edges) >= maxCharStates {
		failf("", "a pattern needs more than %d states", maxCharStates)
	}
	n.spend(1)
	n.edges = append(n.edges, nil)
	n.eps = append(n.eps, nil)
	return len(n.edges) - 1
}

func (n *charNFA) empty(from, to int) { n.eps[from] = append(n.eps[from], to) }

func (n *charNFA) chars(from, to int, ranges []runeRange) {
	n.spend(len(ranges))
	for _, r := range ranges {
		n.edges[from] = append(n.edges[from], charEdge{r, to})
	}
}

// splice adds what d accepts between two states.
func (n *charNFA) splice(d *charDFA, from, to int) {
	if d.empty() {
		return
	}
	ids := make([]int, len(d.edges))
	for i := range ids {
		ids[i] = n.state()
	}
	n.empty(from, ids[0])
	for i, edges := range d.edges {
		if d.accept[i] {
			n.empty(ids[i], to)
		}
		for _, e := range edges {
			n.chars(ids[i], ids[e.to], []runeRange{e.runeRange})
		}
	}
}

// closure is the set with what empty edges reach, sorted.
func (n *charNFA) closure(set []int, seen []bool) []int {
	var out []int
	for len(set) > 0 {
		s := set[len(set)-1]
		set = set[:len(set)-1]
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
			set = append(set, n.eps[s]...)
		}
	}
	for _, s := range out {
		seen[s] = false
	}
	n.spend(2 * len(out))
	slices.Sort(out)
	return out
}

// determinize is the subset construction, on ranges.
func (n *charNFA) determinize(start, end int) *charDFA {
	d := &charDFA{}
	ids := map[string]int{}
	var sets [][]int
	seen := make([]bool, len(n.edges))
	id := func(set []int) int {
		set = n.closure(set, seen)
		var key []byte
		for _, s := range set {
			key = binary.AppendUvarint(key, uint64(s))
		}
		i, ok := ids[string(key)]
		if !ok {
			i = d.state(slices.Contains(set, end))
			ids[string(key)] = i
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
		sweep(edges, n.budget, func(r runeRange, to []int) {
			d.edge(i, r, id(to))
		})
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

// edge adds an edge behind those that are there, joined to the last if it goes
// on where that ends.
func (d *charDFA) edge(from int, r runeRange, to int) {
	edges := d.edges[from]
	if n := len(edges); n > 0 && edges[n-1].to == to && edges[n-1].hi+1 == r.lo {
		edges[n-1].hi = r.hi
		return
	}
	d.edges[from] = append(edges, charEdge{r, to})
}

// sweep visits the disjoint ranges that edges cut each other into, ascending,
// with the targets of the edges that cover each, sorted and without repeats.
func sweep(edges []charEdge, b *budget, visit func(runeRange, []int)) {
	type cut struct {
		at    rune
		to    int
		opens bool
	}
	b.spend(2 * len(edges))
	cuts := make([]cut, 0, 2*len(edges))
	for _, e := range edges {
		cuts = append(cuts, cut{e.lo, e.to, true}, cut{e.hi + 1, e.to, false})
	}
	slices.SortFunc(cuts, func(a, b cut) int { return int(a.at - b.at) })
	open := map[int]int{}
	for i, c := range cuts {
		if c.opens {
			open[c.to]++
		} else if open[c.to]--; open[c.to] == 0 {
			delete(open, c.to)
		}
		if i+1 == len(cuts) || cuts[i+1].at == c.at || len(open) == 0 {
			continue
		}
		to := slices.Sorted(maps.Keys(open))
		b.spend(2 + 2*len(to))
		visit(runeRange{c.at, cuts[i+1].at - 1}, to)
	}
}

// list is every text that d accepts, if they are at most n.
func (d *charDFA) list(n int) (texts []string, ok bool) {
	open := make([]bool, len(d.edges))
	var visit func(at int, text []rune) bool
	visit = func(at int, text []rune) bool {
		if open[at] { // and round again
			return false
		}
		open[at] = true
		defer func() { open[at] = false }()
		if d.accept[at] {
			texts = append(texts, string(text))
		}
		for _, e := range d.edges[at] {
			for c := e.lo; c <= e.hi; c++ {
				if len(texts) > n || int(e.hi-e.lo) > n || !visit(e.to, append(text, c)) {
					return false
				}
			}
		}
		return true
	}
	if d.empty() || len(d.edges) > maxCharStates/2 || !visit(0, nil) || len(texts) > n {
		return nil, d.empty()
	}
	return texts, true
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
	out := &charDFA{}
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
func (d *charDFA) plain() expr { return d.as(inText) }

// within is d's texts of min to max characters; max < 0 is no limit.
func (d *charDFA) within(min, max int) *charDFA {
	if min <= 0 && max < 0 {
		return d
	}
	x := *d
	x.counted, x.minChars, x.maxChars = true, min, max
	return &x
}

func (d *charDFA) as(e charEncoding) expr {
	if d.empty() {
		return alt{}
	}
	x := *d
	x.encoding = e
	return &x
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
