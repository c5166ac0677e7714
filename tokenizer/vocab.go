package tokenizer

import (
	"fmt"
	"strings"
)

// Token is the id of a vocabulary entry.
type Token = int32

// NoToken stands for the absence of a token, for example of a BOS token in a
// vocabulary that has none.
const NoToken Token = -1

// TokenType is the kind of a vocabulary entry as the metadata stores it
// (tokenizer.ggml.token_type). Values outside the list count as Undefined.
type TokenType int32

const (
	Undefined   TokenType = 0
	Normal      TokenType = 1
	Unknown     TokenType = 2
	Control     TokenType = 3 // parsed from text only when the caller asks
	UserDefined TokenType = 4 // parsed from every text before anything else
	Unused      TokenType = 5
	Byte        TokenType = 6 // "<0x0A>": one raw byte
)

// Vocab is a vocabulary as a model file describes it, without the file. A nil
// pointer means that the metadata lacks the key; New then applies the default
// of the vocabulary's kind.
type Vocab struct {
	Model string // tokenizer.ggml.model: "llama", "gpt2", "bert", "t5" or "gemma4"
	Pre   string // tokenizer.ggml.pre: the pre-tokeniser of a BPE vocabulary
	Arch  string // general.architecture
	Name  string // general.name; some models' attributes are found by it

	Tokens []string    // pieces by id, as stored
	Scores []float32   // empty, or one per token
	Types  []TokenType // empty (all Normal), or one per token
	Merges []string    // "left right", best first; BPE only, and there not nil, but perhaps empty

	BOS, EOS, EOT, EOM, UNK, SEP, PAD, MASK        *Token
	FIMPre, FIMSuf, FIMMid, FIMPad, FIMRep, FIMSep *Token

	AddBOS, AddEOS, AddSEP *bool
	AddSpacePrefix         *bool
	RemoveExtraWhitespaces *bool
	Lowercase              *bool // tokenizer.ggml.normalizer.lowercase; WordPiece
	StripAccents           *bool // tokenizer.ggml.normalizer.strip_accents; WordPiece

	CharsMap []byte // tokenizer.ggml.precompiled_charsmap; unigram
}

// VocabError says what is wrong with a vocabulary. Index is the entry of the
// field that is at fault, or -1 if the field as a whole is.
type VocabError struct {
	Field  string // field of Vocab, in lower case
	Index  int
	Reason string
}

func (e *VocabError) Error() string {
	if e.Index < 0 {
		return fmt.Sprintf("tokenizer: %s: %s", e.Field, e.Reason)
	}
	return fmt.Sprintf("tokenizer: %s[%d]: %s", e.Field, e.Index, e.Reason)
}

func vocabErrorf(field string, index int, format string, args ...any) *VocabError {
	return &VocabError{Field: field, Index: index, Reason: fmt.Sprintf(format, args...)}
}

// maxTokens keeps ids and offsets in int32; the largest known vocabulary has
// 262 144 tokens.
const maxTokens = 1 << 24

// maxTokenBytes bounds one piece. The longest known is 1 280 bytes; Encode's
// memory and time are linear in the text with this as a factor.
const maxTokenBytes = 1 << 16

// checkLengths rejects arrays that do not fit one another.
func (v *Vocab) checkLengths() error {
	n := len(v.Tokens)
	switch {
	case n == 0:
		return vocabErrorf("tokens", -1, "the vocabulary is empty")
	case n > maxTokens:
		return vocabErrorf("tokens", -1, "%d tokens, at most %d are supported", n, maxTokens)
	case len(v.Scores) != 0 && len(v.Scores) < n:
		return vocabErrorf("scores", -1, "%d scores for %d tokens", len(v.Scores), n)
	case len(v.Types) != 0 && len(v.Types) < n:
		return vocabErrorf("types", -1, "%d types for %d tokens", len(v.Types), n)
	}
	for i, s := range v.Scores[:min(n, len(v.Scores))] {
		if s != s {
			return vocabErrorf("scores", i, "not a number")
		}
	}
	return nil
}

// index fills ids, the map from piece to id. An empty piece gets a name that
// no text is likely to hold, as the reference gives it.
func (t *Tokenizer) index(tokens []string) error {
	t.texts = make([]string, len(tokens))
	t.ids = make(map[string]Token, len(tokens))
	for i, s := range tokens {
		if s == "" {
			s = fmt.Sprintf("[EMPTY_%d]", i)
		}
		if len(s) > maxTokenBytes {
			return vocabErrorf("tokens", i, "%d bytes long, at most %d are supported", len(s), maxTokenBytes)
		}
		if j, dup := t.ids[s]; dup {
			return vocabErrorf("tokens", i, "%q is also token %d", s, j)
		}
		t.texts[i] = s
		t.ids[s] = Token(i)
		t.maxTokenBytes = max(t.maxTokenBytes, len(s))
	}
	return nil
}

