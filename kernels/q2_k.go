package kernels

// Q2_K file block: 16 bytes, each a scale (low nibble) and a minimum (high), 64
// bytes of quants: bits 2j of byte l of each 32 hold value 32j+l of a half;
// f16 d, f16 dmin. value = d*scale*q - dmin*min.
// Packed: 16 d, 16 dmin, 16 × 16 scales, 16 × 16 minima; 16 words.

func packQ2_K(head, body, src []byte, row int) {
	putHalf(head, src[80:], row)
	putHalf(head[32:], src[82:], row)
	for s := range 16 {
		head[64+subAt(s, row)] = src[s] & 15
		head[320+subAt(s, row)] = src[s] >> 4
	}
	putWords(body, src[16:80], row)
}

func (rb *rowBlock) unpackQ2_K(head, body []byte, row int) {
	rb.d, rb.m = half(head, row), half(head[32:], row)
	for s := range 16 {
		rb.sub[s] = int32(head[64+subAt(s, row)])
		rb.mins[s] = int32(head[320+subAt(s, row)])
	}
	rb.crumbs(body, row, 8)
}

// crumbs spreads 2-bit codes to q. Each half of the values has 8 words, stride
// words after those of the half before.
func (rb *rowBlock) crumbs(body []byte, row, stride int) {
	for g := range 16 {
		w := word(body, g/8*stride+g%8, row)
		for j := range 4 {
			k := g/8*128 + j*32 + g%8*4
			for i := range 4 {
				rb.q[k+i] = int8(w >> (8*i + 2*j) & 3)
			}
		}
	}
}

// Q3_K file block: 32 bytes of inverted high bits: bit 4h+j of byte l belongs to
// value 32j+l of half h; 64 bytes of low bits as in Q2_K; 12 bytes with 16
// scales of 6 bits, offset 32; f16 d. value = d*(scale-32)*(q-4).
// Packed: 16 d, 16 × 16 scales (int8, offset taken off); for each half 8 words of
// low bits, 4 words of high bits: byte i has those of values i (low nibble) and
// 16+i of each 32, the four 32s in turn.

func packQ3_K(head, body, src []byte, row int) {
	putHalf(head, src[108:], row)
	scales := src[96:108]
	for s := range 16 {
		low := scales[s%8] >> (s / 8 * 4) & 15
		high := scales[8+s%4] >> (s / 4 * 2) & 3
		head[32+subAt(s, row)] = low | high<<4 - 32
	}
	for h := range 2 {
		putWords(body[h*12*64:], src[32+h*32:][:32], row)
		var bits [16]byte
		for i := range bits {
			bits[i] = src[i]>>(4*h)&15 | src[16+i]>>(4*h)<<4
		}
		putWords(body[(h*12+8)*64:], bits[:], row)
	}
}

func (rb *rowBlock) unpackQ3_K(head, body []byte, row int) {
	rb.d, rb.m, rb.mins = half(head, row), 0, [16]int32{}
	for s := range 16 {
		rb.sub[s] = int32(int8(head[32+subAt(s, row)]))
	}
	rb.crumbs(body, row, 12)
	for k := range 256 {
		h, j, l := k/128, k%128/32, k%32
		high := word(body, h*12+8+l%16/4, row) >> (l%4*8 + l/16*4 + j) & 1
		rb.q[k] += int8(high<<2) - 4
	}
}
