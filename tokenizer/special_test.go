package tokenizer_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/testdata"
	"inferd/tokenizer"
)

// chatVocab is a small vocabulary of characters with special tokens.
func chatVocab(special map[string]tokenizer.TokenType) tokenizer.Vocab {
	v := tokenizer.Vocab{Model: "gpt2", Pre: "qwen2", Merges: []string{"a b"},
		BOS: new(tokenizer.Token(0)), EOS: new(tokenizer.Token(0))}
	add := func(piece string, typ tokenizer.TokenType) {
		v.Tokens, v.Types = append(v.Tokens, piece), append(v.Types, typ)
	}
	add("<|stop|>", tokenizer.Control)
	for c := '!'; c <= '~'; c++ {
		add(string(c), tokenizer.Normal)
	}
	add("Ġ", tokenizer.Normal)
	add("Ċ", tokenizer.Normal)
	add("ab", tokenizer.Normal)
	names := make([]string, 0, len(special))
	for name := range special {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		add(name, special[name])
	}
	return v
}

func newTokenizer(tb testing.TB, v tokenizer.Vocab) *tokenizer.Tokenizer {
	tb.Helper()
	tok, err := tokenizer.New(v)
	require.NoError(tb, err)
	return tok
}

// show writes special tokens as themselves and everything else in quotes.
func show(tok *tokenizer.Tokenizer, ids []tokenizer.Token) string {
	var b strings.Builder
	for _, id := range ids {
		if p := string(tok.Piece(id, true)); len(p) > 2 {
			fmt.Fprintf(&b, "{%s}", p)
		} else {
			b.WriteString(p)
		}
	}
	return b.String()
}

func TestEncodeParsesSpecialTokensOnlyWhenAsked(t *testing.T) {
	tok := newTokenizer(t, chatVocab(map[string]tokenizer.TokenType{
		"<|im_start|>": tokenizer.Control, "<|im_end|>": tokenizer.Control, "<|im": tokenizer.Control,
		"<tool>": tokenizer.UserDefined, "ĠĠĠĠ": tokenizer.UserDefined, "....": tokenizer.UserDefined}))
	for _, c := range []struct {
		text, plain, parsed string
	}{
		{"<|im_start|>a", "<|im_start|>a", "{<|im_start|>}a"},
		{"<|im_start|", "<|im_start|", "{<|im}_start|"},
		{"x<|im_end|><|im_end|>", "x<|im_end|><|im_end|>", "x{<|im_end|>}{<|im_end|>}"},
		{"a<tool>b.....", "a{<tool>}b{....}.", "a{<tool>}b{....}."},
		{"", "", ""},
	} {
		require.Equal(t, c.plain, show(tok, tok.Encode(c.text, tokenizer.EncodeOptions{})), c.text)
		require.Equal(t, c.parsed, show(tok, tok.Encode(c.text, tokenizer.EncodeOptions{ParseSpecial: true})), c.text)
	}
}

func TestEncodeSegments(t *testing.T) {
	tok := newTokenizer(t, chatVocab(map[string]tokenizer.TokenType{
		"<|im_start|>": tokenizer.Control, "<|im_end|>": tokenizer.Control,
		"<tool>": tokenizer.UserDefined, "....": tokenizer.UserDefined}))
	type seg = tokenizer.Segment
	for _, c := range []struct {
		name string
		segs []seg
		want string
	}{
		{"template and user text", []seg{{"<|im_start|>", true}, {"ab", false}, {"<|im_end|>", true}}, "{<|im_start|>}ab{<|im_end|>}"},
		{"user writes markers", []seg{{"<|im_start|>", true}, {"a<|im_end|><|stop|><tool>", false}}, "{<|im_start|>}a<|im_end|><|stop|><tool>"},
		{"marker across the border", []seg{{"<|im_", true}, {"end|>", false}, {"<|im_e", false}, {"nd|>", true}}, "<|im_end|><|im_end|>"},
		{"marker completed by user text between", []seg{{"<|im", true}, {"_", false}, {"end|>", true}}, "<|im_end|>"},
		{"trusted neighbours join", []seg{{"<|im_", true}, {"end|>", true}}, "{<|im_end|>}"},
		{"user-defined text is nobody's marker", []seg{{"a....b", false}}, "a{....}b"},
		{"template writes user-defined markers", []seg{{"<tool>", true}, {"<tool>", false}}, "{<tool>}<tool>"},
		{"text joins over borders", []seg{{"a", false}, {"b", false}}, "ab"},
		{"empty", []seg{{"", false}, {"", true}}, ""},
	} {
		require.Equal(t, c.want, show(tok, tok.EncodeSegments(c.segs, false)), c.name)
	}
	joined := tok.EncodeSegments([]seg{{"a", false}, {"b", true}}, false)
	require.Len(t, joined, 1, "a merge reaches over the border")
}

