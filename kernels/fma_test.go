package kernels

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

// bigFMA is a*b + c rounded once, by exact arithmetic.
func bigFMA(a, b, c float32) float32 {
	exact := func(v float32) *big.Float { return new(big.Float).SetPrec(1000).SetFloat64(float64(v)) }
	sum := exact(a)
	sum.Mul(sum, exact(b)).Add(sum, exact(c))
	f, _ := sum.Float32()
	return f
}

// hardFMA returns triples whose float64 sum often needs the slow path: any bit
// pattern, subnormal results, near-cancelling sums and ties.
func hardFMA(r *rand.Rand) (a, b, c float32) {
	bits := func() float32 { return math.Float32frombits(r.Uint32()) }
	switch r.IntN(4) {
	case 0:
		return bits(), bits(), bits()
	case 1: // products around the least normal
		return float32(math.Ldexp(r.Float64(), -60-r.IntN(20))), float32(math.Ldexp(r.Float64(), -60-r.IntN(20))), float32(math.Ldexp(r.Float64()-0.5, -125-r.IntN(25)))
	case 2: // c nearly cancels a*b
		a, b = bits(), bits()
		return a, b, math.Float32frombits(math.Float32bits(-a*b) + uint32(r.IntN(5)) - 2)
	default: // a*b is a hair under half a unit of c's last place
		d := float32(r.IntN(9)-4) * 0x1p-23
		return 1 + d, (1 - d) * 0x1p-24, 1 + float32(r.IntN(9))*0x1p-23
	}
}

func TestFMA(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	slow := 0
	for range 300_000 {
		a, b, c := hardFMA(r)
		if a != a || b != b || c != c || math.IsInf(float64(a)+float64(b)+float64(c), 0) {
			continue
		}
		got, want := fma32(a, b, c), bigFMA(a, b, c)
		if got != want {
			t.Fatalf("fma32(%x, %x, %x) = %x, want %x", a, b, c, got, want)
		}
		if want != float32(float64(a)*float64(b)+float64(c)) {
			slow++
		}
	}
	if slow < 10 {
		t.Errorf("only %d triples needed more than float64 arithmetic", slow)
	}
}

func TestFMASpecials(t *testing.T) {
	inf, nan, negZero := float32(math.Inf(1)), float32(math.NaN()), float32(math.Copysign(0, -1))
	for _, c := range []struct{ a, b, c, want float32 }{
		{inf, 1, 1, inf}, {inf, 0, 1, nan}, {inf, 1, -inf, nan}, {nan, 1, 1, nan}, {1, 1, nan, nan},
		{0, 0, 0, 0}, {negZero, 1, negZero, negZero}, {negZero, 1, 0, 0}, {1, 1, -1, 0},
		{math.MaxFloat32, 2, 0, inf}, {math.MaxFloat32, 2, -math.MaxFloat32, math.MaxFloat32},
		{0x1p-100, -0x1p-100, 0, negZero},
	} {
		got := fma32(c.a, c.b, c.c)
		if math.Float32bits(got) != math.Float32bits(c.want) && !(got != got && c.want != c.want) {
			t.Errorf("fma32(%v, %v, %v) = %v, want %v", c.a, c.b, c.c, got, c.want)
		}
	}
}
