package corpus

import (
	"math/rand/v2"
	"strings"
	"unicode"
	"unicode/utf8"
)

// dress turns a bare wording into what somebody might type: perhaps with a
// courtesy in front, with or without capitals and a closing mark. A wording
// that brings its own closing mark keeps it or loses it.
func dress(bare string, r *rand.Rand) string {
	lead := ""
	if r.IntN(5) == 0 && key(bare) != "" {
		lead = pattern("{hello|hi|excuse me|please|sorry|good morning|hey|one question|ok|and}").pick(r) + ", "
	}
	body, mark := bare, "?"
	if n := len(bare) - 1; strings.ContainsRune(".!", rune(bare[n])) {
		body, mark = bare[:n], bare[n:]
	}
	if r.IntN(12) == 0 {
		body += " please"
	}
	s := lead + body
	if lead == "" || r.IntN(4) == 0 {
		s = lead + capital(body)
	}
	s = capital(s)
	switch r.IntN(30) {
	case 0, 1, 2, 3, 4, 5:
		mark = ""
	case 6:
		mark = pattern("{?|!|.|??|!!|...| ?}").pick(r)
	}
	switch r.IntN(40) {
	case 0, 1, 2, 3, 4, 5, 6, 7:
		s = strings.ToLower(s)
	case 8:
		if len(s) <= maxShouted { // letter by letter, it must still fit a row
			s = strings.ToUpper(s)
		}
	}
	return s + mark
}

// maxShouted is the longest question, in bytes, that dress puts in capitals.
const maxShouted = 40

// mistype leaves most questions alone; in some, it spoils one long word as
// fingers do, or leaves out apostrophes.
func mistype(s string, r *rand.Rand) string {
	switch r.IntN(25) {
	case 0:
		words := strings.Split(s, " ")
		i := r.IntN(len(words))
		words[i] = slip(words[i], r)
		return strings.Join(words, " ")
	case 1:
		return strings.ReplaceAll(s, "'", "")
	}
	return s
}

// slip swaps two letters of a word, drops one or doubles one. Words that are
// short or hold more than letters stay: "three" must not become "the".
func slip(word string, r *rand.Rand) string {
	at, how := 1+r.IntN(max(1, len(word)-2)), r.IntN(3)
	other := func(c rune) bool { return c > unicode.MaxASCII || !unicode.IsLetter(c) }
	if len(word) < 6 || strings.ContainsFunc(word, other) {
		return word
	}
	switch how {
	case 0:
		return word[:at] + word[at+1:at+2] + word[at:at+1] + word[at+2:]
	case 1:
		return word[:at] + word[at+1:]
	}
	return word[:at] + word[at:at+1] + word[at:]
}

func capital(s string) string {
	first, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[n:]
}
