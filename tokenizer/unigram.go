package tokenizer

import (
	"math"
	"slices"
	"unicode/utf8"
)

// unigram picks, among all ways to spell a text with pieces, the one whose
// scores sum to the most (Viterbi). A character that no piece spells is UNK,
// at a score below every piece's; neighbouring UNKs become one.
type unigram struct {
	t            *Tokenizer
	chars        *charsMap
	pieces       trie    // normal, user-defined and unused pieces
	ids          []Token // by value in pieces
	userDefined  trie    // left alone by normalisation
	joints       jointSet
	scores       []float64 // by id
	unknownScore float64
}

// unknownPenalty is how far an unknown character scores below the worst piece.
const unknownPenalty = 10

func (t *Tokenizer) initUnigram(v *Vocab) error {
	chars, err := newCharsMap(v.CharsMap)
	if err != nil {
		return err
	}
	m := &unigram{t: t, chars: chars, scores: make([]float64, len(t.texts))}
	worst := float32(math.MaxFloat32)
	var texts, user []string
	for i, s := range t.texts {
		score := float32(0)
		if len(v.Scores) != 0 {
			score = v.Scores[i]
		}
		m.scores[i] = float64(score)
		typ := Normal
		if len(v.Types) != 0 {
			typ = v.Types[i]
		}
		if typ == Normal {
			worst = min(worst, score)
		}
		if (typ == Normal || typ == UserDefined || typ == Unused) && !t.barred[i] {
			texts = append(texts, s)
			m.ids = append(m.ids, Token(i))
		}
		if typ == UserDefined {
			user = append(user, s)
		}
	}
	m.unknownScore = float64(worst - unknownPenalty)
	m.pieces, m.userDefined = newTrie(texts), newTrie(user)
	m.joints = newJointSet(jointCount(texts))
	for _, s := range texts {
		m.joints.addPiece(s)
	}
	t.encodeText = m.encode
	return nil
}

func (m *unigram) encode(s *scratch, dst []Token, text []byte, _ bool) []Token {
	s.work = m.normalize(s.work[:0], text)
	text = s.work
	before := len(dst)
	start, last, sum := 0, symbolKey(0), 0.0
	for i := 0; i < len(text); {
		n := symbolLen(text[i:])
		key := keyOf(text[i : i+n])
		if i > start && (!m.joints.has(last, key) || i-start >= maxChunkBytes) {
			dst, sum = m.spell(s, dst, before, text[start:i], sum)
			start = i
		}
		i += n
		last = key
	}
	if start < len(text) {
		dst, _ = m.spell(s, dst, before, text[start:], sum)
	}
	return dst
}

// lattice is the state of spell: the best way to reach each place.
type lattice struct {
	steps []latticeStep
	sums  []float64 // ring by place
	path  []Token
}

// wipe clears what a text has left behind.
func (l *lattice) wipe() {
	clear(l.steps[:cap(l.steps)])
	clear(l.sums)
	clear(l.path[:cap(l.path)])
}

type latticeStep struct {
	token  Token
	length int32 // bytes of the piece; 0: not reached
}

// spell appends the best pieces of a chunk to dst. before is the length that
// dst had when the text began. sum is the score so far: carrying it on keeps
// the roundings those of one pass over the whole text.
func (m *unigram) spell(s *scratch, dst []Token, before int, chunk []byte, sum float64) ([]Token, float64) {
	l := &s.lattice
	ring := 1
	for ring < m.t.maxTokenBytes+utf8.UTFMax+1 {
		ring *= 2
	}
	if len(l.sums) < ring {
		l.sums = make([]float64, ring)
	}
	mask := len(l.sums) - 1
	l.steps = slices.Grow(l.steps[:0], len(chunk)+1)[:len(chunk)+1]
	clear(l.steps)
	reach := func(from, to int, token Token, score float64) {
		if st := &l.steps[to]; st.length == 0 || score > l.sums[to&mask] {
			*st = latticeStep{token, int32(to - from)}
			l.sums[to&mask] = score
		}
	}
	l.sums[0] = sum
	for from := 0; from < len(chunk); {
		n := symbolLen(chunk[from:])
		base := l.sums[from&mask]
		whole := false // some piece is exactly this character
		node := m.pieces.root[chunk[from]]
		for to := from + 1; node >= 0; to++ {
			if v := m.pieces.nodes[node].value; v >= 0 {
				whole = whole || to-from == n
				reach(from, to, m.ids[v], base+m.score(m.ids[v]))
			}
			s.scan.steps++
			if to == len(chunk) {
				break
			}
			node = m.pieces.step(node, chunk[to])
		}
		if !whole {
			reach(from, from+n, m.t.unk, base+m.unknownScore)
		}
		from += n
	}
	sum = l.sums[len(chunk)&mask]
	l.path = l.path[:0]
	for at := len(chunk); at > 0; at -= int(l.steps[at].length) {
		l.path = append(l.path, l.steps[at].token)
	}
	for _, id := range slices.Backward(l.path) {
		if id == m.t.unk && len(dst) > before && dst[len(dst)-1] == id || id == NoToken {
			continue
		}
		dst = append(dst, id)
	}
	return dst, sum
}

// score is a piece's; user-defined pieces win over all others.
func (m *unigram) score(id Token) float64 {
	if m.t.attrs[id]&attrUserDefined != 0 {
		return 0
	}
	return m.scores[id]
}

// normalize appends text with characters replaced as the vocabulary's map
// says and with spaces as U+2581.
func (m *unigram) normalize(dst, text []byte) []byte {
	prefix, merge := m.t.addSpacePrefix, m.t.removeExtraSpaces
	inWord := false
	for len(text) > 0 {
		out, n := m.normalPrefix(text)
		text = text[n:]
		for _, c := range out {
			switch {
			case c != ' ':
				if !inWord && (prefix || merge) {
					dst = append(dst, spaceMark...)
					prefix = false
				}
				inWord = true
				dst = append(dst, c)
			default:
				inWord = false
				if !merge {
					dst = append(dst, spaceMark...)
				}
			}
		}
	}
	return dst
}

// normalPrefix returns what the first n bytes of text become.
func (m *unigram) normalPrefix(text []byte) (out []byte, n int) {
	if n := m.userDefined.depth(text); n > 0 {
		return text[:n], n
	}
	if m.chars != nil {
		if out, n := m.chars.longest(text); n > 0 {
			return out, n
		}
	}
	if r, n := decodeLoose(text); r != utf8.RuneError || n > 1 {
		return text[:n], n
	}
	return replacement, 1
}

var replacement = []byte("\uFFFD")
