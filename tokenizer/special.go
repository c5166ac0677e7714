package tokenizer

import (
	"cmp"
	"slices"
	"strings"
)

// attr is what is known of a token beyond its type. A control token may be
// unused or user-defined as well.
type attr uint16

const (
	attrUnknown attr = 1 << iota
	attrUnused
	attrNormal
	attrControl
	attrUserDefined
	attrByte
	attrStripLeft  // white space before the token is dropped
	attrStripRight // white space after it is
)

var attrOfType = map[TokenType]attr{
	Normal: attrNormal, Unknown: attrUnknown, Control: attrControl,
	UserDefined: attrUserDefined, Unused: attrUnused, Byte: attrByte,
}

// specialTokens are the tokens that are searched for in text.
type specialTokens struct {
	tokens []Token // longest first; among equals the smaller id first
	trie   trie    // finds indices into tokens
}

// setTypes takes the types of the vocabulary.
func (t *Tokenizer) setTypes(v *Vocab) {
	t.attrs = make([]attr, len(t.texts))
	for i := range t.attrs {
		t.attrs[i] = attrNormal
		if len(v.Types) != 0 {
			t.attrs[i] = attrOfType[v.Types[i]]
		}
	}
}

// Names by which special tokens are found where the metadata does not name
// them. They are the reference's lists.
var (
	eotNames = []string{"<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", "<|endoftext|>",
		"<|end_of_text|>", "<EOT>", "_<EOT>", "[EOT]", "<｜end▁of▁sentence｜>", "<end_of_utterance>"}
	eomNames    = []string{"<|eom_id|>"}
	fimPreNames = []string{"<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<｜fim▁begin｜>", "<PRE>",
		"▁<PRE>", "<|code_prefix|>", "<|prefix|>", "<|plamo:fim_prefix|>"}
	fimSufNames = []string{"<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<｜fim▁hole｜>", "<SUF>",
		"▁<SUF>", "<|code_suffix|>", "<|suffix|>", "<|plamo:fim_suffix|>"}
	fimMidNames = []string{"<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<｜fim▁end｜>", "<MID>",
		"▁<MID>", "<|code_middle|>", "<|middle|>", "<|plamo:fim_middle|>"}
	fimPadNames = []string{"<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]"}
	fimRepNames = []string{"<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>"}
	fimSepNames = []string{"<|file_sep|>", "<|plamo:file_separator|>"}

	eogNames = []string{"<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>",
		"<end_of_turn>", "<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]",
		"<|end_of_text|>", "<end_of_utterance>", "<eos>", "<turn|>", "<|tool_response>",
		"<｜end▁of▁sentence｜>", "[e~[", "<|ifm|im_end|>"}

	// Always shown and parsed: gpt-oss writes its channels with them.
	harmonyNames = []string{"<|channel|>", "<|message|>", "<|start|>", "<|constrain|>"}
)

// setAttributes finds special tokens by name, decides which end generation,
// and prepares the search for them in text.
func (t *Tokenizer) setAttributes(v *Vocab) error {
	for _, f := range []struct {
		id    *Token
		names []string
	}{
		{&t.eot, eotNames}, {&t.eom, eomNames},
		{&t.fimPre, fimPreNames}, {&t.fimSuf, fimSufNames}, {&t.fimMid, fimMidNames},
		{&t.fimPad, fimPadNames}, {&t.fimRep, fimRepNames}, {&t.fimSep, fimSepNames},
	} {
		if *f.id == NoToken {
			*f.id = t.controlByName(f.names)
		}
	}
	for i, s := range t.texts {
		if t.attrs[i]&attrControl != 0 && strings.Contains(s, "unused") {
			t.attrs[i] |= attrUnused
		}
	}
	t.findEOG()
	t.listSpecials(v)
	return t.setStripping(v)
}

// controlByName returns the token with the first of the names that exists and
// makes it a control token. The order of names decides where a vocabulary has
// several (<|end|> before <|endoftext|>); the reference leaves it to chance.
func (t *Tokenizer) controlByName(names []string) Token {
	for _, name := range names {
		if id, ok := t.ids[name]; ok {
			t.attrs[id] |= attrControl
			return id
		}
	}
	return NoToken
}

