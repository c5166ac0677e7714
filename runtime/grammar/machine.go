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
	ascii   []byte     // of the classes that runs of ASCII are made of
	utf8    [][][]byte // and of those of longer characters, byte by byte

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
}

type frameKey struct {
	below *frame
	ret   int32 // 0: a count
	n     uint64
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
	next    []*state      // by byte class; nil: not yet known
	run     [nRuns]*state // where every character of a run leads; nil: not yet known
	masks   map[*Vocab][]uint64
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
		s.run, s.masks = [nRuns]*state{}, nil
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
}

// start is the state before any text; rule 0 is the root.
func (m *machine) start() (*state, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.work = 0
	return m.close([]config{{m.nfa.starts[0], nil}})
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
	for _, k := range s.configs {
		if st := &m.nfa.states[k.at]; m.nfa.sets[st.arg].has(c) {
			m.todo = append(m.todo, config{st.next, k.stack})
		}
	}
	m.work += len(s.configs)
	n, err := m.close(m.todo)
	if err != nil {
		return nil, err
	}
	s.next[class] = n
	return n, nil
}

// close follows everything that takes no byte and returns the shared state.
func (m *machine) close(work []config) (*state, error) {
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
				stack = m.push(frameKey{k.stack, st.next, 0})
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
	return m.share(kept, accept), nil
}

// count is the stack behind a state that counts; false: there is no way on.
func (m *machine) count(at int32, st *nfaState, stack *frame) (*frame, bool) {
	c := &m.nfa.counters[st.arg]
	switch st.op {
	case opOpen:
		return m.push(frameKey{stack, 0, 0}), true
	case opTick:
		n := c.after(int(stack.n))
		if n < 0 {
			return nil, false
		}
		if live, ok := c.live[at]; ok && live[n>>6]>>(n&63)&1 == 0 {
			return nil, false
		}
		return m.push(frameKey{stack.below, 0, uint64(n)}), true
	case opPick:
		bit := uint64(1) << st.other
		if stack.n&bit != 0 || bits.OnesCount64(stack.n) >= c.max {
			return nil, false
		}
		return m.push(frameKey{stack.below, 0, stack.n | bit}), true
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
	f, ok := m.frames[k]
	if !ok {
		m.nIDs++
		f = &frame{k, m.nIDs}
		m.frames[k] = f
		m.stateBytes += 100
	}
	return f
}

func (f *frame) number() uint64 {
	if f == nil {
		return 0
	}
	return f.id
}

// share returns the one state with these configs.
func (m *machine) share(configs []config, accept bool) *state {
	slices.SortFunc(configs, func(a, b config) int {
		if a.at != b.at {
			return int(a.at) - int(b.at)
		}
		return int(int64(a.stack.number()) - int64(b.stack.number()))
	})
	key := m.key[:0]
	for _, k := range configs {
		key = binary.LittleEndian.AppendUint32(key, uint32(k.at))
		key = binary.LittleEndian.AppendUint64(key, k.stack.number())
	}
	if accept {
		key = append(key, 1)
	}
	m.key = key
	if s, ok := m.states[string(key)]; ok {
		return s
	}
	m.stateBytes += 200 + 8*len(m.samples) + len(key) + 16*len(configs)
	if m.stateBytes > maxStateBytes {
		m.forget()
	}
	s := &state{configs: configs, accept: accept, next: make([]*state, len(m.samples))}
	m.states[string(key)] = s
	return s
}
