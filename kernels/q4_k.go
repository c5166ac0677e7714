package kernels

// Super-block formats keep their 8-bit scales and minima as [pairs of
// sub-blocks][16 rows][2], so that a pair widens to the two int16 of one lane.

// subAt is the place of sub-block s of lane row among such scales.
func subAt(s, row int) int { return s/2*32 + row*2 + s%2 }

// Q4_K file block: f16 d, f16 dmin, 12 bytes with 8 scales and 8 minima of 6
// bits, 128 bytes of nibbles: byte l of each 32 holds value l of one
// sub-block in its low nibble and of the next in its high one.
// value = d*scale*q - dmin*min.
// Packed: 16 d, 16 dmin, 8 × 16 scales, 8 × 16 minima (a byte each, in pairs as
// subAt says); 4 words for each sub-block, of which the low nibbles come first. So
// memory is read evenly, however the CPU looks ahead.

func packQ4_K(head, body, src []byte, row int) {
	putScalesK(head, src, row)
	for s := range 8 {
		for g := range 4 {
			low, high := word4(src[16:], s/2*8+g)>>(s%2*4), word4(src[16:], s/2*8+4+g)>>(s%2*4)
			putWord(body, 4*s+g, row, low&x0f|high&x0f<<4)
		}
	}
}

func (rb *rowBlock) unpackQ4_K(head, body []byte, row int) {
	rb.scalesK(head, row)
	rb.nibbles32(body, row)
}

// Q5_K file block: as Q4_K with 32 bytes of high bits before the nibbles: bit s
// of byte l is bit 4 of value l of sub-block s.
// Packed: head as Q4_K's; for each sub-block 5 words, the fold of 8 words of
// values.

func packQ5_K(head, body, src []byte, row int) {
	putScalesK(head, src, row)
	for s := range 8 {
		var v [8]uint32
		for g := range v {
			v[g] = word4(src[48:], s/2*8+g)>>(s%2*4)&x0f | word4(src[16:], g)>>s&x01<<4
		}
		for i, w := range foldFives(&v) {
			putWord(body, 5*s+i, row, w)
		}
	}
}

func (rb *rowBlock) unpackQ5_K(head, body []byte, row int) {
	rb.scalesK(head, row)
	for s := range 8 {
		rb.fives(32*s, body[5*64*s:], row)
	}
}

// putScalesK writes d, dmin and the widened scales and minima of a lane.
func putScalesK(head, src []byte, row int) {
	putHalf(head, src, row)
	putHalf(head[32:], src[2:], row)
	s := src[4:16]
	for j := range 8 {
		scale, minimum := s[j%4]&63, s[j%4+4]&63
		if j >= 4 {
			scale, minimum = s[j+4]&15|s[j-4]>>6<<4, s[j+4]>>4|s[j]>>6<<4
		}
		head[64+subAt(j, row)] = scale
		head[192+subAt(j, row)] = minimum
	}
}

// scalesK reads what putScalesK wrote.
func (rb *rowBlock) scalesK(head []byte, row int) {
	rb.d, rb.m = half(head, row), half(head[32:], row)
	for s := range 16 {
		rb.sub[s] = int32(head[64+subAt(s/2, row)])
		rb.mins[s] = int32(head[192+subAt(s/2, row)])
	}
}
