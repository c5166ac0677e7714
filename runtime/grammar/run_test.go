package grammar

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMasksAreExact: along random texts, near and far from the ends of counts and in
// patterns of every kind, a mask says of every token what reading its bytes does.
func TestMasksAreExact(t *testing.T) {
	_, pieces, _ := testVocab()
	r := rand.New(rand.NewPCG(12, 13))
	for range 400 { // pieces of all lengths and characters
		var p strings.Builder
		for range 1 + r.IntN(30) {
			p.WriteString([]string{"a", "b", "word", "X", "9", " ", `"`, `\`, "@", ".", ",", "\n", "é", "日", "\xe6", "\x97", "_", "-", "}"}[min(r.IntN(19), r.IntN(19), r.IntN(19))])
		}
		pieces = append(pieces, []byte(p.String()))
	}
	v := NewVocab(pieces, nil)
	for _, src := range []string{
		`{"type":"string","maxLength":120}`, `{"type":"string","minLength":70,"maxLength":75}`, `{"type":"string","minLength":90}`, `{"type":"array","minItems":60,"items":{"type":"string","maxLength":60}}`,
		`{"type":"string","pattern":"^(ab|word)*$","minLength":55,"maxLength":130}`, `{"type":"string","pattern":"^[^@]+@[^@]+$","maxLength":110}`, `{"type":"string","pattern":"^(?!.*word).*$","maxLength":60}`,
		`{"type":"string","pattern":"^[a-z]{0,60}$"}`, `{"type":"string","pattern":"^[\\p{Ll} ]+$"}`, `{"type":"string","pattern":"^[A-Z][^.]{0,9}\\.$"}`, `{"type":"string","pattern":"日.*9"}`, `{"type":"string","pattern":"^[^日]*$"}`,
		`{"type":"object"}`, `{"type":"object","additionalProperties":{"type":"string","maxLength":7},"propertyNames":{"pattern":"^[a-bX-]+$"}}`,
		`{"type":"array","uniqueItems":true,"items":{"enum":["a","aa","b","word"]}}`,
	} {
		g, err := CompileSchema([]byte(src))
		require.NoError(t, err, src)
		m, err := g.NewMatcher(v)
		require.NoError(t, err)
		for n := range 90 {
			mask, err := m.Mask()
			require.NoError(t, err)
			var allowed []int32
			for id, p := range pieces {
				got := mask[id>>6]>>(id&63)&1 == 1
				require.Equal(t, m.Allows(p) && len(p) <= maxPieceBytes, got, "%s: %q, place %d", src, p, n)
				if got {
					allowed = append(allowed, int32(id))
				}
			}
			if len(allowed) == 0 {
				break
			}
			id := allowed[r.IntN(len(allowed))]
			require.NoError(t, m.Accept(id, pieces[id], false))
		}
	}
}

// TestMasksOutliveForgetting: a machine that forgets its states while it looks for
// a mask finds the same one.
func TestMasksOutliveForgetting(t *testing.T) {
	v, _, _ := testVocab()
	for _, src := range []string{`{"type":"string","pattern":"^[A-Za-z .]{0,30}(end|é)$"}`, `{"type":"string","maxLength":40}`} {
		g, err := CompileSchema([]byte(src))
		require.NoError(t, err)
		maskAt := func(room int) []uint64 {
			m := newMachine(g.m.nfa)
			s, err := m.start()
			require.NoError(t, err)
			s, err = m.steps(s, []byte(`"a`))
			require.NoError(t, err)
			m.stateBytes = maxStateBytes - room
			mask, err := m.mask(s, v)
			require.NoError(t, err)
			return mask
		}
		want := maskAt(maxStateBytes)
		for room := 0; room < 20_000; room += 100 {
			require.Equal(t, want, maskAt(room), "%s: room for %d bytes", src, room)
		}
	}
}

// TestCalmCounts: in the middle of a long string all places have the same mask.
func TestCalmCounts(t *testing.T) {
	v, _, _ := testVocab()
	for _, src := range []string{`{"type":"string","maxLength":500}`, `{"type":"string","pattern":"^[^@]*$","minLength":300,"maxLength":1000}`} {
		g, err := CompileSchema([]byte(src))
		require.NoError(t, err)
		m, err := g.NewMatcher(v)
		require.NoError(t, err)
		require.NoError(t, m.Accept('"', []byte(`"`), false))
		masks := map[string]bool{}
		for range 200 {
			require.NoError(t, m.Accept('x', []byte("x"), false))
			mask, err := m.Mask()
			require.NoError(t, err)
			masks[fmt.Sprintf("%p", mask)] = true
		}
		require.Len(t, masks, 1, src)
	}
}
