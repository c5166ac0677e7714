package grammar

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"sync"
)

// machine runs an automaton. It makes deterministic states on demand and
// keeps them, so that most steps are a look-up. It is safe for concurrent use.
type machine struct {
	nfa     nfa
	classOf [256]uint8 // bytes that no set tells apart share a class
	samples []byte     // one byte of each class
	members []byteSet  // of each set, the classes in it
	groups  []groupSet // of each class
	utf8    [][][]byte // the bytes of characters beyond ASCII, in their places

	mu     sync.Mutex // guards what follows and the lazy fields of states
	frames map[frameKey]*frame
	states map[string]*state
	nIDs   uint64   // frames made so far
	masked []*state // states that hold masks
	// stateBytes and maskBytes are what states and masks take, about.
	stateBytes, maskBytes int
	work                  int // positions looked at since the last mask or token

	// Scratch of close.
	seen map[config]struct{}
	todo []config
	key  []byte
}

// frame is a shared stack: where a call returns to, or a count, and the stack
// below. nil is the empty stack.
type frame struct {
	frameKey
	id uint64
	// calm is the stack with counts in place of which any near it would do.
	calm *frame
}

type frameKey struct {
	below *frame
	ret   int32  // -1-i: a count of counter i
	n     uint64 // the count, or the elements of a set taken so far
	still bool   // the count does not go up: no token gets to where it matters
}

// config is a position in the automaton inside some calls.
type config struct {
	at    int32
	stack *frame
}

// state is a set of configs closed over everything that takes no byte; only
// those with a byte edge are kept.
type state struct {
	configs []config
	accept  bool
	isCalm  bool     // and so are all that it leads to
	next    []*state // by byte class; nil: not yet known
	// Of calm states; nil: not yet known.
	ways  *ways
	masks map[*Vocab][]uint64
	// calm is the state whose mask this one's is; nil: not yet known.
	calm *state
}

// dead is the state of texts outside the language.
var dead = &state{}

func newMachine(n nfa) *machine {
	m := &machine{nfa: n, seen: map[config]struct{}{}}
	m.forget()
	m.classify()
	m.findRuns()
	return m
}

// forget drops all that was made lazily. Matchers keep the states they are in,
// which then find their ways anew.
func (m *machine) forget() {
	for _, s := range m.states {
		clear(s.next)
		s.ways, s.masks, s.calm = nil, nil, nil
	}
	m.frames, m.states = map[frameKey]*frame{}, map[string]*state{}
	m.masked, m.stateBytes, m.maskBytes = nil, 0, 0
}

// classify groups bytes that every set treats alike.
func (m *machine) classify() {
	ids := map[string]uint8{}
	sig := make([]byte, (len(m.nfa.sets)+7)/8)
	for c := range 256 {
		clear(sig)
		for i := range m.nfa.sets {
			if m.nfa.sets[i].has(byte(c)) {
				sig[i/8] |= 1 << (i % 8)
			}
		}
		id, ok := ids[string(sig)]
		if !ok {
			id = uint8(len(m.samples))
			ids[string(sig)] = id
			m.samples = append(m.samples, byte(c))
		}
		m.classOf[c] = id
	}
	m.members = make([]byteSet, len(m.nfa.sets))
	for i, set := range m.nfa.sets {
		for class, c := range m.samples {
			if set.has(c) {
				m.members[i].add(byte(class), byte(class))
			}
		}
	}
}

// start is the state before any text; rule 0 is the root.
func (m *machine) start() (*state, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.work = 0
	return m.close([]config{{m.nfa.starts[0], nil}}, false)
}

// steps reads some bytes.
func (m *machine) steps(s *state, text []byte) (*state, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.work = 0
	var err error
	for _, c := range text {
		if s, err = m.step(s, c); err != nil || s == dead {
			break
		}
	}
	return s, err
}

// step reads one byte; m.mu is held.
func (m *machine) step(s *state, c byte) (*state, error) {
	if s == dead {
		return dead, nil
	}
	class := m.classOf[c]
	if n := s.next[class]; n != nil {
		return n, nil
	}
	m.todo = m.todo[:0]
	alike := everyByte // classes that the same configs take
	for _, k := range s.configs {
		st := &m.nfa.states[k.at]
		in := m.members[st.arg]
		if in.has(class) {
			m.todo = append(m.todo, config{st.next, k.stack})
			alike = alike.and(in)
		} else {
			alike = alike.without(in)
		}
	}
	m.work += len(s.configs)
	n, err := m.close(m.todo, s.isCalm)
	if err != nil {
		return nil, err
	}
	for i := range s.next {
		if alike.has(byte(i)) {
			s.next[i] = n
		}
	}
	return n, nil
}

