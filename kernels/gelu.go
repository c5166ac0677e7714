package kernels

import "math"

const (
	geluScale = 0x1.988454p+0 // 2·sqrt(2/π)
	geluCubic = 0.044715

	// ½·erfc(a/√2) = e^(-a²/2)·t·(c0 + c1·t + … + c9·t⁹), t = 1/(1 + normT·a),
	// for a >= 0; relative error 2^-27 up to a = 15, where the product leaves
	// float32.
	normMax = 16 // the tail is 0 from here on, and a² stays finite
	normT   = 0x1.333334p-2
	normC0  = 0x1.ea3cap-4
	normC1  = 0x1.e9c398p-4
	normC2  = 0x1.c38a88p-4
	normC3  = 0x1.410262p-4
	normC4  = 0x1.8a107cp-4
	normC5  = -0x1.45af76p-4
	normC6  = 0x1.88fc64p-3
	normC7  = -0x1.d38894p-3
	normC8  = 0x1.cca924p-4
	normC9  = -0x1.51fbb2p-6
)

// gelu32 is x·½(1 + tanh(sqrt(2/π)·(x + 0.044715·x³))), computed as
// x·sigmoid(v) with v = 2·sqrt(2/π)·(x + 0.044715·x³), which keeps the
// relative error small where the tanh form cancels.
func gelu32(x float32) float32 {
	c := fma32(float32(x*x)*geluCubic, x, x)
	return float32(x * sigmoid32(c*geluScale))
}

// geluErf32 is x·Φ(x), Φ the normal distribution: the exact GELU. The lower
// tail is computed as such, so that negative x keep their relative accuracy.
func geluErf32(x float32) float32 {
	tail := normTail32(math.Float32frombits(math.Float32bits(x) &^ signBit))
	if x < 0 {
		return float32(x * tail)
	}
	return float32(x * (1 - tail))
}

// normTail32 is ½·erfc(a/√2) for a >= 0. a² is kept in two parts, because
// e^(-a²/2) magnifies its rounding error by a²/2.
func normTail32(a float32) float32 {
	a = min(a, normMax)
	t := 1 / fma32(normT, a, 1)
	q := fma32(normC9, t, normC8)
	q = fma32(q, t, normC7)
	q = fma32(q, t, normC6)
	q = fma32(q, t, normC5)
	q = fma32(q, t, normC4)
	q = fma32(q, t, normC3)
	q = fma32(q, t, normC2)
	q = fma32(q, t, normC1)
	q = fma32(q, t, normC0)
	hi := a * a
	lo := fma32(a, a, -hi)
	e := exp32(-0.5 * hi)
	e = fma32(e, -0.5*lo, e)
	return float32(e * float32(q*t))
}
