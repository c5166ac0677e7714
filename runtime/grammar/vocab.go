package grammar

import (
	"slices"
	"unicode/utf8"
)

// Vocab is a vocabulary prepared for masks. It is immutable and shared by all
// grammars.
type Vocab struct {
	nTokens int
	eog     []int32 // tokens that end the text
	all     trie
	slices  [nRuns][len(runLengths)]slice
	missing byteSet // bytes that no token spells alone
}

// trie holds the bytes of tokens in depth-first order.
type trie []trieNode

type trieNode struct {
	end   int32 // index behind the node's subtree
	token int32 // spelled by the node; nTokens for none
	b     byte
	depth uint8 // root children: 0
}

// maxPieceBytes is the length above which a token is never allowed: such
// tokens are runs of blanks or rules that no constrained text needs.
const maxPieceBytes = 48

// slice parts the vocabulary: tokens that are runs of at most so many
// characters, as a mask, and the rest.
type slice struct {
	within []uint64
	rest   trie
}

// Runs are texts of characters that most strings may hold: any but quotes,
// backslashes and control characters, and those of ASCII among them. Where a
// state lets every such character be followed by every other, the mask of all
// runs is known and only the other tokens need be walked.
const (
	runUTF8 = iota
	runASCII
	nRuns
)

// runLengths are the lengths in characters that runs are told apart by.
var runLengths = [...]int{3, 8, longestCount, maxPieceBytes}

// longestCount is how many characters a state is followed where a count makes
// each of them lead to another state.
const longestCount = 20

// NewVocab prepares a vocabulary. pieces[i] holds the bytes that token i adds
// to the text; an empty piece (control tokens) is never allowed. eog lists the
// tokens that end an answer.
func NewVocab(pieces [][]byte, eog []int32) *Vocab {
	v := &Vocab{nTokens: len(pieces), eog: eog}
	v.missing.add(0, 255)
	order := make([]int32, 0, len(pieces))
	for i, p := range pieces {
		if len(p) == 0 || len(p) > maxPieceBytes || slices.Contains(eog, int32(i)) { // what ends the text never is text
			continue
		}
		order = append(order, int32(i))
		if len(p) == 1 {
			v.missing[p[0]>>6] &^= 1 << (p[0] & 63)
		}
	}
	slices.SortFunc(order, func(a, b int32) int { return slices.Compare(pieces[a], pieces[b]) })
	v.all = newTrie(pieces, order)
	var runs [nRuns][]int // characters of each token in order, 0: no run
	for _, id := range order {
		n, ascii := runOf(pieces[id])
		runs[runUTF8] = append(runs[runUTF8], n)
		if !ascii {
			n = 0
		}
		runs[runASCII] = append(runs[runASCII], n)
	}
	for kind := range runs {
		for i, most := range runLengths {
			s := slice{within: make([]uint64, (len(pieces)+63)/64)}
			var rest []int32
			for j, id := range order {
				if n := runs[kind][j]; n > 0 && n <= most {
					s.within[id>>6] |= 1 << (id & 63)
				} else {
					rest = append(rest, id)
				}
			}
			s.rest = newTrie(pieces, rest)
			v.slices[kind][i] = s
		}
	}
	return v
}

// runOf counts the characters of a piece that is a run; 0 if it is none.
func runOf(p []byte) (n int, ascii bool) {
	ascii = true
	for len(p) > 0 {
		r, size := utf8.DecodeRune(p)
		if r < ' ' || r == '"' || r == '\\' || r == utf8.RuneError && size <= 1 {
			return 0, false
		}
		ascii = ascii && r <= '~'
		p = p[size:]
		n++
	}
	return n, ascii
}

