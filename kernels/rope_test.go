package kernels

import (
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"
)

// freq64 is the angle of pair i at position 1 by the formulas of the papers,
// in plain float64.
func freq64(p RoPEParams, i int) float64 {
	f := math.Pow(p.Base, -2*float64(i)/float64(p.NRot))
	if p.FreqFactors != nil {
		f /= float64(p.FreqFactors[i])
	}
	factor := p.Factor
	if factor == 0 {
		factor = 1
	}
	if !p.YaRN {
		return f / factor
	}
	fast, slow := p.BetaFast, p.BetaSlow
	if fast == 0 {
		fast = 32
	}
	if slow == 0 {
		slow = 1
	}
	pair := func(turns float64) float64 {
		return float64(p.NRot) * math.Log(float64(p.NCtxOrig)/(turns*2*math.Pi)) / (2 * math.Log(p.Base))
	}
	lo, hi := math.Max(0, math.Floor(pair(fast))), math.Min(float64(p.NRot-1), math.Ceil(pair(slow)))
	ramp := 1 - math.Min(1, math.Max(0, (float64(i)-lo)/math.Max(0.001, hi-lo)))
	if p.ExtFactor != 0 {
		ramp *= p.ExtFactor
	}
	return f/factor*(1-ramp) + f*ramp
}

var ropeKinds = []struct {
	name string
	p    RoPEParams
	mag  float64
}{
	{"plain", RoPEParams{NRot: 128, Base: 10000}, 1},
	{"large base", RoPEParams{NRot: 64, Base: 1e6}, 1},
	{"small", RoPEParams{NRot: 2, Base: 10000}, 1},
	{"linear", RoPEParams{NRot: 96, Base: 10000, Factor: 8}, 1},
	{"factors", RoPEParams{NRot: 8, Base: 500000, FreqFactors: []float32{1, 1.5, 8, float32(math.Inf(1))}}, 1},
	{"longrope", RoPEParams{NRot: 6, Base: 10000, FreqFactors: []float32{1.1, 2.5, 64}, AttnFactor: 1.19}, 1.19},
	{"yarn", RoPEParams{NRot: 128, Base: 10000, YaRN: true, Factor: 4, NCtxOrig: 4096}, 1 + 0.1*math.Log(4)},
	{"yarn betas", RoPEParams{NRot: 64, Base: 150000, YaRN: true, Factor: 32, NCtxOrig: 4096, BetaFast: 16, BetaSlow: 2, AttnFactor: 0.5}, 0.5 * (1 + 0.1*math.Log(32))},
	{"yarn mscale", RoPEParams{NRot: 64, Base: 10000, YaRN: true, Factor: 40, NCtxOrig: 4096, MScale: 0.7, MScaleAll: 0.7}, 1},
	{"yarn mscale all", RoPEParams{NRot: 64, Base: 10000, YaRN: true, Factor: 16, NCtxOrig: 64, MScaleAll: 0.5}, (1 + 0.1*math.Log(16)) / (1 + 0.05*math.Log(16))},
	{"yarn ext", RoPEParams{NRot: 64, Base: 10000, YaRN: true, Factor: 8, NCtxOrig: 4096, ExtFactor: 0.5}, 1 + 0.1*math.Log(8)},
	{"yarn factor 1", RoPEParams{NRot: 64, Base: 10000, YaRN: true, Factor: 1, NCtxOrig: 4096}, 1},
	{"yarn with factors", RoPEParams{NRot: 4, Base: 10000, YaRN: true, Factor: 2, NCtxOrig: 32, FreqFactors: []float32{2, 3}}, 1 + 0.1*math.Log(2)},
}

func TestRoPETableKinds(t *testing.T) {
	for _, k := range ropeKinds {
		t.Run(k.name, func(t *testing.T) {
			table, err := NewRoPETable(k.p)
			require.NoError(t, err)
			require.Equal(t, k.p.NRot, table.NRot())
			n := k.p.NRot / 2
			cos, sin := make([]float32, n), make([]float32, n)
			for _, pos := range []int{0, 1, 2, 100, 4095, 131071, 1 << 20} {
				table.Row(cos, sin, pos)
				for i := range n {
					s, c := math.Sincos(float64(pos) * freq64(k.p, i))
					require.InDelta(t, c*k.mag, cos[i], 0x1p-23*k.mag, "cos of pair %d at %d", i, pos)
					require.InDelta(t, s*k.mag, sin[i], 0x1p-23*k.mag, "sin of pair %d at %d", i, pos)
				}
			}
		})
	}
}

func TestRoPETableErrors(t *testing.T) {
	for name, p := range map[string]RoPEParams{
		"no elements": {Base: 10000}, "odd": {NRot: 3, Base: 10000}, "negative": {NRot: -2, Base: 10000},
		"no base": {NRot: 4}, "NaN base": {NRot: 4, Base: math.NaN()}, "Inf base": {NRot: 4, Base: math.Inf(1)},
		"negative factor": {NRot: 4, Base: 10000, Factor: -1}, "NaN factor": {NRot: 4, Base: 10000, Factor: math.NaN()},
		"factor count":     {NRot: 4, Base: 10000, FreqFactors: []float32{1}},
		"zero factor":      {NRot: 4, Base: 10000, FreqFactors: []float32{1, 0}},
		"NaN freq factor":  {NRot: 4, Base: 10000, FreqFactors: []float32{1, nan32}},
		"yarn without ctx": {NRot: 4, Base: 10000, YaRN: true}, "yarn base 1": {NRot: 4, Base: 1, YaRN: true, NCtxOrig: 10},
		"Inf attention": {NRot: 4, Base: 10000, AttnFactor: math.Inf(1)},
		"negative beta": {NRot: 4, Base: 10000, YaRN: true, NCtxOrig: 10, BetaFast: -1},
		"NaN mscale":    {NRot: 4, Base: 10000, YaRN: true, NCtxOrig: 10, MScale: math.NaN()},
	} {
		_, err := NewRoPETable(p)
		require.Error(t, err, name)
	}
}

