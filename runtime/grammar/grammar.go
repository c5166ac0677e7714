package grammar

import (
	"fmt"
	"slices"
	"sync"

	"inferd/tokenizer"
)

// Grammar is a compiled language. It is immutable to its users, and safe for
// concurrent use; compile once and match many texts.
type Grammar struct {
	m *machine

	mu sync.Mutex // guards spelled
	// spelled holds the machines for vocabularies that lack some bytes.
	spelled map[byteSet]*machine
}

// compile finishes a source: root becomes rule 0.
func compile(b *builder, root expr) (*Grammar, error) {
	b.rules[0] = root
	c, err := compileNFA(b)
	if err != nil {
		return nil, err
	}
	g := &Grammar{m: newMachine(c.nfa), spelled: map[byteSet]*machine{}}
	if s, err := g.m.start(); err != nil {
		return nil, err
	} else if s == dead {
		return nil, &Error{"", "nothing can match"}
	}
	return g, nil
}

// spelledBy returns the machine for the texts that a vocabulary can spell
// byte by byte, so that none of its masks is ever empty: bytes without a token
// of their own are left out.
func (g *Grammar) spelledBy(v *Vocab) (*machine, error) {
	if v.missing.empty() {
		return g.m, nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	m, ok := g.spelled[v.missing]
	if !ok {
		var err error
		if m, err = g.m.nfa.without(v.missing); err != nil {
			return nil, err
		}
		g.spelled[v.missing] = m
	}
	if s, err := m.start(); err != nil {
		return nil, err
	} else if s == dead {
		return nil, &Error{"", "the vocabulary cannot spell any text of the grammar: it lacks tokens of single bytes"}
	}
	return m, nil
}

// without is the machine for the texts that have none of the bytes.
func (n nfa) without(missing byteSet) (m *machine, err error) {
	defer catch(&err)
	n.states, n.sets, n.counters = slices.Clone(n.states), slices.Clone(n.sets), slices.Clone(n.counters)
	for i := range n.sets {
		n.sets[i] = n.sets[i].without(missing)
	}
	n.prune()
	return newMachine(n), nil
}

// Matcher follows one text. It is not safe for concurrent use.
type Matcher struct {
	m *machine
	v *Vocab
	s *state
	// ended is set once a token ended the text.
	ended bool
}

// NewMatcher starts a text over a vocabulary. It is an error if the vocabulary
// cannot spell any text of the language.
func (g *Grammar) NewMatcher(v *Vocab) (*Matcher, error) {
	m, err := g.spelledBy(v)
	if err != nil {
		return nil, err
	}
	s, err := m.start()
	if err != nil {
		return nil, err
	}
	return &Matcher{m: m, v: v, s: s}, nil
}

// Mask returns the tokens that may come next, one bit a token: those that keep
// the text a beginning of some text of the language, and those that end it if
// it is complete. Some token always may, but for texts that nothing can follow
// over a vocabulary without an end. The slice is shared: it must not be
// changed. It is an error if a very ambiguous grammar takes too long to follow.
func (m *Matcher) Mask() ([]uint64, error) { return m.m.mask(m.s, m.v) }

// Allows reports whether a token may come next, without making a mask.
func (m *Matcher) Allows(piece []byte) bool {
	s, err := m.m.steps(m.s, piece)
	return err == nil && s != dead && len(piece) > 0
}

// Accept appends a token's bytes to the text. Tokens that end the text are
// accepted with end set and leave the state as it is.
func (m *Matcher) Accept(token tokenizer.Token, piece []byte, end bool) error {
	if m.ended {
		return &Error{"", "a token follows the end of the text"}
	}
	if end {
		if !m.s.accept {
			return &Error{"", fmt.Sprintf("token %d ends the text before it is complete", token)}
		}
		m.ended = true
		return nil
	}
	s, err := m.m.steps(m.s, piece)
	if err != nil {
		return err
	}
	if s == dead {
		return &Error{"", fmt.Sprintf("token %d leaves the grammar", token)}
	}
	m.s = s
	return nil
}

// Complete reports whether the text so far is a whole text of the language.
func (m *Matcher) Complete() bool { return m.s.accept }

// Final reports whether the text is complete and nothing can follow it.
func (m *Matcher) Final() bool { return m.s.accept && len(m.s.configs) == 0 }

// Matches reports whether text is a whole text of the language.
func (g *Grammar) Matches(text string) (bool, error) {
	s, err := g.m.start()
	if err == nil {
		s, err = g.m.steps(s, []byte(text))
	}
	return err == nil && s.accept, err
}
