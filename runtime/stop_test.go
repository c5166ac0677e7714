package runtime

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func runStops(stops []string, pieces ...string) (text, stop string) {
	m := NewStopMatcher(stops)
	var out strings.Builder
	for _, p := range pieces {
		out.Write(m.Push([]byte(p)))
	}
	out.Write(m.Flush())
	return out.String(), m.Stop()
}

func TestStopMatcher(t *testing.T) {
	for _, c := range []struct {
		name   string
		stops  []string
		pieces []string
		want   string
		hit    string
	}{
		{"none", nil, []string{"abc"}, "abc", ""},
		{"empty string is ignored", []string{""}, []string{"abc"}, "abc", ""},
		{"whole", []string{"\n\n"}, []string{"a", "\n", "\nb"}, "a", "\n\n"},
		{"at the start", []string{"x"}, []string{"x"}, "", "x"},
		{"partial then not", []string{"</s>"}, []string{"a</", "b"}, "a</b", ""},
		{"partial at the end", []string{"</s>"}, []string{"a</s"}, "a</s", ""},
		{"self overlap", []string{"aab"}, []string{"a", "a", "a", "b"}, "a", "aab"},
		{"first to be complete wins", []string{"abcd", "bc"}, []string{"abcd"}, "a", "bc"},
		{"longest of those that end together", []string{"bc", "abc"}, []string{"xab", "c"}, "x", "abc"},
		{"nothing after the stop", []string{"."}, []string{"a.b", "c"}, "a", "."},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, hit := runStops(c.stops, c.pieces...)
			require.Equal(t, c.want, got)
			require.Equal(t, c.hit, hit)
		})
	}
}

// However a text is cut into pieces, the same comes out, and it holds no stop
// string and no held-back part that a stop string would have completed.
func TestStopMatcherPieces(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	word := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "ab"[rng.IntN(2)]
		}
		return string(b)
	}
	for range 3000 {
		text := word(rng.IntN(24))
		stops := make([]string, 1+rng.IntN(3))
		for i := range stops {
			stops[i] = word(1 + rng.IntN(5))
		}
		whole, hit := runStops(stops, text)
		var pieces []string
		for rest := text; rest != ""; {
			n := 1 + rng.IntN(len(rest))
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		got, gotHit := runStops(stops, pieces...)
		require.Equal(t, whole, got, "%q in %q", stops, pieces)
		require.Equal(t, hit, gotHit)
		require.True(t, strings.HasPrefix(text, got))
		for _, s := range stops {
			require.NotContains(t, got, s)
		}
		if hit == "" {
			require.Equal(t, text, got)
		}
	}
}
