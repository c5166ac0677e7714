package kernels

import "fmt"

// rowBlock is what one row's block means, whatever its format: integers and
// the scales that go with them. Value k of the block is
//
//	32-value formats:  d*q[k] + m                      (NVFP4: d for k < 16, m above, no minimum)
//	256-value formats: d*sub[k/16]*q[k] - m*mins[k/16]
//
// where only the last operation rounds: the products are exact in float32.
type rowBlock struct {
	q         [256]int8
	sub, mins [16]int32
	d, m      float32
}

// unpackRow reads lane row of a packed block. For formats of 32-value
// activations it reads the 32 values at part*32 of the block.
func (rb *rowBlock) unpackRow(f Format, head, body []byte, part, row int) {
	switch f {
	case Q4_0:
		rb.unpackQ4_0(head, body, row)
	case Q4_1:
		rb.unpackQ4_1(head, body, row)
	case Q5_0:
		rb.unpackQ5_0(head, body, row)
	case Q5_1:
		rb.unpackQ5_1(head, body, row)
	case Q8_0:
		rb.unpackQ8_0(head, body, row)
	case IQ4_NL:
		rb.unpackIQ4_NL(head, body, row)
	case MXFP4:
		rb.unpackMXFP4(head, body, row)
	case NVFP4:
		rb.unpackNVFP4(head, body, part, row)
	case Q1_0:
		rb.unpackQ1_0(head, body, part, row)
	case Q2_0:
		rb.unpackQ2_0(head, body, part, row)
	case Q2_K:
		rb.unpackQ2_K(head, body, row)
	case Q3_K:
		rb.unpackQ3_K(head, body, row)
	case Q4_K:
		rb.unpackQ4_K(head, body, row)
	case Q5_K:
		rb.unpackQ5_K(head, body, row)
	case Q6_K:
		rb.unpackQ6_K(head, body, row)
	case IQ4_XS:
		rb.unpackIQ4_XS(head, body, row)
	case TQ1_0, TQ2_0:
		rb.unpackTQ2_0(head, body, row)
	case IQ1_S, IQ1_M, IQ2_XXS, IQ2_XS, IQ2_S, IQ3_XXS, IQ3_S:
		rb.unpackGrid(f, head, body, row)
	default:
		panic(fmt.Sprintf("kernels: no packed form of %v", f))
	}
}

// hasMin reports whether a format of 32-value activations has a minimum.
func (f Format) hasMin() bool { return f == Q4_1 || f == Q5_1 }

// hasMins reports whether a format of 256-value activations has minima.
func (f Format) hasMins() bool { return f == Q2_K || f == Q4_K || f == Q5_K }

// nibbles spreads the nibbles of 4 words to q[0:32]: word i holds values
// 4i..4i+3 in its low nibbles and 16+4i.. in its high ones.
func (rb *rowBlock) nibbles(body []byte, row int) {
	for i := range 4 {
		w := word(body, i, row)
		rb.putBytes(4*i, w&x0f)
		rb.putBytes(16+4*i, w>>4&x0f)
	}
}

// putBytes sets values k to k+3 to the bytes of w.
func (rb *rowBlock) putBytes(k int, w uint32) {
	for j := range 4 {
		rb.q[k+j] = int8(w >> (8 * j))
	}
}

// spreadBits moves bit 4i+j of a little-endian word of 32 flags to bit i of
// byte j, so that shifting a vector of such words by i puts the flags of four
// neighbouring values into the low bits of its bytes.
func spreadBits(flags uint32) (bits uint32) {
	for i := range 8 {
		bits |= spread4(flags>>(4*i)) << i
	}
	return bits
}

// add adds c to the first n values.
func (rb *rowBlock) add(c int8, n int) {
	for k := range rb.q[:n] {
		rb.q[k] += c
	}
}

// look replaces the first n values, codes of 4 bits, by their table entries.
func (rb *rowBlock) look(table *[16]int8, n int) {
	for k := range rb.q[:n] {
		rb.q[k] = table[rb.q[k]&15]
	}
}