// kindDefaults are what a kind of vocabulary assumes where the metadata is
// silent.
type kindDefaults struct {
	kind                         kind
	bos, eos, unk, sep, pad, msk Token
	addBOS, addEOS, addSEP       bool
	addSpacePrefix               bool
	escapeSpaces                 bool // spaces are U+2581 in pieces
	cleanSpaces                  bool // Decode removes the space before punctuation
}

type kind uint8

const (
	kindSPM kind = iota
	kindBPE
	kindWordPiece
	kindUnigram
)

var kinds = map[string]kindDefaults{
	"llama": {kind: kindSPM, bos: 1, eos: 2, unk: 0, sep: NoToken, pad: NoToken, msk: NoToken,
		addBOS: true, addSpacePrefix: true, escapeSpaces: true},
	"gpt2": {kind: kindBPE, bos: 11, eos: 11, unk: NoToken, sep: NoToken, pad: NoToken, msk: NoToken,
		cleanSpaces: true},
	"gemma4": {kind: kindBPE, bos: NoToken, eos: NoToken, unk: NoToken, sep: NoToken, pad: NoToken, msk: NoToken,
		cleanSpaces: true},
	"bert": {kind: kindWordPiece, bos: 101, eos: NoToken, unk: 100, sep: 102, pad: 0, msk: 103,
		addBOS: true, addSEP: true, escapeSpaces: true, cleanSpaces: true},
	"t5": {kind: kindUnigram, bos: NoToken, eos: 1, unk: 2, sep: NoToken, pad: 0, msk: NoToken,
		addEOS: true, escapeSpaces: true},
}

// resolve settles the special ids and the flags of the vocabulary.
func (t *Tokenizer) resolve(v *Vocab, d *kindDefaults) {
	pick := func(given *Token, fallback Token) Token {
		if given != nil && *given >= 0 && int(*given) < len(t.texts) {
			return *given
		}
		if fallback >= 0 && int(fallback) < len(t.texts) {
			return fallback
		}
		return NoToken
	}
	flag := func(given *bool, fallback bool) bool {
		if given != nil {
			return *given
		}
		return fallback
	}
	t.bos, t.eos = pick(v.BOS, d.bos), pick(v.EOS, d.eos)
	t.eot, t.eom = pick(v.EOT, NoToken), pick(v.EOM, NoToken)
	t.unk, t.sep = pick(v.UNK, d.unk), pick(v.SEP, d.sep)
	t.pad, t.mask = pick(v.PAD, d.pad), pick(v.MASK, d.msk)
	t.fimPre, t.fimSuf = pick(v.FIMPre, NoToken), pick(v.FIMSuf, NoToken)
	t.fimMid, t.fimPad = pick(v.FIMMid, NoToken), pick(v.FIMPad, NoToken)
	t.fimRep, t.fimSep = pick(v.FIMRep, NoToken), pick(v.FIMSep, NoToken)

	t.addBOS, t.addEOS = flag(v.AddBOS, d.addBOS), flag(v.AddEOS, d.addEOS)
	t.addSEP = flag(v.AddSEP, d.addSEP)
	t.addSpacePrefix = flag(v.AddSpacePrefix, d.addSpacePrefix)
	t.removeExtraSpaces = flag(v.RemoveExtraWhitespaces, false)
	t.escapeSpaces, t.cleanSpaces = d.escapeSpaces, d.cleanSpaces
}

// checkAdded refuses a vocabulary that must add a token it does not have.
func (t *Tokenizer) checkAdded() error {
	switch {
	case t.addBOS && t.bos == NoToken:
		return vocabErrorf("bos", -1, "a BOS token must be added, but there is none")
	case t.addEOS && t.eos == NoToken:
		return vocabErrorf("eos", -1, "an EOS token must be added, but there is none")
	case t.kind == kindWordPiece && t.sep == NoToken:
		return vocabErrorf("sep", -1, "a SEP token must be added, but there is none")
	}
	return nil
}

// byteOfPiece is the value of a piece "<0x0A>", if it is one.
func byteOfPiece(s string) (byte, bool) {
	if len(s) != 6 || !strings.HasPrefix(s, "<0x") || s[5] != '>' {
		return 0, false
	}
	hi, lo := unhex(s[3]), unhex(s[4])
	return byte(hi<<4 | lo), hi >= 0 && lo >= 0
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
