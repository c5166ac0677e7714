package kernels

import (
	"encoding/binary"
	"math"
)

// The formats with one scale per block. Without importance each takes its scale
// from the block's largest value, as ggml does, to the same bits: products are
// converted before they are added to, and half is added before truncation.

func encodeQ8_0(b []byte, x, _ []float32) {
	d := abs32(extreme(x)) / 127
	id := inverse(d)
	putHalfAt(b, d)
	for j, v := range x {
		b[2+j] = byte(int8(roundAway(v * id)))
	}
}

// roundAway rounds to the nearest integer, halves away from zero.
func roundAway(v float32) int { return int(math.Round(float64(v))) }

func encodeQ4_0(b []byte, x, w []float32) {
	var q [32]uint8
	if w != nil {
		d := putHalfAt(b, fitScale(&levels4, x, w))
		levels4.codes(q[:], x, d)
	} else {
		d := extreme(x) / -8
		id := inverse(d)
		putHalfAt(b, d)
		for j, v := range x {
			q[j] = uint8(min(15, int(float32(v*id)+8.5)))
		}
	}
	putNibbles(b[2:18], q[:])
}

func encodeQ4_1(b []byte, x, w []float32) {
	var q [32]uint8
	if w != nil {
		encodeShifted(b, q[:], x, w, 15)
	} else {
		lo, hi := bounds(x)
		d := (hi - lo) / 15
		id := inverse(d)
		putHalfAt(b, d)
		putHalfAt(b[2:], lo)
		for j, v := range x {
			q[j] = uint8(min(15, int(float32((v-lo)*id)+0.5)))
		}
	}
	putNibbles(b[4:20], q[:])
}

func encodeQ5_0(b []byte, x, w []float32) {
	var q [32]uint8
	if w != nil {
		d := putHalfAt(b, fitScale(&levels5, x, w))
		levels5.codes(q[:], x, d)
	} else {
		d := extreme(x) / -16
		id := inverse(d)
		putHalfAt(b, d)
		for j, v := range x {
			q[j] = uint8(min(31, int(float32(v*id)+16.5)))
		}
	}
	putNibbles(b[6:22], q[:])
	putFifthBits(b[2:6], q[:])
}

func encodeQ5_1(b []byte, x, w []float32) {
	var q [32]uint8
	if w != nil {
		encodeShifted(b, q[:], x, w, 31)
	} else {
		lo, hi := bounds(x)
		d := (hi - lo) / 31
		id := inverse(d)
		putHalfAt(b, d)
		putHalfAt(b[2:], lo)
		for j, v := range x {
			q[j] = uint8(min(31, int(float32((v-lo)*id)+0.5)))
		}
	}
	putNibbles(b[8:24], q[:])
	putFifthBits(b[4:8], q[:])
}

// encodeShifted stores scale and minimum of Q4_1 or Q5_1 and finds the codes.
func encodeShifted(b []byte, q []uint8, x, w []float32, most int) {
	d, m := fitShifted(x, w, most, false)
	d, m = putHalfAt(b, d), putHalfAt(b[2:], m)
	for j, v := range x {
		q[j] = shiftedCode(v, inverse(d), m, most)
	}
}

// putNibbles stores 32 codes' low nibbles: the first 16 below, the others above.
func putNibbles(b []byte, q []uint8) {
	for j := range b {
		b[j] = q[j]&15 | q[j+16]<<4
	}
}

// putFifthBits stores bit 4 of 32 codes.
func putFifthBits(b []byte, q []uint8) {
	var bits uint32
	for k, c := range q {
		bits |= uint32(c>>4&1) << k
	}
	binary.LittleEndian.PutUint32(b, bits)
}

func encodeQ1_0(b []byte, x, _ []float32) {
	var sum float32
	for _, v := range x {
		sum += abs32(v)
	}
	putHalfAt(b, sum/float32(len(x)))
	clear(b[2:])
	for k, v := range x {
		if v >= 0 {
			b[2+k/8] |= 1 << (k % 8)
		}
	}
}

