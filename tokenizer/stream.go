package tokenizer

import (
	"slices"
	"unicode/utf8"
)

// A StreamDecoder turns tokens into text as they are generated. It holds back
// the bytes of an incomplete character, since one character may be spread
// over several tokens. It is for one goroutine.
type StreamDecoder struct {
	t       *Tokenizer
	special bool
	shown   []Token
	held    []byte
	out     []byte
}

// NewStreamDecoder makes a decoder; special says whether control tokens are
// written as their names.
func NewStreamDecoder(t *Tokenizer, special bool) *StreamDecoder {
	return &StreamDecoder{t: t, special: special}
}

// Show makes the decoder write these control tokens as their names, whatever it
// does with others.
func (d *StreamDecoder) Show(tokens []Token) { d.shown = tokens }

// Push takes the next token and returns the text that is complete now, valid
// UTF-8: a byte that can be part of no character becomes U+FFFD. The result
// is valid until the next call.
func (d *StreamDecoder) Push(id Token) []byte {
	special := d.special || len(d.shown) > 0 && slices.Contains(d.shown, id)
	d.held = append(d.held, d.t.Piece(id, special)...)
	return d.take(false)
}

// Flush returns what is held back, incomplete characters as U+FFFD, and makes
// the decoder ready for another text.
func (d *StreamDecoder) Flush() []byte { return d.take(true) }

// Clear forgets what is held back and wipes the decoder's memory of the text.
func (d *StreamDecoder) Clear() {
	clear(d.held[:cap(d.held)])
	clear(d.out[:cap(d.out)])
	d.held, d.out = d.held[:0], d.out[:0]
}

// Held is the number of bytes held back.
func (d *StreamDecoder) Held() int { return len(d.held) }

func (d *StreamDecoder) take(all bool) []byte {
	d.out = d.out[:0]
	rest := d.held
	for len(rest) > 0 {
		if !all && !utf8.FullRune(rest) {
			break
		}
		r, n := utf8.DecodeRune(rest)
		d.out = utf8.AppendRune(d.out, r)
		rest = rest[n:]
	}
	d.held = append(d.held[:0], rest...)
	return d.out
}
