package kernels

import "math"

// tanhMax is a bound from which on tanh rounds to 1.
const tanhMax = 10

// Softcap sets out[i] = limit·tanh(x[i]/limit), the soft clamp of attention
// scores and final logits. The quotient is x·(1/limit) with 1/limit rounded
// once. out may alias x; limit > 0. It panics if the lengths differ.
func Softcap(out, x []float32, limit float32) {
	checkLen("Softcap", "out", len(out), len(x))
	active.Softcap(out, x, limit)
}

func softcapGeneric(out, x []float32, limit float32) {
	inv := 1 / limit
	for i, v := range x {
		out[i] = softcap32(v, limit, inv)
	}
}

// softcap32 is limit·tanh(x·inv), inv = 1/limit.
func softcap32(x, limit, inv float32) float32 {
	return float32(limit * tanh32(x*inv))
}

// tanh32 is tanh x within 3 ulp, also for tiny x. With a = min(|x|, 10) and
// e^2a = 2^n·(1+p), m = e^2a - 1 = fma(p, 2^n, 2^n-1) and tanh a = m/(m+2);
// the sign of x is put back at the end.
func tanh32(x float32) float32 {
	if x != x {
		return x
	}
	a := min(math.Float32frombits(math.Float32bits(x)&^signBit), tanhMax)
	r, n := reduceLn2(a + a)
	s := pow2(n)
	m := fma32(expm1Poly(r), s, s-1)
	return math.Float32frombits(math.Float32bits(m/(m+2)) | math.Float32bits(x)&signBit)
}
