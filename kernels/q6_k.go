package kernels

// Q6_K file block: 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 int8
// scales, f16 d; value = d*scale*(q-32). Each half of the values has 64 bytes of
// nibbles and 32 of pairs: value 32j+l has nibble j/2 of byte 32(j%2)+l and bits
// 2j of byte l.
// Packed: 16 d, 16 × 16 scales; for each half 16 words of nibbles, 8 of pairs.

func packQ6_K(head, body, src []byte, row int) {
	putHalf(head, src[208:], row)
	for s := range 16 {
		head[32+subAt(s, row)] = src[192+s]
	}
	for h := range 2 {
		putWords(body[h*24*64:], src[h*64:][:64], row)
		putWords(body[(h*24+16)*64:], src[128+h*32:][:32], row)
	}
}

func (rb *rowBlock) unpackQ6_K(head, body []byte, row int) {
	rb.d, rb.m, rb.mins = half(head, row), 0, [16]int32{}
	for s := range 16 {
		rb.sub[s] = int32(int8(head[32+subAt(s, row)]))
	}
	for k := range 256 {
		first, j, l := k/128*24, k%128/32, k%32
		low := word(body, first+j%2*8+l/4, row) >> (l%4*8 + j/2*4) & 15
		high := word(body, first+16+l/4, row) >> (l%4*8 + j*2) & 3
		rb.q[k] = int8(low|high<<4) - 32
	}
}
