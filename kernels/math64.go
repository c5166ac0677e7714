package kernels

import "math"

// Float64 functions for the position tables. Package math has assembly of its
// own for some architectures, and the compiler may fuse x*y+z; here every
// product is rounded by an explicit conversion, so all CPUs get the same bits.

// π/2 in pieces of 24 bits: n·piece is exact for n < 2^29.
const (
	halfPi1 = 0x1.921fb4p+0
	halfPi2 = 0x1.4442dp-24
	halfPi3 = 0x1.846988p-48
	halfPi4 = 0x1.8cc516p-72

	ln2Hi64 = 0x1.62e42feep-1 // 32 bits
	ln2Lo64 = 0x1.a39ef35793c76p-33
)

// sincos64 returns sin x and cos x for 0 <= x < 2^29, within about 1 ulp of
// float64 (of 1, where the value is near 0).
func sincos64(x float64) (sin, cos float64) {
	n := math.Floor(float64(x*(2/math.Pi)) + 0.5)
	r := x - float64(n*halfPi1)
	r -= float64(n * halfPi2)
	r -= float64(n * halfPi3)
	r -= float64(n * halfPi4)
	s, c := sinTaylor(r), cosTaylor(r)
	switch int64(n) & 3 {
	case 0:
		return s, c
	case 1:
		return c, -s
	case 2:
		return -s, -c
	default:
		return -c, s
	}
}

// sinTaylor is sin r for |r| <= π/4, by its series up to r^17.
func sinTaylor(r float64) float64 {
	z := float64(r * r)
	s := 1.0
	for k := 16.0; k >= 2; k -= 2 {
		s = 1 - float64(z*s)/(k*(k+1))
	}
	return r * s
}

// cosTaylor is cos r for |r| <= π/4, by its series up to r^18.
func cosTaylor(r float64) float64 {
	z := float64(r * r)
	c := 1.0
	for k := 17.0; k >= 1; k -= 2 {
		c = 1 - float64(z*c)/(k*(k+1))
	}
	return c
}

// log64 is ln x for a positive, finite, normal x, within a few ulp.
func log64(x float64) float64 {
	m, e := math.Frexp(x) // m in [½, 1)
	if m < math.Sqrt2/2 {
		m, e = 2*m, e-1
	}
	s := (m - 1) / (m + 1) // |s| <= 0.1716, ln m = 2·atanh s
	z := float64(s * s)
	q := 0.0
	for k := 27.0; k >= 3; k -= 2 {
		q = float64((q + 1/k) * z)
	}
	l := float64(2*s) + float64(2*float64(s*q))
	n := float64(e)
	return float64(n*ln2Hi64) + (float64(n*ln2Lo64) + l)
}

// exp64 is e^x for |x| < 700, within a few ulp.
func exp64(x float64) float64 {
	n := math.Floor(float64(x*(1/math.Ln2)) + 0.5)
	r := x - float64(n*ln2Hi64)
	r -= float64(n * ln2Lo64)
	y := 1.0
	for k := 18.0; k >= 1; k-- {
		y = 1 + float64(r*y)/k
	}
	return math.Ldexp(y, int(n))
}
