package grammar

import "slices"

// intersect is the automaton of texts that both accept.
func (b *budget) intersect(x, y *charDFA) *charDFA {
	if x.empty() || y.empty() {
		return &charDFA{}
	}
	type pair struct{ x, y int }
	d := &charDFA{}
	ids := map[pair]int{}
	var pairs []pair
	id := func(p pair) int {
		i, ok := ids[p]
		if !ok {
			i = d.state(x.accept[p.x] && y.accept[p.y])
			ids[p] = i
			pairs = append(pairs, p)
		}
		return i
	}
	id(pair{})
	for i := 0; i < len(pairs); i++ {
		p := pairs[i]
		xs, ys := x.edges[p.x], y.edges[p.y]
		b.spend(8 + len(xs) + len(ys))
		for len(xs) > 0 && len(ys) > 0 {
			if r := (runeRange{max(xs[0].lo, ys[0].lo), min(xs[0].hi, ys[0].hi)}); r.lo <= r.hi {
				d.edge(i, r, id(pair{xs[0].to, ys[0].to}))
			}
			if xs[0].hi < ys[0].hi {
				xs = xs[1:]
			} else {
				ys = ys[1:]
			}
		}
	}
	return d.trim()
}

// complement accepts the texts of anyChar that d does not.
func (b *budget) complement(d *charDFA) *charDFA {
	if d.empty() {
		return b.lengths(0, -1)
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
		b.spend(1 + len(have))
		for _, r := range anyChar {
			at := r.lo
			for _, e := range have {
				if e.hi < r.lo || e.lo > r.hi {
					continue
				}
				if e.lo > at {
					c.edge(i, runeRange{at, e.lo - 1}, sink)
				}
				c.edge(i, runeRange{max(e.lo, r.lo), min(e.hi, r.hi)}, e.to)
				at = e.hi + 1
			}
			if at <= r.hi {
				c.edge(i, runeRange{at, r.hi}, sink)
			}
		}
	}
	return c.trim()
}

// without is a without the texts of x.
func (b *budget) without(a, x *charDFA) *charDFA {
	if a.empty() || x.empty() {
		return a
	}
	return b.intersect(a, b.complement(x))
}

// lengths accepts min to max characters; max < 0 is no limit.
func (b *budget) lengths(min, max int) *charDFA {
	d := &charDFA{}
	last := max
	if max < 0 {
		last = min
	}
	for i := 0; i <= last; i++ {
		b.spend(1)
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
func (b *budget) words(texts []string) *charDFA {
	d := &charDFA{}
	d.state(false)
	for _, t := range texts {
		at := 0
		for _, r := range t {
			b.spend(1 + len(d.edges[at])/8)
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
