package corpus

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func generate(t *testing.T) *Corpus {
	t.Helper()
	c, err := Generate(Options{Seed: 7, Train: 20000, HeldOut: 1000})
	require.NoError(t, err)
	return c
}

func TestGenerateIsDeterministic(t *testing.T) {
	require.Equal(t, generate(t), generate(t))
	other, err := Generate(Options{Seed: 8, Train: 10})
	require.NoError(t, err)
	require.NotEqual(t, generate(t).Train[:10], other.Train)
}

func TestHeldOutIsUnseen(t *testing.T) {
	c := generate(t)
	trained := map[string]bool{}
	for _, e := range c.Train {
		trained[key(e.User)] = true
	}
	for _, e := range c.HeldOut {
		if e.User != "" {
			require.NotContains(t, trained, key(e.User), "held out, but trained")
		}
	}
}

// TestDressKeepsTheSide checks that no greeting, capital or mark moves a
// wording from one side of the split to the other: what is left when the lead
// is cut off is the wording itself.
func TestDressKeepsTheSide(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	const wording = "what time does the library open"
	seen := map[string]bool{}
	for range 500 {
		s := dress(wording, r)
		seen[s] = true
		s = strings.ToLower(s)
		_, last, lead := strings.Cut(s, ", ")
		if !lead {
			last = s
		}
		last = strings.TrimSuffix(strings.TrimRight(last, "?!. "), " please")
		require.Equal(t, split(wording), split(last), "%q", s)
	}
	require.Greater(t, len(seen), 20, "dressings")
}

// TestFirstIsTrained checks that what strangers ask first is never held out,
// though some of it would be by its hash.
func TestFirstIsTrained(t *testing.T) {
	n := 0
	for _, f := range first {
		for _, ask := range f.ask {
			require.NotContains(t, ask, "{", "a pattern has no single key")
			require.False(t, split(string(ask)), "%q", ask)
			n++
		}
	}
	require.Greater(t, n, 100)
	require.False(t, split("What are you?"))
	require.False(t, split("WHO ARE YOU"))
	for _, e := range generate(t).HeldOut {
		require.NotEqual(t, "first", e.Family, "%q", e.User)
	}
}

func TestSlip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, whole := range []string{"three", "2", "où", "heißen", "", "Monday?"} {
		for range 50 {
			require.Equal(t, whole, slip(whole, r))
		}
	}
	seen := map[string]bool{}
	for range 500 {
		s := slip("library", r)
		require.NotEqual(t, "library", s)
		require.InDelta(t, len("library"), len(s), 1)
		require.Equal(t, "l", s[:1], "the first letter stays")
		seen[s] = true
	}
	require.Len(t, seen, 15, "five pairs swapped, letters dropped, letters doubled: %v", seen)
}

// TestOneAnswer checks that no question has two right answers: a model could
// only guess.
func TestOneAnswer(t *testing.T) {
	c := generate(t)
	answers := map[string]string{}
	for _, e := range append(c.Train, c.HeldOut...) {
		if e.Open {
			continue
		}
		if a, ok := answers[key(e.User)]; ok {
			require.Equal(t, a, e.Assistant, "%q", e.User)
		}
		answers[key(e.User)] = e.Assistant
	}
}

func TestExamplesAreWhole(t *testing.T) {
	families := map[string]int{}
	for _, e := range generate(t).Train {
		families[e.Family]++
		require.Equal(t, e.Family == "text", e.User == "", "%+v", e)
		require.True(t, strings.HasSuffix(strings.TrimSuffix(e.Assistant, "\""), ".") || strings.HasSuffix(e.Assistant, "?") || strings.HasSuffix(e.Assistant, "!"),
			"answer %q is no whole sentence", e.Assistant)
		require.NotContains(t, e.User+e.Assistant, "{", "%+v", e)
		require.NotContains(t, e.User+e.Assistant, "  ", "%+v", e)
	}
	for _, f := range deck {
		require.Greater(t, families[f.name], 100, "examples of %s", f.name)
	}
}

// TestFactsAreTrue recomputes what can be computed.
func TestFactsAreTrue(t *testing.T) {
	answers := map[string]bool{}
	for _, f := range append(calendar(), sums()...) {
		answers[f.answer] = true
	}
	for _, want := range []string{
		"Monday comes after Sunday.", "Sunday comes before Monday.", "January comes after December.",
		"The twelfth month of the year is December.", "The seventh day of the week is Sunday.",
		"April has 30 days.", "February has 28 days, and 29 in a leap year.",
		"7 plus 8 is 15.", "3 minus 9 is minus 6.", "9 minus 9 is 0.",
		"Yes, Saturday is part of the weekend.", "No, Friday is a working day.",
	} {
		require.Contains(t, answers, want)
	}
	days := 0
	for _, n := range monthDays {
		days += n
	}
	require.Equal(t, 365, days)
}

func TestIntents(t *testing.T) {
	set, err := Intents(1, 30)
	require.NoError(t, err)
	require.Len(t, set, 300)
	labels, texts := map[string]int{}, map[string]bool{}
	for _, x := range set {
		labels[x.Label]++
		texts[key(x.Text)] = true
	}
	require.Len(t, labels, 10)
	require.Greater(t, len(texts), 280, "different texts")
	again, err := Intents(1, 30)
	require.NoError(t, err)
	require.Equal(t, set, again)
	_, err = Intents(1, 1000)
	require.ErrorContains(t, err, "different texts")
}
