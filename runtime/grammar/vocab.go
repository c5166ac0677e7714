package grammar

import (
	"math/bits"
	"slices"
	"unicode/utf8"
)

// Vocab is a vocabulary prepared for masks. It is immutable and shared by all
// grammars.
type Vocab struct {
	nTokens int
	eog     []int32 // tokens that end the text
	trie    []trieNode
	special []trieNode                  // of special tokens alone
	text    []uint64                    // tokens that a text may hold, one bit a token
	having  [nGroups]tokenSet           // tokens with a character of a group
	longer  [maxPieceBytes + 1]tokenSet // tokens of more characters than so many
	missing byteSet                     // bytes that no token spells alone
}

// trieNode is a place in the trie of all tokens; nodes lie in depth-first order.
type trieNode struct {
	end    int32    // index behind the node's subtree
	token  int32    // spelled by the node; nTokens for none
	groups groupSet // of the characters of all tokens at the node and below
	chars  uint8    // the most characters that one of these has
	b      byte
	depth  uint8 // root children: 0
}

// maxPieceBytes is the length above which a token is never allowed: such
// tokens are runs of blanks or rules that no constrained text needs.
const maxPieceBytes = 48

// groupSet is a set of groups of characters, as bits. Tokens are told apart by
// the groups they have, so that those of many can be allowed or left out at once.
type groupSet uint64

// The groups: letters have one each, and so have the characters that JSON and
// identifiers treat in their own way.
const (
	digits groupSet = 1 << (52 + iota)
	blank
	quote
	backslash
	underscore
	dash
	dot
	prose   // , : ; ! ? '
	marks   // other printable ASCII
	control // and DEL
	beyond  // characters beyond ASCII, whole
	broken  // parts of such characters
	nGroups = 64
)

// isSpecial reports whether a token has a character that ends or interrupts a
// string, or is longer than runs where each character leads on to other states:
// in most states these tokens alone need be walked.
func isSpecial(groups groupSet, chars int) bool {
	return groups&specialGroups != 0 || chars > longestRun
}

const specialGroups = quote | backslash | control | broken

// groupOf is the group of each byte of ASCII.
var groupOf = func() (of [utf8.RuneSelf]groupSet) {
	for c := range of {
		switch b := byte(c); {
		case b >= 'a' && b <= 'z':
			of[c] = 1 << (b - 'a')
		case b >= 'A' && b <= 'Z':
			of[c] = 1 << (26 + b - 'A')
		case b >= '0' && b <= '9':
			of[c] = digits
		case b < ' ' || b == 0x7f:
			of[c] = control
		default:
			of[c] = marks
		}
	}
	of[' '], of['"'], of['\\'], of['_'], of['-'], of['.'] = blank, quote, backslash, underscore, dash, dot
	for _, c := range ",:;!?'" {
		of[c] = prose
	}
	return of
}()

// groupsOf is the groups of a piece's characters, and their number.
func groupsOf(piece []byte) (groups groupSet, chars int) {
	for len(piece) > 0 {
		r, size := utf8.DecodeRune(piece)
		switch {
		case r < utf8.RuneSelf:
			groups |= groupOf[r]
		case r == utf8.RuneError && size <= 1:
			groups |= broken
		default:
			groups |= beyond
		}
		piece = piece[size:]
		chars++
	}
	return groups, chars
}

// tokenSet is a set of tokens, by bits or, where they are few, one by one.
type tokenSet struct {
	bits []uint64
	list []int32
}

func newTokenSet(list []int32, nTokens int) tokenSet {
	words := (nTokens + 63) / 64
	if len(list) < words {
		return tokenSet{list: slices.Clone(list)}
	}
	s := tokenSet{bits: make([]uint64, words)}
	for _, id := range list {
		s.bits[id>>6] |= 1 << (id & 63)
	}
	return s
}

// takeFrom takes the tokens out of a mask.
func (s tokenSet) takeFrom(mask []uint64) {
	for i, w := range s.bits {
		mask[i] &^= w
	}
	for _, id := range s.list {
		mask[id>>6] &^= 1 << (id & 63)
	}
}

// NewVocab prepares a vocabulary. pieces[i] holds the bytes that token i adds
// to the text; an empty piece (control tokens) is never allowed. eog lists the
// tokens that end an answer.
func NewVocab(pieces [][]byte, eog []int32) *Vocab {
	v := &Vocab{nTokens: len(pieces), eog: eog, text: make([]uint64, (len(pieces)+63)/64)}
	v.missing.add(0, 255)
	order := make([]int32, 0, len(pieces))
	for i, p := range pieces {
		if len(p) == 0 || len(p) > maxPieceBytes || slices.Contains(eog, int32(i)) { // what ends the text never is text
			continue
		}
		order = append(order, int32(i))
		v.text[i>>6] |= 1 << (i & 63)
		if len(p) == 1 {
			v.missing[p[0]>>6] &^= 1 << (p[0] & 63)
		}
	}
	v.sort(pieces, order)
	slices.SortFunc(order, func(a, b int32) int { return slices.Compare(pieces[a], pieces[b]) })
	v.trie = plant(pieces, order)
	v.special = plant(pieces, slices.DeleteFunc(order, func(id int32) bool { return !isSpecial(groupsOf(pieces[id])) }))
	return v
}

// sort notes what characters tokens have.
func (v *Vocab) sort(pieces [][]byte, tokens []int32) {
	var having [nGroups][]int32
	var longer [maxPieceBytes + 1][]int32
	for _, id := range tokens {
		groups, chars := groupsOf(pieces[id])
		for g := groups; g != 0; g &= g - 1 {
			i := bits.TrailingZeros64(uint64(g))
			having[i] = append(having[i], id)
		}
		for n := range chars {
			longer[n] = append(longer[n], id)
		}
	}
	for i, list := range having {
		v.having[i] = newTokenSet(list, v.nTokens)
	}
	for i, list := range longer {
		v.longer[i] = newTokenSet(list, v.nTokens)
	}
}

// plant builds the trie of tokens that are sorted by their pieces.
func plant(pieces [][]byte, order []int32) []trieNode {
	var t []trieNode
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
		groups, chars := groupsOf(p)
		for _, n := range open {
			t[n].groups |= groups
			t[n].chars = max(t[n].chars, uint8(chars))
		}
		prev = p
	}
	shut(0)
	return slices.Clip(t)
}

// addRuns sets in mask the tokens of at most so many characters, all of some groups.
func (v *Vocab) addRuns(mask []uint64, groups groupSet, chars int) {
	copy(mask, v.text)
	for g := ^groups; g != 0; g &= g - 1 {
		v.having[bits.TrailingZeros64(uint64(g))].takeFrom(mask)
	}
	v.longer[chars].takeFrom(mask)
}

// NTokens is the size of the vocabulary.
func (v *Vocab) NTokens() int { return v.nTokens }
