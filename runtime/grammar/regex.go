package grammar

// CompileRegex compiles a regular expression that must match the whole text.
// Its syntax is ECMAScript's, less lookbehind, word boundaries and
// backreferences; see reParser for what it has of other dialects.
func CompileRegex(pattern string) (g *Grammar, err error) {
	defer catch(&err)
	b := newBuilder()
	d := b.wholeRegex(pattern)
	if d.empty() {
		failf("", "pattern %.100q: nothing can match", pattern)
	}
	return compile(b, d.plain())
}

// wholeRegex is the automaton of texts that a pattern matches in full.
func (b *budget) wholeRegex(pattern string) *charDFA {
	b.spend(len(pattern))
	return b.regex(parseRegex(pattern, false), b.emptyText(), true)
}

// searchRegex is the automaton of texts in which a pattern matches somewhere,
// as JSON Schema's pattern means it; wide as reParser has it.
func (b *budget) searchRegex(pattern string, wide bool) *charDFA {
	b.spend(len(pattern))
	return b.search(parseRegex(pattern, wide))
}

// searchParts is searchRegex as languages that all must hold: lookahead at the
// beginning, which is often about the length, and the rest of the pattern.
func (b *budget) searchParts(pattern string) (out []*charDFA) {
	b.spend(len(pattern))
	x := parseRegex(pattern, false)
	if list, ok := x.(reSeq); ok && len(list) > 0 && list[0] == any(reStart{}) {
		rest := reSeq{reStart{}}
		for i, y := range list[1:] {
			if look, ok := y.(reLook); ok && i == len(out) {
				out = append(out, b.regex(look, b.lengths(0, -1), true))
			} else {
				rest = append(rest, y)
			}
		}
		x = rest
	}
	return append(out, b.search(x))
}

func (b *budget) search(x any) *charDFA {
	rest := b.lengths(0, -1)
	n := &charNFA{budget: b}
	start, end := n.state(), n.state()
	n.splice(b.regex(x, rest, true), start, end)
	if later := b.regex(x, rest, false); !later.empty() {
		skip := n.state()
		n.chars(start, skip, anyChar)
		n.chars(skip, skip, anyChar)
		n.splice(later, skip, end)
	}
	return n.determinize(start, end)
}

// emptyText accepts the empty text alone.
func (b *budget) emptyText() *charDFA { return b.lengths(0, 0) }

// regex is the automaton of x and then a text of rest. atStart says whether x
// stands at the text's beginning.
//
// Assertions are about the rest of the text, so a pattern is read from its end:
// lookahead and $ are intersections with the rest.
func (b *budget) regex(x any, rest *charDFA, atStart bool) *charDFA {
	if rest.empty() {
		return rest
	}
	if isPlain(x) {
		n := &charNFA{budget: b}
		start, mid, end := n.state(), n.state(), n.state()
		n.regex(x, start, mid)
		n.splice(rest, mid, end)
		return n.determinize(start, end)
	}
	switch x := x.(type) {
	case reStart:
		if !atStart {
			return &charDFA{}
		}
		return rest
	case reEnd:
		return b.intersect(rest, b.emptyText())
	case reLook:
		ahead := b.regex(x.x, b.lengths(0, -1), atStart)
		if x.negative {
			ahead = b.complement(ahead)
		}
		return b.intersect(rest, ahead)
	case reAlt:
		n := &charNFA{budget: b}
		start, end := n.state(), n.state()
		for _, way := range x {
			n.splice(b.regex(way, rest, atStart), start, end)
		}
		return n.determinize(start, end)
	case reRepeat:
		return b.repeatRegex(x, rest, atStart)
	case reSeq:
		return b.sequence(x, rest, atStart)
	}
	panic("grammar: unknown part of a pattern")
}

