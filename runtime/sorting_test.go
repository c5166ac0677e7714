package runtime

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/kernels"
	"inferd/testdata"
)

// A GPT-2 that was trained to sort six letters of three sorts all 729 inputs.
func TestSortingModel(t *testing.T) {
	e := load(t, testdata.Shared(t, "models", "gpt2-nano-sort-f32.gguf"), Options{})
	require.Equal(t, 3, e.NVocab())
	var b Batch
	defer b.Reset()
	for input := range 729 {
		var letters [6]Token
		for i, rest := 0, input; i < len(letters); i, rest = i+1, rest/3 {
			letters[i] = Token(rest % 3)
		}
		s := newSession(t, e, "")
		var got []Token
		for next := letters[:]; len(got) < len(letters); next = got[len(got)-1:] {
			b.Reset()
			b.Add(s, next, WantLast)
			require.NoError(t, e.Step(&b))
			got = append(got, Token(kernels.Argmax(b.Entries[0].Logits)))
		}
		s.Close()
		require.Equal(t, slices.Sorted(slices.Values(letters[:])), got, "sorting %v", letters)
	}
}
