package runtime

// StopMatcher watches a text as it grows and cuts it where the first of its
// stop strings is complete. Text that may yet turn out to be the beginning of
// a stop string is held back, so no part of one is ever released.
//
// What comes out does not depend on how the text was cut into pieces.
type StopMatcher struct {
	stops []string
	held  []byte // not released yet: a proper prefix of some stop string
	out   []byte
	hit   string // the stop string that was seen, empty before
}

// NewStopMatcher returns a matcher for stops; empty strings are ignored.
func NewStopMatcher(stops []string) *StopMatcher {
	m := &StopMatcher{}
	for _, s := range stops {
		if s != "" {
			m.stops = append(m.stops, s)
		}
	}
	return m
}

// Push adds text and returns what may be released, which is valid until the
// next call. Once a stop string has been seen nothing is released any more.
func (m *StopMatcher) Push(text []byte) []byte {
	if m.hit != "" {
		return nil
	}
	if len(m.stops) == 0 {
		return text
	}
	// out = held + text; the first len(held) bytes are known to complete nothing.
	m.out = append(append(m.out[:0], m.held...), text...)
	for end := len(m.held) + 1; end <= len(m.out); end++ {
		if m.hit = m.stopAt(m.out[:end]); m.hit != "" {
			m.held = m.held[:0]
			return m.out[:end-len(m.hit)]
		}
	}
	keep := m.prefixAtEnd(m.out)
	m.held = append(m.held[:0], m.out[len(m.out)-keep:]...)
	return m.out[:len(m.out)-keep]
}

// Flush returns the text held back, because the text has ended. It is valid
// until the next call.
func (m *StopMatcher) Flush() []byte {
	m.out = append(m.out[:0], m.held...)
	m.held = m.held[:0]
	return m.out
}

// Stopped reports whether a stop string has been seen.
func (m *StopMatcher) Stopped() bool { return m.hit != "" }

// Stop returns the stop string that was seen first, empty if none was.
func (m *StopMatcher) Stop() string { return m.hit }

// stopAt returns the longest stop string that text ends with, empty if there is
// none.
func (m *StopMatcher) stopAt(text []byte) (longest string) {
	for _, s := range m.stops {
		if n := len(text) - len(s); len(s) > len(longest) && n >= 0 && string(text[n:]) == s {
			longest = s
		}
	}
	return longest
}

// prefixAtEnd returns the length of the longest end of text that a stop string
// begins with.
func (m *StopMatcher) prefixAtEnd(text []byte) int {
	n := 0
	for _, s := range m.stops {
		for k := min(len(s)-1, len(text)); k > n; k-- {
			if s[:k] == string(text[len(text)-k:]) {
				n = k
				break
			}
		}
	}
	return n
}

// wipe clears the text that the matcher holds.
func (m *StopMatcher) wipe() {
	clear(m.held[:cap(m.held)])
	clear(m.out[:cap(m.out)])
	m.held, m.out = m.held[:0], m.out[:0]
}
