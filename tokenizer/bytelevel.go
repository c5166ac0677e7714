package tokenizer

import (
	"strings"
	"unicode/utf8"
)

// byteAlphabet spells each byte as a printable character, GPT-2's way: bytes
// that are printable in Latin-1 stand for themselves, the others for U+0100
// onwards in order.
var byteAlphabet = func() (a [256]string) {
	next := rune(256)
	for b := range a {
		r := rune(b)
		if !('!' <= r && r <= '~' || 0xA1 <= r && r <= 0xAC || 0xAE <= r && r <= 0xFF) {
			r = next
			next++
		}
		a[b] = string(r)
	}
	return a
}()

// byteOfRune is byteAlphabet backwards.
var byteOfRune = func() map[rune]byte {
	m := make(map[rune]byte)
	for b, s := range byteAlphabet {
		m[firstRune(s)] = byte(b)
	}
	return m
}()

func firstRune(s string) rune { r, _ := utf8.DecodeRuneInString(s); return r }

func lastRune(s string) rune { r, _ := utf8.DecodeLastRuneInString(s); return r }

// spelledBytes returns the bytes that a piece spells, if every character of it
// spells one.
func spelledBytes(piece string) (string, bool) {
	var b strings.Builder
	for _, r := range piece {
		c, ok := byteOfRune[r]
		if !ok {
			return "", false
		}
		b.WriteByte(c)
	}
	return b.String(), true
}

// appendSpelled appends the bytes that a piece spells. A character that spells
// none is shown as the reference shows it.
func appendSpelled(dst []byte, piece string) []byte {
	text := []byte(piece)
	for len(text) > 0 {
		r, n := decodeLoose(text)
		if b, ok := byteOfRune[r]; ok {
			dst = append(dst, b)
		} else {
			dst = append(dst, "[UNK_BYTE_0x"...)
			for _, c := range appendLoose(nil, r) {
				const hex = "0123456789abcdef"
				dst = append(dst, hex[c>>4], hex[c&15])
			}
			dst = append(dst, piece...)
			dst = append(dst, ']')
		}
		text = text[n:]
	}
	return dst
}

// byteJoints knows the pairs of bytes between which a merge may happen; see
// jointSet.
type byteJoints [256][4]uint64

func (j *byteJoints) add(a, b byte) { j[a][b>>6] |= 1 << (b & 63) }

func (j *byteJoints) has(a, b byte) bool { return j[a][b>>6]>>(b&63)&1 != 0 }
