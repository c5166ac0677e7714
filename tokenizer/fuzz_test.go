package tokenizer_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"inferd/tokenizer"
)

// FuzzEncode encodes a text with every kind of vocabulary.
func FuzzEncode(f *testing.F) {
	for _, s := range append(hostileTexts, pathological...) {
		f.Add([]byte(s), 1)
	}
	var toks []*tokenizer.Tokenizer
	for _, name := range vectorFiles {
		toks = append(toks, load(f, name))
	}
	v, _ := loadVectors(f, "bpe-qwen2")
	for _, name := range tokenizer.PreTokenizerNames() {
		v.Pre = name
		toks = append(toks, newTokenizer(f, v))
	}
	lossless := load(f, "bpe-qwen2")
	f.Fuzz(func(t *testing.T, text []byte, border int) {
		if len(text) > 1<<12 {
			return
		}
		for _, tok := range toks {
			exercise(tok, []string{string(text)})
			for _, id := range tok.EncodeSegments([]tokenizer.Segment{{Text: string(text)}}, false) {
				if tok.IsBarred(id) {
					t.Fatalf("text from outside yields %q", tok.Piece(id, true))
				}
			}
		}
		ids := lossless.Encode(string(text), tokenizer.EncodeOptions{})
		if back := lossless.Decode(ids, tokenizer.DecodeOptions{ShowSpecial: true}); utf8.Valid(text) && !bytes.Equal(back, text) {
			t.Fatalf("%q became %q", text, back)
		}
		cut := min(max(border, 0), len(text))
		parts := []tokenizer.Segment{{Text: string(text[:cut])}, {Text: string(text[cut:])}}
		whole := lossless.EncodeSegments([]tokenizer.Segment{{Text: string(text)}}, false)
		if got := lossless.EncodeSegments(parts, false); len(got) != len(whole) {
			t.Fatalf("%q cut at %d: %v, whole %v", text, cut, got, whole)
		}
	})
}

// FuzzNew builds a vocabulary from noise. The input is: kind, then entries of
// type, score and text, each text ending in a zero byte; an entry of type 7 is
// a merge, one of type 8 is the normaliser's map.
func FuzzNew(f *testing.F) {
	entry := func(typ byte, score uint16, text string) string {
		return string([]byte{typ, byte(score), byte(score >> 8)}) + text + "\x00"
	}
	f.Add([]byte("\x00" + entry(2, 0, "<unk>") + entry(3, 0, "<s>") + entry(6, 0, "<0x-1>") + entry(6, 0, "<0xZZ>") + entry(1, 5, "ab") + entry(1, 3, "a")))
	f.Add([]byte("\x01" + entry(1, 0, "a") + entry(1, 0, "a") + entry(7, 0, "a b")))
	f.Add([]byte("\x01" + entry(1, 0, "a") + entry(1, 0, "") + entry(4, 0, "  ") + entry(7, 0, "a b") + entry(7, 0, "x")))
	f.Add([]byte("\x02" + entry(3, 0, "[CLS]") + entry(1, 0, "▁a") + entry(1, 0, "\xff")))
	f.Add([]byte("\x03" + entry(2, 0, "<unk>") + entry(1, 0, "▁") + entry(1, 9, "▁a") + entry(4, 0, "ab") + entry(8, 0, "\x08\x01\x01\x01AAAABBBBxyz")))
	f.Add([]byte("\x04" + entry(3, 0, "<bos>") + entry(6, 0, "<0x41>") + entry(1, 0, "▁a") + entry(7, 0, "▁ a")))
	models := []string{"llama", "gpt2", "bert", "t5", "gemma4"}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 || len(data) > 1<<12 {
			return
		}
		v := tokenizer.Vocab{Model: models[int(data[0])%len(models)], Pre: "llama3", BOS: new(tokenizer.Token(0)), EOS: new(tokenizer.Token(0)), SEP: new(tokenizer.Token(0))}
		for rest := data[1:]; len(rest) > 3; {
			typ, score := rest[0]%9, int16(binary.LittleEndian.Uint16(rest[1:]))
			text, after, _ := bytes.Cut(rest[3:], []byte{0})
			rest = after
			switch typ {
			case 7:
				v.Merges = append(v.Merges, string(text))
			case 8:
				v.CharsMap = text
			default:
				v.Tokens, v.Scores = append(v.Tokens, string(text)), append(v.Scores, float32(score)/8)
				v.Types = append(v.Types, tokenizer.TokenType(typ))
			}
		}
		tok, err := tokenizer.New(v)
		if err != nil {
			if _, ok := errors.AsType[*tokenizer.VocabError](err); !ok {
				t.Fatalf("%T", err)
			}
			return
		}
		exercise(tok, append(hostileTexts, strings.Join(v.Tokens, ""), string(data)))
	})
}
