package tokenizer

import "bytes"

// A charSet tells whether a character belongs to a set.
type charSet func(r rune, c class) bool

// runs matches [set]+; what lies between the runs are pieces too.
func runs(in charSet) stage {
	match := func(s *scanner, p, end int) int { return skipSet(s, p, end, in) }
	return func(dst []int32, s *scanner, start, end int) []int32 { return search(dst, s, start, end, match) }
}

func runsOf(set class) stage { return runs(func(_ rune, c class) bool { return c&set != 0 }) }

// spacedRuns matches \s?[set]+.
func spacedRuns(in charSet) stage {
	match := func(s *scanner, p, end int) int {
		if c, n := s.class(p, end); c&isSpace != 0 {
			if q := skipSet(s, p+n, end, in); q > p+n {
				return q
			}
		}
		return skipSet(s, p, end, in)
	}
	return func(dst []int32, s *scanner, start, end int) []int32 { return search(dst, s, start, end, match) }
}

func spacedRunsOf(set class) stage {
	return spacedRuns(func(_ rune, c class) bool { return c&set != 0 })
}

func skipSet(s *scanner, p, end int, in charSet) int {
	for {
		r, c, n := s.at(p, end)
		if c == 0 || !in(r, c) {
			return p
		}
		p += n
	}
}

// single matches one character of the set.
func single(in charSet) stage {
	match := func(s *scanner, p, end int) int {
		if r, c, n := s.at(p, end); c != 0 && in(r, c) {
			return p + n
		}
		return p
	}
	return func(dst []int32, s *scanner, start, end int) []int32 { return search(dst, s, start, end, match) }
}

// digitGroups matches \p{N}{1,limit}.
func digitGroups(limit int) stage {
	match := func(s *scanner, p, end int) int { return number(s, p, end, limit) }
	return func(dst []int32, s *scanner, start, end int) []int32 { return search(dst, s, start, end, match) }
}

// asciiDigitTriples matches [0-9][0-9][0-9].
func asciiDigitTriples(dst []int32, s *scanner, start, end int) []int32 {
	match := func(s *scanner, p, end int) int {
		if p+3 <= end && isASCIIDigit(s.text[p]) && isASCIIDigit(s.text[p+1]) && isASCIIDigit(s.text[p+2]) {
			return p + 3
		}
		return p
	}
	return search(dst, s, start, end, match)
}

func isASCIIDigit(c byte) bool { return '0' <= c && c <= '9' }

// digitsFromRight cuts runs of \p{N} into groups of three counted from the
// right, so that 1234567 becomes 1 234 567. It stands for
// \d{1,3}(?=(?:\d{3})*\b). What precedes a run joins its first group if the
// run's length divides by three, as in the reference.
func digitsFromRight(dst []int32, s *scanner, start, end int) []int32 {
	prev := start
	for p := start; p < end; {
		c, n := s.class(p, end)
		if c&isNumber == 0 {
			p += n
			continue
		}
		stop := s.skip(p, end, isNumber)
		count := 0
		for q := p; q < stop; count++ {
			_, _, n := s.at(q, stop)
			q += n
		}
		for left := count; left > 0; {
			group := left % 3
			if group == 0 {
				group = 3
			}
			p = number(s, p, stop, group)
			dst = append(dst, int32(p))
			prev = p
			left -= group
		}
	}
	if prev < end {
		dst = append(dst, int32(end))
	}
	return dst
}

// splitThousands matches (?=(\d{3})+(?!\d)), an empty match: it cuts before
// each group of three ASCII digits counted from the right end of a run.
func splitThousands(dst []int32, s *scanner, start, end int) []int32 {
	for p := start; p < end; {
		stop := p
		for stop < end && isASCIIDigit(s.text[stop]) {
			stop++
		}
		for q := p; q < stop; q++ {
			if q > start && (stop-q)%3 == 0 {
				dst = append(dst, int32(q))
			}
		}
		if stop == p {
			_, _, n := s.at(p, end)
			stop = p + n
		}
		s.steps += stop - p
		p = stop
	}
	return append(dst, int32(end))
}

