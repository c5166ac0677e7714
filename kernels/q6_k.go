package kernels

// Q6_K file block: 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 int8
// scales, f16 d; value = d*scale*(q-32). Each half of the values has 64 bytes of
// nibbles and 32 of pairs: value 32j+l has nibble j/2 of byte 32(j%2)+l and bits
// 2j of byte l.
// Packed: 16 d, 16 × 16 scales, 32 bytes of nothing; for each 64 values 3 × 4
// words: the first three 16s with two bits each of the last above them, low ones
// first. Three of four values then cost one mask.

func packQ6_K(head, body, src []byte, row int) {
	putHalf(head, src[208:], row)
	for s := range 16 {
		head[32+subAt(s, row)] = src[192+s]
	}
	var v [64]uint32
	for h := range 2 {
		low, high := src[h*64:][:64], src[128+h*32:][:32]
		for g := range 8 {
			pairs := word4(high, g)
			for j := range 4 {
				v[h*32+j*8+g] = word4(low, j%2*8+g)>>(j/2*4)&x0f | pairs>>(2*j)&x03<<4
			}
		}
	}
	for m := range 4 {
		for g := range 4 {
			last := v[16*m+12+g]
			for i := range 3 {
				putWord(body, 12*m+4*i+g, row, v[16*m+4*i+g]|last>>(2*i)&x03<<6)
			}
		}
	}
}

func (rb *rowBlock) unpackQ6_K(head, body []byte, row int) {
	rb.d, rb.m, rb.mins = half(head, row), 0, [16]int32{}
	for s := range 16 {
		rb.sub[s] = int32(int8(head[32+subAt(s, row)]))
	}
	for m := range 4 {
		for g := range 4 {
			var last uint32
			for i := range 3 {
				w := word(body, 12*m+4*i+g, row)
				rb.putBytes(64*m+16*i+4*g, w&x3f)
				last |= w >> 6 & x03 << (2 * i)
			}
			rb.putBytes(64*m+48+4*g, last)
		}
	}
	rb.add(-32, 256)
}
