package bpe

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/tokenizer"
)

var texts = []string{
	"the cat sat on the mat. the cat is the best cat!",
	"What is 12 plus 34? 12 plus 34 is 46.",
	"grüße, the café is open",
}

func trained(t *testing.T, nVocab int) []Piece {
	t.Helper()
	pieces, err := Train(texts, nVocab)
	require.NoError(t, err)
	return pieces
}

func TestTrainLearnsFrequentPairs(t *testing.T) {
	pieces := trained(t, 340)
	require.Equal(t, "<|user|>", pieces[User].Text)
	require.Equal(t, "<|end|>", pieces[End].Text)
	require.Equal(t, "<0x00>", pieces[firstByte].Text)
	require.Equal(t, Piece{"at", 0, Normal}, pieces[firstByte+256], "the most frequent pair")
	var got []string
	for _, p := range pieces {
		got = append(got, p.Text)
	}
	require.Contains(t, got, "▁the")
	require.Contains(t, got, "▁cat")
	require.Contains(t, got, "ü")
	require.Equal(t, len(got), len(slices.Compact(slices.Sorted(slices.Values(got)))), "a piece occurs twice")
}

func TestMergesKeepOut(t *testing.T) {
	for _, p := range trained(t, 400)[firstByte+256:] {
		inner := strings.TrimPrefix(p.Text, space)
		require.NotContains(t, inner, space, "%q reaches across a space", p.Text)
		if len([]rune(p.Text)) > 1 {
			require.False(t, strings.ContainsAny(p.Text, "0123456789.?!,"), "%q", p.Text)
		}
	}
}

func TestTrainTooSmall(t *testing.T) {
	_, err := Train(texts, 270)
	require.ErrorContains(t, err, "270 pieces are too few")
}

func TestVocabRoundTrip(t *testing.T) {
	words, err := tokenizer.New(Vocab(trained(t, 340)))
	require.NoError(t, err)
	for _, s := range append(texts, "", "Ω never seen 漢字\n", "<|end|>") {
		ids := words.Encode(s, tokenizer.EncodeOptions{})
		require.NotContains(t, ids, tokenizer.Token(End), "%q", s)
		require.NotContains(t, ids, tokenizer.Token(UNK), "%q", s)
		require.Equal(t, s, string(words.Decode(ids, tokenizer.DecodeOptions{})))
	}
	// "the" is learned with its space, and digits stay apart.
	require.Len(t, words.Encode(" the", tokenizer.EncodeOptions{}), 1)
	require.Len(t, words.Encode("1234", tokenizer.EncodeOptions{}), 4)
	require.True(t, words.IsEOG(End))
}
