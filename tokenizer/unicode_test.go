package tokenizer_test

import (
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"inferd/tokenizer"
)

// TestUnicodeStandsStill fails when Go's or x/text's tables move on. Then
// classRanges must take back what is new: the reference's tables stand still.
func TestUnicodeStandsStill(t *testing.T) {
	require.Equal(t, uint64(0x81af42485d32dac6), tokenizer.UnicodeSum())
}

func TestBaseRune(t *testing.T) {
	for r := range rune(unicode.MaxRune + 1) {
		want := r
		if utf8.ValidRune(r) {
			want, _ = utf8.DecodeRuneInString(norm.NFD.String(string(r)))
		}
		if got := tokenizer.BaseRune(r); got != want {
			t.Fatalf("base of %U is %U, want %U", r, got, want)
		}
	}
}

func TestWellFormed(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"añ中😀":                  "añ中😀",
		"a\xff\x80b":            "a\uFFFD\uFFFDb",
		"\xc3":                  "\uFFFD",
		"\xc3(":                 "\uFFFD(",
		"\xe4\xb8x":             "\uFFFD\uFFFDx",
		"\xf0\x9f\x98":          "\uFFFD\uFFFD\uFFFD",
		"\xc0\xaf":              "\uFFFD\uFFFD",
		"\xf4\x90\x80\x80":      "\uFFFD\uFFFD\uFFFD\uFFFD",
		"\xed\xa0\x80|\xed\xb0": "\xed\xa0\x80|\uFFFD\uFFFD", // a surrogate passes
		"\xed\xbf\xbf\xff":      "\xed\xbf\xbf\uFFFD",
	} {
		require.Equal(t, want, string(tokenizer.WellFormed([]byte(in))), "%q", in)
	}
}
