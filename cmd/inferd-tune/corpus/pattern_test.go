package corpus

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPatternPick(t *testing.T) {
	tests := []struct {
		p    pattern
		want []string
	}{
		{"plain", []string{"plain"}},
		{"a {b|c} d", []string{"a b d", "a c d"}},
		{"a {|b }c", []string{"a c", "a b c"}},
		{"{a|{b|c}} {d|}", []string{"a", "a d", "b", "b d", "c", "c d"}},
		{"  a   {} b ", []string{"a b"}},
	}
	for _, test := range tests {
		r := rand.New(rand.NewPCG(1, 1))
		got := map[string]bool{}
		for range 300 {
			got[test.p.pick(r)] = true
		}
		require.Len(t, got, len(test.want), "%q gave %v", test.p, got)
		for _, w := range test.want {
			require.Contains(t, got, w, "%q", test.p)
		}
	}
}

func TestPatternUnbalanced(t *testing.T) {
	for _, p := range []pattern{"{a", "{a|b", "a}", "a|b", "{a{b}"} {
		require.Panics(t, func() { p.pick(rand.New(rand.NewPCG(1, 1))) }, "%q", p)
	}
}
