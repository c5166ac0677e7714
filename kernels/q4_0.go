package kernels

// Q4_0 file block: f16 d, 16 bytes of nibbles; value k is the low nibble of byte
// k, value 16+k its high nibble, less 8, times d. Packed: 16 d; 4 words.

func packQ4_0(head, body, src []byte, row int) {
	putHalf(head, src, row)
	putWords(body, src[2:], row)
}

func (rb *rowBlock) unpackQ4_0(head, body []byte, row int) {
	rb.d = half(head, row)
	rb.nibbles(body, row)
	rb.add(-8, 32)
}

// Q4_1 file block: f16 d, f16 m, nibbles as in Q4_0; value = nibble*d + m.
// Packed: 16 d, 16 m; 4 words.

func packQ4_1(head, body, src []byte, row int) {
	putHalf(head, src, row)
	putHalf(head[32:], src[2:], row)
	putWords(body, src[4:], row)
}

func (rb *rowBlock) unpackQ4_1(head, body []byte, row int) {
	rb.d, rb.m = half(head, row), half(head[32:], row)
	rb.nibbles(body, row)
}
