package kernels

// Q6_K file block: 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 int8
// scales, f16 d; value = d*scale*(q-32). Each half of the values has 64 bytes of
// nibbles and 32 of pairs: value 32j+l has nibble j/2 of byte 32(j%2)+l and bits
// 2j of byte l.
// Packed: 16 d, 16 × 16 scales; for each half 3 × 8 words: the values 0 to 31, 32
// to 63 and 64 to 95 with two bits each of 96 to 127 above them, low ones first.
// Three of four values then cost one mask.

func packQ6_K(head, body, src []byte, row int) {
	putHalf(head, src[208:], row)
	for s := range 16 {
		head[32+subAt(s, row)] = src[192+s]
	}
	for h := range 2 {
		low, high := src[h*64:][:64], src[128+h*32:][:32]
		for g := range 8 {
			l0, l1, pairs := word4(low, g), word4(low, 8+g), word4(high, g)
			last := l1>>4&x0f | pairs>>6&x03<<4
			putWord(body, h*24+g, row, l0&x0f|pairs&x03<<4|last&x03<<6)
			putWord(body, h*24+8+g, row, l1&x0f|pairs>>2&x03<<4|last>>2&x03<<6)
			putWord(body, h*24+16+g, row, l0>>4&x0f|pairs>>4&x03<<4|last>>4&x03<<6)
		}
	}
}

func (rb *rowBlock) unpackQ6_K(head, body []byte, row int) {
	rb.d, rb.m, rb.mins = half(head, row), 0, [16]int32{}
	for s := range 16 {
		rb.sub[s] = int32(int8(head[32+subAt(s, row)]))
	}
	for h := range 2 {
		for l := range 32 {
			q := rb.q[h*128+l:]
			at := func(j int) byte { return byte(word(body, h*24+j*8+l/4, row) >> (l % 4 * 8)) }
			a, b, c := at(0), at(1), at(2)
			q[0], q[32], q[64] = int8(a&63)-32, int8(b&63)-32, int8(c&63)-32
			q[96] = int8(a>>6|b>>6<<2|c>>6<<4) - 32
		}
	}
}
