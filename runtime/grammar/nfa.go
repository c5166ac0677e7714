package grammar

// nfa is the automaton of all rules. State 0 is never used, so that 0 can
// mean none.
type nfa struct {
	states []nfaState
	starts []int32 // of each rule
}

// nfaState has at most one byte edge, up to two empty edges and one call:
// expressions are cut up until that is enough.
type nfaState struct {
	set    int32 // index of the byte set of the byte edge, -1 for none
	next   int32 // where the byte edge, or a call's return, leads
	eps    [2]int32
	rule   int32 // called rule, -1 for none
	accept bool  // end of the rule
}

// compiler turns expressions into states.
type compiler struct {
	nfa
	sets   []byteSet
	setIDs map[byteSet]int32
	depth  int
}

func compileNFA(rules []expr) (*compiler, error) {
	c := &compiler{setIDs: map[byteSet]int32{}}
	var err error
	func() {
		defer catch(&err)
		c.state()
		for _, r := range rules {
			end := c.state()
			c.states[end].accept = true
			c.starts = append(c.starts, c.expr(r, end))
		}
		c.refuseLeftRecursion()
		c.prune()
	}()
	return c, err
}

func (c *compiler) state() int32 {
	if len(c.states) >= maxNFAStates {
		failf("", "the grammar needs more than %d states", maxNFAStates)
	}
	c.states = append(c.states, nfaState{set: -1, rule: -1})
	return int32(len(c.states) - 1)
}

// expr returns the entry of a part that recognises x and goes on to end.
func (c *compiler) expr(x expr, end int32) int32 {
	c.depth++
	defer func() { c.depth-- }()
	if c.depth > 8*maxDepth {
		failf("", "nested deeper than %d", maxDepth)
	}
	switch x := x.(type) {
	case lit:
		for i := len(x) - 1; i >= 0; i-- {
			var set byteSet
			set.add(x[i], x[i])
			end = c.edge(set, end)
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
		s := c.state()
		c.states[s].eps[0] = end
		body := c.expr(x.x, s)
		c.states[s].eps[1] = body
		return s
	case call:
		s := c.state()
		c.states[s].rule, c.states[s].next = int32(x), end
		return s
	case *charDFA:
		return c.chars(x, end)
	}
	panic("grammar: unknown expression")
}

func (c *compiler) edge(set byteSet, to int32) int32 {
	id, ok := c.setIDs[set]
	if !ok {
		id = int32(len(c.sets))
		c.sets = append(c.sets, set)
		c.setIDs[set] = id
	}
	s := c.state()
	c.states[s].set, c.states[s].next = id, to
	return s
}

// alt chains binary choices.
func (c *compiler) alt(x alt, end int32) int32 {
	if len(x) == 0 {
		return c.state() // no way on
	}
	first := c.expr(x[len(x)-1], end)
	for i := len(x) - 2; i >= 0; i-- {
		s := c.state()
		a := c.expr(x[i], end)
		c.states[s].eps = [2]int32{a, first}
		first = s
	}
	return first
}

// chars splices in a character automaton: each of its edges becomes the
// encoding of its characters.
func (c *compiler) chars(d *charDFA, end int32) int32 {
	entry := make([]int32, len(d.edges))
	for i := range entry {
		entry[i] = c.state()
	}
	for i, edges := range d.edges {
		at := entry[i]
		way := func(to int32) { // adds an empty edge, chaining states where two are not enough
			for {
				e := &c.states[at].eps
				switch {
				case e[0] == 0:
					e[0] = to
					return
				case e[1] == 0:
					s := c.state()
					c.states[at].eps[1] = s
					at = s
				default:
					at = e[1]
				}
			}
		}
		if d.accept[i] {
			way(end)
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
			way(c.expr(d.encode(byTarget[to]), entry[to]))
		}
	}
	return entry[0]
}

// refuseLeftRecursion fails where a rule can call itself before it has
// matched a byte: following calls would then never end.
func (c *compiler) refuseLeftRecursion() {
	nullable := c.nullableRules()
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
	c.reach(r, nullable, func(s int32) {
		if c.states[s].rule >= 0 {
			calls = append(calls, c.states[s].rule)
		}
	})
	return calls
}

// reach visits the states of rule r that no byte need precede.
func (c *compiler) reach(r int32, nullable []bool, visit func(int32)) {
	seen := map[int32]bool{}
	work := []int32{c.starts[r]}
	for len(work) > 0 {
		s := work[len(work)-1]
		work = work[:len(work)-1]
		if s == 0 || seen[s] {
			continue
		}
		seen[s] = true
		visit(s)
		st := &c.states[s]
		work = append(work, st.eps[0], st.eps[1])
		if st.rule >= 0 && nullable[st.rule] {
			work = append(work, st.next)
		}
	}
}

// nullableRules tells which rules match the empty text.
func (c *compiler) nullableRules() []bool {
	nullable := make([]bool, len(c.starts))
	for changed := true; changed; {
		changed = false
		for r := range c.starts {
			if nullable[r] {
				continue
			}
			c.reach(int32(r), nullable, func(s int32) {
				if c.states[s].accept {
					nullable[r] = true
				}
			})
			changed = changed || nullable[r]
		}
	}
	return nullable
}

// prune cuts every way into states from which their rule cannot be finished,
// so that a text never runs into a dead end.
func (c *compiler) prune() {
	live := make([]bool, len(c.states))
	users := make([][]int32, len(c.states)) // states that wait for a state
	callers := make([][]int32, len(c.starts))
	ruleOf := map[int32][]int32{} // rules by their start
	for i, s := range c.starts {
		ruleOf[s] = append(ruleOf[s], int32(i))
	}
	var work []int32
	for i := range c.states {
		s := &c.states[i]
		for _, e := range []int32{s.eps[0], s.eps[1], s.next} {
			users[e] = append(users[e], int32(i))
		}
		if s.rule >= 0 {
			callers[s.rule] = append(callers[s.rule], int32(i))
		}
		if s.accept {
			work = append(work, int32(i))
		}
	}
	alive := func(i int32) bool {
		s := &c.states[i]
		return s.accept || s.eps[0] != 0 && live[s.eps[0]] || s.eps[1] != 0 && live[s.eps[1]] ||
			s.set >= 0 && live[s.next] || s.rule >= 0 && live[s.next] && live[c.starts[s.rule]]
	}
	for len(work) > 0 {
		i := work[len(work)-1]
		work = work[:len(work)-1]
		if live[i] || !alive(i) {
			continue
		}
		live[i] = true
		work = append(work, users[i]...)
		for _, r := range ruleOf[i] {
			work = append(work, callers[r]...)
		}
	}
	for i := range c.states {
		s := &c.states[i]
		for k, e := range s.eps {
			if !live[e] {
				s.eps[k] = 0
			}
		}
		if s.set >= 0 && !live[s.next] {
			s.set = -1
		}
		if s.rule >= 0 && !(live[s.next] && live[c.starts[s.rule]]) {
			s.rule = -1
		}
	}
}