// TestUserTextNeverYieldsSpecialTokens writes every special token of every
// vocabulary at hand as user text.
func TestUserTextNeverYieldsSpecialTokens(t *testing.T) {
	check := func(t *testing.T, tok *tokenizer.Tokenizer) {
		for id := range tokenizer.Token(tok.NVocab()) {
			if !tok.IsBarred(id) {
				continue
			}
			piece := string(tok.Piece(id, true))
			for _, text := range []string{piece, " " + piece + "\n", "x" + piece + piece} {
				for _, got := range tok.EncodeSegments([]tokenizer.Segment{{Text: text}}, false) {
					require.False(t, tok.IsBarred(got), "%q yields %d", text, got)
				}
			}
		}
	}
	for _, name := range vectorFiles {
		t.Run(name, func(t *testing.T) { check(t, load(t, name)) })
	}
	for _, name := range goldenVocabs {
		t.Run("shared/"+name, func(t *testing.T) {
			check(t, newTokenizer(t, loadVocab(t, testdata.Shared(t, "golden", "tokenizer", "vocab", name+".gguf.gz"))))
		})
	}
}

// TestMergesDoNotForge gives a vocabulary in which merges spell a control token.
func TestMergesDoNotForge(t *testing.T) {
	bpe := chatVocab(map[string]tokenizer.TokenType{"<s>": tokenizer.Control, "<s": tokenizer.Normal})
	bpe.Merges = []string{"< s", "<s >"}
	spm := tokenizer.Vocab{Model: "llama", Tokens: []string{"<unk>", "<s>", "</s>", "<", "s", ">", "<s", "▁"},
		Types: []tokenizer.TokenType{tokenizer.Unknown, tokenizer.Control, tokenizer.Control, 1, 1, 1, 1, 1}}
	whole := bpe
	whole.Pre = "llama3"
	whole.Tokens = append(slices.Clone(whole.Tokens), "secret")
	whole.Types = append(slices.Clone(whole.Types), tokenizer.Control)
	for _, v := range []tokenizer.Vocab{bpe, spm, whole} {
		tok := newTokenizer(t, v)
		for _, text := range []string{"<s>", "secret"} {
			for _, id := range tok.Encode(text, tokenizer.EncodeOptions{}) {
				require.False(t, tok.IsControl(id), "%s: %q", v.Model, text)
			}
		}
	}
}

func TestEOG(t *testing.T) {
	const c, n, u = tokenizer.Control, tokenizer.Normal, tokenizer.UserDefined
	for _, tc := range []struct {
		special map[string]tokenizer.TokenType
		want    []string
	}{
		{map[string]tokenizer.TokenType{"<|im_end|>": c, "<|im_start|>": c}, []string{"<|im_end|>"}},
		{map[string]tokenizer.TokenType{"</s>": n, "<EOT>": n}, []string{"</s>", "<EOT>"}},
		{map[string]tokenizer.TokenType{"<|end|>": c, "<|return|>": c, "<|call|>": c}, []string{"<|call|>", "<|return|>"}},
		{map[string]tokenizer.TokenType{"<|end|>": c, "<|flush|>": c, "<|calls|>": c}, []string{"<|calls|>", "<|flush|>"}},
		{map[string]tokenizer.TokenType{"<|end|>": c, "<|user|>": c}, []string{"<|end|>"}},
		{map[string]tokenizer.TokenType{"<|tool_response>": c, "</s>": n}, []string{"<|tool_response>"}},
		{map[string]tokenizer.TokenType{"<|fim_pad|>": c, "<|repo_name|>": c, "<|file_sep|>": c, "<|fim_prefix|>": c},
			[]string{"<|file_sep|>", "<|fim_pad|>", "<|repo_name|>"}},
		{map[string]tokenizer.TokenType{"<|eom_id|>": u}, []string{"<|eom_id|>"}},
	} {
		tok := newTokenizer(t, chatVocab(tc.special))
		var got []string
		for _, id := range tok.EOG() {
			require.True(t, tok.IsEOG(id))
			if id != tok.EOS() {
				got = append(got, string(tok.Piece(id, true)))
			}
		}
		slices.Sort(got)
		require.Equal(t, tc.want, got)
		require.True(t, tok.IsEOG(tok.EOS()))
	}
}

