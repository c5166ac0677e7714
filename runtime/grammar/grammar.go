package grammar

import (
	"fmt"

	"inferd/tokenizer"
)

// Grammar is a compiled language. It is immutable to its users, and safe for
// concurrent use; compile once and match many texts.
type Grammar struct{ m *machine }

// compile finishes a source: root becomes rule 0.
func compile(b *builder, root expr) (*Grammar, error) {
	b.rules[0] = root
	c, err := compileNFA(b.rules)
	if err != nil {
		return nil, err
	}
	g := &Grammar{newMachine(c)}
	if s, err := g.m.start(); err != nil {
		return nil, err
	} else if s == dead || len(s.configs) == 0 && !s.accept {
		return nil, &Error{"", "nothing can match"}
	}
	return g, nil
}

// Matcher follows one text. It is not safe for concurrent use.
type Matcher struct {
	m *machine
	v *Vocab
	s *state
	// ended is set once a token ended the text.
	ended bool
}

// NewMatcher starts a text over a vocabulary.
func (g *Grammar) NewMatcher(v *Vocab) (*Matcher, error) {
	s, err := g.m.start()
	if err != nil {
		return nil, err
	}
	return &Matcher{m: g.m, v: v, s: s}, nil
}

// Mask returns the tokens that may come next, one bit a token: those that keep
// the text a beginning of some text of the language, and those that end it if
// it is complete. The slice is shared: it must not be changed. It is an error
// if no token may come, which a vocabulary without byte tokens can cause.
func (m *Matcher) Mask() ([]uint64, error) {
	mask, err := m.m.mask(m.s, m.v)
	if err != nil {
		return nil, err
	}
	for _, w := range mask {
		if w != 0 {
			return mask, nil
		}
	}
	return nil, &Error{"", "the vocabulary has no token that continues the text as the grammar asks"}
}

// Allows reports whether a token may come next, without making a mask.
func (m *Matcher) Allows(piece []byte) bool {
	s := m.s
	for _, c := range piece {
		var err error
		if s, err = m.m.step(s, c); err != nil || s == dead {
			return false
		}
	}
	return len(piece) > 0
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
	s := m.s
	for _, c := range piece {
		var err error
		if s, err = m.m.step(s, c); err != nil {
			return err
		}
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
	for i := 0; err == nil && i < len(text); i++ {
		s, err = g.m.step(s, text[i])
	}
	return err == nil && s.accept, err
}
