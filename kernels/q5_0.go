package kernels

import "encoding/binary"

// Five-bit values pack eight to five bytes: the first five in the low bits, the
// other three in the bits above. Five of eight values then cost one mask.

// foldFives packs eight words of 5-bit values, one per byte, into five.
func foldFives(v *[8]uint32) [5]uint32 {
	return [5]uint32{
		v[0] | v[5]&x07<<5,
		v[1] | v[5]>>3&x03<<5 | v[7]>>3&x01<<7,
		v[2] | v[6]&x07<<5,
		v[3] | v[6]>>3&x03<<5 | v[7]>>4&x01<<7,
		v[4] | v[7]&x07<<5,
	}
}

// unfoldFives undoes foldFives.
func unfoldFives(w *[5]uint32) [8]uint32 {
	return [8]uint32{
		w[0] & x1f, w[1] & x1f, w[2] & x1f, w[3] & x1f, w[4] & x1f,
		w[0]>>5&x07 | w[1]>>5&x03<<3,
		w[2]>>5&x07 | w[3]>>5&x03<<3,
		w[4]>>5&x07 | w[1]>>7&x01<<3 | w[3]>>7&x01<<4,
	}
}

// Q5_0 file block: f16 d, 32 high bits (bit k of a little-endian word is bit 4
// of value k), nibbles as in Q4_0; value = (q-16)*d.
// Packed: 16 d; 5 words, the fold of 8 words of values.

func packQ5_0(head, body, src []byte, row int) {
	putHalf(head, src, row)
	putFives(body, src[2:], row)
}

func (rb *rowBlock) unpackQ5_0(head, body []byte, row int) {
	rb.d = half(head, row)
	rb.fives(0, body, row)
	rb.add(-16, 32)
}

// Q5_1 file block: f16 d, f16 m, then as Q5_0; value = q*d + m.
// Packed: 16 d, 16 m; as Q5_0.

func packQ5_1(head, body, src []byte, row int) {
	putHalf(head, src, row)
	putHalf(head[32:], src[2:], row)
	putFives(body, src[4:], row)
}

func (rb *rowBlock) unpackQ5_1(head, body []byte, row int) {
	rb.d, rb.m = half(head, row), half(head[32:], row)
	rb.fives(0, body, row)
}

// putFives writes high bits and nibbles, in the file's order, to a lane.
func putFives(body, src []byte, row int) {
	flags := binary.LittleEndian.Uint32(src)
	var v [8]uint32
	for g := range v {
		v[g] = word4(src[4:], g%4)>>(g/4*4)&x0f | spread4(flags>>(4*g))<<4
	}
	for i, w := range foldFives(&v) {
		putWord(body, i, row, w)
	}
}

// fives reads what putFives wrote, for the values from k on.
func (rb *rowBlock) fives(k int, body []byte, row int) {
	var w [5]uint32
	for i := range w {
		w[i] = word(body, i, row)
	}
	for g, v := range unfoldFives(&w) {
		rb.putBytes(k+4*g, v)
	}
}

// spread4 moves the low 4 bits of flags to bit 0 of four bytes.
func spread4(flags uint32) uint32 { return flags & 15 * (1 | 1<<7 | 1<<14 | 1<<21) & x01 }
