package grammar

import (
	"fmt"
	"slices"
)

// nfa is the automaton of all rules. State 0 leads nowhere, so that 0 can mean
// none.
type nfa struct {
	states   []nfaState
	starts   []int32 // of each rule
	sets     []byteSet
	counters []counter
}

type nfaOp uint8

const (
	opFail   nfaOp = iota // no way on
	opByte                // a byte of set arg, then next
	opSplit               // next or other, without a byte
	opCall                // rule arg, then next
	opAccept              // the end of the rule
	opOpen                // counter arg begins at nothing, then next
	opTick                // counter arg goes up, if it may, then next
	opPick                // counter arg takes its element other, if it has not, then next
	opRoom                // counter arg has an element left to take, then next
	opCheck               // counter arg ends if it is within its bounds, then next
)

type nfaState struct {
	op               nfaOp
	arg, next, other int32
}

// counter bounds how often a text passes its ticks, or how many elements of a
// set it picks; max < 0 is no limit, and counting then ends at min.
type counter struct {
	min, max int
	set      bool
	live     map[int32][]uint64 // for a tick, the counts from which the counter can end; nil: all
	calm     []calmCounts       // ascending
}

// calmCounts are counts, all from lo to hi, between which a text makes no
// difference: there are more of them than a token has bytes.
type calmCounts struct{ lo, hi int }

// top is the greatest count that is told apart.
func (c *counter) top() int {
	if c.max < 0 {
		return c.min
	}
	return c.max
}

// compiler turns expressions into states.
type compiler struct {
	nfa
	*budget
	setIDs  map[byteSet]int32
	bytes   [256]int32      // the sets of one byte, from 1; 0: not made yet
	encoded map[string]expr // character ranges as bytes, by encoding
	depth   int
}

func compileNFA(b *builder) (c *compiler, err error) {
	defer catch(&err)
	c = &compiler{budget: &b.budget, setIDs: map[byteSet]int32{}, encoded: map[string]expr{}}
	c.state(opFail, 0, 0, 0)
	for _, r := range b.rules {
		end := c.state(opAccept, 0, 0, 0)
		c.starts = append(c.starts, c.expr(r, end))
	}
	nullable := c.nullableRules()
	c.refuseLeftRecursion(nullable)
	c.refuseEmptyCounts(nullable)
	c.prune()
	return c, nil
}

func (c *compiler) state(op nfaOp, arg, next, other int32) int32 {
	if len(c.states) >= maxNFAStates {
		failf("", "the grammar needs more than %d states", maxNFAStates)
	}
	c.spend(1)
	c.states = append(c.states, nfaState{op, arg, next, other})
	return int32(len(c.states) - 1)
}

func (c *compiler) split(a, b int32) int32 {
	switch {
	case a == 0:
		return b
	case b == 0:
		return a
	}
	return c.state(opSplit, 0, a, b)
}

// expr returns the entry of a part that recognises x and goes on to end; 0 if
// nothing matches.
func (c *compiler) expr(x expr, end int32) int32 {
	c.depth++
	defer func() { c.depth-- }()
	if c.depth > 8*maxDepth {
		failf("", "nested deeper than %d", maxDepth)
	}
	switch x := x.(type) {
	case lit:
		for i := len(x) - 1; i >= 0; i-- {
			end = c.byteEdge(x[i], end)
		}
		return end
	case byteIn:
		return c.edge(byteSet(x), end)
	case seq:
		for i := len(x) - 1; i >= 0; i-- {
			end = c.expr(x[i], end)
		}
		return end
	case alt:
		return c.alt(x, end)
	case star:
		s := c.state(opSplit, 0, end, 0)
		c.states[s].other = c.expr(x.x, s)
		return s
	case call:
		return c.state(opCall, int32(x), end, 0)
	case counted:
		n := c.counter(counter{min: x.min, max: x.max})
		loop := c.state(opSplit, 0, c.state(opCheck, n, end, 0), 0)
		tick := c.state(opTick, n, 0, 0)
		c.states[tick].next = c.expr(x.x, loop)
		c.states[loop].other = tick
		return c.state(opOpen, n, loop, 0)
	case distinct:
		return c.distinct(x, end)
	case *charDFA:
		return c.chars(x, end)
	}
	panic("grammar: unknown expression")
}

