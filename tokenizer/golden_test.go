package tokenizer_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/gguf"
	"inferd/tokenizer"
)

// loadVocab reads the vocabulary of a GGUF file, gunzipped first if its name
// ends in .gz.
func loadVocab(tb testing.TB, path string) tokenizer.Vocab {
	tb.Helper()
	if strings.HasSuffix(path, ".gz") {
		plain := filepath.Join(tb.TempDir(), "vocab.gguf")
		require.NoError(tb, os.WriteFile(plain, gunzip(tb, path), 0o600))
		path = plain
	}
	f, err := gguf.Open(path)
	require.NoError(tb, err)
	defer f.Close()
	return vocabOf(tb, f)
}

func gunzip(tb testing.TB, path string) []byte {
	tb.Helper()
	f, err := os.Open(path)
	require.NoError(tb, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(tb, err)
	b, err := io.ReadAll(z)
	require.NoError(tb, err)
	return b
}

// optional turns an absent key into the zero value.
func optional[T any](tb testing.TB, v T, err error) (T, bool) {
	tb.Helper()
	if errors.Is(err, gguf.ErrNoKey) {
		return v, false
	}
	require.NoError(tb, err)
	return v, true
}

func vocabOf(tb testing.TB, f *gguf.File) tokenizer.Vocab {
	tb.Helper()
	const p = "tokenizer.ggml."
	str := func(key string) string {
		s, err := f.String(key)
		s, _ = optional(tb, s, err)
		return s
	}
	id := func(key string) *tokenizer.Token {
		u, err := f.Uint(p + key)
		if u, ok := optional(tb, u, err); ok {
			return new(tokenizer.Token(int32(min(u, 1<<31-1))))
		}
		return nil
	}
	flag := func(key string) *bool {
		b, err := f.Bool(p + key)
		if b, ok := optional(tb, b, err); ok {
			return &b
		}
		return nil
	}
	v := tokenizer.Vocab{
		Model: str(p + "model"), Pre: str(p + "pre"), Arch: str("general.architecture"), Name: str("general.name"),
		BOS: id("bos_token_id"), EOS: id("eos_token_id"), EOT: id("eot_token_id"), EOM: id("eom_token_id"),
		SEP: id("seperator_token_id"), //nolint:misspell // the key is spelled so
		UNK: id("unknown_token_id"), PAD: id("padding_token_id"), MASK: id("mask_token_id"),
		AddBOS: flag("add_bos_token"), AddEOS: flag("add_eos_token"), AddSEP: flag("add_sep_token"),
		AddSpacePrefix: flag("add_space_prefix"), RemoveExtraWhitespaces: flag("remove_extra_whitespaces"),
		Lowercase: flag("normalizer.lowercase"), StripAccents: flag("normalizer.strip_accents"),
	}
	var err error
	v.Tokens, err = f.Strings(p + "tokens")
	require.NoError(tb, err)
	v.Merges, err = f.Strings(p + "merges")
	v.Merges, _ = optional(tb, v.Merges, err)
	v.Scores, err = f.Floats(p + "scores")
	v.Scores, _ = optional(tb, v.Scores, err)
	v.CharsMap, err = f.Bytes(p + "precompiled_charsmap")
	v.CharsMap, _ = optional(tb, v.CharsMap, err)
	types, err := f.Ints(p + "token_type")
	if types, ok := optional(tb, types, err); ok {
		for _, x := range types {
			v.Types = append(v.Types, tokenizer.TokenType(x))
		}
	}
	return v
}

// text is a string of the golden data: UTF-8 as such, anything else in hex.
type text struct {
	Text *string `json:"text"`
	Hex  string  `json:"hex"`
}

func (x text) bytes() []byte {
	if x.Text != nil {
		return []byte(*x.Text)
	}
	b, err := hex.DecodeString(x.Hex)
	if err != nil {
		panic(err)
	}
	return b
}

// goldenCase is a line of cases/*.jsonl.gz and tiny.jsonl.gz.
type goldenCase struct {
	text
	Model         string            `json:"model"`
	Cat           string            `json:"cat"`
	AddSpecial    bool              `json:"add_special"`
	ParseSpecial  bool              `json:"parse_special"`
	IDs           []tokenizer.Token `json:"ids"`
	PiecesHex     []string          `json:"pieces_hex"`
	Detok         *text             `json:"detok"`
	DetokSpecial  *text             `json:"detok_special"`
	ReferenceFail string            `json:"error"`
}

// readLines decodes a gzipped file of JSON lines.
func readLines[T any](tb testing.TB, path string) []T {
	tb.Helper()
	r := bufio.NewReader(bytes.NewReader(gunzip(tb, path)))
	var out []T
	for dec := json.NewDecoder(r); ; {
		var v T
		err := dec.Decode(&v)
		if err == io.EOF {
			return out
		}
		require.NoError(tb, err)
		out = append(out, v)
	}
}

// check compares one case with what the tokenizer does.
func (c *goldenCase) check(t *testing.T, tok *tokenizer.Tokenizer) {
	t.Helper()
	in := c.bytes()
	opts := tokenizer.EncodeOptions{AddSpecial: c.AddSpecial, ParseSpecial: c.ParseSpecial}
	got := tok.Encode(string(in), opts)
	if !slices.Equal(got, c.IDs) {
		t.Errorf("%s %s %q special=%v,%v\n got %v\nwant %v", c.Model, c.Cat, in, c.AddSpecial, c.ParseSpecial, got, c.IDs)
		return
	}
	for i, h := range c.PiecesHex {
		if p := hex.EncodeToString(tok.Piece(c.IDs[i], true)); p != h {
			t.Errorf("%s: piece of %d is %s, want %s", c.Model, c.IDs[i], p, h)
		}
	}
	plain := in
	if c.Detok != nil {
		plain = c.Detok.bytes()
	}
	if d := tok.Decode(got, tokenizer.DecodeOptions{RemoveSpecial: true}); !bytes.Equal(d, plain) {
		t.Errorf("%s %q: decoded %q, want %q", c.Model, in, d, plain)
	}
	if c.DetokSpecial != nil {
		d := tok.Decode(got, tokenizer.DecodeOptions{ShowSpecial: true})
		if want := c.DetokSpecial.bytes(); !bytes.Equal(d, want) {
			t.Errorf("%s %q: decoded with special tokens %q, want %q", c.Model, in, d, want)
		}
	}
}
