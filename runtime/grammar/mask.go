package grammar

// mask returns the set of tokens that keep the text inside the language, one
// bit a token. It is computed once for all states that tokens cannot tell apart.
func (m *machine) mask(s *state, v *Vocab) ([]uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s = m.calm(s)
	if mask, ok := s.masks[v]; ok {
		return mask, nil
	}
	m.work = 0
	words := (v.nTokens + 63) / 64
	mask := make([]uint64, v.nTokens/64+1) // with room for the token that is none
	r, err := m.runFrom(s)
	if err != nil {
		return nil, err
	}
	if r.chars > 0 {
		v.addRuns(mask, r.groups, r.chars)
	}
	trie := v.trie
	if r.open&^specialGroups == 0 && r.known >= longestRun {
		trie = v.special
	}
	if err := m.walk(s, trie, r, mask); err != nil {
		return nil, err
	}
	mask[v.nTokens>>6] &^= 1 << (v.nTokens & 63)
	mask = mask[:words]
	if s.accept {
		for _, id := range v.eog {
			mask[id>>6] |= 1 << (id & 63)
		}
	}
	m.keep(s, v, mask)
	return mask, nil
}

// walk adds the tokens of a trie that may follow s and that the run behind it
// does not tell of.
func (m *machine) walk(s *state, t []trieNode, r run, mask []uint64) error {
	var path [maxPieceBytes + 1]*state
	path[0] = s
	for i := 0; i < len(t); {
		n := &t[i]
		if n.groups&r.open == 0 && int(n.chars) <= r.known {
			i = int(n.end)
			continue
		}
		next := path[n.depth].next[m.classOf[n.b]]
		if next == nil {
			var err error
			if next, err = m.step(path[n.depth], n.b); err != nil {
				return err
			}
		}
		if next == dead {
			i = int(n.end)
			continue
		}
		path[n.depth+1] = next
		mask[n.token>>6] |= 1 << (n.token & 63)
		i++
	}
	return nil
}

// keep remembers a mask, forgetting all when they take too much.
func (m *machine) keep(s *state, v *Vocab, mask []uint64) {
	m.maskBytes += 8 * len(mask)
	if m.maskBytes > maxMaskBytes {
		for _, other := range m.masked {
			other.masks = nil
		}
		m.masked, m.maskBytes = nil, 8*len(mask)
	}
	if s.masks == nil {
		s.masks = map[*Vocab][]uint64{}
		m.masked = append(m.masked, s)
	}
	s.masks[v] = mask
}
