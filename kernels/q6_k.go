package kernels

// Q6_K file block: 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 int8
// scales, f16 d; value = d*scale*(q-32).
// Packed: 16 d, 16 × 16 scales; 32 words of low nibbles, 16 words of high bits.

func packQ6_K(head, body, src []byte, row int) {
	putHalf(head, src[208:], row)
	for s := range 16 {
		head[32+subAt(s, row)] = src[192+s]
	}
	putWords(body, src[:192], row)
}

func (rb *rowBlock) unpackQ6_K(head, body []byte, row int) {
	rb.d, rb.m, rb.mins = half(head, row), 0, [16]int32{}
	for s := range 16 {
		rb.sub[s] = int32(int8(head[32+subAt(s, row)]))
	}
	for k := range 256 {
		half, quarter, l := k/128, k%128/32, k%32
		low := word(body, half*16+quarter%2*8+l/4, row) >> (l%4*8 + quarter/2*4) & 15
		high := word(body, 32+half*8+l/4, row) >> (l%4*8 + quarter*2) & 3
		rb.q[k] = int8(low|high<<4) - 32
	}
}
