package corpus

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A pattern is text with alternatives: "{when|what time} does it open{| today}"
// stands for four wordings. Braces nest; an alternative may be empty. Runs of
// spaces that empty alternatives leave behind are joined.
type pattern string

// pick returns one wording of p, choosing each alternative evenly.
func (p pattern) pick(r *rand.Rand) string {
	s, rest := pickSeq(string(p), r)
	if rest != "" {
		panic(fmt.Sprintf("corpus: pattern %q: unbalanced at %q", string(p), rest))
	}
	return strings.Join(strings.Fields(s), " ")
}

// pickSeq expands s up to an unmatched "|" or "}" and returns what is left.
func pickSeq(s string, r *rand.Rand) (text, rest string) {
	var b strings.Builder
	for s != "" {
		switch s[0] {
		case '|', '}':
			return b.String(), s
		case '{':
			var t string
			t, s = pickGroup(s, r)
			b.WriteString(t)
		default:
			n := strings.IndexAny(s, "{|}")
			if n < 0 {
				n = len(s)
			}
			b.WriteString(s[:n])
			s = s[n:]
		}
	}
	return b.String(), ""
}

// pickGroup expands the group that opens s. Each alternative is expanded
// before one is chosen, so the draws from r do not depend on the choice.
func pickGroup(s string, r *rand.Rand) (text, rest string) {
	var alts []string
	whole := s
	for {
		var t string
		t, s = pickSeq(s[1:], r)
		if s == "" {
			panic(fmt.Sprintf("corpus: pattern %q: group never closes", whole))
		}
		alts = append(alts, t)
		if s[0] == '}' {
			return alts[r.IntN(len(alts))], s[1:]
		}
	}
}
