package grammar

import "sort"

// Vocab is a vocabulary prepared for masks: the bytes of its tokens as a trie
// in depth-first order. It is immutable and shared by all grammars.
type Vocab struct {
	nTokens int
	eog     []int32 // tokens that end the text

	// Parallel arrays, one entry a trie node.
	bytes  []byte
	depths []uint8 // of the node, root children 0
	ends   []int32 // index behind the node's subtree
	first  []int32 // tokens spelled by the node: tokens[first[i]:first[i+1]]
	tokens []int32
	max    int // greatest depth + 1
}

// maxPieceBytes is the length above which a token is never allowed: such
// tokens are runs of blanks or rules that no constrained text needs.
const maxPieceBytes = 128

// NewVocab prepares a vocabulary. pieces[i] holds the bytes that token i adds
// to the text; an empty piece (control tokens) is never allowed. eog lists the
// tokens that end an answer.
func NewVocab(pieces [][]byte, eog []int32) *Vocab {
	v := &Vocab{nTokens: len(pieces), eog: eog}
	order := make([]int32, 0, len(pieces))
	for i, p := range pieces {
		if len(p) > 0 && len(p) <= maxPieceBytes {
			order = append(order, int32(i))
		}
	}
	for _, id := range eog { // they end the text; they never are text
		if i := sort.Search(len(order), func(i int) bool { return order[i] >= id }); i < len(order) && order[i] == id {
			order = append(order[:i], order[i+1:]...)
		}
	}
	sort.Slice(order, func(a, b int) bool { return string(pieces[order[a]]) < string(pieces[order[b]]) })
	var open []int32 // path of nodes
	prev := []byte(nil)
	for _, id := range order {
		p := pieces[id]
		same := 0
		for same < len(p) && same < len(prev) && p[same] == prev[same] {
			same++
		}
		v.closeTo(&open, same)
		for d := same; d < len(p); d++ {
			open = append(open, int32(len(v.bytes)))
			v.bytes = append(v.bytes, p[d])
			v.depths = append(v.depths, uint8(d))
			v.ends = append(v.ends, 0)
			v.first = append(v.first, int32(len(v.tokens)))
		}
		v.tokens = append(v.tokens, id)
		v.max = max(v.max, len(p))
		prev = p
	}
	v.closeTo(&open, 0)
	v.first = append(v.first, int32(len(v.tokens)))
	return v
}

// closeTo ends the subtrees of open nodes deeper than depth.
func (v *Vocab) closeTo(open *[]int32, depth int) {
	for len(*open) > depth {
		n := len(*open) - 1
		v.ends[(*open)[n]] = int32(len(v.bytes))
		*open = (*open)[:n]
	}
}

// NTokens is the size of the vocabulary.
func (v *Vocab) NTokens() int { return v.nTokens }

// mask returns the set of tokens that keep the text inside the language, one
// bit a token. It is computed once for each state.
func (m *machine) mask(s *state, v *Vocab) ([]uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if mask, ok := s.masks[v]; ok {
		return mask, nil
	}
	mask := make([]uint64, (v.nTokens+63)/64)
	path := make([]*state, v.max+1)
	path[0] = s
	for i := 0; i < len(v.bytes); {
		d := v.depths[i]
		at := path[d]
		next := at.next[m.classOf[v.bytes[i]]]
		if next == nil {
			var err error
			if next, err = m.stepLocked(at, v.bytes[i]); err != nil {
				return nil, err
			}
		}
		if next == dead {
			i = int(v.ends[i])
			continue
		}
		path[d+1] = next
		for _, id := range v.tokens[v.first[i]:v.first[i+1]] {
			mask[id>>6] |= 1 << (id & 63)
		}
		i++
	}
	if s.accept {
		for _, id := range v.eog {
			mask[id>>6] |= 1 << (id & 63)
		}
	}
	m.keep(s, v, mask)
	return mask, nil
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
