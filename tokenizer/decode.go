package tokenizer

import "strings"

// pieceTable holds the text of every token, one after another.
type pieceTable struct {
	text []byte
	ends []uint32
}

func (p *pieceTable) at(id Token) []byte {
	start := uint32(0)
	if id > 0 {
		start = p.ends[id-1]
	}
	return p.text[start:p.ends[id]:p.ends[id]]
}

// buildPieces renders every token as text, special tokens included.
func (t *Tokenizer) buildPieces() pieceTable {
	p := pieceTable{ends: make([]uint32, len(t.texts))}
	for i := range t.texts {
		p.text = t.appendPiece(p.text, Token(i))
		p.ends[i] = uint32(len(p.text))
	}
	return p
}

func (t *Tokenizer) appendPiece(dst []byte, id Token) []byte {
	s, a := t.texts[id], t.attrs[id]
	switch {
	case a&(attrUnknown|attrControl|attrUserDefined) != 0:
		return append(dst, s...)
	case a&attrNormal != 0:
		if t.escapeSpaces {
			return append(dst, strings.ReplaceAll(s, spaceMark, " ")...)
		}
		return appendSpelled(dst, s)
	case a&attrByte != 0:
		if b, ok := byteOfPiece(s); ok {
			return append(dst, b)
		}
		return append(dst, s...)
	}
	return dst
}

// Piece is the text of one token, to be appended to what came before. Control
// tokens have none unless special is set; an id out of range has none. The
// caller must not change it.
func (t *Tokenizer) Piece(id Token, special bool) []byte {
	if !t.valid(id) || !special && t.attrs[id]&(attrUnknown|attrControl) != 0 {
		return nil
	}
	return t.pieces.at(id)
}

// DecodeOptions say how special tokens appear in decoded text.
type DecodeOptions struct {
	RemoveSpecial bool // drop BOS and EOS that Encode would add
	ShowSpecial   bool // write control tokens as their names
}

// Decode returns the text of tokens. It is not always the text they came from:
// vocabularies drop spaces and letter case.
func (t *Tokenizer) Decode(tokens []Token, opts DecodeOptions) []byte {
	return t.AppendDecode(nil, tokens, opts)
}

// AppendDecode appends what Decode returns to dst.
func (t *Tokenizer) AppendDecode(dst []byte, tokens []Token, opts DecodeOptions) []byte {
	dropSpace := t.addSpacePrefix
	if n := len(tokens); opts.RemoveSpecial && t.addBOS && n > 0 && tokens[0] == t.bos {
		tokens = tokens[1:]
		dropSpace = false
	}
	if n := len(tokens); opts.RemoveSpecial && t.addEOS && n > 0 && tokens[n-1] == t.eos {
		tokens = tokens[:n-1]
	}
	start := len(dst)
	for i, id := range tokens {
		piece := t.Piece(id, opts.ShowSpecial)
		if i == 0 && dropSpace && len(piece) > 0 && piece[0] == ' ' {
			piece = piece[1:]
		}
		dst = append(dst, piece...)
	}
	if t.cleanSpaces {
		dst = dst[:start+len(tidySpaces(dst[start:]))]
	}
	return dst
}

// tidySpaces undoes, in place, the spaces that tokenisation puts before
// punctuation and into contractions. The three passes are the reference's.
func tidySpaces(b []byte) []byte {
	b = dropBefore(b, func(rest []byte) bool { return strings.IndexByte("?!.,", rest[0]) >= 0 })
	b = joinApostrophes(b)
	return dropBefore(b, func(rest []byte) bool {
		if rest[0] != '\'' || len(rest) < 2 {
			return false
		}
		return rest[1] == 's' || rest[1] == 'm' ||
			len(rest) > 2 && (rest[1] == 'r' || rest[1] == 'v') && rest[2] == 'e'
	})
}

// dropBefore removes the space before each place where cond holds.
func dropBefore(b []byte, cond func(rest []byte) bool) []byte {
	n := min(len(b), 1)
	for i := 1; i < len(b); i++ {
		if b[i-1] == ' ' && cond(b[i:]) {
			n--
		}
		b[n] = b[i]
		n++
	}
	return b[:n]
}

// joinApostrophes removes the spaces on both sides of a lone apostrophe.
func joinApostrophes(b []byte) []byte {
	n := min(len(b), 1)
	for i := 1; i < len(b); i++ {
		x := b[i]
		if x == '\'' && i+1 < len(b) && b[i-1] == ' ' && b[i+1] == ' ' {
			n--
			i++
			b[i] = 0
		}
		b[n] = x
		n++
	}
	return b[:n]
}
