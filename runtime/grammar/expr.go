package grammar

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

// counted is x from min to max times, counted while matching; max < 0 is no
// limit. x must not match the empty text.
type counted struct {
	x        expr
	min, max int
}

// distinct is min to max of the parts, each at most once, in any order: first,
// then parts with between ahead of each.
type distinct struct {
	parts    []expr // at most 64
	between  expr
	min, max int
}

// byteSet is a set of bytes.
type byteSet [4]uint64

func (s *byteSet) add(lo, hi byte) {
	for c := int(lo); c <= int(hi); c++ {
		s[c>>6] |= 1 << (c & 63)
	}
}

func (s *byteSet) has(c byte) bool { return s[c>>6]>>(c&63)&1 != 0 }

func (s *byteSet) empty() bool { return *s == byteSet{} }

// everyByte has all of them.
var everyByte = byteSet{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}

func (s byteSet) and(o byteSet) byteSet {
	for i := range s {
		s[i] &= o[i]
	}
	return s
}

// without is s with the bytes of o taken out.
func (s byteSet) without(o byteSet) byteSet {
	for i := range s {
		s[i] &^= o[i]
	}
	return s
}

// builder collects rules while a source is compiled.
type builder struct {
	budget
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
	b.spend(len(name) / 32)
	if r, ok := b.named[name]; ok {
		return r
	}
	r := b.rule()
	b.named[name] = r
	b.define(r, body())
	return r
}

func optional(x expr) expr { return alt{x, seq{}} }

// repeat is x from min to max times; max < 0 is no limit. Small counts are
// unrolled.
func repeat(x expr, min, max int) expr {
	switch {
	case max >= 0 && max < min:
		return alt{}
	case max == 0:
		return seq{}
	case min <= 1 && max < 0:
		if min == 0 {
			return star{x}
		}
		return seq{x, star{x}}
	case max < 0 && min > inlineRepeat || max > inlineRepeat:
		return counted{x, min, max}
	}
	head := seq{}
	for range min {
		head = append(head, x)
	}
	if max < 0 {
		return append(head, star{x})
	}
	var tail expr = seq{}
	for range max - min {
		tail = optional(seq{x, tail})
	}
	return append(head, tail)
}
