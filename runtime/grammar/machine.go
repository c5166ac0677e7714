package grammar

import (
	"encoding/binary"
	"slices"
	"sync"
)

// machine runs an automaton. It makes deterministic states on demand and
// keeps them, so that most steps are a look-up. It is safe for concurrent use.
type machine struct {
	nfa     nfa
	sets    []byteSet
	classOf [256]uint8 // bytes that no set tells apart share a class
	samples []byte     // one byte of each class

	mu     sync.Mutex // guards what follows and the next fields of states
	stacks map[frame]int32
	frames []frame // stack 0 is empty
	states map[string]*state
	masked []*state // states that hold masks
	// maskBytes is what those masks take.
	maskBytes int
}

// frame is a shared stack: where a call returns to, and the stack below.
type frame struct{ ret, below int32 }

// config is a position in the automaton inside some calls.
type config struct{ at, stack int32 }

// state is a set of configs closed over calls and empty edges; only those with
// a byte edge are kept.
type state struct {
	configs []config
	accept  bool
	next    []*state // by byte class; nil: not yet known
	masks   map[*Vocab][]uint64
}

// dead is the state of texts outside the language.
var dead = &state{}

func newMachine(c *compiler) *machine {
	m := &machine{nfa: c.nfa, sets: c.sets, stacks: map[frame]int32{}, states: map[string]*state{}}
	m.frames = make([]frame, 1)
	m.classify()
	return m
}

// classify groups bytes that every set treats alike.
func (m *machine) classify() {
	ids := map[string]uint8{}
	sig := make([]byte, (len(m.sets)+7)/8)
	for c := range 256 {
		clear(sig)
		for i := range m.sets {
			if m.sets[i].has(byte(c)) {
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
	return m.close([]config{{m.nfa.starts[0], 0}})
}

// step reads one byte.
func (m *machine) step(s *state, c byte) (*state, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stepLocked(s, c)
}

func (m *machine) stepLocked(s *state, c byte) (*state, error) {
	if s == dead {
		return dead, nil
	}
	class := m.classOf[c]
	if n := s.next[class]; n != nil {
		return n, nil
	}
	var moved []config
	for _, k := range s.configs {
		st := &m.nfa.states[k.at]
		if m.sets[st.set].has(c) {
			moved = append(moved, config{st.next, k.stack})
		}
	}
	n, err := m.close(moved)
	if err != nil {
		return nil, err
	}
	s.next[class] = n
	return n, nil
}

// close follows calls, returns and empty edges and returns the shared state.
func (m *machine) close(work []config) (*state, error) {
	if len(work) == 0 {
		return dead, nil
	}
	seen := make(map[config]bool, 2*len(work))
	var kept []config
	accept := false
	for len(work) > 0 {
		k := work[len(work)-1]
		work = work[:len(work)-1]
		if k.at == 0 || seen[k] {
			continue
		}
		seen[k] = true
		if len(seen) > maxConfigs {
			return nil, &Error{"", "the grammar is too ambiguous: more than 20000 ways to read the text so far"}
		}
		st := &m.nfa.states[k.at]
		if st.set >= 0 {
			kept = append(kept, k)
		}
		if st.accept {
			if k.stack == 0 {
				accept = true
			} else {
				f := m.frames[k.stack]
				work = append(work, config{f.ret, f.below})
			}
		}
		for _, e := range st.eps {
			work = append(work, config{e, k.stack})
		}
		if st.rule >= 0 {
			work = append(work, config{m.nfa.starts[st.rule], m.push(st.next, k.stack)})
		}
	}
	return m.share(kept, accept), nil
}

// push is the stack with one more call. A call at a rule's end needs no
// frame: it returns to where the rule returns.
func (m *machine) push(ret, below int32) int32 {
	r := &m.nfa.states[ret]
	if r.accept && r.set < 0 && r.rule < 0 && r.eps == [2]int32{} {
		return below
	}
	f := frame{ret, below}
	id, ok := m.stacks[f]
	if !ok {
		id = int32(len(m.frames))
		m.frames = append(m.frames, f)
		m.stacks[f] = id
	}
	return id
}

// share returns the one state with these configs.
func (m *machine) share(configs []config, accept bool) *state {
	slices.SortFunc(configs, func(a, b config) int {
		if a.at != b.at {
			return int(a.at) - int(b.at)
		}
		return int(a.stack) - int(b.stack)
	})
	key := make([]byte, 0, 8*len(configs)+1)
	for _, k := range configs {
		key = binary.LittleEndian.AppendUint32(key, uint32(k.at))
		key = binary.LittleEndian.AppendUint32(key, uint32(k.stack))
	}
	if accept {
		key = append(key, 1)
	}
	if s, ok := m.states[string(key)]; ok {
		return s
	}
	if len(m.states) >= maxCachedStates { // matchers keep the states they are in
		clear(m.states)
	}
	s := &state{configs: configs, accept: accept, next: make([]*state, len(m.samples))}
	m.states[string(key)] = s
	return s
}
