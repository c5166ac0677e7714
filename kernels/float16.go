package kernels

import "math"

// float16To32 converts an IEEE 754 half to float32, exactly.
func float16To32(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	mag := uint32(h & 0x7fff)
	switch {
	case mag >= 0x7c00: // infinity or NaN
		return math.Float32frombits(sign | mag<<13 | 0x7f800000)
	case mag >= 0x0400: // normal: rebias the exponent from 15 to 127
		return math.Float32frombits(sign | (mag<<13 + 112<<23))
	default: // subnormal or zero: a multiple of 2^-24
		return math.Float32frombits(sign | math.Float32bits(float32(mag)*0x1p-24))
	}
}

// float32To16 converts to an IEEE 754 half, rounding to nearest even; what is
// too large becomes infinity, subnormals are kept. A NaN becomes a quiet NaN.
func float32To16(f float32) uint16 {
	u := math.Float32bits(f)
	sign := uint16(u >> 16 & 0x8000)
	u &= 0x7fffffff
	switch {
	case u > 0x7f800000:
		return sign | 0x7e00 | uint16(u>>13&0x01ff)
	case u >= 0x477ff000: // 65520 and more round to infinity
		return sign | 0x7c00
	case u < 0x38800000: // below 2^-14: adding 0.5 leaves the multiple of 2^-24 in the low bits
		r := math.Float32bits(math.Float32frombits(u) + 0.5)
		return sign | uint16(r-0x3f000000)
	default:
		u += 0xfff + u>>13&1 // ties to even
		return sign | uint16(u>>13-112<<10)
	}
}

// bfloat16To32 converts a bfloat16 to float32, exactly.
func bfloat16To32(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// float32ToBF16 converts to bfloat16, rounding to nearest even. A NaN becomes a
// quiet NaN.
func float32ToBF16(f float32) uint16 {
	u := math.Float32bits(f)
	if u&0x7fffffff > 0x7f800000 {
		return uint16(u>>16) | 0x40
	}
	return uint16((u + 0x7fff + u>>16&1) >> 16)
}
