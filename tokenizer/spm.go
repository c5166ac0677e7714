package tokenizer

import (
	"bytes"
	"math"
)

// spm is SentencePiece BPE: the merge with the best-scored result comes
// first; what is no piece in the end falls back to byte tokens.
type spm struct {
	t         *Tokenizer
	ranks     []uint32   // by id: place of the score, best first, in uint32 order
	ascii     [128]Token // pieces of one ASCII character
	byteToken [256]Token
	joints    jointSet
}

// spaceMark stands for a space in pieces: U+2581.
const spaceMark = "▁"

func (t *Tokenizer) initSPM(v *Vocab) {
	m := &spm{t: t, ranks: make([]uint32, len(t.texts))}
	for i := range m.ranks {
		switch {
		case t.barred[i]:
			m.ranks[i] = noRank
		case len(v.Scores) != 0:
			m.ranks[i] = rankOfScore(v.Scores[i])
		}
	}
	for c := range m.ascii {
		m.ascii[c] = t.lookup([]byte{byte(c)})
	}
	t.fillByteTokens(&m.byteToken)
	m.joints = newJointSet(jointCount(t.texts))
	for _, s := range t.texts {
		m.joints.addPiece(s)
	}
	t.encodeText = m.encode
}

// lookup finds the token of a piece that ordinary text may yield.
func (t *Tokenizer) lookup(piece []byte) Token {
	if id, ok := t.ids[string(piece)]; ok && !t.barred[id] {
		return id
	}
	return NoToken
}

// rankOfScore orders scores: a higher score has a smaller rank. Ranks of
// numbers are below noRank.
func rankOfScore(score float32) uint32 {
	b := math.Float32bits(score + 0) // -0 and +0 rank alike
	if b>>31 != 0 {
		return b
	}
	return 1<<31 - 1 - b
}

// fillByteTokens finds the tokens that stand for one byte: "<0x41>", or the
// byte itself.
func (t *Tokenizer) fillByteTokens(tokens *[256]Token) {
	t.fillHexTokens(tokens)
	for b := range tokens {
		if tokens[b] == NoToken {
			tokens[b] = t.idOr(string([]byte{byte(b)}))
		}
	}
}

// fillHexTokens finds the tokens "<0x00>" to "<0xFF>".
func (t *Tokenizer) fillHexTokens(tokens *[256]Token) {
	const hex = "0123456789ABCDEF"
	for b := range tokens {
		tokens[b] = t.idOr("<0x" + string(hex[b>>4]) + string(hex[b&15]) + ">")
	}
}

// pair implements mergeRule; values are token ids.
func (m *spm) pair(text []byte, _, _ int32) (rank uint32, merged int32) {
	if len(text) > m.t.maxTokenBytes {
		return noRank, 0
	}
	id, ok := m.t.ids[string(text)]
	if !ok {
		return noRank, 0
	}
	return m.ranks[id], id
}

// encode works on the text in chunks between which no piece reaches.
func (m *spm) encode(s *scratch, dst []Token, text []byte, atStart bool) []Token {
	s.work = s.work[:0]
	if m.t.addSpacePrefix && atStart {
		s.work = append(s.work, spaceMark...)
	}
	s.work = appendEscaped(s.work, text)
	text = s.work
	s.m.rule = m
	s.m.reset()
	start, before := 0, symbolKey(0)
	for i := 0; i < len(text); {
		n := symbolLen(text[i:])
		key := keyOf(text[i : i+n])
		if i > start && (!m.joints.has(before, key) || i-start >= maxChunkBytes) {
			dst = m.finish(s, dst, text[start:i])
			start = i
		}
		s.m.add(i-start, m.symbol(text[i:i+n]))
		i += n
		before = key
	}
	return m.finish(s, dst, text[start:])
}

// symbol is the token of one character, or NoToken.
func (m *spm) symbol(c []byte) Token {
	if c[0] < 0x80 {
		return m.ascii[c[0]]
	}
	return m.t.lookup(c)
}

// finish merges the chunk and appends its tokens.
func (m *spm) finish(s *scratch, dst []Token, chunk []byte) []Token {
	s.m.run(chunk)
	for i, id := range s.m.values {
		if id != NoToken {
			dst = append(dst, id)
			continue
		}
		dst = m.appendBytes(dst, chunk[s.m.starts[i]:s.m.starts[i+1]])
	}
	s.m.reset()
	return dst
}

// appendBytes writes a character that is no piece as byte tokens. A
// vocabulary without them gets one UNK for the character.
func (m *spm) appendBytes(dst []Token, c []byte) []Token {
	n := len(dst)
	for _, b := range c {
		id := m.byteToken[b]
		if id == NoToken {
			dst = dst[:n]
			if m.t.unk != NoToken {
				dst = append(dst, m.t.unk)
			}
			return dst
		}
		dst = append(dst, id)
	}
	return dst
}

// appendEscaped appends text with spaces as U+2581.
func appendEscaped(dst, text []byte) []byte {
	for {
		i := bytes.IndexByte(text, ' ')
		if i < 0 {
			return append(dst, text...)
		}
		dst = append(dst, text[:i]...)
		dst = append(dst, spaceMark...)
		text = text[i+1:]
	}
}

// symbolLen is the length that the first byte of a character announces, at
// most what is left. Invalid UTF-8 is cut by the same rule.
func symbolLen(text []byte) int {
	return min(int("\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x02\x02\x03\x04"[text[0]>>4]), len(text))
}