func (c *compiler) counter(x counter) int32 {
	c.counters = append(c.counters, x)
	return int32(len(c.counters) - 1)
}

func (c *compiler) edge(set byteSet, to int32) int32 {
	id, ok := c.setIDs[set]
	if !ok {
		id = int32(len(c.sets))
		c.sets = append(c.sets, set)
		c.setIDs[set] = id
	}
	return c.state(opByte, id, to, 0)
}

// byteEdge is edge for a single byte.
func (c *compiler) byteEdge(b byte, to int32) int32 {
	if id := c.bytes[b]; id != 0 {
		return c.state(opByte, id-1, to, 0)
	}
	var set byteSet
	set.add(b, b)
	s := c.edge(set, to)
	c.bytes[b] = c.states[s].arg + 1
	return s
}

// alt chains binary choices. Literals among them share their beginnings.
func (c *compiler) alt(x alt, end int32) int32 {
	var first int32
	var words []string
	for i := len(x) - 1; i >= 0; i-- {
		if l, ok := x[i].(lit); ok {
			words = append(words, string(l))
			continue
		}
		first = c.split(c.expr(x[i], end), first)
	}
	if len(words) == 0 {
		return first
	}
	slices.Sort(words)
	return c.split(c.words(slices.Compact(words), end), first)
}

// words is the choice of sorted literals: a tree by their first bytes, built
// from the last word back along the branch that is open.
func (c *compiler) words(sorted []string, end int32) int32 {
	type node struct {
		way int32 // what was built behind this prefix so far
	}
	open := []node{{}} // open[d]: the prefix of d bytes of the last word
	last := ""
	shut := func(depth int) { // closes the branch of the last word down to depth
		for d := len(open) - 1; d > depth; d-- {
			open[d-1].way = c.split(c.byteEdge(last[d-1], open[d].way), open[d-1].way)
			open = open[:d]
		}
	}
	for i := len(sorted) - 1; i >= 0; i-- {
		w := sorted[i]
		same := 0
		for same < len(w) && same < len(last) && w[same] == last[same] {
			same++
		}
		shut(same)
		for len(open) <= len(w) {
			open = append(open, node{})
		}
		last = w
		open[len(w)].way = c.split(end, open[len(w)].way)
	}
	shut(0)
	return open[0].way
}

func (c *compiler) distinct(x distinct, end int32) int32 {
	if x.max < 0 || x.max > len(x.parts) {
		x.max = len(x.parts)
	}
	n := c.counter(counter{min: x.min, max: x.max, set: true})
	done := c.state(opCheck, n, end, 0)
	after := c.state(opSplit, 0, done, 0)
	var picks int32
	for i := len(x.parts) - 1; i >= 0; i-- {
		picks = c.split(c.state(opPick, n, c.expr(x.parts[i], after), int32(i)), picks)
	}
	c.states[after].other = c.state(opRoom, n, c.expr(x.between, picks), 0)
	if x.min == 0 {
		picks = c.split(done, picks)
	}
	return c.state(opOpen, n, picks, 0)
}

// chars splices in a character automaton: each of its edges becomes the
// encoding of its characters.
func (c *compiler) chars(d *charDFA, end int32) int32 {
	if d.empty() {
		return 0
	}
	n := int32(-1)
	if d.counted {
		n = c.counter(counter{min: d.minChars, max: d.maxChars})
		end = c.state(opCheck, n, end, 0)
	}
	entry := make([]int32, len(d.edges))
	for i := range entry {
		entry[i] = c.state(opSplit, 0, 0, 0)
	}
	for i, edges := range d.edges {
		var way int32
		if d.accept[i] {
			way = end
		}
		byTarget := map[int][]runeRange{}
		var order []int
		for _, e := range edges {
			if byTarget[e.to] == nil {
				order = append(order, e.to)
			}
			byTarget[e.to] = append(byTarget[e.to], e.runeRange)
		}
		for _, to := range order {
			next := c.expr(c.encode(d.encoding, byTarget[to]), entry[to])
			if d.counted {
				next = c.state(opTick, n, next, 0)
			}
			way = c.split(next, way)
		}
		c.states[entry[i]].next = way
	}
	if d.counted {
		return c.state(opOpen, n, entry[0], 0)
	}
	return entry[0]
}

