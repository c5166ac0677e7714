package kernels

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	inf32 = float32(math.Inf(1))
	nan32 = float32(math.NaN())
)

// ulps is the distance of got from want in units of the last place of want's
// float32, for subnormals the least float32. Infinite or NaN values count as
// equal or infinitely far.
func ulps(got float32, want float64) float64 {
	w := float32(want)
	if w == got || w != w && got != got {
		return 0
	}
	if math.IsInf(float64(w), 0) || math.IsInf(float64(got), 0) || got != got || w != w {
		return math.Inf(1)
	}
	_, e := math.Frexp(max(math.Abs(want), 0x1p-126))
	return math.Abs(float64(got)-want) / math.Ldexp(1, e-24)
}

func sigmoid64(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// pointwise lists each function with its float64 form and its accuracy: within
// maxUlps, or within maxAbs where that is more.
var pointwise = []struct {
	name    string
	run     func(out, x []float32)
	exact   func(float64) float64
	maxUlps float64
	maxAbs  float64
}{
	{"Exp", Exp, math.Exp, 1, 0},
	{"Log", Log, math.Log, 3, 0},
	{"Sigmoid", activate(Sigmoid), sigmoid64, 3, 0},
	{"SiLU", activate(SiLU), func(x float64) float64 { return x * sigmoid64(x) }, 4, 0x1p-120},
	{"GELU", activate(GELU), func(x float64) float64 {
		return x * sigmoid64(2*math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))
	}, 8, 2e-8},
	{"GELUErf", activate(GELUErf), func(x float64) float64 { return x * 0.5 * math.Erfc(-x/math.Sqrt2) }, 6, 0x1p-120},
	{"ReLU", activate(ReLU), func(x float64) float64 { return math.Max(x, 0) }, 0, 0},
	{"ReLUSquared", activate(ReLUSquared), func(x float64) float64 { return math.Max(x, 0) * math.Max(x, 0) }, 0.5, 0},
	{"Tanh", activate(Tanh), math.Tanh, 3, 0},
	{"Softplus", activate(Softplus), func(x float64) float64 { return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }, 4, 0},
	{"Softcap30", func(out, x []float32) { Softcap(out, x, 30) }, func(x float64) float64 { return 30 * math.Tanh(x/30) }, 5, 0x1p-140},
}

func activate(act ActivationFunc) func(out, x []float32) {
	return func(out, x []float32) { Activate(out, x, act) }
}

// sweep returns float32 values over the whole range: every stride-th bit
// pattern, and every one near the ends and breaks of the functions.
func sweep(stride uint64) []float32 {
	var x []float32
	for b := uint64(0); b < 1<<32; b += stride {
		x = append(x, math.Float32frombits(uint32(b)))
	}
	for _, c := range []float32{0, 0x1p-126, 0.5, 1, 2, 8.5, 9, 10, 14.4, 16, 20, 88.72284, 89, 103.9721, 104, math.MaxFloat32} {
		for d := -200; d <= 200; d++ {
			v := math.Float32frombits(math.Float32bits(c) + uint32(d))
			x = append(x, v, -v)
		}
	}
	return x
}

func TestPointwiseAccuracy(t *testing.T) {
	x := sweep(10007)
	out := make([]float32, len(x))
	for _, f := range pointwise {
		t.Run(f.name, func(t *testing.T) {
			f.run(out, x)
			worst := 0.0
			for i, v := range x {
				if math.IsInf(float64(v), -1) {
					continue // stated in TestPointwiseSpecialValues
				}
				want := f.exact(float64(v))
				u := ulps(out[i], want)
				if u > f.maxUlps && !(math.Abs(float64(out[i])-want) <= f.maxAbs) {
					t.Fatalf("%s(%g) = %g, want %g: %.2f ulp, limit %g", f.name, v, out[i], want, u, f.maxUlps)
				}
				if u <= f.maxUlps {
					worst = max(worst, u)
				}
			}
			t.Logf("worst %.3f ulp", worst)
		})
	}
}

func TestPointwiseSpecialValues(t *testing.T) {
	tiny := math.Float32frombits(1)
	for _, c := range []struct {
		name    string
		x, want float32
	}{
		{"Exp", 0, 1}, {"Exp", tiny, 1}, {"Exp", inf32, inf32}, {"Exp", -inf32, 0}, {"Exp", nan32, nan32},
		{"Exp", 88.72284, inf32}, {"Exp", -103.97209, 0}, {"Exp", -103.97207, tiny}, {"Exp", -math.MaxFloat32, 0},
		{"Log", 1, 0}, {"Log", 0, -inf32}, {"Log", float32(math.Copysign(0, -1)), -inf32}, {"Log", -1, nan32},
		{"Log", inf32, inf32}, {"Log", -inf32, nan32}, {"Log", nan32, nan32}, {"Log", tiny, -103.27893},
		{"Sigmoid", 0, 0.5}, {"Sigmoid", inf32, 1}, {"Sigmoid", -inf32, 0}, {"Sigmoid", nan32, nan32},
		{"SiLU", 0, 0}, {"SiLU", inf32, inf32}, {"SiLU", -inf32, nan32}, {"SiLU", nan32, nan32}, {"SiLU", tiny, 0},
		{"GELU", 0, 0}, {"GELU", inf32, inf32}, {"GELU", -inf32, nan32}, {"GELU", nan32, nan32},
		{"GELUErf", 0, 0}, {"GELUErf", inf32, inf32}, {"GELUErf", -inf32, nan32}, {"GELUErf", nan32, nan32},
		{"ReLU", inf32, inf32}, {"ReLU", -inf32, 0}, {"ReLU", nan32, nan32},
		{"ReLUSquared", inf32, inf32}, {"ReLUSquared", -inf32, 0}, {"ReLUSquared", nan32, nan32},
		{"Tanh", 0, 0}, {"Tanh", tiny, tiny}, {"Tanh", inf32, 1}, {"Tanh", -inf32, -1}, {"Tanh", nan32, nan32},
		{"Softplus", inf32, inf32}, {"Softplus", -inf32, 0}, {"Softplus", nan32, nan32}, {"Softplus", 0, math.Ln2},
		{"Softcap30", inf32, 30}, {"Softcap30", -inf32, -30}, {"Softcap30", nan32, nan32},
	} {
		for _, f := range pointwise {
			if f.name != c.name {
				continue
			}
			out := []float32{42}
			f.run(out, []float32{c.x})
			requireBits(t, []float32{c.want}, out, "%s(%g)", c.name, c.x)
		}
	}
	neg := float32(math.Copysign(0, -1))
	for _, act := range []ActivationFunc{SiLU, GELU, GELUErf, Tanh} {
		out := []float32{42}
		Activate(out, []float32{neg}, act)
		requireBits(t, []float32{neg}, out, "%v(-0)", act)
	}
}

