package tokenizer

import (
	"bytes"
	"strings"
)

// bpe is byte-pair encoding with a list of merges: the merge that stands
// first in the list comes first. Symbols start as bytes, or as code points
// where the pre-tokeniser says so ("gemma4").
//
// Pieces of a byte-level vocabulary spell bytes as printable characters; see
// byteAlphabet. The text itself is never respelled.
type bpe struct {
	t   *Tokenizer
	pre *preTokenizer

	pairs    pairTable
	tokens   []Token // by symbol; NoToken for one that only occurs in merges
	byteSyms [256]int32
	// What a byte yields if its symbol is no token in the end.
	fallback [256][]Token

	joints     byteJoints       // byte-level
	words      map[string]Token // byte-level: pieces as the bytes they spell, if wholeWords
	runeSyms   map[string]int32 // code points
	runeJoints jointSet
}

// unknownSymbol is a character that is in no piece and no merge.
const unknownSymbol int32 = -1

func (t *Tokenizer) initBPE(v *Vocab) error {
	name := v.Pre
	if v.Model == "gemma4" {
		name = "gemma4"
	} else if name == "" {
		name = "default"
	}
	pre, ok := preTokenizers[name]
	if !ok {
		return vocabErrorf("pre", -1, "pre-tokeniser %q is not known", name)
	}
	m := &bpe{t: t, pre: pre}
	if v.Merges == nil && name != "kimi-k2" {
		return vocabErrorf("merges", -1, "a BPE vocabulary needs merges")
	}
	if len(v.Merges) > maxTokens {
		return vocabErrorf("merges", -1, "%d merges, at most %d are supported", len(v.Merges), maxTokens)
	}
	t.applyPre(v, pre)
	m.loadMerges(v.Merges)
	t.encodeText = m.encode
	return nil
}

// applyPre sets what depends on the pre-tokeniser's name.
func (t *Tokenizer) applyPre(v *Vocab, pre *preTokenizer) {
	if v.AddBOS == nil {
		t.addBOS = pre.addBOS
	}
	if v.AddSEP == nil {
		t.addSEP = pre.addSEP
	}
	t.addBOS = t.addBOS || pre.forceBOS
	if pre.noBOS && v.BOS == nil {
		t.bos = NoToken
	}
	t.escapeSpaces = pre.codePoints
	t.cleanSpaces = !pre.keepSpaces
}

// loadMerges gives every piece and every result of a merge a symbol.
func (m *bpe) loadMerges(merges []string) {
	syms := make(map[string]int32, len(m.t.texts)+len(merges)/8)
	symbol := func(s string) int32 {
		if id, ok := syms[s]; ok {
			return id
		}
		id := int32(len(m.tokens))
		syms[s] = id
		m.tokens = append(m.tokens, m.t.lookup([]byte(s)))
		return id
	}
	for b := range m.byteSyms {
		m.byteSyms[b] = symbol(byteAlphabet[b])
	}
	m.pairs = newPairTable(len(merges))
	if m.pre.codePoints {
		m.runeJoints = newJointSet(len(merges))
	}
	for rank, line := range merges {
		left, right, ok := splitMerge(line)
		if !ok {
			continue
		}
		if id, ok := m.t.ids[left+right]; ok && m.t.barred[id] {
			continue
		}
		m.pairs.add(symbol(left), symbol(right), uint32(rank), symbol(left+right))
		m.addJoint(left, right)
	}
	if m.pre.codePoints {
		for _, s := range m.t.texts {
			if s != "" && symbolLen([]byte(s)) == len(s) {
				symbol(s)
			}
		}
		m.runeSyms = syms
	}
	m.setFallback()
	if m.pre.wholeWords {
		m.words = make(map[string]Token, len(m.t.texts))
		for id, s := range m.t.texts {
			if raw, ok := spelledBytes(s); ok && !m.t.barred[id] {
				m.words[raw] = Token(id)
			}
		}
	}
}

// splitMerge cuts a merge at its first space that is not the first character.
func splitMerge(line string) (left, right string, ok bool) {
	if len(line) < 2 {
		return "", "", false
	}
	i := strings.IndexByte(line[1:], ' ')
	if i < 0 {
		return "", "", false
	}
	return line[:i+1], line[i+2:], true
}

// addJoint notes the two characters between which the merge happens.
func (m *bpe) addJoint(left, right string) {
	if right == "" {
		return
	}
	if m.pre.codePoints {
		m.runeJoints.add(lastKey([]byte(left)), keyOf([]byte(right)[:symbolLen([]byte(right))]))
		return
	}
	a, okA := byteOfRune[lastRune(left)]
	b, okB := byteOfRune[firstRune(right)]
	if okA && okB {
		m.joints.add(a, b)
	}
}

