package tokenizer

import (
	"bytes"
	"strings"
)

// wordPattern is the shape that most modern pre-tokenisers share, in the order
// in which the alternatives are tried:
//
//	(?i:'s|'t|'re|'ve|'m|'ll|'d)   if contractions
//	word                           such as [^\r\n\p{L}\p{N}]?\p{L}+
//	\p{N}{1,digits}
//	 ?[^\s\p{L}\p{N}]+[\r\n]*      the last part being tail
//	\s*[\r\n]+|\s+(?!\S)|\s+
//
// Together they match every character, so a text falls into pieces without
// gaps.
type wordPattern struct {
	contractions bool
	// word returns the end of the word at p, or p if there is none.
	word      func(s *scanner, p, end int) int
	digits    int
	noPunct   class  // classes that are not punctuation
	tail      string // characters that may follow punctuation
	tailOnce  bool
	smallGaps bool // white space comes in pieces of 512, 256, … 2, 1
}

var (
	wordsLlama3 = wordPattern{contractions: true, word: letters(isLetter), digits: 3, tail: "\r\n",
		noPunct: isSpace | isLetter | isNumber}
	wordsJais2 = wordPattern{contractions: true, word: letters(isLetter), digits: 3, tail: "\r\n",
		noPunct: isSpace | isLetter | isNumber, smallGaps: true}
	wordsHorizon = wordPattern{contractions: true, word: joinedLetters, digits: 3, tail: "\r\n",
		noPunct: isSpace | isLetter | isNumber}
	wordsQwen2 = wordPattern{contractions: true, word: letters(isLetter), digits: 1, tail: "\r\n",
		noPunct: isSpace | isLetter | isNumber}
	wordsSeedCoder = wordPattern{contractions: true, word: letters(isLetter), digits: 1,
		noPunct: isSpace | isLetter | isNumber}
	wordsUfakzeka = wordPattern{word: letters(isLetter), digits: 1, tail: "\r\n",
		noPunct: isSpace | isLetter | isNumber}
	wordsQwen35 = wordPattern{contractions: true, word: letters(isLetter | isMark), digits: 1, tail: "\r\n",
		noPunct: isSpace | isLetter | isMark | isNumber}
	wordsExaoneMoE = wordPattern{contractions: true, word: phrase, digits: 1, tail: "\r\n/", tailOnce: true,
		noPunct: isSpace | isLetter | isNumber}
	wordsTekken = wordPattern{word: casedWord(isLetter, false), digits: 1, tail: "\r\n/",
		noPunct: isSpace | isLetter | isNumber}
	wordsGPT4o = wordPattern{word: casedWord(isLetter, true), digits: 3, tail: "\r\n/",
		noPunct: isSpace | isLetter | isNumber}
	wordsGranite = wordPattern{word: casedWord(isLetter|isMark, true), digits: 3, tail: "\r\n/",
		noPunct: isSpace | isLetter | isNumber}
	wordsAya = wordPattern{word: contracted(letters(isLetter | isMark)), digits: 3, tail: "\r\n/",
		noPunct: isSpace | isLetter | isNumber}
	wordsYoutu = wordPattern{word: contracted(letters(isLetter | isMark)), digits: 1, tail: "\r\n/",
		noPunct: isSpace | isLetter | isNumber}
	wordsKimi = wordPattern{word: hanOrWord, digits: 3, tail: "\r\n",
		noPunct: isSpace | isLetter | isNumber}
)

// split is the pattern's stage.
func (w *wordPattern) split(dst []int32, s *scanner, start, end int) []int32 {
	for p := start; p < end; {
		q := p
		if w.contractions {
			q = contraction(s, p, end)
		}
		if q == p {
			q = w.word(s, p, end)
		}
		if q == p {
			q = number(s, p, end, w.digits)
		}
		if q == p {
			q = w.punctuation(s, p, end)
		}
		if q == p {
			dst, q = w.space(dst, s, p, end)
		}
		p = q
		dst = append(dst, int32(p))
	}
	return dst
}

