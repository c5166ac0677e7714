package runtime

import (
	"fmt"

	"inferd/tokenizer"
)

// vocabPrefix is what the keys of the vocabulary begin with.
const vocabPrefix = "tokenizer.ggml."

// newTokenizer makes the tokenizer that the metadata describes, or notes the
// faults and returns nil.
func newTokenizer(h *hparams) *tokenizer.Tokenizer {
	nFaults := len(h.faults)
	r := vocabReader{h}
	v := tokenizer.Vocab{
		Model: r.text("model", true),
		Pre:   r.text("pre", false),
		Arch:  h.arch,

		Tokens:   read(h, vocabPrefix+"tokens", h.file.Strings, true),
		Scores:   read(h, vocabPrefix+"scores", h.file.Floats, false),
		Merges:   read(h, vocabPrefix+"merges", h.file.Strings, false),
		CharsMap: read(h, vocabPrefix+"precompiled_charsmap", h.file.Bytes, false),

		BOS: r.id("bos_token_id"), EOS: r.id("eos_token_id"), EOT: r.id("eot_token_id"), EOM: r.id("eom_token_id"),
		UNK: r.id("unknown_token_id"), SEP: r.id("seperator_token_id"), PAD: r.id("padding_token_id"), MASK: r.id("mask_token_id"), //nolint:misspell // the key is spelled so
		FIMPre: r.id("fim_pre_token_id"), FIMSuf: r.id("fim_suf_token_id"), FIMMid: r.id("fim_mid_token_id"),
		FIMPad: r.id("fim_pad_token_id"), FIMRep: r.id("fim_rep_token_id"), FIMSep: r.id("fim_sep_token_id"),

		AddBOS: r.flag("add_bos_token"), AddEOS: r.flag("add_eos_token"), AddSEP: r.flag("add_sep_token"),
		AddSpacePrefix: r.flag("add_space_prefix"), RemoveExtraWhitespaces: r.flag("remove_extra_whitespaces"),
		Lowercase: r.flag("normalizer.lowercase"), StripAccents: r.flag("normalizer.strip_accents"),
	}
	v.Name, _ = h.file.String("general.name") // only a hint; a bad one is no hint
	for _, t := range read(h, vocabPrefix+"token_type", h.file.Ints, false) {
		v.Types = append(v.Types, tokenizer.TokenType(t))
	}
	if len(h.faults) > nFaults {
		return nil
	}
	t, err := tokenizer.New(v)
	if err != nil {
		h.faults = append(h.faults, Fault{Reason: fmt.Sprintf("vocabulary: %v", err)})
		return nil
	}
	return t
}

// vocabReader reads single values of the vocabulary.
type vocabReader struct{ h *hparams }

func (r vocabReader) text(name string, required bool) string {
	return read(r.h, vocabPrefix+name, r.h.file.String, required)
}

func (r vocabReader) flag(name string) *bool {
	return readOptional(r.h, vocabPrefix+name, r.h.file.Bool)
}

// id returns a token id, which the tokenizer compares with its vocabulary.
func (r vocabReader) id(name string) *tokenizer.Token {
	u := readOptional(r.h, vocabPrefix+name, r.h.file.Uint)
	if u == nil {
		return nil
	}
	if *u > maxVocab {
		// Some converters write -1, as an unsigned number, for "none".
		return new(tokenizer.NoToken)
	}
	return new(tokenizer.Token(*u))
}

// read returns the value of a key, the zero value where it has none.
func read[T any](h *hparams, key string, get func(string) (T, error), required bool) (none T) {
	v, err := get(key)
	if !h.found(key, err, required) {
		return none
	}
	return v
}

// readOptional returns the value of a key, nil where it has none.
func readOptional[T any](h *hparams, key string, get func(string) (T, error)) *T {
	v, err := get(key)
	if !h.found(key, err, false) {
		return nil
	}
	return &v
}