// TestMath64 compares the deterministic float64 functions with package math.
func TestMath64(t *testing.T) {
	for i := range 20000 {
		x := float64(i) * 0.37
		s, c := sincos64(x)
		ws, wc := math.Sincos(x)
		require.InDelta(t, ws, s, 0x1p-52, "sin %g", x)
		require.InDelta(t, wc, c, 0x1p-52, "cos %g", x)
		y := math.Pow(10, float64(i-10000)/100)
		require.InEpsilon(t, 1+math.Abs(math.Log(y)), 1+math.Abs(log64(y)), 1e-15, "log %g", y)
		z := float64(i-10000) / 20
		require.InEpsilon(t, math.Exp(z), exp64(z), 2e-15, "exp %g", z)
	}
}

// TestSincos64Large checks the argument reduction against 300-bit arithmetic.
func TestSincos64Large(t *testing.T) {
	twoPi, _ := new(big.Float).SetPrec(300).SetString("6.28318530717958647692528676655900576839433879875021164194988918461563281257")
	for _, x := range []float64{1 << 20, 1<<20 - 0.5, 1e8, 1<<28 + 1, 1234567.890123, math.Pi * 1e6, math.Pi / 2 * 65537} {
		b := new(big.Float).SetPrec(300).SetFloat64(x)
		n, _ := new(big.Float).SetPrec(300).Quo(b, twoPi).Int(nil)
		r, _ := b.Sub(b, new(big.Float).SetPrec(300).Mul(twoPi, new(big.Float).SetInt(n))).Float64()
		ws, wc := math.Sincos(r)
		s, c := sincos64(x)
		require.InDelta(t, ws, s, 0x1p-51, "sin %g", x)
		require.InDelta(t, wc, c, 0x1p-51, "cos %g", x)
	}
}

func TestRoPE(t *testing.T) {
	const nHeads, headDim = 3, 10
	for _, pairing := range []RoPEPairing{RoPEInterleaved, RoPENeoX} {
		for _, nRot := range []int{2, 6, 10} {
			for _, offset := range []int{0, headDim - nRot} {
				cos, sin := make([]float32, nRot/2), make([]float32, nRot/2)
				for i := range cos {
					s, c := math.Sincos(float64(i) + 0.3)
					cos[i], sin[i] = float32(c), float32(s)
				}
				x := normals(7, nHeads*headDim)
				want := append([]float32(nil), x...)
				for h := range nHeads {
					head := want[h*headDim+offset:]
					for i := range nRot / 2 {
						a, b := 2*i, 2*i+1
						if pairing == RoPENeoX {
							a, b = i, i+nRot/2
						}
						u, v := head[a], head[b]
						head[a] = fma32(u, cos[i], -(v * sin[i]))
						head[b] = fma32(v, cos[i], u*sin[i])
					}
				}
				RoPE(x[offset:], nHeads, headDim, cos, sin, pairing)
				requireBits(t, want, x, "pairing %d nRot %d offset %d", pairing, nRot, offset)
			}
		}
	}
}

// TestRoPEIsRelative: the product of a turned query and key depends on the
// distance of their positions only.
func TestRoPEIsRelative(t *testing.T) {
	table, err := NewRoPETable(RoPEParams{NRot: 64, Base: 10000})
	require.NoError(t, err)
	cos, sin := make([]float32, 32), make([]float32, 32)
	dot := func(i, j int) (sum float64) {
		q, k := normals(8, 64), normals(9, 64)
		table.Row(cos, sin, i)
		RoPE(q, 1, 64, cos, sin, RoPENeoX)
		table.Row(cos, sin, j)
		RoPE(k, 1, 64, cos, sin, RoPENeoX)
		for d := range q {
			sum += float64(q[d]) * float64(k[d])
		}
		return sum
	}
	for _, base := range []int{0, 1000, 1 << 20} {
		require.InDelta(t, dot(17, 0), dot(base+17, base), 2e-5, "at %d", base)
	}
}

func TestRoPEPanics(t *testing.T) {
	x, c, s := make([]float32, 8), make([]float32, 2), make([]float32, 2)
	for name, f := range map[string]func(){
		"sin":        func() { RoPE(x, 2, 4, c, s[:1], RoPENeoX) },
		"too long":   func() { RoPE(x, 3, 4, c, s, RoPENeoX) },
		"overlap":    func() { RoPE(x, 2, 3, c, s, RoPENeoX) },
		"head short": func() { RoPE(x[:3], 1, 4, c, s, RoPENeoX) },
		"negative":   func() { RoPE(x, -1, 4, c, s, RoPENeoX) },
	} {
		require.Panics(t, f, name)
	}
}
