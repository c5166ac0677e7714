package kernels

import "math"

const (
	// 2·atanh(s) = 2s + s³·(c0 + c1·s² + …) with s = f/(2+f), where 1+f is in
	// [sqrt ½, sqrt 2]: relative error 2^-30.
	logC0 = 0x1.55557ap-1
	logC1 = 0x1.995ed4p-2
	logC2 = 0x1.31e0d8p-2

	// The same with s <= 1/3, for log1p of a number in [0, 1]: 2^-33.
	log1pC0 = 0x1.555558p-1
	log1pC1 = 0x1.9996d8p-2
	log1pC2 = 0x1.250510p-2
	log1pC3 = 0x1.b72bb6p-3
	log1pC4 = 0x1.f08b0cp-3

	sqrtHalfBits = 0x3f3504f3
)

// Log sets out[i] = ln x[i] within 3 ulp. out may alias x. ln ±0 = -Inf, ln +Inf = +Inf,
// a negative number and NaN give NaN. It panics if the lengths differ.
func Log(out, x []float32) {
	checkLen("Log", "out", len(out), len(x))
	active.Log(out, x)
}

func logGeneric(out, x []float32) {
	for i, v := range x {
		out[i] = log32(v)
	}
}

// log32 is ln x within 3 ulp. A subnormal x is scaled by 2^23 first; then
// x = 2^e·(1+f) with 1+f in [sqrt ½, sqrt 2] and ln x = e·ln2 + 2·atanh(s).
func log32(x float32) float32 {
	switch {
	case x != x || x < 0:
		return float32(math.NaN())
	case x == 0:
		return float32(math.Inf(-1))
	case x > math.MaxFloat32:
		return x
	}
	e := int32(0)
	if x < 0x1p-126 {
		x *= 0x1p23
		e = -23
	}
	b := int32(math.Float32bits(x)) - sqrtHalfBits
	e += b >> 23
	f := math.Float32frombits(uint32(b&0x7fffff+sqrtHalfBits)) - 1
	s := f / (2 + f)
	z := s * s
	q := fma32(logC2, z, logC1)
	q = fma32(q, z, logC0)
	l := fma32(float32(s*z), q, s+s)
	n := float32(e)
	return fma32(n, ln2Hi, fma32(n, ln2Lo, l))
}

// log1pExp32 is ln(1 + e^-a) for a >= 0, within 3 ulp.
func log1pExp32(a float32) float32 {
	y := exp32(-a)
	s := y / (2 + y)
	z := s * s
	q := fma32(log1pC4, z, log1pC3)
	q = fma32(q, z, log1pC2)
	q = fma32(q, z, log1pC1)
	q = fma32(q, z, log1pC0)
	return fma32(float32(s*z), q, s+s)
}