// findEOG lists the tokens that end generation: by name, and those that the
// metadata names.
func (t *Tokenizer) findEOG() {
	t.eog = make(map[Token]bool)
	for _, name := range eogNames {
		if id, ok := t.ids[name]; ok {
			t.eog[id] = true
			t.attrs[id] |= attrControl
		}
	}
	for _, name := range harmonyNames {
		if id, ok := t.ids[name]; ok {
			t.attrs[id] = attrUserDefined
		}
	}
	for _, id := range []Token{t.fimPad, t.fimRep, t.fimSep, t.eos, t.eot, t.eom} {
		if id != NoToken {
			t.eog[id] = true
		}
	}
	// In the harmony and solar formats <|end|> ends a message, not the answer.
	ends := func(name string) bool { return t.eog[t.idOr(name)] }
	calls := ends("<|call|>") || ends("<|calls|>")
	if ends("<|end|>") && calls && (ends("<|return|>") || ends("<|flush|>")) {
		id := t.ids["<|end|>"]
		delete(t.eog, id)
		t.attrs[id] = attrUserDefined
	}
	// gemma4 writes HTML with </s>.
	if ends("<|tool_response>") && ends("</s>") {
		id := t.ids["</s>"]
		delete(t.eog, id)
		t.attrs[id] = attrNormal
	}
}

func (t *Tokenizer) idOr(name string) Token {
	if id, ok := t.ids[name]; ok {
		return id
	}
	return NoToken
}

// listSpecials orders the tokens that text is searched for.
func (t *Tokenizer) listSpecials(v *Vocab) {
	var list []Token
	for i, a := range t.attrs {
		if a&(attrControl|attrUserDefined|attrUnknown) != 0 {
			list = append(list, Token(i))
		}
	}
	slices.SortStableFunc(list, func(a, b Token) int { return cmp.Compare(len(t.texts[b]), len(t.texts[a])) })
	texts := make([]string, len(list))
	t.barred = make([]bool, len(t.texts))
	for i, id := range list {
		texts[i] = t.texts[id]
		typed := len(v.Types) != 0 && v.Types[id] == Control
		t.barred[id] = t.attrs[id]&attrControl != 0 || typed || t.eog[id] ||
			t.attrs[id]&attrUserDefined != 0 && isMarkup(t.texts[id])
	}
	t.specials = specialTokens{tokens: list, trie: newTrie(texts)}
}

// isMarkup tells whether a user-defined token has the form of a marker.
// Others are runs of spaces, names and the like, which any text may hold.
func isMarkup(s string) bool {
	s = strings.Trim(s, " \t\r\n▁")
	bracketed := strings.HasPrefix(s, "<") && strings.HasSuffix(s, ">") ||
		strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]")
	return bracketed || strings.Contains(s, "<|") || strings.Contains(s, "|>") || strings.ContainsRune(s, '｜')
}

// setStripping marks tokens that swallow white space beside them. The file
// format has no place for this, so it goes by the model's names.
func (t *Tokenizer) setStripping(v *Vocab) error {
	name := asciiLower(v.Name)
	set := func(piece string, a attr, on bool) {
		if id, ok := t.ids[piece]; ok {
			t.attrs[id] &^= a
			if on {
				t.attrs[id] |= a
			}
		}
	}
	switch {
	case containsAny(v.Pre, "jina-v2-de", "jina-v2-es", "jina-v2-code"),
		containsAny(v.Arch, "nomic-bert-moe", "jina-bert-v3"):
		set("<mask>", attrStripLeft, true)
	case containsAny(name, "phi-3", "phi3"):
		for _, piece := range []string{"</s>", "<unk>", "<s>", "<|endoftext|>"} {
			if _, ok := t.ids[piece]; !ok {
				return vocabErrorf("tokens", -1, "a phi-3 vocabulary without %q", piece)
			}
		}
		for _, id := range t.specials.tokens {
			t.attrs[id] |= attrStripRight
		}
		set("</s>", attrStripRight, true)
		for _, piece := range []string{"<unk>", "<s>", "<|endoftext|>"} {
			set(piece, attrStripRight, false)
		}
	case containsAny(name, "modern-bert"):
		set("[MASK]", attrStripLeft, true)
	}
	return nil
}

func containsAny(s string, subs ...string) bool {
	return slices.ContainsFunc(subs, func(sub string) bool { return strings.Contains(s, sub) })
}

func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// IsEOG tells whether the token ends generation.
func (t *Tokenizer) IsEOG(id Token) bool { return t.eog[id] }

// EOG returns the tokens that end generation, in ascending order.
func (t *Tokenizer) EOG() []Token {
	list := make([]Token, 0, len(t.eog))
	for id := range t.eog {
		list = append(list, id)
	}
	slices.Sort(list)
	return list
}

// IsControl tells whether the token is a control token, which Piece leaves out
// of text unless asked.
func (t *Tokenizer) IsControl(id Token) bool {
	return t.valid(id) && t.attrs[id]&attrControl != 0
}

func (t *Tokenizer) valid(id Token) bool { return id >= 0 && int(id) < len(t.texts) }