// splitNewlines matches [^\n]+|[\n]+.
func splitNewlines(dst []int32, s *scanner, start, end int) []int32 {
	for p := start; p < end; {
		if s.text[p] == '\n' {
			for p < end && s.text[p] == '\n' {
				p++
			}
		} else if i := bytes.IndexByte(s.text[p:end], '\n'); i >= 0 {
			p += i
		} else {
			p = end
		}
		dst = append(dst, int32(p))
	}
	return dst
}

// splitBeforeMarks cuts before each U+2581, as a Metaspace splits words.
func splitBeforeMarks(dst []int32, s *scanner, start, end int) []int32 {
	for p := start; p < end; {
		p++
		if i := bytes.Index(s.text[p:end], []byte(spaceMark)); i >= 0 {
			p += i
		} else {
			p = end
		}
		dst = append(dst, int32(p))
	}
	return dst
}

// trailingSpace matches \s+$.
func trailingSpace(dst []int32, s *scanner, start, end int) []int32 {
	space := end
	for p := start; p < end; {
		c, n := s.class(p, end)
		if c&isSpace == 0 {
			space = end
		} else if space == end {
			space = p
		}
		p += n
	}
	if space > start && space < end {
		dst = append(dst, int32(space))
	}
	return append(dst, int32(end))
}

// splitBloom matches " ?[^(\s|.,!?…。，、।۔،)]+".
func splitBloom(dst []int32, s *scanner, start, end int) []int32 {
	return search(dst, s, start, end, func(s *scanner, p, end int) int {
		q := p
		if s.text[p] == ' ' {
			q++
		}
		if e := skipSet(s, q, end, isBloomWord); e > q {
			return e
		}
		return p
	})
}

// splitYoutuScripts matches runs of one of four scripts' characters.
func splitYoutuScripts(dst []int32, s *scanner, start, end int) []int32 {
	return search(dst, s, start, end, func(s *scanner, p, end int) int {
		for _, in := range []charSet{isYoutuHangul, isYoutuPunct, isBopomofo, isHanOrKana} {
			if q := skipSet(s, p, end, in); q > p {
				return q
			}
		}
		return p
	})
}

// splitSentinels matches <sentinel:[0-9]+>.
func splitSentinels(dst []int32, s *scanner, start, end int) []int32 {
	const head = "<sentinel:"
	return search(dst, s, start, end, func(s *scanner, p, end int) int {
		if !bytes.HasPrefix(s.text[p:end], []byte(head)) {
			return p
		}
		q := p + len(head)
		for q < end && isASCIIDigit(s.text[q]) {
			q++
		}
		if q == p+len(head) || q == end || s.text[q] != '>' {
			return p
		}
		return q + 1
	})
}

// splitImageTokens matches (IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z.
func splitImageTokens(dst []int32, s *scanner, start, end int) []int32 {
	const head = "IMGIMG"
	return search(dst, s, start, end, func(s *scanner, p, end int) int {
		if !bytes.HasPrefix(s.text[p:end], []byte(head)) {
			return p
		}
		q := p + len(head)
		for q < end && q < p+len(head)+4 && 'A' <= s.text[q] && s.text[q] <= 'I' {
			q++
		}
		if q == p+len(head) || q == end || s.text[q] != 'Z' {
			return p
		}
		return q + 1
	})
}

// splitIndents matches ([\t\n]|    |  ).
func splitIndents(dst []int32, s *scanner, start, end int) []int32 {
	return search(dst, s, start, end, func(s *scanner, p, end int) int {
		switch rest := s.text[p:end]; {
		case rest[0] == '\t' || rest[0] == '\n':
			return p + 1
		case bytes.HasPrefix(rest, []byte("    ")):
			return p + 4
		case bytes.HasPrefix(rest, []byte("  ")):
			return p + 2
		}
		return p
	})
}
