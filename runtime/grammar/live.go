package grammar

import (
	"math/bits"
	"slices"
)

// prune cuts every way into states from which their rule cannot be finished,
// so that a text never runs into a dead end. Counters make it take several
// rounds: one that cannot end from its beginning makes more states dead.
func (n *nfa) prune() {
	for {
		n.cutDead()
		if !n.cutCounters() {
			return
		}
	}
}

// cutDead turns states that cannot reach the end of their rule into failures.
func (n *nfa) cutDead() {
	live := make([]bool, len(n.states))
	users := make([][]int32, len(n.states)) // states that wait for a state
	callers := make([][]int32, len(n.starts))
	ruleOf := map[int32][]int32{} // rules by their start
	for i, s := range n.starts {
		ruleOf[s] = append(ruleOf[s], int32(i))
	}
	var work []int32
	for i := range n.states {
		s := &n.states[i]
		switch s.op {
		case opFail:
			continue
		case opAccept:
			work = append(work, int32(i))
			continue
		case opSplit:
			users[s.other] = append(users[s.other], int32(i))
		case opCall:
			callers[s.arg] = append(callers[s.arg], int32(i))
		}
		users[s.next] = append(users[s.next], int32(i))
	}
	alive := func(s *nfaState) bool {
		switch s.op {
		case opFail:
			return false
		case opAccept:
			return true
		case opSplit:
			return live[s.next] || live[s.other]
		case opByte:
			return live[s.next] && !n.sets[s.arg].empty()
		case opCall:
			return live[s.next] && live[n.starts[s.arg]]
		}
		return live[s.next]
	}
	for len(work) > 0 {
		i := work[len(work)-1]
		work = work[:len(work)-1]
		if live[i] || !alive(&n.states[i]) {
			continue
		}
		live[i] = true
		work = append(work, users[i]...)
		for _, r := range ruleOf[i] {
			work = append(work, callers[r]...)
		}
	}
	for i := range n.states {
		s := &n.states[i]
		switch {
		case !live[i]:
			*s = nfaState{}
		case s.op == opSplit && !live[s.next]:
			s.next, s.other = s.other, 0
		case s.op == opSplit && !live[s.other]:
			s.other = 0
		}
	}
}

// cutCounters works out from which counts each counter can end, and cuts the
// counters that cannot; it reports whether it cut any.
func (n *nfa) cutCounters() (cut bool) {
	opens, ticks := make([][]int32, len(n.counters)), make([][]int32, len(n.counters))
	for i := range n.states {
		switch s := &n.states[i]; s.op {
		case opOpen:
			opens[s.arg] = append(opens[s.arg], int32(i))
		case opTick, opPick:
			ticks[s.arg] = append(ticks[s.arg], int32(i))
		}
	}
	bits := 0
	for id := range n.counters {
		for _, open := range opens[id] {
			c := &n.counters[id]
			if c.set {
				c.max = min(c.max, len(ticks[id]))
				if c.max < c.min {
					n.states[open], cut = nfaState{}, true
				}
				continue
			}
			bits += len(ticks[id]) * (c.top() + 1)
			if len(ticks[id]) > 1 && bits > maxLiveBits {
				failf("", "a length of %d beside a pattern is not supported: its pattern has too many states", c.top())
			}
			if !n.countLive(c, open, ticks[id]) {
				n.states[open], cut = nfaState{}, true
			}
			c.findCalm()
		}
	}
	return cut
}

// countLive fills the counter's live and reports whether it can end.
func (n *nfa) countLive(c *counter, open int32, ticks []int32) bool {
	index := map[int32]int{}
	for i, t := range ticks {
		index[t] = i
	}
	follow := make([][]int, len(ticks)) // ticks that a tick leads to
	ends := make([]bool, len(ticks))    // ticks that lead to the check
	id := n.states[open].arg
	for i, t := range ticks {
		follow[i], ends[i] = n.following(n.states[t].next, id, index)
	}
	first, empty := n.following(n.states[open].next, id, index)
	c.live = nil
	if len(ticks) == 1 && ends[0] && len(follow[0]) == 1 { // a plain repetition
		return c.max < 0 || c.min <= c.max
	}
	c.live = map[int32][]uint64{}
	words := (c.top() + 64) / 64
	table := make([][]uint64, len(ticks))
	for i, t := range ticks {
		table[i] = make([]uint64, words)
		c.live[t] = table[i]
	}
	n.fillLive(c, table, follow, ends)
	if empty && c.min == 0 {
		return true
	}
	for _, i := range first {
		if at := c.after(0); at >= 0 && table[i][at>>6]>>(at&63)&1 == 1 {
			return true
		}
	}
	return false
}

