package tokenizer_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/tokenizer"
)

// hostileTexts are encoded with every vocabulary that New accepts.
var hostileTexts = []string{"", "a", " ", "<0x41><0x-1>", "\xff\xfe", "héllo wörld", "日本語 テスト", "<s></s>", "aaaaaaaaaaaaaaaa",
	strings.Repeat("ab ", 60), "\x00\x00", "▁▁a", "😀👩‍👩‍👧", "1234567", "it's\r\n\t "}

// exercise calls everything that takes text or tokens.
func exercise(tok *tokenizer.Tokenizer, texts []string) {
	d := tokenizer.NewStreamDecoder(tok, true)
	for _, text := range texts {
		for _, opts := range []tokenizer.EncodeOptions{{}, {AddSpecial: true, ParseSpecial: true}} {
			ids := tok.Encode(text, opts)
			for _, id := range ids {
				if id < 0 || int(id) >= tok.NVocab() {
					panic(fmt.Sprintf("token %d of %d", id, tok.NVocab()))
				}
				d.Push(id)
			}
			tok.Decode(ids, tokenizer.DecodeOptions{})
			tok.Decode(ids, tokenizer.DecodeOptions{RemoveSpecial: true, ShowSpecial: true})
		}
		tok.EncodeSegments([]tokenizer.Segment{{Text: text, Special: true}, {Text: text}}, true)
	}
	d.Flush()
	tok.Decode([]tokenizer.Token{-1, 0, math.MaxInt32, math.MinInt32}, tokenizer.DecodeOptions{ShowSpecial: true})
}

// TestHostileVocabularies breaks good vocabularies in every way that a file
// can: New returns a *VocabError, or a tokenizer that works somehow.
func TestHostileVocabularies(t *testing.T) {
	huge := tokenizer.Token(math.MaxInt32)
	for _, c := range []struct {
		name   string
		break_ func(v *tokenizer.Vocab)
		fails  string // field of the error where one is certain
	}{
		{"no model", func(v *tokenizer.Vocab) { v.Model = "" }, "model"},
		{"unknown model", func(v *tokenizer.Vocab) { v.Model = "rwkv" }, "model"},
		{"no tokens", func(v *tokenizer.Vocab) { v.Tokens = nil }, "tokens"},
		{"duplicate token", func(v *tokenizer.Vocab) { v.Tokens[7] = v.Tokens[300] }, "tokens"},
		{"empty tokens", func(v *tokenizer.Vocab) { v.Tokens[7], v.Tokens[300] = "", "" }, ""},
		{"empty token and its stand-in", func(v *tokenizer.Vocab) { v.Tokens[7], v.Tokens[300] = "", "[EMPTY_7]" }, "tokens"},
		{"long token", func(v *tokenizer.Vocab) { v.Tokens[9] = strings.Repeat("x", 1<<16+1) }, "tokens"},
		{"longest token", func(v *tokenizer.Vocab) { v.Tokens[9] = strings.Repeat("x", 1<<16) }, ""},
		{"invalid UTF-8", func(v *tokenizer.Vocab) {
			v.Tokens[5], v.Tokens[6], v.Tokens[300] = "\xff", "\xe2\x82", "a\xf0"
		}, ""},
		{"odd byte tokens", func(v *tokenizer.Vocab) {
			for i, s := range []string{"<0x-1>", "<0xZZ>", "<0x>", "<0x4>", "<0x414>", "<0xff>"} {
				v.Tokens[300+i] = s
				if len(v.Types) > 0 {
					v.Types[300+i] = tokenizer.Byte
				}
			}
		}, ""},
		{"one token", func(v *tokenizer.Vocab) { v.Tokens = v.Tokens[:1] }, ""},
		{"few scores", func(v *tokenizer.Vocab) { v.Scores = []float32{1} }, "scores"},
		{"few types", func(v *tokenizer.Vocab) { v.Types = []tokenizer.TokenType{1} }, "types"},
		{"scores that are no numbers", func(v *tokenizer.Vocab) {
			v.Scores = make([]float32, len(v.Tokens))
			v.Scores[3] = float32(math.NaN())
		}, "scores"},
		{"infinite scores", func(v *tokenizer.Vocab) {
			v.Scores = make([]float32, len(v.Tokens))
			for i := range v.Scores {
				v.Scores[i] = float32(math.Inf(i%3 - 1))
			}
		}, ""},
		{"no scores and no types", func(v *tokenizer.Vocab) { v.Scores, v.Types = nil, nil }, ""},
		{"types out of range", func(v *tokenizer.Vocab) {
			v.Types = make([]tokenizer.TokenType, len(v.Tokens))
			for i := range v.Types {
				v.Types[i] = tokenizer.TokenType(i*7919 - 99)
			}
		}, ""},
		{"every token special", func(v *tokenizer.Vocab) {
			v.Types = make([]tokenizer.TokenType, len(v.Tokens))
			for i := range v.Types {
				v.Types[i] = tokenizer.Control + tokenizer.TokenType(i%2)
			}
		}, ""},
		{"ids out of range", func(v *tokenizer.Vocab) {
			v.BOS, v.EOS, v.UNK, v.SEP, v.PAD, v.EOT, v.FIMPad = &huge, &huge, &huge, &huge, &huge, &huge, &huge
		}, ""},
		{"negative ids", func(v *tokenizer.Vocab) {
			v.BOS, v.EOS, v.UNK = new(tokenizer.Token(-5)), new(tokenizer.Token(math.MinInt32)), new(tokenizer.NoToken)
		}, ""},
		{"a map too short", func(v *tokenizer.Vocab) { v.CharsMap = []byte{1, 2} }, ""},
		{"a map that claims too much", func(v *tokenizer.Vocab) { v.CharsMap = []byte{255, 255, 255, 255, 0} }, ""},
		{"a map of noise", func(v *tokenizer.Vocab) {
			v.CharsMap = append([]byte{0, 1, 0, 0}, []byte(strings.Repeat("\x01\xff\x80\x7f\x00\x05", 99))...)
		}, ""},
	} {
		for _, name := range vectorFiles {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				v, _ := loadVectors(t, name)
				for len(v.Tokens) < 400 {
					v.Tokens = append(v.Tokens, fmt.Sprintf("filler%d", len(v.Tokens)))
				}
				for len(v.Types) > 0 && len(v.Types) < 400 {
					v.Types = append(v.Types, tokenizer.Normal)
				}
				for len(v.Scores) > 0 && len(v.Scores) < 400 {
					v.Scores = append(v.Scores, 0)
				}
				c.break_(&v)
				tok, err := tokenizer.New(v)
				if err != nil {
					var vocabErr *tokenizer.VocabError
					require.ErrorAs(t, err, &vocabErr)
					require.NotEmpty(t, vocabErr.Field)
					require.True(t, strings.HasPrefix(err.Error(), "tokenizer: "+vocabErr.Field))
				} else {
					exercise(tok, hostileTexts)
				}
				if c.fails != "" {
					require.Error(t, err)
					require.Equal(t, c.fails, errorsAsVocab(err).Field)
				}
			})
		}
	}
}