// setFallback finds what is left of a byte whose symbol is no token: the
// one-byte tokens of its spelling, or "<0x0A>" where symbols are code points.
func (m *bpe) setFallback() {
	var byteTokens [256]Token
	if m.pre.codePoints {
		m.t.fillHexTokens(&byteTokens)
	}
	for b := range m.fallback {
		if m.pre.codePoints {
			if id := byteTokens[b]; id != NoToken {
				m.fallback[b] = []Token{id}
			}
			continue
		}
		for _, c := range []byte(byteAlphabet[b]) {
			if id := m.t.idOr(string([]byte{c})); id != NoToken {
				m.fallback[b] = append(m.fallback[b], id)
			}
		}
	}
}

// pair implements mergeRule; values are symbols.
func (m *bpe) pair(_ []byte, left, right int32) (rank uint32, merged int32) {
	return m.pairs.get(left, right)
}

func (m *bpe) encode(s *scratch, dst []Token, text []byte, _ bool) []Token {
	if m.pre.codePoints {
		s.work = appendEscaped(s.work[:0], text)
		text = s.work
	}
	s.scan.text = wellFormed(text, &s.fixed)
	s.scan.classes = classes()
	s.m.rule = m
	s.m.reset()
	start := 0
	for _, end := range m.pre.cut(&s.scan, &s.ends) {
		dst = m.encodeWord(s, dst, s.scan.text[start:end])
		start = int(end)
	}
	s.scan.text = nil
	return dst
}

// encodeWord appends the tokens of one piece of the pre-tokeniser.
func (m *bpe) encodeWord(s *scratch, dst []Token, word []byte) []Token {
	if m.pre.codePoints {
		return m.encodeRunes(s, dst, word)
	}
	if m.words != nil && len(word) <= m.t.maxTokenBytes {
		if id, ok := m.words[string(word)]; ok {
			return append(dst, id)
		}
	}
	start := 0
	for i, b := range word {
		if i > start && (!m.joints.has(word[i-1], b) || i-start >= maxChunkBytes) {
			dst = m.finish(s, dst, word[start:i])
			start = i
		}
		s.m.add(i-start, m.byteSyms[b])
	}
	return m.finish(s, dst, word[start:])
}

// encodeRunes is encodeWord for vocabularies of code points.
func (m *bpe) encodeRunes(s *scratch, dst []Token, word []byte) []Token {
	newlines := word[0] == '\n' // a piece is newlines or has none
	if m.pre.wholeNewline && newlines && len(word) <= m.t.maxTokenBytes {
		if id := m.t.lookup(word); id != NoToken {
			return append(dst, id)
		}
	}
	if m.pre.spacePrefix && !newlines && !bytes.HasPrefix(word, []byte(spaceMark)) {
		s.word = append(append(s.word[:0], spaceMark...), word...)
		word = s.word
	}
	start, before := 0, symbolKey(0)
	for i := 0; i < len(word); {
		n := symbolLen(word[i:])
		key := keyOf(word[i : i+n])
		if i > start && (!m.runeJoints.has(before, key) || i-start >= maxChunkBytes) {
			dst = m.finish(s, dst, word[start:i])
			start = i
		}
		sym, ok := m.runeSyms[string(word[i:i+n])]
		if !ok {
			sym = unknownSymbol
		}
		s.m.add(i-start, sym)
		i += n
		before = key
	}
	return m.finish(s, dst, word[start:])
}

// finish merges the chunk and appends its tokens.
func (m *bpe) finish(s *scratch, dst []Token, chunk []byte) []Token {
	s.m.run(chunk)
	for i, sym := range s.m.values {
		if sym != unknownSymbol && m.tokens[sym] != NoToken {
			dst = append(dst, m.tokens[sym])
			continue
		}
		for _, b := range chunk[s.m.starts[i]:s.m.starts[i+1]] {
			dst = append(dst, m.fallback[b]...)
		}
	}
	s.m.reset()
	return dst
}

// pairTable maps pairs of symbols to rank and result: an open hash table,
// since a merge asks it for every pair of neighbours.
type pairTable struct {
	slots []pairSlot
	shift uint
}

type pairSlot struct {
	left, right int32
	rank        uint32
	merged      int32
}

func newPairTable(n int) pairTable {
	log := uint(4)
	for 1<<log < 2*n {
		log++
	}
	p := pairTable{slots: make([]pairSlot, 1<<log), shift: 64 - log}
	for i := range p.slots {
		p.slots[i].rank = noRank
	}
	return p
}

func (p *pairTable) slot(left, right int32) uint64 {
	return (uint64(uint32(left))<<32 | uint64(uint32(right))) * 0x9E3779B97F4A7C15 >> p.shift
}

// add enters a pair; the first entry of a pair counts.
func (p *pairTable) add(left, right int32, rank uint32, merged int32) {
	for i := p.slot(left, right); ; i = (i + 1) & uint64(len(p.slots)-1) {
		s := &p.slots[i]
		if s.rank == noRank {
			*s = pairSlot{left, right, rank, merged}
			return
		}
		if s.left == left && s.right == right {
			return
		}
	}
}

func (p *pairTable) get(left, right int32) (rank uint32, merged int32) {
	for i := p.slot(left, right); ; i = (i + 1) & uint64(len(p.slots)-1) {
		s := &p.slots[i]
		if s.rank == noRank || s.left == left && s.right == right {
			return s.rank, s.merged
		}
	}
}
