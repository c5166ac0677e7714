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
// subAt says); 32 words.

func packQ4_K(head, body, src []byte, row int) {
	putScalesK(head, src, row)
	putWords(body, src[16:], row)
}

func (rb *rowBlock) unpackQ4_K(head, body []byte, row int) {
	rb.scalesK(head, row)
	rb.nibblesK(body, row, 8)
}

// Q5_K file block: as Q4_K with 32 bytes of high bits before the nibbles: bit s
// of byte l is bit 4 of value l of sub-block s.
// Packed: head as Q4_K's; for each two sub-blocks 8 words of nibbles and for
// each of the two a word of high bits as spreadBits leaves them.

func packQ5_K(head, body, src []byte, row int) {
	putScalesK(head, src, row)
	for c := range 4 {
		putWords(body[c*10*64:], src[48+c*32:][:32], row)
	}
	for s := range 8 {
		var flags uint32
		for l := range 32 {
			flags |= uint32(src[16+l]>>s&1) << l
		}
		putWord(body, s/2*10+8+s%2, row, spreadBits(flags))
	}
}

func (rb *rowBlock) unpackQ5_K(head, body []byte, row int) {
	rb.scalesK(head, row)
	rb.nibblesK(body, row, 10)
	for k := range 256 {
		s, l := k/32, k%32
		high := word(body, s/2*10+8+s%2, row) >> (l%4*8 + l/4) & 1
		rb.q[k] |= int8(high << 4)
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

// nibblesK spreads nibbles to q. Each 64 values have 8 words, stride words after
// those of the 64 before.
func (rb *rowBlock) nibblesK(body []byte, row, stride int) {
	for g := range 32 {
		w := word(body, g/8*stride+g%8, row)
		k := g/8*64 + g%8*4
		for j := range 4 {
			c := byte(w >> (8 * j))
			rb.q[k+j] = int8(c & 15)
			rb.q[k+j+32] = int8(c >> 4)
		}
	}
}
