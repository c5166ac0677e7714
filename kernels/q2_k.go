package kernels

// Q2_K file block: 16 bytes, each a scale (low nibble) and a minimum (high), 64
// bytes of quants: bits 2j of byte l of each 32 hold value 32j+l of a half;
// f16 d, f16 dmin. value = d*scale*q - dmin*min.
// Packed: 16 d, 16 dmin, 16 × 16 scales, 16 × 16 minima; 16 words (packCrumbs).

func packQ2_K(head, body, src []byte, row int) {
	putHalf(head, src[80:], row)
	putHalf(head[32:], src[82:], row)
	for s := range 16 {
		head[64+subAt(s, row)] = src[s] & 15
		head[320+subAt(s, row)] = src[s] >> 4
	}
	packCrumbs(body, src[16:80], row)
}

func (rb *rowBlock) unpackQ2_K(head, body []byte, row int) {
	rb.d, rb.m = half(head, row), half(head[32:], row)
	for s := range 16 {
		rb.sub[s] = int32(head[64+subAt(s, row)])
		rb.mins[s] = int32(head[320+subAt(s, row)])
	}
	rb.crumbs(body, row)
}

// packCrumbs writes 2-bit codes in the file's order to a lane: a word for each 16
// values, of which the first four are in the lowest bits.
func packCrumbs(body, src []byte, row int) {
	for s := range 16 {
		var w uint32
		for i := range 4 {
			w |= word4(src, s/8*8+s%2*4+i) >> (s % 8 / 2 * 2) & x03 << (2 * i)
		}
		putWord(body, s, row, w)
	}
}

// crumbs reads what packCrumbs wrote.
func (rb *rowBlock) crumbs(body []byte, row int) {
	for s := range 16 {
		w := word(body, s, row)
		for i := range 4 {
			rb.putBytes(16*s+4*i, w>>(2*i)&x03)
		}
	}
}

// Q3_K file block: 32 bytes of inverted high bits: bit 4h+j of byte l belongs to
// value 32j+l of half h; 64 bytes of low bits as in Q2_K; 12 bytes with 16
// scales of 6 bits, offset 32; f16 d. value = d*(scale-32)*(q-4).
// Packed: 16 d, 16 × 16 scales (int8, offset taken off), 32 bytes of nothing;
// for each 32 values 3 words, the fold of 8 words of values.

func packQ3_K(head, body, src []byte, row int) {
	putHalf(head, src[108:], row)
	scales := src[96:108]
	for s := range 16 {
		low := scales[s%8] >> (s / 8 * 4) & 15
		high := scales[8+s%4] >> (s / 4 * 2) & 3
		head[32+subAt(s, row)] = low | high<<4 - 32
	}
	for s := range 8 {
		var v [8]uint32
		for g := range v {
			v[g] = word4(src[32:], s/4*8+g)>>(s%4*2)&x03 | word4(src, g)>>s&x01<<2
		}
		for i, w := range foldThrees(&v) {
			putWord(body, 3*s+i, row, w)
		}
	}
}

func (rb *rowBlock) unpackQ3_K(head, body []byte, row int) {
	rb.d, rb.m, rb.mins = half(head, row), 0, [16]int32{}
	for s := range 16 {
		rb.sub[s] = int32(int8(head[32+subAt(s, row)]))
	}
	for s := range 8 {
		w := [3]uint32{word(body, 3*s, row), word(body, 3*s+1, row), word(body, 3*s+2, row)}
		for g, v := range unfoldThrees(&w) {
			rb.putBytes(32*s+4*g, v)
		}
	}
	rb.add(-4, 256)
}

// foldThrees packs eight words of 3-bit values, one per byte, into three: the
// first six lie two to a byte, the other two in the bits above.
func foldThrees(v *[8]uint32) [3]uint32 {
	return [3]uint32{
		v[0] | v[1]<<3 | v[6]&x03<<6,
		v[2] | v[3]<<3 | v[6]>>2&x01<<6 | v[7]>>2&x01<<7,
		v[4] | v[5]<<3 | v[7]&x03<<6,
	}
}

// unfoldThrees undoes foldThrees.
func unfoldThrees(w *[3]uint32) [8]uint32 {
	return [8]uint32{
		w[0] & x07, w[0] >> 3 & x07, w[1] & x07, w[1] >> 3 & x07, w[2] & x07, w[2] >> 3 & x07,
		w[0]>>6&x03 | w[1]>>6&x01<<2,
		w[2]>>6&x03 | w[1]>>7&x01<<2,
	}
}
