package kernels

import "encoding/binary"

func dequantQ4_0(y []float32, b []byte) {
	d := halfAt(b)
	for j, c := range b[2:18] {
		y[j] = float32(int(c&15)-8) * d
		y[j+16] = float32(int(c>>4)-8) * d
	}
}

func dequantQ4_1(y []float32, b []byte) {
	d, m := halfAt(b), halfAt(b[2:])
	for j, c := range b[4:20] {
		y[j] = float32(float32(c&15)*d) + m
		y[j+16] = float32(float32(c>>4)*d) + m
	}
}

func dequantQ5_0(y []float32, b []byte) {
	d, high := halfAt(b), binary.LittleEndian.Uint32(b[2:])
	for j, c := range b[6:22] {
		y[j] = float32(int(uint32(c&15)|high>>j&1<<4)-16) * d
		y[j+16] = float32(int(uint32(c>>4)|high>>(j+16)&1<<4)-16) * d
	}
}

func dequantQ5_1(y []float32, b []byte) {
	d, m, high := halfAt(b), halfAt(b[2:]), binary.LittleEndian.Uint32(b[4:])
	for j, c := range b[8:24] {
		y[j] = float32(float32(uint32(c&15)|high>>j&1<<4)*d) + m
		y[j+16] = float32(float32(uint32(c>>4)|high>>(j+16)&1<<4)*d) + m
	}
}

func dequantQ8_0(y []float32, b []byte) {
	d := halfAt(b)
	for j, c := range b[2:34] {
		y[j] = float32(int8(c)) * d
	}
}

func dequantQ1_0(y []float32, b []byte) {
	d := halfAt(b)
	for k := range y {
		y[k] = -d
		if b[2+k/8]>>(k%8)&1 != 0 {
			y[k] = d
		}
	}
}

func dequantQ2_0(y []float32, b []byte) {
	d := halfAt(b)
	for k := range y {
		y[k] = float32(int(b[2+k/4]>>(k%4*2)&3)-1) * d
	}
}

func dequantTQ1_0(y []float32, b []byte) {
	d := halfAt(b[52:])
	for k := range y {
		y[k] = float32(int(ternaryDigit(b, k))-1) * d
	}
}

func dequantTQ2_0(y []float32, b []byte) {
	d := halfAt(b[64:])
	for k := range y {
		y[k] = float32(int(crumb(b, k))-1) * d
	}
}

func dequantIQ4_NL(y []float32, b []byte) {
	d := halfAt(b)
	for j, c := range b[2:18] {
		y[j] = d * float32(iq4Values[c&15])
		y[j+16] = d * float32(iq4Values[c>>4])
	}
}

func dequantMXFP4(y []float32, b []byte) {
	// Half the scale, because the table is doubled; below 2^-126 it is
	// subnormal.
	d := bfloat16To32(uint16(b[0]-1) << 7)
	if b[0] < 2 {
		d = bfloat16To32(0x20 << b[0])
	}
	for j, c := range b[1:17] {
		y[j] = float32(fp4Values[c&15]) * d
		y[j+16] = float32(fp4Values[c>>4]) * d
	}
}

func dequantNVFP4(y []float32, b []byte) {
	for s := range 4 {
		d := ue4m3(b[s]) * 0.5
		for j, c := range b[4+s*8:][:8] {
			y[s*16+j] = float32(fp4Values[c&15]) * d
			y[s*16+j+8] = float32(fp4Values[c>>4]) * d
		}
	}
}
