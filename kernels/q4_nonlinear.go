package kernels

import (
	"encoding/binary"
	"math"
)

// iq4Values are the values of IQ4_NL's and IQ4_XS's codes.
var iq4Values = [16]int8{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}

// fp4Values are twice the values of the E2M1 codes of MXFP4 and NVFP4.
var fp4Values = [16]int8{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12}

// IQ4_NL blocks are Q4_0's, with values from a table; they pack alike.

func (rb *rowBlock) unpackIQ4_NL(head, body []byte, row int) {
	rb.d = half(head, row)
	rb.nibbles(body, row)
	rb.look(&iq4Values, 32)
}

// IQ4_XS file block: f16 d, 8 scales of 6 bits, offset 32 (2 bytes of high bit
// pairs, 4 bytes of low nibbles), 128 bytes of codes: in each 16 bytes the low
// nibbles come first. value = d*(scale-32)*table[code].
// Packed: 16 d, 8 × 16 scales (int8, offset taken off); 32 words.

func packIQ4_XS(head, body, src []byte, row int) {
	putHalf(head, src, row)
	high := binary.LittleEndian.Uint16(src[2:])
	for s := range 8 {
		low := src[4+s/2] >> (s % 2 * 4) & 15
		head[32+subAt(s, row)] = low | byte(high>>(2*s)&3)<<4 - 32
	}
	putWords(body, src[8:], row)
}

func (rb *rowBlock) unpackIQ4_XS(head, body []byte, row int) {
	rb.d, rb.m, rb.mins = half(head, row), 0, [16]int32{}
	for s := range 16 {
		rb.sub[s] = int32(int8(head[32+subAt(s/2, row)]))
	}
	rb.nibbles32(body, row)
	rb.look(&iq4Values, 256)
}

// nibbles32 spreads the nibbles of 8 times 4 words, each four as nibbles does.
func (rb *rowBlock) nibbles32(body []byte, row int) {
	for g := range 32 {
		w := word(body, g, row)
		k := g/4*32 + g%4*4
		rb.putBytes(k, w&x0f)
		rb.putBytes(k+16, w>>4&x0f)
	}
}

// MXFP4 file block: a power of two as a biased exponent (E8M0), nibbles as in
// Q4_0, values from a table.
// Packed: 16 scales, halved because the table is doubled, as bfloat16, which
// holds every one of them exactly; 4 words.

func packMXFP4(head, body, src []byte, row int) {
	e := uint16(src[0])
	scale := (e - 1) << 7
	if e < 2 { // 2^-128 and 2^-127 are subnormal
		scale = 0x20 << e
	}
	binary.LittleEndian.PutUint16(head[row*2:], scale)
	putWords(body, src[1:], row)
}

func (rb *rowBlock) unpackMXFP4(head, body []byte, row int) {
	rb.d = bfloat16To32(binary.LittleEndian.Uint16(head[row*2:]))
	rb.nibbles(body, row)
	rb.look(&fp4Values, 32)
}

// NVFP4 file block: 4 scales (UE4M3), 4 × 8 bytes of nibbles; of each 16 values
// the first 8 are low nibbles.
// Packed: 4 × 16 scales, halved as MXFP4's, as float16, which holds them
// exactly; 8 words.

func packNVFP4(head, body, src []byte, row int) {
	for s := range 4 {
		binary.LittleEndian.PutUint16(head[s*32+row*2:], float32To16(ue4m3(src[s])*0.5))
	}
	putWords(body, src[4:], row)
}

func (rb *rowBlock) unpackNVFP4(head, body []byte, part, row int) {
	rb.d, rb.m = half(head[part*64:], row), half(head[part*64+32:], row)
	for i := range 4 {
		w := word(body, part*4+i, row)
		k := i/2*16 + i%2*4
		rb.putBytes(k, w&x0f)
		rb.putBytes(k+8, w>>4&x0f)
	}
	rb.look(&fp4Values, 32)
}

// ue4m3 converts an unsigned 8-bit float of 4 exponent and 3 mantissa bits.
// Like ggml it reads the NaN code 0x7f as zero and otherwise ignores the top bit.
func ue4m3(c byte) float32 {
	e, m := int(c>>3&15), float64(c&7)
	switch {
	case c == 0x7f:
		return 0
	case e == 0:
		return float32(math.Ldexp(m, -9))
	default:
		return float32(math.Ldexp(8+m, e-10))
	}
}