func errorsAsVocab(err error) *tokenizer.VocabError {
	e, _ := errors.AsType[*tokenizer.VocabError](err)
	return e
}

// TestHostileMerges gives BPE vocabularies merges that make no sense.
func TestHostileMerges(t *testing.T) {
	for _, merges := range [][]string{
		nil, {}, {""}, {" "}, {"  "}, {"a"}, {" a b"}, {"a  b"}, {"a b c"}, {"a a", "a a", "aa a", "a aa"},
		{"\xff \xfe"}, {"▁ ▁", "▁▁ ▁▁"}, {"x "}, {" x"}, {"a b", "ab a", "b a", "ba b"},
	} {
		for _, name := range []string{"bpe-qwen2", "bpe-llama3", "gemma4", "codepoints-mmbert"} {
			v, _ := loadVectors(t, name)
			v.Merges = merges
			tok, err := tokenizer.New(v)
			if merges == nil {
				require.Equal(t, "merges", errorsAsVocab(err).Field)
				continue
			}
			require.NoError(t, err)
			exercise(tok, hostileTexts)
		}
	}
}

func TestUnknownPreTokenizer(t *testing.T) {
	v, _ := loadVectors(t, "bpe-qwen2")
	v.Pre = "no such name"
	_, err := tokenizer.New(v)
	require.EqualError(t, err, `tokenizer: pre: pre-tokeniser "no such name" is not known`)
	v.Pre = ""
	_, err = tokenizer.New(v)
	require.NoError(t, err, "old files have none")
}

func TestAddedTokensThatDoNotExist(t *testing.T) {
	v, _ := loadVectors(t, "bpe-qwen2")
	v.BOS, v.EOS, v.Pre = nil, nil, "glm4"
	v.AddBOS = new(true)
	_, err := tokenizer.New(v)
	require.EqualError(t, err, "tokenizer: bos: a BOS token must be added, but there is none")
	v.AddBOS, v.AddEOS = nil, new(true)
	v.Tokens, v.Types = v.Tokens[:5], v.Types[:5]
	_, err = tokenizer.New(v)
	require.EqualError(t, err, "tokenizer: eos: an EOS token must be added, but there is none")
}
