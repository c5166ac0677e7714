package grammar

import (
	"math/bits"
	"slices"
	"unicode/utf8"
)

// run is what is known of the tokens that may follow a state without walking
// them: inside strings and names most characters may be followed by most others.
type run struct {
	groups groupSet // all texts of these, of at most
	chars  int      // so many characters, may follow
	// open are the other groups of which a character may come next, or after
	// some of a run. Tokens without such characters, of at most
	known int // so many characters, may follow only if they are runs
	open  groupSet
}

const (
	// longestRun is how many characters a state is followed where each leads on
	// to other states; most tokens have fewer.
	longestRun = 20
	// maxRunStates bounds the states that are looked at for a run.
	maxRunStates = 48
	// minRunGroups is how many groups make a run worth the look: fewer leave few
	// tokens to walk.
	minRunGroups = 10
	// maxRunTries bounds how often groups are left out to have a longer run.
	maxRunTries = 8
)

// ways is what one character may lead to.
type ways struct {
	all, none groupSet // every character of a group leads on, or none does
	to        []way
}

// way is a state and the groups of which some character leads there.
type way struct {
	to     *state
	groups groupSet
}

// runFrom returns the longest run behind s that is easily found.
func (m *machine) runFrom(s *state) (run, error) {
	first, err := m.waysFrom(s)
	if err != nil {
		return run{}, err
	}
	groups := first.all
	if groups.size() < minRunGroups {
		return m.runOf(s, 0)
	}
	for _, w := range first.to { // leave out what leads to where few may go on
		next, err := m.waysFrom(w.to)
		if err != nil {
			return run{}, err
		}
		if 2*(next.all&first.all).size() < first.all.size() {
			groups &^= w.groups
		}
	}
	for range maxRunTries {
		r, err := m.runOf(s, groups)
		if err != nil || r.groups == groups {
			return r, err
		}
		groups = r.groups
	}
	return m.runOf(s, 0)
}

// runOf follows s by all characters of the groups as far as they may go on. It
// returns fewer groups if these would lead further.
func (m *machine) runOf(s *state, groups groupSet) (run, error) {
	r := run{groups: groups, known: maxPieceBytes}
	level, seen := []*state{s}, []*state{s}
	var onward []*ways // from each state of the level
	for ; len(level) > 0; r.chars++ {
		if r.chars == longestRun || len(seen) > maxRunStates {
			r.known = r.chars
			return r, nil
		}
		stops := true // whether no run goes on here
		common := groups
		onward = onward[:0]
		for _, at := range level {
			w, err := m.waysFrom(at)
			if err != nil {
				return r, err
			}
			r.open |= ^(w.none | groups)
			common &= w.all
			stops = stops && groups&^w.none == 0
			onward = append(onward, w) // the machine may forget those of its states
		}
		if groups == 0 || 2*common.size() < groups.size() { // few may go on
			if !stops {
				r.known = r.chars
			}
			return r, nil
		}
		if common != groups {
			return run{groups: common}, nil
		}
		before := len(seen)
		for _, w := range onward {
			for _, x := range w.to {
				if x.groups&groups != 0 && !slices.Contains(seen, x.to) {
					seen = append(seen, x.to)
				}
			}
		}
		level = seen[before:]
	}
	r.chars = maxPieceBytes // all that it leads to has been looked at
	return r, nil
}

func (g groupSet) size() int { return bits.OnesCount64(uint64(g)) }

// waysFrom looks at what every character leads to.
func (m *machine) waysFrom(s *state) (*ways, error) {
	if s.ways != nil {
		return s.ways, nil
	}
	w := &ways{}
	var some, bad groupSet // of which a character leads on, and of which one does not
	for class, groups := range m.groups {
		next, err := m.step(s, m.samples[class])
		if err != nil {
			return nil, err
		}
		if next == dead {
			bad |= groups
			continue
		}
		some |= groups
		if ascii := groups &^ (beyond | broken); ascii != 0 {
			w.add(next, ascii)
		}
	}
	if bad |= beyond | broken; some&beyond != 0 {
		ends, err := m.beyondASCII(s)
		if err != nil {
			return nil, err
		}
		for _, end := range ends {
			w.add(end, beyond)
			bad &^= beyond
		}
	}
	w.all, w.none = ^bad, ^some
	s.ways = w
	m.stateBytes += 64 + 16*len(w.to)
	return w, nil
}

func (w *ways) add(to *state, groups groupSet) {
	for i := range w.to {
		if w.to[i].to == to {
			w.to[i].groups |= groups
			return
		}
	}
	w.to = append(w.to, way{to, groups})
}

// beyondASCII lists the states that characters beyond ASCII lead to, nil where
// some of them may not follow or they lead to many.
func (m *machine) beyondASCII(s *state) (ends []*state, err error) {
	const most = 8
	for _, form := range m.utf8 {
		level := []*state{s}
		for _, bytes := range form {
			var next []*state
			for _, at := range level {
				for _, c := range bytes {
					to, err := m.step(at, c)
					if err != nil || to == dead {
						return nil, err
					}
					if !slices.Contains(next, to) {
						next = append(next, to)
					}
				}
			}
			if level = next; len(level) > most {
				return nil, nil
			}
		}
		for _, end := range level {
			if !slices.Contains(ends, end) {
				ends = append(ends, end)
			}
		}
	}
	return ends, nil
}

// findRuns notes which groups each class of bytes has a part in, and one byte of
// each class in every place of characters beyond ASCII.
func (m *machine) findRuns() {
	m.groups = make([]groupSet, len(m.samples))
	for c, class := range m.classOf {
		if c < utf8.RuneSelf {
			m.groups[class] |= groupOf[c]
		} else {
			m.groups[class] |= broken | beyond // where a class of no character has beyond, it says too little
		}
	}
	more := m.samplesOf(0x80, 0xbf)
	for _, form := range utf8Forms {
		bytes := [][]byte{m.samplesOf(form.lo, form.hi), m.samplesOf(form.second[0], form.second[1]), more, more}
		m.utf8 = append(m.utf8, bytes[:1+form.nMore])
	}
}

// samplesOf is one byte of each class in a range.
func (m *machine) samplesOf(lo, hi byte) (out []byte) {
	var seen [256]bool
	for c := int(lo); c <= int(hi); c++ {
		if id := m.classOf[c]; !seen[id] {
			seen[id] = true
			out = append(out, byte(c))
		}
	}
	return out
}

// utf8Forms are the first bytes of characters of several bytes, what may
// follow them, and how many bytes do.
var utf8Forms = []struct {
	lo, hi byte
	second [2]byte
	nMore  int
}{
	{0xc2, 0xdf, [2]byte{0x80, 0xbf}, 1},
	{0xe0, 0xe0, [2]byte{0xa0, 0xbf}, 2}, {0xe1, 0xec, [2]byte{0x80, 0xbf}, 2}, {0xed, 0xed, [2]byte{0x80, 0x9f}, 2}, {0xee, 0xef, [2]byte{0x80, 0xbf}, 2},
	{0xf0, 0xf0, [2]byte{0x90, 0xbf}, 3}, {0xf1, 0xf3, [2]byte{0x80, 0xbf}, 3}, {0xf4, 0xf4, [2]byte{0x80, 0x8f}, 3},
}