// requireBits fails unless got equals want bit for bit; any NaN equals any
// NaN.
func requireBits(t *testing.T, want, got []float32, format string, args ...any) {
	t.Helper()
	require.Equal(t, len(want), len(got), "length")
	for i := range want {
		if math.Float32bits(want[i]) != math.Float32bits(got[i]) && (want[i] == want[i] || got[i] == got[i]) {
			require.Failf(t, "bits differ", format+": element %d is %v (%#08x), want %v (%#08x)", append(args,
				i, got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))...)
		}
	}
}

func TestGLU(t *testing.T) {
	gate, up := normals(1, 1000), normals(2, 1000)
	for act := range numActivationFuncs {
		want, got := make([]float32, len(gate)), make([]float32, len(gate))
		Activate(want, gate, act)
		for i, u := range up {
			want[i] *= u
		}
		GLU(got, gate, up, act)
		requireBits(t, want, got, "GLU %v", act)
	}
}

func TestSwiGLUClamped(t *testing.T) {
	const alpha, limit = 1.702, 7
	gate, up := normals(3, 2000), normals(4, 2000)
	for i := range gate {
		gate[i] *= 6
		up[i] *= 6
	}
	out := make([]float32, len(gate))
	SwiGLUClamped(out, gate, up, alpha, limit)
	for i := range out {
		g := math.Min(float64(gate[i]), limit)
		u := math.Max(-limit, math.Min(float64(up[i]), limit))
		require.InDelta(t, g*sigmoid64(alpha*g)*(u+1), out[i], 1e-5, "gate %g, up %g", gate[i], up[i])
	}
	SwiGLUClamped(out[:4], []float32{nan32, 1, -inf32, inf32}, []float32{1, nan32, 1, inf32}, alpha, limit)
	SwiGLUClamped(out[4:5], []float32{limit}, []float32{limit}, alpha, limit)
	requireBits(t, []float32{nan32, nan32, nan32, out[4]}, out[:4], "special values")
}

func TestElementwise(t *testing.T) {
	a, b := normals(5, 77), normals(6, 77)
	out := make([]float32, len(a))
	Add(out, a, b)
	for i := range out {
		require.Equal(t, a[i]+b[i], out[i])
	}
	Mul(out, a, b)
	for i := range out {
		require.Equal(t, a[i]*b[i], out[i])
	}
	Scale(out, a, 0.3)
	for i := range out {
		require.Equal(t, a[i]*0.3, out[i])
	}
	AddScaled(out, a, b, 0.3)
	for i := range out {
		require.Equal(t, fma32(b[i], 0.3, a[i]), out[i])
	}
	copy(out, a)
	AddBias(out, b[:11])
	for i := range out {
		require.Equal(t, a[i]+b[i%11], out[i])
	}
}

func TestPointwisePanics(t *testing.T) {
	x, y := make([]float32, 3), make([]float32, 4)
	for name, f := range map[string]func(){
		"Exp": func() { Exp(x, y) }, "Log": func() { Log(x, y) }, "Activate": func() { Activate(x, y, SiLU) },
		"Activate func": func() { Activate(x, x, numActivationFuncs) },
		"GLU out":       func() { GLU(x, y, y, SiLU) }, "GLU up": func() { GLU(x, x, y, SiLU) }, "GLU func": func() { GLU(x, x, x, numActivationFuncs) },
		"SwiGLUClamped": func() { SwiGLUClamped(x, x, y, 1, 7) }, "Softcap": func() { Softcap(x, y, 30) },
		"Add": func() { Add(x, x, y) }, "Mul": func() { Mul(y, x, x) }, "Scale": func() { Scale(x, y, 1) },
		"AddScaled": func() { AddScaled(x, x, y, 1) }, "AddBias": func() { AddBias(y, x) }, "AddBias none": func() { AddBias(y, nil) },
	} {
		require.Panics(t, f, name)
	}
}

// normals returns n values of mean 0 and spread 1, the same for each seed.
func normals(seed uint64, n int) []float32 {
	x := make([]float32, n)
	s := seed*0x9e3779b97f4a7c15 + 1
	for i := range x {
		sum := 0.0
		for range 12 {
			s ^= s << 13
			s ^= s >> 7
			s ^= s << 17
			sum += float64(s>>11) * 0x1p-53
		}
		x[i] = float32(sum - 6)
	}
	return x
}
