package kernels

import (
	"encoding/binary"
	"fmt"
	"math"
)

// encoder writes one file block of values x. Importance w is nil or as long as
// x; formats that have nothing to choose ignore it.
type encoder func(b []byte, x, w []float32)

// encoders holds the formats that weights can be converted to. The codebook
// formats IQ1 to IQ3 are read only: their search is a project of its own.
var encoders = [numFormats]encoder{
	F32:    encodeF32,
	F16:    encodeF16,
	BF16:   encodeBF16,
	Q4_0:   encodeQ4_0,
	Q4_1:   encodeQ4_1,
	Q5_0:   encodeQ5_0,
	Q5_1:   encodeQ5_1,
	Q8_0:   encodeQ8_0,
	IQ4_NL: encodeIQ4_NL,
	MXFP4:  encodeMXFP4,
	NVFP4:  encodeNVFP4,
	Q1_0:   encodeQ1_0,
	Q2_0:   encodeQ2_0,
	Q2_K:   encodeQ2_K,
	Q3_K:   encodeQ3_K,
	Q4_K:   encodeQ4_K,
	Q5_K:   encodeQ5_K,
	Q6_K:   encodeQ6_K,
	IQ4_XS: encodeIQ4_XS,
	TQ1_0:  encodeTQ1_0,
	TQ2_0:  encodeTQ2_0,
}

// CanEncode reports whether Encode can write f.
func CanEncode(f Format) bool { return f < numFormats && encoders[f] != nil }

// Encode converts weights to file blocks of format f: the opposite of
// Dequantize, for tools that write models. (Activations are quantised by
// Quantize, differently.)
//
//	dst        f.RowBytes(n) bytes
//	src        [n] n divides by f.BlockLen()
//	importance [n] or nil: what an error of each value weighs, not negative;
//	           usually the mean square of the activation it multiplies
//
// Without importance, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q1_0, Q2_0, TQ1_0, TQ2_0,
// MXFP4, NVFP4 and the floats give ggml's bytes. With it, and always in the
// K-quants and IQ4, scales are searched that minimise the weighted square
// error. The bytes are the same on every machine.
//
// The error says which value is not finite or too large for the format's
// scales; dst is then undefined. Encode panics if lengths disagree or if
// CanEncode(f) is false, allocates nothing, and is safe to call concurrently.
func Encode(dst []byte, f Format, src, importance []float32) error {
	if !CanEncode(f) {
		panic(fmt.Sprintf("kernels: Encode: %v cannot be written", f))
	}
	if need := f.RowBytes(len(src)); len(dst) != need {
		panic(fmt.Sprintf("kernels: Encode: %d %v values to %d bytes, need %d", len(src), f, len(dst), need))
	}
	if importance != nil && len(importance) != len(src) {
		panic(fmt.Sprintf("kernels: Encode: importance of %d for %d values", len(importance), len(src)))
	}
	if err := checkEncodable(f, src, importance); err != nil {
		return err
	}
	block, n, nBytes := encoders[f], f.BlockLen(), f.BlockBytes()
	for i := 0; len(dst) > 0; i += n {
		var w []float32
		if importance != nil {
			w = importance[i : i+n]
		}
		block(dst[:nBytes:nBytes], src[i:i+n], w)
		dst = dst[nBytes:]
	}
	return nil
}

// maxEncodable is the largest magnitude a format holds: a float16 scale limits
// most of them. Models' weights stay below 1000.
func maxEncodable(f Format) float32 {
	switch f {
	case F32, BF16, MXFP4:
		return math.MaxFloat32
	case NVFP4:
		return 6 * 448
	default:
		return 65504
	}
}

func checkEncodable(f Format, src, importance []float32) error {
	most := maxEncodable(f)
	for i, v := range src {
		if !(abs32(v) <= most) {
			return fmt.Errorf("kernels: value %d is %g, %v holds at most %g", i, v, f, most)
		}
	}
	for i, v := range importance {
		if !(v >= 0 && v <= math.MaxFloat32) {
			return fmt.Errorf("kernels: importance %d is %g, must be finite and not negative", i, v)
		}
	}
	return nil
}

func encodeF32(b []byte, x, _ []float32)  { binary.LittleEndian.PutUint32(b, math.Float32bits(x[0])) }
func encodeF16(b []byte, x, _ []float32)  { putHalfAt(b, x[0]) }
func encodeBF16(b []byte, x, _ []float32) { binary.LittleEndian.PutUint16(b, float32ToBF16(x[0])) }

// putHalfAt stores v as float16 at the start of b and returns what it became.
func putHalfAt(b []byte, v float32) float32 {
	h := float32To16(v)
	binary.LittleEndian.PutUint16(b, h)
	return float16To32(h)
}

func abs32(v float32) float32 { return math.Float32frombits(math.Float32bits(v) &^ (1 << 31)) }

// inverse returns 1/d, and 0 for 0.
func inverse(d float32) float32 {
	if d == 0 {
		return 0
	}
	return 1 / d
}

// extreme returns the value of the largest magnitude, the first of several.
func extreme(x []float32) (v float32) {
	for _, c := range x {
		if abs32(c) > abs32(v) {
			v = c
		}
	}
	return v
}

// bounds returns the least and the largest value.
func bounds(x []float32) (lo, hi float32) {
	lo, hi = x[0], x[0]
	for _, v := range x[1:] {
		lo, hi = min(lo, v), max(hi, v)
	}
	return lo, hi
}
