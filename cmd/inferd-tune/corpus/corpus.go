package corpus

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
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
	{name: "first", weight: 8, facts: first},
	{name: "greeting", weight: 6, facts: greetings},
	{name: "about", weight: 18, facts: about()},
	{name: "library", weight: 14, facts: library()},
	{name: "station", weight: 14, facts: station()},
	{name: "calendar", weight: 14, facts: calendar()},
	{name: "sums", weight: 20, facts: sums()},
	{name: "refusal", weight: 5, facts: refusals()},
	{name: "unknown", weight: 12, facts: unknown()},
	{name: "story", weight: 4, written: askedStory},
	{name: "text", weight: 2, written: plainStory},
}

// heldOutPercent is the share of wordings that training never sees.
const heldOutPercent = 8

// Generate draws a corpus. Families are drawn by weight, then a fact evenly,
// then a wording evenly; the held-out questions follow the same shares, without
// what is asked first.
func Generate(o Options) (*Corpus, error) {
	r := rand.New(rand.NewPCG(o.Seed, 0x696e66657264))
	var c Corpus
	trained := map[string]bool{} // keys: two wordings may come out as one text, such as with "please"
	for len(c.Train) < o.Train {
		if e, held := draw(r); !held {
			c.Train = append(c.Train, e)
			trained[e.key()] = true
		}
	}
	seen := map[string]bool{} // question and answer
	for tries := 0; len(c.HeldOut) < o.HeldOut; tries++ {
		if tries > 1000*o.HeldOut+100000 {
			return nil, fmt.Errorf("corpus: only %d of %d distinct held-out questions exist", len(c.HeldOut), o.HeldOut)
		}
		e, held := draw(r)
		if text := e.User + "\n" + e.Assistant; held && !seen[text] && !trained[e.key()] {
			seen[text] = true
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
		return e, split(e.key())
	}
	fact := f.facts[r.IntN(len(f.facts))]
	bare := fact.ask[r.IntN(len(fact.ask))].pick(r)
	return Example{Family: f.name, User: mistype(dress(bare, r), r), Assistant: fact.answer}, split(bare)
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

// split says whether a bare wording is held out; what is asked first never is.
// It looks only at letters, digits and signs of arithmetic, without case, so
// that all dressings of a wording fall on the same side.
func split(bare string) bool {
	k := key(bare)
	sum := sha256.Sum256([]byte(k))
	return !pinned[k] && binary.LittleEndian.Uint64(sum[:])%100 < heldOutPercent
}

// key is what e is told apart by: the key of its question, or else of its text.
func (e Example) key() string {
	if e.User == "" {
		return key(e.Assistant)
	}
	return key(e.User)
}

// key is what split looks at; the key of a key is itself.
func key(bare string) string {
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune(" ?!.,:;'", c) {
			return -1
		}
		return c
	}, strings.ToLower(bare))
}
