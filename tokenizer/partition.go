package tokenizer

import (
	"bytes"
	"slices"
	"sort"
)

type span struct{ start, end int }

// addSpan appends a span and joins it to the last one where they touch.
func addSpan(spans []span, s span) []span {
	if n := len(spans); n > 0 && spans[n-1].end == s.start {
		spans[n-1].end = s.end
		return spans
	}
	return append(spans, s)
}

// trust tells which special tokens may be read from which part of the text.
type trust struct {
	all    bool   // control tokens may come from anywhere
	spans  []span // or only from within one of these
	strict bool   // user-defined tokens that look like markup too
}

func (w trust) allows(t *Tokenizer, id Token, at span) bool {
	control := t.attrs[id]&(attrControl|attrUnknown) != 0
	if w.all || !control && !(w.strict && t.barred[id]) {
		return true
	}
	i := sort.Search(len(w.spans), func(i int) bool { return w.spans[i].end >= at.end })
	return i < len(w.spans) && w.spans[i].start <= at.start
}

// A fragment is a special token, or text between special tokens if token is
// NoToken.
type fragment struct {
	token      Token
	start, end int
}

// partition finds the special tokens in s.input. Longer tokens are looked for
// before shorter ones, each from left to right in the text that is left.
func (t *Tokenizer) partition(s *scratch, who trust) []fragment {
	frags := s.frags[0][:0]
	if len(s.input) > 0 {
		frags = append(frags, fragment{NoToken, 0, len(s.input)})
	}
	other := s.frags[1][:0]
	for _, index := range t.presentSpecials(s, who) {
		frags, other = t.splitAt(frags, other[:0], s.input, index, who), frags
	}
	s.frags[0], s.frags[1] = frags, other
	return frags
}

// presentSpecials lists the special tokens that occur in the text, in the
// order in which they are to be looked for. Most texts have none, and most
// vocabularies have hundreds.
func (t *Tokenizer) presentSpecials(s *scratch, who trust) []int32 {
	found := s.found[:0]
	if len(s.seen) < len(t.specials.tokens) {
		s.seen = make([]bool, len(t.specials.tokens))
	}
	trie := &t.specials.trie
	for i, c := range s.input {
		for node, p := trie.root[c], i+1; node >= 0; p++ {
			v := trie.nodes[node].value
			if v >= 0 && !s.seen[v] && who.allows(t, t.specials.tokens[v], span{i, p}) {
				s.seen[v] = true
				found = append(found, v)
			}
			if p == len(s.input) {
				break
			}
			node = trie.step(node, s.input[p])
		}
	}
	for _, v := range found {
		s.seen[v] = false
	}
	slices.Sort(found)
	s.found = found
	return found
}

// splitAt appends frags to dst with the occurrences of one special token cut
// out.
func (t *Tokenizer) splitAt(frags, dst []fragment, text []byte, index int32, who trust) []fragment {
	id := t.specials.tokens[index]
	piece := []byte(t.texts[id])
	for _, f := range frags {
		if f.token != NoToken {
			dst = append(dst, f)
			continue
		}
		for from := f.start; f.start < f.end; {
			i := bytes.Index(text[from:f.end], piece)
			if i < 0 {
				dst = append(dst, f)
				break
			}
			at := span{from + i, from + i + len(piece)}
			if !who.allows(t, id, at) {
				from = at.start + 1
				continue
			}
			left := at.start
			if t.attrs[id]&attrStripLeft != 0 {
				for left > f.start && isCSpace(text[left-1]) {
					left--
				}
			}
			if left > f.start {
				dst = append(dst, fragment{NoToken, f.start, left})
			}
			dst = append(dst, fragment{id, at.start, at.end})
			f.start = at.end
			if t.attrs[id]&attrStripRight != 0 {
				for f.start < f.end && isCSpace(text[f.start]) {
					f.start++
				}
			}
			from = f.start
		}
	}
	return dst
}

// isCSpace is isspace of the C locale.
func isCSpace(c byte) bool { return c == ' ' || '\t' <= c && c <= '\r' }
