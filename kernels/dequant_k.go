package kernels

import "encoding/binary"

// crumb returns 2-bit code k of the 64 bytes at q, in the order of Q2_K, Q3_K
// and TQ2_0: a byte holds four codes that are 32 values apart.
func crumb(q []byte, k int) byte { return q[k/128*32+k%32] >> (k % 128 / 32 * 2) & 3 }

func dequantQ2_K(y []float32, b []byte) {
	scales, q, d, dmin := b[:16], b[16:80], halfAt(b[80:]), halfAt(b[82:])
	for s, sc := range scales {
		scale, m := float32(d*float32(sc&15)), float32(dmin*float32(sc>>4))
		for k := s * 16; k < s*16+16; k++ {
			y[k] = float32(scale*float32(crumb(q, k))) - m
		}
	}
}

func dequantQ3_K(y []float32, b []byte) {
	high, q, scales, d := b[:32], b[32:96], b[96:108], halfAt(b[108:])
	for s := range 16 {
		// 16 scales of 6 bits: the low nibbles in 8 bytes, the pairs of high
		// bits in 4.
		sc := scales[s%8]>>(s/8*4)&15 | scales[8+s%4]>>(s/4*2)&3<<4
		scale := d * float32(int(sc)-32)
		for k := s * 16; k < s*16+16; k++ {
			c := int(crumb(q, k)) | int(high[k%32]>>(k/32)&1)<<2
			y[k] = scale * float32(c-4)
		}
	}
}

// scaleMinK returns scale and minimum s of 8 from the 12 bytes of Q4_K and Q5_K.
func scaleMinK(b []byte, s int) (scale, minimum byte) {
	if s < 4 {
		return b[s] & 63, b[s+4] & 63
	}
	return b[s+4]&15 | b[s-4]>>6<<4, b[s+4]>>4 | b[s]>>6<<4
}

func dequantQ4_K(y []float32, b []byte) {
	d, dmin, q := halfAt(b), halfAt(b[2:]), b[16:]
	for s := range 8 {
		sc, mn := scaleMinK(b[4:16], s)
		scale, m := float32(d*float32(sc)), float32(dmin*float32(mn))
		for l := range 32 {
			c := q[s/2*32+l] >> (s % 2 * 4) & 15
			y[s*32+l] = float32(scale*float32(c)) - m
		}
	}
}

func dequantQ5_K(y []float32, b []byte) {
	d, dmin, high, q := halfAt(b), halfAt(b[2:]), b[16:48], b[48:]
	for s := range 8 {
		sc, mn := scaleMinK(b[4:16], s)
		scale, m := float32(d*float32(sc)), float32(dmin*float32(mn))
		for l := range 32 {
			c := q[s/2*32+l]>>(s%2*4)&15 | high[l]>>s&1<<4
			y[s*32+l] = float32(scale*float32(c)) - m
		}
	}
}

func dequantQ6_K(y []float32, b []byte) {
	low, high, scales, d := b[:128], b[128:192], b[192:208], halfAt(b[208:])
	for s := range 16 {
		scale := d * float32(int8(scales[s]))
		for k := s * 16; k < s*16+16; k++ {
			// In each 128 values a byte of low nibbles serves two values 64
			// apart, a byte of high bits four values 32 apart.
			c := low[k/128*64+k%64]>>(k%128/64*4)&15 | crumb(high, k)<<4
			y[k] = scale * float32(int(c)-32)
		}
	}
}

func dequantIQ4_XS(y []float32, b []byte) {
	d, high, low, q := halfAt(b), binary.LittleEndian.Uint16(b[2:]), b[4:8], b[8:]
	for s := range 8 {
		sc := int(low[s/2]>>(s%2*4)&15) | int(high>>(2*s)&3)<<4
		scale := d * float32(sc-32)
		for j, c := range q[s*16:][:16] {
			y[s*32+j] = scale * float32(iq4Values[c&15])
			y[s*32+j+16] = scale * float32(iq4Values[c>>4])
		}
	}
}
