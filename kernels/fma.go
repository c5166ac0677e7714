package kernels

import "math"

// fma32 returns a*b + c rounded once to float32, as the hardware's fused
// multiply-add does, subnormals included.
//
// The float64 product of two float32 values is exact and the float64 sum has 29
// bits to spare, so rounding twice goes wrong only where the float64 sum lies
// exactly between two float32 values, or where float32 keeps fewer bits because
// the result is subnormal. Those cases take the slow path.
func fma32(a, b, c float32) float32 {
	s := float64(a)*float64(b) + float64(c)
	u := math.Float64bits(s)
	if u&(1<<29-1) == 1<<28 || u<<1 < minNormal32<<1 {
		return fma32Slow(a, b, c)
	}
	return float32(s)
}

// minNormal32 is the float64 bit pattern of the least normal float32, 2^-126.
const minNormal32 = (1023 - 126) << 52

// fma32Slow rounds the float64 sum to odd, which makes the second rounding
// harmless (Boldo and Melquiond, doi:10.1109/TC.2007.70819).
func fma32Slow(a, b, c float32) float32 {
	p, d := float64(a)*float64(b), float64(c)
	s := p + d
	if math.IsInf(s, 0) || math.IsNaN(s) {
		return float32(s)
	}
	// TwoSum: s + e is exactly p + d.
	t := s - p
	e := (p - (s - t)) + (d - t)
	if u := math.Float64bits(s); e != 0 && u&1 == 0 {
		if (e > 0) == (s > 0) {
			u++
		} else {
			u--
		}
		s = math.Float64frombits(u)
	}
	return float32(s)
}