// newTrie builds the trie of tokens that are sorted by their pieces.
func newTrie(pieces [][]byte, order []int32) trie {
	var t trie
	var open []int32 // path of nodes
	shut := func(depth int) {
		for _, n := range open[depth:] {
			t[n].end = int32(len(t))
		}
		open = open[:depth]
	}
	prev := []byte(nil)
	for _, id := range order {
		p := pieces[id]
		same := 0
		for same < len(p)-1 && same < len(prev) && p[same] == prev[same] { // a piece that is there twice gets another leaf
			same++
		}
		shut(same)
		for d := same; d < len(p); d++ {
			open = append(open, int32(len(t)))
			t = append(t, trieNode{token: int32(len(pieces)), b: p[d], depth: uint8(d)})
		}
		t[len(t)-1].token = id
		prev = p
	}
	shut(0)
	return t
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
	m.work = 0
	words := (v.nTokens + 63) / 64
	mask := make([]uint64, v.nTokens/64+1) // with room for the token that is none
	part := v.all
	if known, err := m.knownRuns(s, v); err != nil {
		return nil, err
	} else if known != nil {
		copy(mask, known.within)
		part = known.rest
	}
	if err := m.walk(s, part, mask); err != nil {
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

// walk adds the tokens of a trie that may follow s.
func (m *machine) walk(s *state, t trie, mask []uint64) error {
	var path [256]*state
	path[0] = s
	for i := 0; i < len(t); {
		n := &t[i]
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

// knownRuns returns the greatest part of the vocabulary that is known to be
// allowed after s, nil if none is.
func (m *machine) knownRuns(s *state, v *Vocab) (*slice, error) {
	for kind := range nRuns {
		room := 0
		for at := s; room < longestCount; room++ {
			next, err := m.runFrom(at, kind)
			if err != nil {
				return nil, err
			}
			if next == at { // and so on
				room = maxPieceBytes
				break
			}
			if next == dead {
				break
			}
			at = next
		}
		for i := len(runLengths) - 1; i >= 0; i-- {
			if room >= runLengths[i] {
				return &v.slices[kind][i], nil
			}
		}
	}
	return nil, nil
}

// runFrom is the one state that every character of a run leads to, dead if
// there is none.
func (m *machine) runFrom(s *state, kind int) (*state, error) {
	if s.run[kind] != nil {
		return s.run[kind], nil
	}
	to, err := m.only(s, m.ascii)
	if err == nil && to != dead && kind == runUTF8 {
		for _, way := range m.utf8 {
			end, err := m.onlyBehind(s, way)
			if err != nil {
				return nil, err
			}
			if end != to {
				to = dead
				break
			}
		}
	}
	if err != nil {
		return nil, err
	}
	s.run[kind] = to
	return to, nil
}

// only is the state that all of the bytes lead to, dead if they differ.
func (m *machine) only(s *state, bytes []byte) (*state, error) {
	var to *state
	for _, c := range bytes {
		next, err := m.step(s, c)
		if err != nil {
			return nil, err
		}
		if next == dead || to != nil && next != to {
			return dead, nil
		}
		to = next
	}
	return to, nil
}

// onlyBehind is the state that all texts of some bytes lead to, dead if they
// differ on the way.
func (m *machine) onlyBehind(s *state, way [][]byte) (*state, error) {
	var err error
	for _, bytes := range way {
		if s, err = m.only(s, bytes); err != nil || s == dead {
			return dead, err
		}
	}
	return s, nil
}

// findRuns notes one byte of each class that runs are made of.
func (m *machine) findRuns() {
	m.ascii = m.samplesOf(' ', '!', '#', '[', ']', '~')
	more := m.samplesOf(0x80, 0xbf)
	m.utf8 = [][][]byte{{m.samplesOf(0x7f, 0x7f)}}
	for _, lead := range utf8Leads {
		for _, c := range m.samplesOf(lead.lo, lead.hi) {
			way := [][]byte{{c}, m.samplesOf(lead.second[0], lead.second[1]), more, more}
			m.utf8 = append(m.utf8, way[:1+lead.nMore])
		}
	}
}

// samplesOf is one byte of each class in the ranges.
func (m *machine) samplesOf(ranges ...byte) (out []byte) {
	var seen [256]bool
	for i := 0; i < len(ranges); i += 2 {
		for c := int(ranges[i]); c <= int(ranges[i+1]); c++ {
			if id := m.classOf[c]; !seen[id] {
				seen[id] = true
				out = append(out, byte(c))
			}
		}
	}
	return out
}

// utf8Leads are the first bytes of characters of several bytes, what may
// follow them, and how many bytes do.
var utf8Leads = []struct {
	lo, hi byte
	second [2]byte
	nMore  int
}{
	{0xc2, 0xdf, [2]byte{0x80, 0xbf}, 1},
	{0xe0, 0xe0, [2]byte{0xa0, 0xbf}, 2}, {0xe1, 0xec, [2]byte{0x80, 0xbf}, 2}, {0xed, 0xed, [2]byte{0x80, 0x9f}, 2}, {0xee, 0xef, [2]byte{0x80, 0xbf}, 2},
	{0xf0, 0xf0, [2]byte{0x90, 0xbf}, 3}, {0xf1, 0xf3, [2]byte{0x80, 0xbf}, 3}, {0xf4, 0xf4, [2]byte{0x80, 0x8f}, 3},
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
