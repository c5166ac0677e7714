package kernels

import "encoding/binary"

// Q1_0 file block: f16 d, 128 bits; value = d where the bit is set, else -d.
// Packed: 16 d; 4 words, one per 32 values, through spreadBits.

func packQ1_0(head, body, src []byte, row int) {
	putHalf(head, src, row)
	for g := range 4 {
		putWord(body, g, row, spreadBits(binary.LittleEndian.Uint32(src[2+g*4:])))
	}
}

func (rb *rowBlock) unpackQ1_0(head, body []byte, part, row int) {
	rb.d = half(head, row)
	bits := word(body, part, row)
	for k := range 32 {
		rb.q[k] = int8(bits>>(k%4*8+k/4)&1)*2 - 1
	}
}

// Q2_0 file block: f16 d, 64 codes of 2 bits, value k in bits 2(k%4) of byte
// k/4; value = (code-1)*d.
// Packed: 16 d; 4 words, each 16 values: bits 2i of byte j hold value 4i+j.

func packQ2_0(head, body, src []byte, row int) {
	putHalf(head, src, row)
	for g := range 4 {
		var w uint32
		for i := range 4 {
			for j := range 4 {
				w |= uint32(src[2+g*4+i]>>(2*j)&3) << (8*j + 2*i)
			}
		}
		putWord(body, g, row, w)
	}
}

func (rb *rowBlock) unpackQ2_0(head, body []byte, part, row int) {
	rb.d = half(head, row)
	for k := range 32 {
		w := word(body, part*2+k/16, row)
		rb.q[k] = int8(w>>(k%4*8+k%16/4*2)&3) - 1
	}
}