// contraction matches (?i:'s|'t|'re|'ve|'m|'ll|'d).
func contraction(s *scanner, p, end int) int {
	if p+1 >= end || s.text[p] != '\'' {
		return p
	}
	switch a := s.text[p+1] | 0x20; a {
	case 's', 't', 'm', 'd':
		return p + 2
	case 'r', 'v', 'l':
		want := byte('e')
		if a == 'l' {
			want = 'l'
		}
		if p+2 < end && s.text[p+2]|0x20 == want {
			return p + 3
		}
	}
	return p
}

// number matches \p{N}{1,limit}.
func number(s *scanner, p, end, limit int) int {
	for range limit {
		c, n := s.class(p, end)
		if c&isNumber == 0 {
			break
		}
		p += n
	}
	return p
}

// punctuation matches " ?[^noPunct]+[tail]*".
func (w *wordPattern) punctuation(s *scanner, p, end int) int {
	q := p
	if s.text[p] == ' ' {
		q++
	}
	r := s.skipOther(q, end, w.noPunct)
	if r == q {
		return p
	}
	for r < end && strings.IndexByte(w.tail, s.text[r]) >= 0 {
		r++
		if w.tailOnce {
			break
		}
	}
	return r
}

// space matches \s*[\r\n]+|\s+(?!\S)|\s+ at a white-space character. A run
// that becomes several pieces is appended to dst but for its last piece.
func (w *wordPattern) space(dst []int32, s *scanner, p, end int) ([]int32, int) {
	run := measureSpace(s, p, end)
	switch {
	case run.newline > p:
		return dst, run.newline
	case w.smallGaps:
		return smallGaps(dst, s, p, run)
	case run.end < end && run.last > p:
		return dst, run.last // the last one belongs to what follows
	}
	return dst, run.end
}

// spaceRun describes a run of white space.
type spaceRun struct {
	end     int  // after the run
	last    int  // of its last character
	newline int  // after its last \r or \n, or 0
	n       int  // characters
	open    bool // something follows
}

func measureSpace(s *scanner, p, end int) spaceRun {
	run := spaceRun{end: p}
	for {
		r, c, n := s.at(run.end, end)
		if c&isSpace == 0 {
			run.open = run.end < end
			return run
		}
		run.last = run.end
		run.end += n
		run.n++
		if r == '\r' || r == '\n' {
			run.newline = run.end
		}
	}
}

// smallGaps matches \s{512}(?!\S)|\s{256}(?!\S)|…|\s{4}(?!\S)|\s{1,2}(?!\S)|\s
// over a whole run, except a last character that a word may begin with.
func smallGaps(dst []int32, s *scanner, p int, run spaceRun) ([]int32, int) {
	left := run.n
	if run.open {
		left-- // (?!\S) keeps the last one out
	}
	if left == 0 {
		return dst, run.end
	}
	for size := 512; left > 0; {
		if left < size && size > 1 {
			size /= 2
			continue
		}
		for range size {
			_, _, n := s.at(p, run.end)
			p += n
		}
		if left -= size; left > 0 {
			dst = append(dst, int32(p))
		}
	}
	return dst, p
}

// letters matches [^\r\n\p{L}\p{N}]?[set]+.
func letters(set class) func(s *scanner, p, end int) int {
	return func(s *scanner, p, end int) int {
		r, c, n := s.at(p, end)
		if c&(isLetter|isNumber) == 0 && r != '\r' && r != '\n' {
			if q := s.skip(p+n, end, set); q > p+n {
				return q
			}
		}
		return s.skip(p, end, set)
	}
}

// contracted matches word(?i:'s|'t|'re|'ve|'m|'ll|'d)?.
func contracted(word func(s *scanner, p, end int) int) func(s *scanner, p, end int) int {
	return func(s *scanner, p, end int) int {
		q := word(s, p, end)
		if q == p {
			return p
		}
		return contraction(s, q, end)
	}
}

