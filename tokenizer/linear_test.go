package tokenizer_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/tokenizer"
)

// pathological texts repeat one thing.
var pathological = []string{"a", " ", "😀", "\n", "\t", "1", "é", "中", "!", "'", "ab", " a", "a ", "aaaaaaab", "ÀA", "'s", "<", "<s", " \n",
	"the ", "👩‍👩‍👧", "e\u0301", "\xff", "\xe4\xb8", "IMGIMGA", "<sentinel:1"}

// TestWorkIsLinear counts operations: twice the text takes little more than
// twice the work, and some dozen operations a byte at most.
func TestWorkIsLinear(t *testing.T) {
	check := func(t *testing.T, tok *tokenizer.Tokenizer) {
		const n = 1 << 13
		for _, unit := range pathological {
			text := bytes.Repeat([]byte(unit), 2*n/len(unit))
			once, twice := tok.Work(text[:n/len(unit)*len(unit)]), tok.Work(text)
			require.LessOrEqual(t, float64(twice), 2.2*float64(once)+1000, "%q: %d, then %d operations", unit, once, twice)
			require.Less(t, twice, 60*len(text), "%q: %d operations for %d bytes", unit, twice, len(text))
		}
	}
	for _, name := range vectorFiles {
		t.Run(name, func(t *testing.T) { check(t, load(t, name)) })
	}
	if raceEnabled {
		return // the counts are the same, at ten times the price
	}
	v, _ := loadVectors(t, "bpe-qwen2")
	v.Merges = append(v.Merges, "a a", "aa aa", "aaaa aaaa", "Ġ Ġ", "ĠĠ ĠĠ", "! !", "!! !!")
	for _, name := range tokenizer.PreTokenizerNames() {
		t.Run("pre/"+name, func(t *testing.T) {
			v.Pre = name
			check(t, newTokenizer(t, v))
		})
	}
}

func TestEncodeAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector drops pooled memory at random")
	}
	text := []byte("The quick brown fox doesn't jump over 1234 lazy dogs: été, 中文 and 😀.\n\n")
	toks := map[string]*tokenizer.Tokenizer{}
	for _, name := range vectorFiles {
		toks[name] = load(t, name)
	}
	v, _ := loadVectors(t, "bpe-qwen2")
	for _, name := range tokenizer.PreTokenizerNames() {
		v.Pre = name
		toks["pre/"+name] = newTokenizer(t, v)
	}
	for name, tok := range toks {
		dst := tok.AppendEncode(nil, text, tokenizer.EncodeOptions{AddSpecial: true})
		allocs := testing.AllocsPerRun(100, func() {
			dst = tok.AppendEncode(dst[:0], text, tokenizer.EncodeOptions{AddSpecial: true, ParseSpecial: true})
		})
		require.Zero(t, allocs, name)
		out := tok.AppendDecode(nil, dst, tokenizer.DecodeOptions{})
		allocs = testing.AllocsPerRun(100, func() { out = tok.AppendDecode(out[:0], dst, tokenizer.DecodeOptions{}) })
		require.Zero(t, allocs, name)
	}
}

// TestScratchIsCleared looks for a text in the memory that calls share.
func TestScratchIsCleared(t *testing.T) {
	for _, name := range vectorFiles {
		tok := load(t, name)
		tok.Encode(string(bytes.Repeat([]byte{'Q'}, 5000)), tokenizer.EncodeOptions{})
		require.False(t, tokenizer.LeftBehind('Q'), name)
	}
}

func TestConcurrentUse(t *testing.T) {
	tok := load(t, "spm")
	_, cases := loadVectors(t, "spm")
	for range 4 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for _, c := range cases {
				c.check(t, tok)
			}
		})
	}
}
