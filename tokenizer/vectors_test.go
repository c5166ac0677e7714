package tokenizer_test

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"inferd/testdata"
	"inferd/tokenizer"
)

// vocabLine is the first line of a vector file: a vocabulary.
type vocabLine struct {
	Model    string                     `json:"model"`
	Pre      string                     `json:"pre"`
	Arch     string                     `json:"arch"`
	Name     string                     `json:"name"`
	Tokens   []string                   `json:"tokens"`
	Scores   []float32                  `json:"scores"`
	Types    []tokenizer.TokenType      `json:"types"`
	Merges   []string                   `json:"merges"`
	IDs      map[string]tokenizer.Token `json:"ids"`
	Flags    map[string]bool            `json:"flags"`
	CharsMap string                     `json:"charsmap"`
}

func (l *vocabLine) vocab(tb testing.TB) tokenizer.Vocab {
	tb.Helper()
	id := func(name string) *tokenizer.Token {
		if x, ok := l.IDs[name]; ok {
			return &x
		}
		return nil
	}
	flag := func(name string) *bool {
		if x, ok := l.Flags[name]; ok {
			return &x
		}
		return nil
	}
	chars, err := hex.DecodeString(l.CharsMap)
	require.NoError(tb, err)
	return tokenizer.Vocab{
		Model: l.Model, Pre: l.Pre, Arch: l.Arch, Name: l.Name,
		Tokens: l.Tokens, Scores: l.Scores, Types: l.Types, Merges: l.Merges, CharsMap: chars,
		BOS: id("bos"), EOS: id("eos"), EOT: id("eot"), EOM: id("eom"),
		SEP: id("seperator"), //nolint:misspell // the key is spelled so
		UNK: id("unknown"), PAD: id("padding"), MASK: id("mask"),
		AddBOS: flag("add_bos_token"), AddEOS: flag("add_eos_token"), AddSEP: flag("add_sep_token"),
		AddSpacePrefix: flag("add_space_prefix"), RemoveExtraWhitespaces: flag("remove_extra_whitespaces"),
		Lowercase: flag("normalizer.lowercase"), StripAccents: flag("normalizer.strip_accents"),
	}
}

var vectorFiles = []string{"spm", "spm-phi3", "bpe-llama3", "bpe-qwen2", "gemma4", "codepoints-mmbert",
	"codepoints-sarvam-moe", "wordpiece", "unigram", "unigram-map", "unigram-spaces"}

// loadVectors reads a vocabulary of testdata/tokenizer and its cases.
func loadVectors(tb testing.TB, name string) (tokenizer.Vocab, []goldenCase) {
	tb.Helper()
	f, err := os.Open(testdata.Path("tokenizer", name+".jsonl"))
	require.NoError(tb, err)
	defer f.Close()
	dec := json.NewDecoder(f)
	var l vocabLine
	require.NoError(tb, dec.Decode(&l))
	var cases []goldenCase
	for {
		var c goldenCase
		err := dec.Decode(&c)
		if err == io.EOF {
			return l.vocab(tb), cases
		}
		require.NoError(tb, err)
		cases = append(cases, c)
	}
}

func load(tb testing.TB, name string) *tokenizer.Tokenizer {
	tb.Helper()
	v, _ := loadVectors(tb, name)
	tok, err := tokenizer.New(v)
	require.NoError(tb, err)
	return tok
}

func TestVectors(t *testing.T) {
	files, err := filepath.Glob(testdata.Path("tokenizer", "*.jsonl"))
	require.NoError(t, err)
	require.Len(t, files, len(vectorFiles)+1, "a file that no test reads")
	for _, name := range vectorFiles {
		t.Run(name, func(t *testing.T) {
			v, cases := loadVectors(t, name)
			tok, err := tokenizer.New(v)
			require.NoError(t, err)
			require.NotEmpty(t, cases)
			for _, c := range cases {
				c.check(t, tok)
			}
		})
	}
}

