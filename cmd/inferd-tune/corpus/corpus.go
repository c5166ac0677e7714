package corpus

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Example is one line of the corpus: a question with its answer, or, without
// a question, plain text.
type Example struct {
	Family    string `json:"family"`               // what the question is about
	User      string `json:"user,omitempty"`       // empty: Assistant is plain text
	Assistant string `json:"assistant"`            // the right answer, or the text
	Open      bool   `json:"open_ended,omitempty"` // many answers are right: not scored by comparison
}

// Options of Generate. The zero value of a count means none.
type Options struct {
	Seed    uint64
	Train   int // training examples
	HeldOut int // held-out questions, distinct
}

// Corpus is a generated corpus.
type Corpus struct {
	Train   []Example
	HeldOut []Example
}

// fact is one piece of knowledge: every wording of ask gets the same answer.
type fact struct {
	ask    []pattern
	answer string
}

// family is a group of facts that share a weight in the training text.
type family struct {
	name    string
	weight  int // share of the examples
	facts   []fact
	written func(*rand.Rand) Example // used in place of facts: composes an example itself
}

// deck lists what the model learns. Weights follow the number of facts and how
// hard they are to tell apart.
var deck = []family{
	{name: "greeting", weight: 6, facts: greetings},
	{name: "about", weight: 14, facts: about()},
	{name: "library", weight: 14, facts: library()},
	{name: "station", weight: 13, facts: station()},
	{name: "calendar", weight: 15, facts: calendar()},
	{name: "sums", weight: 20, facts: sums()},
	{name: "refusal", weight: 4, facts: refusals()},
	{name: "unknown", weight: 12, facts: unknown()},
	{name: "story", weight: 4, written: askedStory},
	{name: "text", weight: 2, written: plainStory},
}

// heldOutPercent is the share of wordings that training never sees.
const heldOutPercent = 8

// Generate draws a corpus. Families are drawn by weight, then a fact evenly,
// then a wording evenly; the held-out questions follow the same shares.
func Generate(o Options) (*Corpus, error) {
	r := rand.New(rand.NewPCG(o.Seed, 0x696e66657264))
	var c Corpus
	for len(c.Train) < o.Train {
		if e, held := draw(r); !held {
			c.Train = append(c.Train, e)
		}
	}
	seen := map[string]bool{} // question and answer
	for tries := 0; len(c.HeldOut) < o.HeldOut; tries++ {
		if tries > 1000*o.HeldOut+100000 {
			return nil, fmt.Errorf("corpus: only %d of %d distinct held-out questions exist", len(c.HeldOut), o.HeldOut)
		}
		e, held := draw(r)
		if key := e.User + "\n" + e.Assistant; held && !seen[key] {
			seen[key] = true
			c.HeldOut = append(c.HeldOut, e)
		}
	}
	return &c, nil
}

// draw makes one example and says whether it is held out.
func draw(r *rand.Rand) (e Example, held bool) {
	f := pickFamily(r)
	if f.written != nil {
		e = f.written(r)
		e.Family = f.name
		key := e.User
		if key == "" {
			key = e.Assistant
		}
		return e, split(key)
	}
	fact := f.facts[r.IntN(len(f.facts))]
	bare := fact.ask[r.IntN(len(fact.ask))].pick(r)
	return Example{Family: f.name, User: dress(bare, r), Assistant: fact.answer}, split(bare)
}

func pickFamily(r *rand.Rand) *family {
	var total int
	for i := range deck {
		total += deck[i].weight
	}
	n := r.IntN(total)
	i := slices.IndexFunc(deck, func(f family) bool {
		n -= f.weight
		return n < 0
	})
	return &deck[i]
}

// split says whether a bare wording is held out. It looks only at letters,
// digits and signs of arithmetic, without case, so that all dressings of a
// wording fall on the same side.
func split(bare string) bool {
	key := strings.Map(func(c rune) rune {
		if strings.ContainsRune(" ?!.,:;'", c) {
			return -1
		}
		return c
	}, strings.ToLower(bare))
	sum := sha256.Sum256([]byte(key))
	return binary.LittleEndian.Uint64(sum[:])%100 < heldOutPercent
}

// dress turns a bare wording into what somebody might type: perhaps with a
// courtesy in front, with or without capitals and a closing mark. A wording
// that brings its own closing mark keeps it or loses it.
func dress(bare string, r *rand.Rand) string {
	lead := ""
	if r.IntN(5) == 0 {
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
	if r.IntN(5) == 0 {
		mark = ""
	}
	if r.IntN(6) == 0 {
		s = strings.ToLower(s)
	}
	return s + mark
}

func capital(s string) string {
	first, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[n:]
}
