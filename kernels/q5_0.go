package kernels

import "encoding/binary"

// Q5_0 file block: f16 d, 32 high bits (bit k of a little-endian word is bit 4
// of value k), nibbles as in Q4_0; value = (q-16)*d.
// Packed: 16 d; 4 words of nibbles, 1 word of high bits through spreadBits.

func packQ5_0(head, body, src []byte, row int) {
	putHalf(head, src, row)
	putFives(body, src[2:], row)
}

func (rb *rowBlock) unpackQ5_0(head, body []byte, row int) {
	rb.d = half(head, row)
	rb.nibbles(body, row)
	rb.fifthBits(word(body, 4, row))
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
	rb.nibbles(body, row)
	rb.fifthBits(word(body, 4, row))
}

// putFives writes high bits and nibbles, in the file's order, to a lane.
func putFives(body, src []byte, row int) {
	putWords(body, src[4:20], row)
	putWord(body, 4, row, spreadBits(binary.LittleEndian.Uint32(src)))
}
