package kernels

import "encoding/binary"

// Q8_0 file block: f16 d, 32 int8; value = q*d.
// Packed: 16 d; 8 words with every byte's top bit flipped, which makes the
// quants unsigned with offset 128, as the dot-product instructions want them.

func packQ8_0(head, body, src []byte, row int) {
	putHalf(head, src, row)
	for at, q := row*4, src[2:34]; len(q) >= 4; at, q = at+64, q[4:] {
		binary.LittleEndian.PutUint32(body[at:], binary.LittleEndian.Uint32(q)^0x80808080)
	}
}

func (rb *rowBlock) unpackQ8_0(head, body []byte, row int) {
	rb.d = half(head, row)
	for g := range 8 {
		rb.putBytes(4*g, word(body, g, row)^0x80808080)
	}
}
