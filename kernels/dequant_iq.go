package kernels

import "encoding/binary"

// The codebook formats. All have super-blocks of 256 values in 8 groups of 32;
// a group has 4 vectors of 8 values (IQ3: 8 of 4). Signs are apart from the
// codebook, except in IQ1, whose vectors are ternary and shifted by ±1/8.

// signedVector writes 8 values: scale times a vector, negative where the sign
// bit is set.
func signedVector(y []float32, scale float32, v *[8]int8, signs byte) {
	for j := range v {
		x := scale * float32(v[j])
		if signs>>j&1 != 0 {
			x = -x
		}
		y[j] = x
	}
}

// IQ2_XXS: f16 d; per group 4 index bytes, then a word of four times 7 sign bits
// and a 4-bit scale. value = d*(scale+1/2)/4 * ±v.
func dequantIQ2_XXS(y []float32, b []byte) {
	d := halfAt(b)
	for g := range 8 {
		q := b[2+g*8:][:8]
		word := binary.LittleEndian.Uint32(q[4:])
		scale := d * (0.5 + float32(word>>28)) * 0.25
		for l := range 4 {
			signedVector(y[g*32+l*8:][:8], scale, &gridIQ2_XXS[q[l]], evenSigns(word>>(7*l)))
		}
	}
}

// IQ2_XS: f16 d; 32 words of a 9-bit index and 7 sign bits; 8 bytes of two 4-bit
// scales, one per 16 values.
func dequantIQ2_XS(y []float32, b []byte) {
	d, scales := halfAt(b), b[66:74]
	for v := range 32 {
		word := binary.LittleEndian.Uint16(b[2+v*2:])
		scale := d * (0.5 + float32(scales[v/4]>>(v%4/2*4)&15)) * 0.25
		signedVector(y[v*8:][:8], scale, &gridIQ2_XS[word&511], evenSigns(uint32(word>>9)))
	}
}

// IQ2_S: f16 d; 32 low index bytes, 32 bytes of signs, 8 bytes of four 2-bit
// high index parts, 8 bytes of two 4-bit scales.
func dequantIQ2_S(y []float32, b []byte) {
	d, low, signs, high, scales := halfAt(b), b[2:34], b[34:66], b[66:74], b[74:82]
	for v := range 32 {
		index := int(low[v]) | int(high[v/4]>>(v%4*2)&3)<<8
		scale := d * (0.5 + float32(scales[v/4]>>(v%4/2*4)&15)) * 0.25
		signedVector(y[v*8:][:8], scale, &gridIQ2_S[index], signs[v])
	}
}

// IQ3_XXS: f16 d; 64 index bytes; per group a word of four times 7 sign bits and
// a 4-bit scale. value = d*(scale+1/2)/2 * ±v.
func dequantIQ3_XXS(y []float32, b []byte) {
	d, low := halfAt(b), b[2:66]
	for g := range 8 {
		word := binary.LittleEndian.Uint32(b[66+g*4:])
		scale := d * (0.5 + float32(word>>28)) * 0.5
		for l := range 4 {
			v := g*4 + l
			pair := joined(gridIQ3_XXS[low[2*v]], gridIQ3_XXS[low[2*v+1]])
			signedVector(y[v*8:][:8], scale, &pair, evenSigns(word>>(7*l)))
		}
	}
}

// IQ3_S: f16 d; 64 low index bytes, 8 bytes of high index bits, 32 bytes of
// signs, 4 bytes of two 4-bit scales, one per group. value = d*(1+2*scale) * ±v.
func dequantIQ3_S(y []float32, b []byte) {
	d, low, high, signs, scales := halfAt(b), b[2:66], b[66:74], b[74:106], b[106:110]
	for v := range 32 {
		g := v / 4
		scale := d * float32(1+2*(scales[g/2]>>(g%2*4)&15))
		index := func(i int) int { return int(low[i]) | int(high[i/8]>>(i%8)&1)<<8 }
		pair := joined(gridIQ3_S[index(2*v)], gridIQ3_S[index(2*v+1)])
		signedVector(y[v*8:][:8], scale, &pair, signs[v])
	}
}

// joined puts two vectors of 4 side by side.
func joined(a, b [4]int8) (v [8]int8) {
	copy(v[:4], a[:])
	copy(v[4:], b[:])
	return v
}

// shiftedVector writes 8 values of IQ1: a ternary vector moved by 1/8, down
// where negative is set.
func shiftedVector(y []float32, scale float32, index int, negative bool) {
	delta := float32(0.125)
	if negative {
		delta = -delta
	}
	for j, c := range gridIQ1[index] {
		y[j] = scale * (float32(c) + delta)
	}
}

// IQ1_S: f16 d; 32 low index bytes; per group a word of four 3-bit high index
// parts, a 3-bit scale and the sign of the shift. value = d*(2*scale+1) * (v±1/8).
func dequantIQ1_S(y []float32, b []byte) {
	d, low := halfAt(b), b[2:34]
	for g := range 8 {
		word := binary.LittleEndian.Uint16(b[34+g*2:])
		scale := d * float32(2*(word>>12&7)+1)
		for l := range 4 {
			v := g*4 + l
			index := int(low[v]) | int(word>>(3*l)&7)<<8
			shiftedVector(y[v*8:][:8], scale, index, word>>15 != 0)
		}
	}
}

// IQ1_M: 32 low index bytes; 16 bytes of two nibbles, each the high index part
// and the sign of the shift of one vector; 4 words, each a nibble of the f16 d
// on top of four 3-bit scales, one per 16 values.
func dequantIQ1_M(y []float32, b []byte) {
	low, high := b[:32], b[32:48]
	var words [4]uint16
	var bits uint16
	for i := range words {
		words[i] = binary.LittleEndian.Uint16(b[48+i*2:])
		bits |= words[i] >> 12 << (4 * i)
	}
	d := float16To32(bits)
	for v := range 32 {
		s := v / 2
		scale := d * float32(2*(words[s/4]>>(s%4*3)&7)+1)
		nibble := high[v/2] >> (v % 2 * 4) & 15
		shiftedVector(y[v*8:][:8], scale, int(low[v])|int(nibble&7)<<8, nibble>>3 != 0)
	}
}