// close follows everything that takes no byte and returns the shared state.
func (m *machine) close(work []config, calm bool) (*state, error) {
	if len(work) == 0 {
		return dead, nil
	}
	clear(m.seen)
	var kept []config
	accept := false
	for len(work) > 0 {
		k := work[len(work)-1]
		work = work[:len(work)-1]
		st := &m.nfa.states[k.at]
		if st.op == opFail {
			continue
		}
		if _, ok := m.seen[k]; ok {
			continue
		}
		m.seen[k] = struct{}{}
		if m.work++; len(m.seen) > maxConfigs || m.work > maxStepWork {
			return nil, &Error{"", "the grammar is too ambiguous: there are too many ways to read the text so far"}
		}
		switch st.op {
		case opByte:
			kept = append(kept, k)
		case opAccept:
			if k.stack == nil {
				accept = true
			} else {
				work = append(work, config{k.stack.ret, k.stack.below})
			}
		case opSplit:
			work = append(work, config{st.next, k.stack}, config{st.other, k.stack})
		case opCall:
			stack := k.stack
			if m.nfa.states[st.next].op != opAccept { // a call at the end returns where its rule does
				stack = m.push(frameKey{below: k.stack, ret: st.next})
			}
			work = append(work, config{m.nfa.starts[st.arg], stack})
		default:
			if stack, ok := m.count(k.at, st, k.stack); ok {
				work = append(work, config{st.next, stack})
			}
		}
	}
	m.todo = work[:0]
	if len(kept) == 0 && !accept {
		return dead, nil
	}
	return m.share(kept, accept, calm), nil
}

// count is the stack behind a state that counts; false: there is no way on.
func (m *machine) count(at int32, st *nfaState, stack *frame) (*frame, bool) {
	c := &m.nfa.counters[st.arg]
	switch st.op {
	case opOpen:
		return m.push(frameKey{below: stack, ret: -1 - st.arg}), true
	case opTick:
		n := int(stack.n)
		if !stack.still {
			n = c.after(n)
		}
		if n < 0 {
			return nil, false
		}
		if live, ok := c.live[at]; ok && live[n>>6]>>(n&63)&1 == 0 {
			return nil, false
		}
		if stack.still {
			return stack, true
		}
		return m.push(frameKey{below: stack.below, ret: stack.ret, n: uint64(n)}), true
	case opPick:
		bit := uint64(1) << st.other
		if stack.n&bit != 0 || bits.OnesCount64(stack.n) >= c.max {
			return nil, false
		}
		return m.push(frameKey{below: stack.below, ret: stack.ret, n: stack.n | bit}), true
	case opRoom:
		return stack, bits.OnesCount64(stack.n) < c.max
	}
	n := int(stack.n)
	if c.set {
		n = bits.OnesCount64(stack.n)
	}
	return stack.below, n >= c.min
}

// push is the shared stack of that key.
func (m *machine) push(k frameKey) *frame {
	if f, ok := m.frames[k]; ok {
		return f
	}
	m.nIDs++
	f := &frame{frameKey: k, id: m.nIDs}
	m.frames[k] = f
	m.stateBytes += 120
	if k.below != nil {
		k.below = k.below.calm
	}
	if k.ret < 0 && !k.still {
		if n, ok := m.nfa.counters[-1-k.ret].calmAt(int(k.n)); ok {
			k.n, k.still = uint64(n), true
		}
	}
	f.calm = f
	if k != f.frameKey {
		f.calm = m.push(k)
	}
	return f
}

func (f *frame) number() uint64 {
	if f == nil {
		return 0
	}
	return f.id
}

// calm returns the state whose mask is also that of s: with counts that no
// token can bring to where they matter standing still.
func (m *machine) calm(s *state) *state {
	if s.isCalm || len(m.nfa.counters) == 0 {
		return s
	}
	if s.calm == nil {
		s.calm = m.share(slices.Clone(s.configs), s.accept, true)
	}
	return s.calm
}

// share returns the one state with these configs, or with their calm ones.
func (m *machine) share(configs []config, accept, calm bool) *state {
	if calm {
		for i, k := range configs {
			if k.stack != nil {
				configs[i].stack = k.stack.calm
			}
		}
	}
	slices.SortFunc(configs, func(a, b config) int {
		if a.at != b.at {
			return int(a.at) - int(b.at)
		}
		return int(int64(a.stack.number()) - int64(b.stack.number()))
	})
	configs = slices.Compact(configs)
	key := m.key[:0]
	for _, k := range configs {
		key = binary.LittleEndian.AppendUint32(key, uint32(k.at))
		key = binary.LittleEndian.AppendUint64(key, k.stack.number())
	}
	var flags byte
	if accept {
		flags |= 1
	}
	if calm {
		flags |= 2
	}
	key = append(key, flags)
	m.key = key
	if s, ok := m.states[string(key)]; ok {
		return s
	}
	m.stateBytes += 200 + 8*len(m.samples) + len(key) + 16*len(configs)
	if m.stateBytes > maxStateBytes {
		m.forget()
	}
	s := &state{configs: configs, accept: accept, isCalm: calm, next: make([]*state, len(m.samples))}
	m.states[string(key)] = s
	return s
}
