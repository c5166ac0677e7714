package kernels

import (
	"encoding/binary"
	"math"
)

// The codebook formats (see dequant_iq.go) pack to one form: their values are
// few enough for codes of 4 bits and a table, and their scales are odd integers.
//
//	Packed: 16 float32 d, 16 × 16 scales (int8); 32 words of codes as in IQ4_XS
//	value = d*scale*table[code], with the format's power of two in d
//
// A third to a half more bytes than the file's indices buys a decode with one
// shuffle where ggml's needs a gather.

// Code tables. Bit 3 of a code is the sign, in IQ1 the direction of the shift.
var (
	iq2Values    = [16]int8{8, 25, 43, 0, 0, 0, 0, 0, -8, -25, -43}
	iq3XXSValues = [16]int8{4, 12, 20, 28, 36, 44, 52, 62, -4, -12, -20, -28, -36, -44, -52, -62}
	iq3SValues   = [16]int8{1, 3, 5, 7, 9, 11, 13, 15, -1, -3, -5, -7, -9, -11, -13, -15}
	iq1Values    = [16]int8{-7, 1, 9, 0, 0, 0, 0, 0, -9, -1, 7} // eight times -1, 0, 1, plus or minus one
)

// table returns the values of a format's 4-bit codes.
func (f Format) table() *[16]int8 {
	switch f {
	case IQ4_NL, IQ4_XS:
		return &iq4Values
	case MXFP4, NVFP4:
		return &fp4Values
	case IQ2_XXS, IQ2_XS, IQ2_S:
		return &iq2Values
	case IQ3_XXS:
		return &iq3XXSValues
	case IQ3_S:
		return &iq3SValues
	case IQ1_S, IQ1_M:
		return &iq1Values
	default:
		return nil
	}
}

// gridLane is one row's lane of a packed block.
type gridLane struct {
	head, body []byte
	row        int
}

// newGridLane writes d, with the format's power of two, and returns the lane.
func newGridLane(head, body []byte, row int, d float32) gridLane {
	binary.LittleEndian.PutUint32(head[row*4:], math.Float32bits(d))
	return gridLane{head, body, row}
}

// scale sets the scale of 16-value sub-block s to the odd integer 2n+1.
func (g gridLane) scale(s int, n byte) { g.head[64+subAt(s, g.row)] = 2*n + 1 }

// vector writes 8 values from 8*v: magnitude>>shift counts the level, signs has
// a bit per value.
func (g gridLane) vector(v int, magnitudes *[8]int8, shift uint, signs byte) {
	for j, m := range magnitudes {
		g.code(8*v+j, byte(m)>>shift|signs>>j&1<<3)
	}
}

// shifted writes 8 values of IQ1 from 8*v.
func (g gridLane) shifted(v, index int, negative byte) {
	for j, c := range gridIQ1[index] {
		g.code(8*v+j, byte(c+1)|negative<<3)
	}
}

// code sets the code of value k; those of 16 values before k+16 come first.
func (g gridLane) code(k int, code byte) {
	at := &g.body[(k/32*4+k%16/4)*64+g.row*4+k%4]
	if k%32 < 16 {
		*at = code
	} else {
		*at |= code << 4
	}
}

func packIQ2_XXS(head, body, src []byte, row int) {
	lane := newGridLane(head, body, row, halfAt(src)/8)
	for g := range 8 {
		q := src[2+g*8:][:8]
		word := binary.LittleEndian.Uint32(q[4:])
		lane.scale(2*g, byte(word>>28))
		lane.scale(2*g+1, byte(word>>28))
		for l := range 4 {
			lane.vector(g*4+l, &gridIQ2_XXS[q[l]], 4, evenSigns(word>>(7*l)))
		}
	}
}

func packIQ2_XS(head, body, src []byte, row int) {
	lane := newGridLane(head, body, row, halfAt(src)/8)
	for v := range 32 {
		word := binary.LittleEndian.Uint16(src[2+v*2:])
		lane.scale(v/2, src[66+v/4]>>(v%4/2*4)&15)
		lane.vector(v, &gridIQ2_XS[word&511], 4, evenSigns(uint32(word>>9)))
	}
}

func packIQ2_S(head, body, src []byte, row int) {
	lane := newGridLane(head, body, row, halfAt(src)/8)
	for v := range 32 {
		index := int(src[2+v]) | int(src[66+v/4]>>(v%4*2)&3)<<8
		lane.scale(v/2, src[74+v/4]>>(v%4/2*4)&15)
		lane.vector(v, &gridIQ2_S[index], 4, src[34+v])
	}
}

func packIQ3_XXS(head, body, src []byte, row int) {
	lane := newGridLane(head, body, row, halfAt(src)/4)
	for v := range 32 {
		word := binary.LittleEndian.Uint32(src[66+v/4*4:])
		lane.scale(v/2, byte(word>>28))
		pair := joined(gridIQ3_XXS[src[2+2*v]], gridIQ3_XXS[src[3+2*v]])
		lane.vector(v, &pair, 3, evenSigns(word>>(7*(v%4))))
	}
}

func packIQ3_S(head, body, src []byte, row int) {
	lane := newGridLane(head, body, row, halfAt(src))
	for v := range 32 {
		high := int(src[66+v/4]) >> (v % 4 * 2)
		lane.scale(v/2, src[106+v/8]>>(v/4%2*4)&15)
		pair := joined(gridIQ3_S[int(src[2+2*v])|high&1<<8], gridIQ3_S[int(src[3+2*v])|high&2<<7])
		lane.vector(v, &pair, 1, src[74+v])
	}
}

func packIQ1_S(head, body, src []byte, row int) {
	lane := newGridLane(head, body, row, halfAt(src)/8)
	for v := range 32 {
		word := binary.LittleEndian.Uint16(src[34+v/4*2:])
		lane.scale(v/2, byte(word>>12&7))
		lane.shifted(v, int(src[2+v])|int(word>>(v%4*3)&7)<<8, byte(word>>15))
	}
}

func packIQ1_M(head, body, src []byte, row int) {
	var words [4]uint16
	var d uint16
	for i := range words {
		words[i] = binary.LittleEndian.Uint16(src[48+i*2:])
		d |= words[i] >> 12 << (4 * i)
	}
	lane := newGridLane(head, body, row, float16To32(d)/8)
	for v := range 32 {
		s := v / 2
		lane.scale(s, byte(words[s/4]>>(s%4*3)&7))
		nibble := src[32+v/2] >> (v % 2 * 4) & 15
		lane.shifted(v, int(src[v])|int(nibble&7)<<8, nibble>>3)
	}
}

func (rb *rowBlock) unpackGrid(f Format, head, body []byte, row int) {
	rb.d, rb.m, rb.mins = math.Float32frombits(binary.LittleEndian.Uint32(head[row*4:])), 0, [16]int32{}
	for s := range 16 {
		rb.sub[s] = int32(int8(head[64+subAt(s, row)]))
	}
	rb.nibbles32(body, row)
	rb.look(f.table(), 256)
}