// casedWord matches, with U a character of set that is not a-z and l one that
// is not A-Z (so letters beyond ASCII are both),
//
//	[^\r\n\p{L}\p{N}]?U*l+tail? | [^\r\n\p{L}\p{N}]?U+l*tail?
//
// where tail is a contraction if contract is set.
func casedWord(set class, contract bool) func(s *scanner, p, end int) int {
	match := func(s *scanner, p, end int) int {
		r, c, n := s.at(p, end)
		prefixed := c&(isLetter|isNumber) == 0 && r != '\r' && r != '\n'
		for _, find := range []func(*scanner, class, int, int) int{upperLower, upperOnly} {
			if prefixed {
				if q := find(s, set, p+n, end); q > p+n {
					return q
				}
			}
			if q := find(s, set, p, end); q > p {
				return q
			}
		}
		return p
	}
	if contract {
		return contracted(match)
	}
	return match
}

// upperLower matches U*l+. Where no a-z follows the U's, the last of them that
// is beyond ASCII serves as l.
func upperLower(s *scanner, set class, p, end int) int {
	last := p
	for q := p; ; {
		r, c, n := s.at(q, end)
		if c&set == 0 {
			return last
		}
		if 'a' <= r && r <= 'z' {
			break
		}
		q += n
		if r >= 0x80 {
			last = q
		}
		p = q
	}
	for {
		r, c, n := s.at(p, end)
		if c&set == 0 || 'A' <= r && r <= 'Z' {
			return p
		}
		p += n
	}
}

// upperOnly matches U+ where upperLower does not match.
func upperOnly(s *scanner, set class, p, end int) int {
	for {
		r, c, n := s.at(p, end)
		if c&set == 0 || 'a' <= r && r <= 'z' {
			return p
		}
		p += n
	}
}

// phrase matches [^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+: words
// with single spaces between them.
func phrase(s *scanner, p, end int) int {
	r, c, n := s.at(p, end)
	q := p
	if c&(isLetter|isNumber) == 0 && r != '\r' && r != '\n' {
		q += n
	}
	if c, _ := s.class(q, end); c&isLetter == 0 {
		return p
	}
	for {
		q = s.skip(q, end, isLetter)
		q = s.skip(q, end, isMark)
		next := q
		if q < end && s.text[q] == ' ' {
			next++
		}
		if c, _ := s.class(next, end); c&isLetter == 0 {
			return q
		}
		q = next
	}
}

// joinedLetters matches [^\r\n\p{L}\p{N}]?(?:\p{L}|\p{M}|U+200C|U+200D)+. It
// takes 'ſ for a contraction, as folding the case of 's demands.
func joinedLetters(s *scanner, p, end int) int {
	const longS = "'ſ"
	if bytes.HasPrefix(s.text[p:end], []byte(longS)) {
		return p + len(longS)
	}
	run := func(p int) int {
		for {
			r, c, n := s.at(p, end)
			if c&(isLetter|isMark) == 0 && r != 0x200C && r != 0x200D {
				return p
			}
			p += n
		}
	}
	r, c, n := s.at(p, end)
	if c&(isLetter|isNumber) == 0 && r != '\r' && r != '\n' {
		if q := run(p + n); q > p+n {
			return q
		}
	}
	return run(p)
}

// hanOrWord matches Han+ | [^\r\n\p{L}\p{N}]?L+(?i:'s|…)? with L a letter that
// is not Han.
func hanOrWord(s *scanner, p, end int) int {
	run := func(p int, han bool) int {
		for {
			r, c, n := s.at(p, end)
			if c == 0 || isHan(r) != han || !han && c&isLetter == 0 {
				return p
			}
			p += n
		}
	}
	if q := run(p, true); q > p {
		return q
	}
	r, c, n := s.at(p, end)
	q := p
	if c&(isLetter|isNumber) == 0 && r != '\r' && r != '\n' {
		q += n
	}
	if e := run(q, false); e > q {
		return contraction(s, e, end)
	}
	return p
}
