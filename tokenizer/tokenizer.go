package tokenizer

import "sync"

// A Tokenizer converts between text and the tokens of one vocabulary.
type Tokenizer struct {
	kind          kind
	texts         []string // pieces as stored, by id
	ids           map[string]Token
	maxTokenBytes int
	attrs         []attr // by id
	barred        []bool // by id: text from outside never yields this token

	bos, eos, eot, eom, unk, sep, pad, mask        Token
	fimPre, fimSuf, fimMid, fimPad, fimRep, fimSep Token
	addBOS, addEOS, addSEP                         bool
	addSpacePrefix, removeExtraSpaces              bool
	escapeSpaces, cleanSpaces                      bool

	eog      map[Token]bool
	specials specialTokens
	pieces   pieceTable

	// encodeText appends the tokens of a text without special tokens.
	// atStart tells that a special token or nothing stands before it.
	encodeText func(s *scratch, dst []Token, text []byte, atStart bool) []Token
}

// New prepares a vocabulary. The error is a *VocabError.
func New(v Vocab) (*Tokenizer, error) {
	d, ok := kinds[v.Model]
	if !ok {
		return nil, vocabErrorf("model", -1, "%q is not supported", v.Model)
	}
	if err := v.checkLengths(); err != nil {
		return nil, err
	}
	t := &Tokenizer{kind: d.kind}
	if err := t.index(v.Tokens); err != nil {
		return nil, err
	}
	t.setTypes(&v)
	t.resolve(&v, &d)
	if err := t.setAttributes(&v); err != nil {
		return nil, err
	}
	var err error
	switch d.kind {
	case kindSPM:
		t.initSPM(&v)
	case kindBPE:
		err = t.initBPE(&v)
	case kindWordPiece:
		t.initWordPiece(&v)
	case kindUnigram:
		err = t.initUnigram(&v)
	}
	if err != nil {
		return nil, err
	}
	if err := t.checkAdded(); err != nil {
		return nil, err
	}
	t.pieces = t.buildPieces()
	return t, nil
}

// EncodeOptions say what Encode does beyond the text's ordinary pieces.
type EncodeOptions struct {
	AddSpecial   bool // add BOS, EOS, SEP as the vocabulary wants them
	ParseSpecial bool // control tokens written in the text become tokens
}

// Encode returns the tokens of text.
func (t *Tokenizer) Encode(text string, opts EncodeOptions) []Token {
	s := newScratch()
	defer s.release()
	s.input = append(s.input, text...)
	return t.encode(s, nil, trust{all: opts.ParseSpecial}, opts.AddSpecial)
}

// AppendEncode appends the tokens of text to dst, which may be nil. Reusing
// dst makes encoding free of allocations for texts of ordinary length.
func (t *Tokenizer) AppendEncode(dst []Token, text []byte, opts EncodeOptions) []Token {
	s := newScratch()
	defer s.release()
	s.input = append(s.input, text...)
	return t.encode(s, dst, trust{all: opts.ParseSpecial}, opts.AddSpecial)
}

// A Segment is a part of a prompt. Special tokens are parsed only in parts
// that the program wrote (Special true), never in text from outside.
type Segment struct {
	Text    string
	Special bool
}

// EncodeSegments returns the tokens of the segments' texts joined. They are
// the tokens of the whole text with special tokens parsed, except that neither
// a control token nor a user-defined token in the form of markup comes from a
// segment that is not Special, nor from letters of which some are in one.
func (t *Tokenizer) EncodeSegments(segments []Segment, addSpecial bool) []Token {
	s := newScratch()
	defer s.release()
	for _, seg := range segments {
		start := len(s.input)
		s.input = append(s.input, seg.Text...)
		if seg.Special {
			s.trusted = addSpan(s.trusted, span{start, len(s.input)})
		}
	}
	return t.encode(s, nil, trust{spans: s.trusted, strict: true}, addSpecial)
}

// encode appends the tokens of s.input.
func (t *Tokenizer) encode(s *scratch, dst []Token, who trust, addSpecial bool) []Token {
	if addSpecial && (t.addBOS || t.kind == kindWordPiece) && t.bos != NoToken {
		dst = append(dst, t.bos)
	}
	atStart := true
	for _, f := range t.partition(s, who) {
		if f.token != NoToken {
			dst = append(dst, f.token)
			atStart = true
			continue
		}
		for text := s.input[f.start:f.end]; len(text) > 0; atStart = false {
			n := min(len(text), maxFragmentBytes)
			dst = t.encodeText(s, dst, text[:n], atStart)
			text = text[n:]
		}
	}
	switch {
	case !addSpecial:
	case t.kind == kindWordPiece:
		dst = append(dst, t.sep)
	case t.addEOS:
		dst = append(dst, t.eos)
	}
	return dst
}

// maxFragmentBytes keeps offsets in an int32, even where each space becomes
// three bytes. Longer texts are encoded in parts.
var maxFragmentBytes = 1 << 29

// NVocab is the number of tokens.
func (t *Tokenizer) NVocab() int { return len(t.texts) }

// BOS, EOS, EOT, UNK, SEP, PAD and MASK are NoToken where there is none.
func (t *Tokenizer) BOS() Token  { return t.bos }
func (t *Tokenizer) EOS() Token  { return t.eos }
func (t *Tokenizer) EOT() Token  { return t.eot }
func (t *Tokenizer) UNK() Token  { return t.unk }
func (t *Tokenizer) SEP() Token  { return t.sep }
func (t *Tokenizer) PAD() Token  { return t.pad }
func (t *Tokenizer) MASK() Token { return t.mask }

// AddsBOS, AddsEOS and AddsSEP tell what Encode adds on AddSpecial.
func (t *Tokenizer) AddsBOS() bool { return t.addBOS }
func (t *Tokenizer) AddsEOS() bool { return t.addEOS }
func (t *Tokenizer) AddsSEP() bool { return t.addSEP }

// Lookup returns the id of a piece as the vocabulary stores it.
func (t *Tokenizer) Lookup(piece string) (Token, bool) {
	id, ok := t.ids[piece]
	return id, ok
}

// scratch is the memory of one call.
type scratch struct {
	input   []byte // the text to encode
	work    []byte // a fragment of it, respelled
	fixed   []byte // a fragment, if it had to be made well-formed
	word    []byte // a piece with a prefix
	trusted []span
	frags   [2][]fragment
	found   []int32
	seen    []bool // by special token; all false between calls
	ends    [2][]int32
	scan    scanner
	m       merger
	lattice lattice
}

var scratchPool = sync.Pool{New: func() any { return new(scratch) }}

func newScratch() *scratch { return scratchPool.Get().(*scratch) }

// maxKeptBytes is the largest text whose scratch memory is kept for reuse. It
// is cleared after each call, which must stay cheap for short texts.
const maxKeptBytes = 1 << 16

// release clears what the call left behind and keeps the memory unless it has
// grown large.
func (s *scratch) release() {
	if cap(s.input) > maxKeptBytes || cap(s.work) > 4*maxKeptBytes {
		return // collected, and cleared when it is allocated again
	}
	for _, b := range []*[]byte{&s.input, &s.work, &s.fixed, &s.word} {
		clear((*b)[:cap(*b)])
		*b = (*b)[:0]
	}
	for i := range s.ends {
		clear(s.ends[i][:cap(s.ends[i])])
		clear(s.frags[i][:cap(s.frags[i])])
	}
	s.trusted, s.found = s.trusted[:0], s.found[:0]
	s.scan = scanner{}
	s.m.wipe()
	s.lattice.wipe()
	scratchPool.Put(s)
}
