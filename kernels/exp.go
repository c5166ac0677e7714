package kernels

import "math"

// The constants of the exponential, shared by exp32, tanh32 and every SIMD
// form of them. ln 2 is split so that n·ln2Hi is subtracted with one rounding
// by the FMA and ln2Lo brings the rest.
const (
	log2E      = 0x1.715476p+0
	ln2Hi      = 0x1.62e43p-1
	ln2Lo      = -0x1.05c61p-29
	roundMagic = 0x1.8p+23 // x + roundMagic rounds |x| < 2^22 to an integer, half to even

	// expm1(r) = r + r²·(c0 + c1·r + … + c4·r⁴) for |r| <= ln2/2,
	// relative error 2^-26.
	expm1C0 = 0x1.fffffep-2
	expm1C1 = 0x1.5554aap-3
	expm1C2 = 0x1.55579ep-5
	expm1C3 = 0x1.122c88p-7
	expm1C4 = 0x1.6ab168p-10

	expMax = 89   // exp(89) overflows to +Inf
	expMin = -104 // exp(-104) rounds to 0
)

// Exp sets out[i] = e^x[i] within 1 ulp, subnormal results included. out may
// alias x. e^-Inf = 0, e^+Inf = +Inf, NaN stays NaN. It panics if the lengths
// differ.
func Exp(out, x []float32) {
	checkLen("Exp", "out", len(out), len(x))
	active.Exp(out, x)
}

func expGeneric(out, x []float32) {
	for i, v := range x {
		out[i] = exp32(v)
	}
}

// exp32 is e^x within 1 ulp.
//
//	x' = x clamped to [-104, 89]; NaN passes
//	n  = rne(x'·log2E), by adding and taking off roundMagic
//	r  = x' - n·ln2Hi - n·ln2Lo, two FMAs
//	y  = (1 + expm1(r))·2^n, the power in two exact factors, so that the only
//	     rounding of a subnormal result is the last
func exp32(x float32) float32 {
	if x != x {
		return x
	}
	x = min(max(x, expMin), expMax)
	r, n := reduceLn2(x)
	y := 1 + expm1Poly(r)
	return float32(float32(y*pow2(n>>1)) * pow2(n-n>>1))
}

// reduceLn2 writes x as n·ln2 + r with |r| <= ln2/2 for |x| < 2^21.
func reduceLn2(x float32) (r float32, n int32) {
	t := fma32(x, log2E, roundMagic)
	nf := t - roundMagic
	r = fma32(nf, -ln2Hi, x)
	r = fma32(nf, -ln2Lo, r)
	return r, int32(math.Float32bits(t)) - int32(math.Float32bits(roundMagic))
}

// expm1Poly is e^r - 1 for |r| <= ln2/2.
func expm1Poly(r float32) float32 {
	q := fma32(expm1C4, r, expm1C3)
	q = fma32(q, r, expm1C2)
	q = fma32(q, r, expm1C1)
	q = fma32(q, r, expm1C0)
	return fma32(r*r, q, r)
}

// pow2 is 2^n for -126 <= n <= 127.
func pow2(n int32) float32 {
	return math.Float32frombits(uint32(n+127) << 23)
}
