package kernels

// TQ2_0 file block: 64 bytes of 2-bit codes ordered as Q2_K's, f16 d;
// value = (code-1)*d. Packed: 16 d; 16 words.

func packTQ2_0(head, body, src []byte, row int) {
	putHalf(head, src[64:], row)
	packCrumbs(body, src[:64], row)
}

func (rb *rowBlock) unpackTQ2_0(head, body []byte, row int) {
	rb.d, rb.m, rb.mins = half(head, row), 0, [16]int32{}
	for s := range rb.sub {
		rb.sub[s] = 1
	}
	rb.crumbs(body, row)
	rb.add(-1, 256)
}

// TQ1_0 file block: 52 bytes of base-3 digits, f16 d; value = (digit-1)*d. It
// packs as TQ2_0: undoing base 3 while multiplying costs more than the bytes.

func packTQ1_0(head, body, src []byte, row int) {
	putHalf(head, src[52:], row)
	var codes [64]byte
	for k := range 256 {
		codes[k/128*32+k%32] |= ternaryDigit(src, k) << (k % 128 / 32 * 2)
	}
	packCrumbs(body, codes[:], row)
}

// ternaryDigit returns digit k of a TQ1_0 block. 32 bytes hold five digits 32
// values apart, 16 bytes five digits 16 apart, 4 bytes four digits 4 apart;
// a byte is a fixed-point fraction whose leading base-3 digit comes first.
func ternaryDigit(src []byte, k int) byte {
	at, n := k%32, k/32
	switch {
	case k >= 240:
		at, n = 48+k%4, (k-240)/4
	case k >= 160:
		at, n = 32+k%16, (k-160)/16
	}
	b := src[at]
	for range n {
		b *= 3
	}
	return byte(uint16(b) * 3 >> 8)
}