// TestPieces checks every pre-tokeniser against the pieces of the reference.
func TestPieces(t *testing.T) {
	f, err := os.Open(testdata.Path("tokenizer", "pretokenize.jsonl"))
	require.NoError(t, err)
	defer f.Close()
	dec := json.NewDecoder(f)
	var head struct {
		Families map[string][]string `json:"families"`
	}
	require.NoError(t, dec.Decode(&head))
	known := []string{"mmbert"} // splits at marks that only its own normaliser makes
	for _, names := range head.Families {
		known = append(known, names...)
	}
	require.ElementsMatch(t, known, tokenizer.PreTokenizerNames())
	for {
		var line struct {
			text
			Groups []struct {
				Families []string `json:"families"`
				Bytes    []int    `json:"bytes"`
			} `json:"groups"`
		}
		if err := dec.Decode(&line); err == io.EOF {
			return
		} else {
			require.NoError(t, err)
		}
		for _, g := range line.Groups {
			for _, family := range g.Families {
				for _, name := range head.Families[family] {
					pieces, ok := tokenizer.Pieces(name, line.bytes())
					require.True(t, ok)
					var lengths []int
					for _, p := range pieces {
						lengths = append(lengths, len(p))
					}
					require.True(t, slices.Equal(g.Bytes, lengths), "%s: %q\nwant %v", name, pieces, g.Bytes)
				}
			}
		}
	}
}

func TestMMBertCutsBeforeMarks(t *testing.T) {
	pieces, _ := tokenizer.Pieces("mmbert", []byte("a▁b▁▁c\n\n▁d"))
	require.Equal(t, []string{"a", "▁b", "▁", "▁c", "\n\n", "▁d"}, pieces)
}

// TestRoundTrip decodes what was encoded, for a vocabulary that loses nothing.
func TestRoundTrip(t *testing.T) {
	tok := load(t, "bpe-qwen2")
	for _, name := range vectorFiles {
		_, cases := loadVectors(t, name)
		for _, c := range cases {
			if in := c.bytes(); utf8.Valid(in) {
				ids := tok.Encode(string(in), tokenizer.EncodeOptions{})
				require.Equal(t, string(in), string(tok.Decode(ids, tokenizer.DecodeOptions{ShowSpecial: true})))
			}
		}
	}
}

// TestLongTextsAreEncodedInParts shrinks the limit of half a gigabyte.
func TestLongTextsAreEncodedInParts(t *testing.T) {
	const text = "The quick brown fox jumps over the lazy dog."
	defer tokenizer.LimitFragments(7)()
	for name, want := range map[string]string{"bpe-qwen2": text, "spm": " " + text} {
		tok := load(t, name)
		parts := tok.Encode(text, tokenizer.EncodeOptions{AddSpecial: true})
		require.Equal(t, want, string(tok.Decode(parts, tokenizer.DecodeOptions{RemoveSpecial: true})), name)
	}
}

func TestStreamDecoder(t *testing.T) {
	for _, name := range vectorFiles {
		tok := load(t, name)
		_, cases := loadVectors(t, name)
		for _, special := range []bool{false, true} {
			d := tokenizer.NewStreamDecoder(tok, special)
			for _, c := range cases {
				var got, want strings.Builder
				for _, id := range c.IDs {
					out := d.Push(id)
					require.True(t, utf8.Valid(out), "%s: token %d", name, id)
					require.Less(t, d.Held(), utf8.UTFMax)
					got.Write(out)
					want.Write(tok.Piece(id, special))
				}
				got.Write(d.Flush())
				require.Zero(t, d.Held())
				require.Equal(t, string([]rune(want.String())), got.String(), name)
			}
		}
	}
}

func TestStreamDecoderHoldsBackPartsOfCharacters(t *testing.T) {
	tok := load(t, "bpe-qwen2")
	d := tokenizer.NewStreamDecoder(tok, false)
	byteToken := func(b byte) tokenizer.Token {
		for id := range tokenizer.Token(256) {
			if p := tok.Piece(id, true); len(p) == 1 && p[0] == b {
				return id
			}
		}
		t.Fatalf("no token for byte %#x", b)
		return 0
	}
	var outs []string
	for _, b := range []byte("😀a\xff\xe2\x82") {
		outs = append(outs, string(d.Push(byteToken(b))))
	}
	require.Equal(t, []string{"", "", "", "😀", "a", "\uFFFD", "", ""}, outs)
	require.Equal(t, "\uFFFD\uFFFD", string(d.Flush()))
	require.Empty(t, d.Flush())
	d.Push(byteToken(0xE2))
	d.Clear()
	require.Equal(t, "a", string(d.Push(byteToken('a'))))
	require.Empty(t, d.Push(-1))
	require.Empty(t, d.Push(1<<30))
}