func encodeQ2_0(b []byte, x, _ []float32) {
	d := abs32(extreme(x))
	id := inverse(d)
	putHalfAt(b, d)
	clear(b[2:])
	for k, v := range x {
		b[2+k/4] |= uint8(roundAway(v*id)+1) << (k % 4 * 2)
	}
}

// ternaryCodes rounds values to -1, 0 and 1 times the largest and returns them
// plus one.
func ternaryCodes(q *[256]uint8, x []float32) (d float32) {
	d = abs32(extreme(x))
	id := inverse(d)
	for k, v := range x {
		q[k] = uint8(roundAway(v*id) + 1)
	}
	return d
}

// encodeTQ1_0 is the opposite of ternaryDigit: a byte is a fraction of 256
// whose base-3 digits are the codes, rounded up so that they can be read back.
func encodeTQ1_0(b []byte, x, _ []float32) {
	var q [256]uint8
	putHalfAt(b[52:], ternaryCodes(&q, x))
	pack := func(first, stride, n int) byte {
		v := 0
		for i := range 5 {
			v *= 3
			if i < n {
				v += int(q[first+i*stride])
			}
		}
		return byte((v*256 + 242) / 243)
	}
	for j := range 32 {
		b[j] = pack(j, 32, 5)
	}
	for j := range 16 {
		b[32+j] = pack(160+j, 16, 5)
	}
	for j := range 4 {
		b[48+j] = pack(240+j, 4, 4)
	}
}

func encodeTQ2_0(b []byte, x, _ []float32) {
	var q [256]uint8
	putHalfAt(b[64:], ternaryCodes(&q, x))
	putCrumbs(b[:64], &q)
}

// putCrumbs stores 256 codes of 2 bits where crumb finds them.
func putCrumbs(b []byte, q *[256]uint8) {
	clear(b)
	for k, c := range q {
		b[k/128*32+k%32] |= c & 3 << (k % 128 / 32 * 2)
	}
}

func encodeIQ4_NL(b []byte, x, w []float32) {
	var q [32]uint8
	d := putHalfAt(b, fitScale(&levelsIQ4, x, w))
	levelsIQ4.codes(q[:], x, d)
	putNibbles(b[2:18], q[:])
}

func encodeMXFP4(b []byte, x, _ []float32) {
	// The scale puts the largest value between 4 and 8 of the code's 6.
	_, exp := math.Frexp(float64(extreme(x))) // |x| in [2^(exp-1), 2^exp)
	e := max(0, exp-1-2+127)
	if extreme(x) == 0 {
		e = 0
	}
	b[0] = byte(e)
	var q [32]uint8
	d := float32(math.Ldexp(1, e-128))
	for j, v := range x {
		q[j] = nearestFP4(v, d)
	}
	putNibbles(b[1:17], q[:])
}

func encodeNVFP4(b []byte, x, _ []float32) {
	for s := range 4 {
		xs := x[s*16:][:16]
		b[s] = toUE4M3(abs32(extreme(xs)) / 6)
		d := ue4m3(b[s]) * 0.5
		for j := range 8 {
			b[4+s*8+j] = nearestFP4(xs[j], d) | nearestFP4(xs[j+8], d)<<4
		}
	}
}

// nearestFP4 returns the first code of those whose value is nearest to v.
func nearestFP4(v, d float32) (best uint8) {
	least := abs32(v)
	for c, level := range fp4Values {
		if e := abs32(float32(float32(level)*d) - v); e < least {
			least, best = e, uint8(c)
		}
	}
	return best
}

// toUE4M3 converts v ≥ 0 to an unsigned 8-bit float as ggml does: halves round
// up, subnormals do not round up to normals, and from 256 on there is only 448.
func toUE4M3(v float32) uint8 {
	u := math.Float32bits(v)
	exp, man := int(u>>23)-127+7, int(u>>20&7)+int(u>>19&1)
	switch {
	case exp <= 0:
		return uint8(min(7, int(float32(v*512)+0.5)))
	case exp >= 15 || exp == 14 && man > 7:
		return 0x7e
	default:
		return uint8(exp<<3 + man) // a mantissa of 8 carries into the exponent
	}
}