// fillLive sets the counts of each tick from which its counter can end, from
// the greatest count down. Where a count is like the one above it so are those
// below, down to the least that may end.
func (n *nfa) fillLive(c *counter, table [][]uint64, follow [][]int, ends []bool) {
	has := func(i, at int) bool { return table[i][at>>6]>>(at&63)&1 == 1 }
	work := 0
	for at := c.top(); at >= 0; at-- {
		if work += len(table); work > maxLiveWork {
			failf("", "a length of %d beside a pattern is not supported: the pattern has too many states", c.top())
		}
		for changed := true; changed; { // where counting has ended, ticks wait for each other
			changed = false
			for i := range table {
				ok := ends[i] && at >= c.min
				if next := c.after(at); next >= 0 && !ok {
					for _, f := range follow[i] {
						ok = ok || has(f, next)
					}
				}
				if ok && !has(i, at) {
					table[i][at>>6] |= 1 << (at & 63)
					changed = c.max < 0 && at == c.min
				}
			}
		}
		like := at < c.top()
		for i := range table {
			like = like && has(i, at) == has(i, at+1)
		}
		if like && at != c.min {
			least := 0
			if at > c.min {
				least = c.min
			}
			for i := range table {
				if has(i, at) {
					setBits(table[i], least, at)
				}
			}
			at = least
		}
	}
}

// setBits sets the bits from lo up to hi, which is left out.
func setBits(words []uint64, lo, hi int) {
	for lo < hi {
		end := min(hi, lo|63+1)
		words[lo>>6] |= ^uint64(0) >> (64 - (end - lo)) << (lo & 63)
		lo = end
	}
}

// after is the count behind a tick at count n, -1 where none is allowed.
func (c *counter) after(n int) int {
	switch {
	case c.max < 0:
		return min(n+1, c.min)
	case n >= c.max:
		return -1
	}
	return n + 1
}

// following lists the ticks of a counter that come next from a state, and says
// whether its check does.
func (n *nfa) following(from, id int32, index map[int32]int) (ticks []int, ends bool) {
	seen := map[int32]bool{}
	work := []int32{from}
	for len(work) > 0 {
		i := work[len(work)-1]
		work = work[:len(work)-1]
		if i == 0 || seen[i] {
			continue
		}
		seen[i] = true
		s := &n.states[i]
		switch {
		case s.op == opTick && s.arg == id:
			ticks = append(ticks, index[i])
			continue
		case s.op == opCheck && s.arg == id:
			ends = true
			continue
		case s.op == opSplit:
			work = append(work, s.other)
		}
		work = append(work, s.next)
	}
	return ticks, ends
}

// findCalm notes the counts that are all alike: none of them is where the
// counter may begin to end, or may no longer go up, or where a tick begins or
// ceases to lead to the end.
func (c *counter) findCalm() {
	c.calm = nil
	from := 0
	change := func(at int) { // what holds at a count does not hold at the one before
		if at-from > maxPieceBytes {
			c.calm = append(c.calm, calmCounts{from, at - 1})
		}
		from = at
	}
	for word := range c.top()/64 + 1 {
		var changes uint64
		for _, live := range c.live {
			before := uint64(0)
			if word > 0 {
				before = live[word-1] >> 63
			}
			changes |= live[word] ^ (live[word]<<1 | before)
		}
		for _, at := range []int{0, c.min, c.max} {
			if at >= 0 && at>>6 == word {
				changes |= 1 << (at & 63)
			}
		}
		for ; changes != 0; changes &= changes - 1 {
			change(64*word + bits.TrailingZeros64(changes))
		}
	}
}

// calmAt is the count that stands for n until a token ends, false if n may come
// to matter within one.
func (c *counter) calmAt(n int) (int, bool) {
	if c.set {
		return 0, false
	}
	i, found := slices.BinarySearchFunc(c.calm, n, func(s calmCounts, n int) int { return s.lo - n })
	if !found {
		i--
	}
	if i < 0 || n+maxPieceBytes > c.calm[i].hi {
		return 0, false
	}
	return c.calm[i].lo, true
}
