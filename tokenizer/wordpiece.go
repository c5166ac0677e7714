package tokenizer

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// wordPiece is BERT's scheme: the text is normalised and cut into words, and
// each word is spelled by the longest pieces from left to right, or becomes
// UNK as a whole. Pieces that begin a word carry U+2581.
type wordPiece struct {
	t            *Tokenizer
	pieces       trie
	ids          []Token // by value in pieces
	lowercase    bool
	stripAccents bool
}

func (t *Tokenizer) initWordPiece(v *Vocab) {
	m := &wordPiece{t: t, lowercase: true}
	var pieces []string
	for i, s := range t.texts {
		if !t.barred[i] {
			pieces = append(pieces, s)
			m.ids = append(m.ids, Token(i))
		}
	}
	m.pieces = newTrie(pieces)
	if v.Lowercase != nil {
		m.lowercase = *v.Lowercase
	}
	m.stripAccents = m.lowercase
	if v.StripAccents != nil {
		m.stripAccents = *v.StripAccents
	}
	t.encodeText = m.encode
}

// encode collects a word in s.work and spells it when it ends.
func (m *wordPiece) encode(s *scratch, dst []Token, text []byte, _ bool) []Token {
	s.scan.text = wellFormed(text, &s.fixed)
	s.scan.classes = classes()
	end := len(s.scan.text)
	s.work = s.work[:0]
	for p := 0; p < end; {
		r, c, n := s.scan.at(p, end)
		p += n
		if m.stripAccents && r >= 0xC0 && c&isControl == 0 {
			r = baseRune(r)
			c = s.scan.classes.of(r)
		}
		if c&isSpace != 0 {
			dst = m.finish(s, dst)
			continue
		}
		if r == 0 || r == utf8.RuneError || c&isControl != 0 || m.stripAccents && c&isMark != 0 {
			continue
		}
		alone := c&isPunct != 0 || r < 0x7F && c&isSymbol != 0 || isIdeograph(r)
		if m.lowercase {
			r = unicode.ToLower(r)
		}
		if alone {
			dst = m.finish(s, dst)
		}
		s.work = utf8.AppendRune(s.work, r)
		if alone {
			dst = m.finish(s, dst)
		}
	}
	s.scan.text = nil
	return m.finish(s, dst)
}

// finish appends the tokens of the word in s.work and empties it.
func (m *wordPiece) finish(s *scratch, dst []Token) []Token {
	if len(s.work) == 0 {
		return dst
	}
	before := len(dst)
	node, rest := m.wordStart(), s.work
	for first := true; len(rest) > 0; first = false {
		id, n := m.longest(rest, node, first)
		if id == NoToken {
			dst = dst[:before]
			break
		}
		dst = append(dst, id)
		rest = rest[n:]
		s.scan.steps += n
	}
	if len(dst) == before && m.t.unk != NoToken {
		dst = append(dst, m.t.unk)
	}
	s.work = s.work[:0]
	return dst
}

// wordStart is the node of U+2581, or -1.
func (m *wordPiece) wordStart() int32 {
	node := m.pieces.root[spaceMark[0]]
	for i := 1; i < len(spaceMark) && node >= 0; i++ {
		node = m.pieces.step(node, spaceMark[i])
	}
	return node
}

// longest finds the longest piece that text begins with. The first piece of a
// word continues U+2581, whose node is given; U+2581 alone may be a piece.
func (m *wordPiece) longest(text []byte, mark int32, first bool) (Token, int) {
	node, n := mark, 0
	if !first {
		node, n = m.pieces.root[text[0]], 1
	}
	id, length := NoToken, 0
	for node >= 0 {
		if v := m.pieces.nodes[node].value; v >= 0 {
			id, length = m.ids[v], n
		}
		if n == len(text) {
			break
		}
		node = m.pieces.step(node, text[n])
		n++
	}
	return id, length
}

// baseRune is the first code point of the canonical decomposition.
func baseRune(r rune) rune {
	const firstSyllable, lastSyllable, syllablesPerLead, firstLead = 0xAC00, 0xD7A3, 588, 0x1100
	if firstSyllable <= r && r <= lastSyllable {
		return firstLead + (r-firstSyllable)/syllablesPerLead
	}
	var buf [utf8.UTFMax]byte
	if d := norm.NFD.Properties(buf[:utf8.EncodeRune(buf[:], r)]).Decomposition(); len(d) > 0 {
		r, _ = utf8.DecodeRune(d)
	}
	return r
}

// isIdeograph tells what BERT takes for Chinese characters, each of which is a
// word. The gap after U+2B81F is its authors'.
func isIdeograph(r rune) bool { return r >= 0x3400 && within(r, ideographs) }

var ideographs = []charRange{{0x3400, 0x4DBF}, {0x4E00, 0x9FFF}, {0xF900, 0xFAFF}, {0x20000, 0x2A6DF},
	{0x2A700, 0x2B73F}, {0x2B740, 0x2B81F}, {0x2B920, 0x2CEAF}, {0x2F800, 0x2FA1F}}