// sequence reads parts from the last, plain ones together.
func (b *budget) sequence(x reSeq, rest *charDFA, atStart bool) *charDFA {
	for i := len(x) - 1; i >= 0; {
		from := i
		for isPlain(x[i]) && from > 0 && isPlain(x[from-1]) {
			from--
		}
		first := atStart
		for _, before := range x[:from] {
			if first && minLength(before) == 0 && maxLength(before) != 0 && hasStart(x[from:i+1]) {
				failf("", "a pattern with ^ behind what may be empty is not supported")
			}
			first = first && maxLength(before) == 0
		}
		part := any(x[from : i+1])
		if from == i {
			part = x[i]
		}
		rest = b.regex(part, rest, first)
		i = from - 1
	}
	return rest
}

// repeatRegex repeats what holds assertions, which cannot be a loop.
func (b *budget) repeatRegex(x reRepeat, rest *charDFA, atStart bool) *charDFA {
	if x.max < 0 || x.max > inlineRepeat {
		failf("", "a pattern with an assertion inside a repetition is not supported")
	}
	var out any = reSeq{}
	for i := x.max; i > 0; i-- {
		out = reSeq{x.x, out}
		if i > x.min {
			out = reAlt{out, reSeq{}}
		}
	}
	return b.regex(out, rest, atStart)
}

// isPlain reports whether a part holds no assertions.
func isPlain(x any) bool {
	switch x := x.(type) {
	case reStart, reEnd, reLook:
		return false
	case reRepeat:
		return isPlain(x.x)
	case reSeq:
		return allPlain(x)
	case reAlt:
		return allPlain(x)
	}
	return true
}

func allPlain(list []any) bool {
	for _, x := range list {
		if !isPlain(x) {
			return false
		}
	}
	return true
}

// hasStart reports whether ^ stands in a part.
func hasStart(x any) bool {
	switch x := x.(type) {
	case reStart:
		return true
	case reLook:
		return hasStart(x.x)
	case reRepeat:
		return hasStart(x.x)
	case []any:
		for _, y := range x {
			if hasStart(y) {
				return true
			}
		}
	case reSeq:
		return hasStart([]any(x))
	case reAlt:
		return hasStart([]any(x))
	}
	return false
}

// minLength and maxLength are 0 or 1: whether a part can, and whether it must
// be empty.
func minLength(x any) int { return lengthOf(x, false) }
func maxLength(x any) int { return lengthOf(x, true) }

func lengthOf(x any, most bool) int {
	switch x := x.(type) {
	case reChars:
		return 1
	case reRepeat:
		if x.max == 0 || x.min == 0 && !most {
			return 0
		}
		return lengthOf(x.x, most)
	case reSeq:
		n := 0
		for _, y := range x {
			n = max(n, lengthOf(y, most))
		}
		return n
	case reAlt:
		n := lengthOf(x[0], most)
		for _, y := range x[1:] {
			if l := lengthOf(y, most); most && l > n || !most && l < n {
				n = l
			}
		}
		return n
	}
	return 0
}

// regex adds what a plain part matches between two states.
func (n *charNFA) regex(x any, from, to int) {
	switch x := x.(type) {
	case reChars:
		n.chars(from, to, x)
	case reSeq:
		for _, y := range x {
			next := n.state()
			n.regex(y, from, next)
			from = next
		}
		n.empty(from, to)
	case reAlt:
		for _, y := range x {
			a := n.state()
			n.empty(from, a)
			n.regex(y, a, to)
		}
	case reRepeat:
		n.repeat(x, from, to)
	}
}

func (n *charNFA) repeat(x reRepeat, from, to int) {
	for range x.min {
		next := n.state()
		n.regex(x.x, from, next)
		from = next
	}
	if x.max < 0 {
		loop := n.state()
		n.empty(from, loop)
		n.empty(loop, to)
		n.regex(x.x, loop, loop)
		return
	}
	for i := x.min; i < x.max; i++ {
		n.empty(from, to)
		next := n.state()
		n.regex(x.x, from, next)
		from = next
	}
	n.empty(from, to)
}