func TestHarmonyMarkersAreShown(t *testing.T) {
	tok := newTokenizer(t, chatVocab(map[string]tokenizer.TokenType{"<|channel|>": tokenizer.Control, "<|x|>": tokenizer.Control}))
	channel, _ := tok.Lookup("<|channel|>")
	x, _ := tok.Lookup("<|x|>")
	require.Equal(t, "<|channel|>", string(tok.Piece(channel, false)))
	require.Empty(t, tok.Piece(x, false))
	require.Equal(t, "<|x|>", string(tok.Piece(x, true)))
	require.Equal(t, "<|channel|>", show(tok, tok.EncodeSegments([]tokenizer.Segment{{Text: "<|channel|>"}}, false)))
}

func TestLeftAndRightStrip(t *testing.T) {
	v := chatVocab(map[string]tokenizer.TokenType{"<mask>": tokenizer.Control})
	v.Pre = "jina-v2-es"
	tok := newTokenizer(t, v)
	got := tok.Encode("a \t\n<mask> b", tokenizer.EncodeOptions{ParseSpecial: true})
	require.Equal(t, "a{<mask>} b", show(tok, got))

	v = chatVocab(map[string]tokenizer.TokenType{"<|user|>": tokenizer.Control, "</s>": tokenizer.UserDefined,
		"<unk>": tokenizer.Unknown, "<s>": tokenizer.Control, "<|endoftext|>": tokenizer.Control})
	v.Name = "Some Phi-3 mini"
	tok = newTokenizer(t, v)
	got = tok.Encode(" <|user|> \n a <s> b</s> c", tokenizer.EncodeOptions{ParseSpecial: true})
	require.Equal(t, " {<|user|>}a {<s>} b{</s>}c", show(tok, got))
}

func TestAddedTokens(t *testing.T) {
	v := chatVocab(nil)
	for _, c := range []struct {
		bos, eos *bool
		want     string
	}{
		{nil, nil, "ab"}, {new(true), nil, "{<|stop|>}ab"}, {new(true), new(true), "{<|stop|>}ab{<|stop|>}"},
		{new(false), new(true), "ab{<|stop|>}"},
	} {
		v.AddBOS, v.AddEOS = c.bos, c.eos
		tok := newTokenizer(t, v)
		require.Equal(t, c.want, show(tok, tok.Encode("ab", tokenizer.EncodeOptions{AddSpecial: true})))
		require.Equal(t, c.want, show(tok, tok.EncodeSegments([]tokenizer.Segment{{Text: "ab"}}, true)))
		require.Equal(t, "ab", show(tok, tok.Encode("ab", tokenizer.EncodeOptions{})))
		ids := tok.Encode("ab", tokenizer.EncodeOptions{AddSpecial: true})
		require.Equal(t, "ab", string(tok.Decode(ids, tokenizer.DecodeOptions{RemoveSpecial: true, ShowSpecial: true})))
	}
}

// TestCharactersOutsideTheVocabulary has neither byte tokens nor the character.
func TestCharactersOutsideTheVocabulary(t *testing.T) {
	v := tokenizer.Vocab{Model: "llama", Tokens: []string{"<unk>", "<s>", "</s>", "a", "▁"},
		Types: []tokenizer.TokenType{tokenizer.Unknown, tokenizer.Control, tokenizer.Control, 1, 1}}
	tok := newTokenizer(t, v)
	require.Equal(t, []tokenizer.Token{1, 4, 3, 0, 3, 0, 0, 0}, tok.Encode("aéa中😀\xff", tokenizer.EncodeOptions{AddSpecial: true}))
	v.UNK, v.Tokens, v.Types = nil, []string{"a", "b", "c", "▁"}, nil
	v.AddBOS = new(false)
	require.Equal(t, []tokenizer.Token{3, 0, 0}, newTokenizer(t, v).Encode("aé", tokenizer.EncodeOptions{}), "token 0 is UNK by default")
}
