package tokenizer

// splitGPT2 is the pattern of GPT-2:
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
func splitGPT2(dst []int32, s *scanner, start, end int) []int32 {
	for p := start; p < end; {
		p = gpt2Piece(s, p, end)
		dst = append(dst, int32(p))
	}
	return dst
}

func gpt2Piece(s *scanner, p, end int) int {
	if q := contraction(s, p, end); q > p && isLower(s.text[p+1:q]) {
		return q
	}
	q := p
	if s.text[p] == ' ' {
		q++
	}
	c, n := s.class(q, end)
	switch {
	case c&isLetter != 0:
		return s.skip(q+n, end, isLetter)
	case c&isNumber != 0:
		return s.skip(q+n, end, isNumber)
	case c != 0 && c&isSpace == 0:
		return s.skipOther(q+n, end, isSpace|isLetter|isNumber)
	}
	run := measureSpace(s, p, end)
	if run.open && run.last > p {
		return run.last
	}
	return run.end
}

func isLower(b []byte) bool {
	for _, c := range b {
		if c < 'a' || c > 'z' {
			return false
		}
	}
	return true
}

// punctuatedWords is the pattern of DeepSeek-V3, with gaps between matches:
//
//	[!-/:-@[-`{-~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+
//	| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
//
// With newlines false the last line is
//
//	| ?[\p{P}\p{S}]+|[\r\n]|\s+(?!\S)|\s+
func punctuatedWords(newlines bool) stage {
	match := func(s *scanner, p, end int) int {
		r, c, n := s.at(p, end)
		if r < 0x80 && c&(isPunct|isSymbol) != 0 {
			q := p + 1
			for q < end && isASCIILetter(s.text[q]) {
				q++
			}
			if q > p+1 {
				return q
			}
		}
		if c&(isLetter|isPunct|isSymbol) == 0 && r != '\r' && r != '\n' {
			if q := s.skip(p+n, end, isLetter|isMark); q > p+n {
				return q
			}
		}
		if q := s.skip(p, end, isLetter|isMark); q > p {
			return q
		}
		q := p
		if r == ' ' {
			q++
		}
		if e := s.skip(q, end, isPunct|isSymbol); e > q {
			for newlines && e < end && isNewline(rune(s.text[e]), 0) {
				e++
			}
			return e
		}
		switch {
		case c&isSpace == 0:
			return p
		case !newlines && isNewline(r, 0):
			return p + n // before the run is measured, or newlines take quadratic time
		}
		run := measureSpace(s, p, end)
		switch {
		case newlines && run.newline > p:
			return run.newline
		case run.open && run.last > p:
			return run.last
		}
		return run.end
	}
	return func(dst []int32, s *scanner, start, end int) []int32 {
		return search(dst, s, start, end, match)
	}
}

var (
	splitDeepSeek3 = punctuatedWords(true)
	splitSpark     = punctuatedWords(false)
)

func isASCIILetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// search cuts a piece into the matches, leftmost first, and the gaps between
// them. match returns the end of the match at p, or p if there is none.
func search(dst []int32, s *scanner, start, end int, match func(s *scanner, p, end int) int) []int32 {
	gap := start
	for p := start; p < end; {
		q := match(s, p, end)
		if q == p {
			_, _, n := s.at(p, end)
			p += n
			continue
		}
		if p > gap {
			dst = append(dst, int32(p))
		}
		dst = append(dst, int32(q))
		p, gap = q, q
	}
	if gap < end {
		dst = append(dst, int32(end))
	}
	return dst
}