// encode is one character of the ranges as an expression.
func (c *compiler) encode(e charEncoding, ranges []runeRange) expr {
	key := fmt.Sprint(e, ranges)
	x, ok := c.encoded[key]
	if !ok {
		c.spend(10 + 20*len(ranges))
		x = e.of(ranges)
		c.encoded[key] = x
	}
	return x
}

// refuseLeftRecursion fails where a rule can call itself before it has
// matched a byte: following calls would then never end.
func (c *compiler) refuseLeftRecursion(nullable []bool) {
	const open, done = 1, 2
	mark := make([]byte, len(c.starts))
	type frame struct {
		rule  int32
		calls []int32
	}
	for r := range c.starts {
		if mark[r] != 0 {
			continue
		}
		stack := []frame{{int32(r), c.leftCalls(int32(r), nullable)}}
		mark[r] = open
		for len(stack) > 0 {
			f := &stack[len(stack)-1]
			if len(f.calls) == 0 {
				mark[f.rule] = done
				stack = stack[:len(stack)-1]
				continue
			}
			next := f.calls[0]
			f.calls = f.calls[1:]
			switch mark[next] {
			case open:
				failf("", "the grammar is left-recursive: a rule refers to itself before it matches anything")
			case 0:
				mark[next] = open
				stack = append(stack, frame{next, c.leftCalls(next, nullable)})
			}
		}
	}
}

// leftCalls lists the rules that a rule may call before its first byte.
func (c *compiler) leftCalls(r int32, nullable []bool) []int32 {
	var calls []int32
	c.reach(c.starts[r], nullable, func(_ int32, s *nfaState) {
		if s.op == opCall {
			calls = append(calls, s.arg)
		}
	})
	return calls
}

// reach visits the states that no byte need precede, from one on within its rule.
func (c *compiler) reach(from int32, nullable []bool, visit func(int32, *nfaState)) {
	seen := map[int32]bool{}
	work := []int32{from}
	for len(work) > 0 {
		i := work[len(work)-1]
		work = work[:len(work)-1]
		if i == 0 || seen[i] {
			continue
		}
		seen[i] = true
		c.spend(1)
		s := &c.states[i]
		visit(i, s)
		switch s.op {
		case opSplit:
			work = append(work, s.next, s.other)
		case opOpen, opTick, opPick, opRoom, opCheck:
			work = append(work, s.next)
		case opCall:
			if nullable[s.arg] {
				work = append(work, s.next)
			}
		}
	}
}

// nullableRules tells which rules match the empty text, or may: counters are
// taken to allow anything.
func (c *compiler) nullableRules() []bool {
	nullable := make([]bool, len(c.starts))
	for changed := true; changed; {
		changed = false
		for r, start := range c.starts {
			if nullable[r] {
				continue
			}
			c.reach(start, nullable, func(_ int32, s *nfaState) {
				nullable[r] = nullable[r] || s.op == opAccept
			})
			changed = changed || nullable[r]
		}
	}
	return nullable
}

// refuseEmptyCounts fails where a count could go up without a byte.
func (c *compiler) refuseEmptyCounts(nullable []bool) {
	for i := range c.states {
		if op := c.states[i].op; op != opTick && op != opPick {
			continue
		}
		c.reach(c.states[i].next, nullable, func(_ int32, s *nfaState) {
			if s.op == c.states[i].op && s.arg == c.states[i].arg {
				failf("", "what may be empty cannot be repeated more than %d times by a count, write * instead", inlineRepeat)
			}
		})
	}
}
