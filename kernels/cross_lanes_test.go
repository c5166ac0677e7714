package kernels

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// crossLengths are all lengths past four vectors, and a few beyond.
func crossLengths() []int {
	var n []int
	for i := range 70 {
		n = append(n, i)
	}
	return append(n, 127, 128, 129, 1000, 4096)
}

// hardFloats returns n values of all kinds: of moderate size, special, tiny,
// huge, and any bit pattern.
func hardFloats(seed uint64, n int) []float32 {
	x := normals(seed, n)
	s := seed*0x9e3779b97f4a7c15 + 99
	specials := []float32{0, float32(math.Copysign(0, -1)), 1, -1, inf32, -inf32, nan32, math.MaxFloat32, -math.MaxFloat32,
		math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 0x1p-126, -0x1p-127, 88.8, -103.97, 10, -9.99}
	for i := range x {
		s ^= s << 13
		s ^= s >> 7
		s ^= s << 17
		switch s % 8 {
		case 0:
			x[i] = specials[s>>8%uint64(len(specials))]
		case 1:
			x[i] = math.Float32frombits(uint32(s >> 16))
		case 2:
			x[i] *= 30
		case 3:
			x[i] *= 0x1p-130
		}
	}
	return x
}

// edge returns a function that copies values to memory whose end is unmapped.
// Each call overwrites what the one before returned.
func edge(t *testing.T) func(x []float32) []float32 {
	buf := moved(t, make([]float32, 3*4096))
	return func(x []float32) []float32 {
		to := buf[len(buf)-len(x):]
		copy(to, x)
		return to
	}
}

// TestCrossElementwise: every element-wise operation of every level equals the
// reference on every length, offset and kind of value.
func TestCrossElementwise(t *testing.T) {
	type operation struct {
		name string
		run  func(i *Impl, out, a, b []float32)
	}
	ops := []operation{
		{"Exp", func(i *Impl, out, a, _ []float32) { i.Exp(out, a) }},
		{"Log", func(i *Impl, out, a, _ []float32) { i.Log(out, a) }},
		{"SwiGLUClamped", func(i *Impl, out, a, b []float32) { i.SwiGLUClamped(out, a, b, 1.702, 7) }},
		{"Softcap", func(i *Impl, out, a, _ []float32) { i.Softcap(out, a, 30) }},
		{"Add", func(i *Impl, out, a, b []float32) { i.Add(out, a, b) }},
		{"Mul", func(i *Impl, out, a, b []float32) { i.Mul(out, a, b) }},
		{"AddScaled", func(i *Impl, out, a, b []float32) { i.AddScaled(out, a, b, 0.77) }},
		{"Scale", func(i *Impl, out, a, _ []float32) { i.Scale(out, a, -1.3) }},
		{"Softmax", func(i *Impl, out, a, _ []float32) { i.Softmax(out, a) }},
	}
	for act := range numActivationFuncs {
		ops = append(ops,
			operation{act.String(), func(i *Impl, out, a, _ []float32) { i.Activate(out, a, act) }},
			operation{act.String() + " GLU", func(i *Impl, out, a, b []float32) { i.GLU(out, a, b, act) }})
	}
	forEachLevel(t, func(t *testing.T, impl *Impl) {
		edgeA, edgeB := edge(t), edge(t)
		for _, op := range ops {
			for _, n := range crossLengths() {
				a, b := edgeA(hardFloats(uint64(n)+1, n)), edgeB(hardFloats(uint64(n)+2, n))
				want := make([]float32, n)
				got, intact := guarded(n)
				op.run(&generic, want, a, b)
				op.run(impl, got, a, b)
				requireBits(t, want, got, "%s of %d", op.name, n)
				intact(t)
				op.run(impl, a, a, b)
				requireBits(t, want, a, "%s of %d in place", op.name, n)
			}
		}
	})
}

// TestCrossPointwiseSweep walks the whole range of the float32 functions.
func TestCrossPointwiseSweep(t *testing.T) {
	x := sweep(5003)
	want, got := make([]float32, len(x)), make([]float32, len(x))
	compare := func(name string, run func(i *Impl, out []float32)) {
		run(&generic, want)
		forEachLevel(t, func(t *testing.T, impl *Impl) {
			run(impl, got)
			requireBits(t, want, got, "%s", name)
		})
	}
	compare("Exp", func(i *Impl, out []float32) { i.Exp(out, x) })
	compare("Log", func(i *Impl, out []float32) { i.Log(out, x) })
	for act := range numActivationFuncs {
		compare(act.String(), func(i *Impl, out []float32) { i.Activate(out, x, act) })
	}
}

func TestCrossReductions(t *testing.T) {
	forEachLevel(t, func(t *testing.T, impl *Impl) {
		at := edge(t)
		for _, n := range crossLengths() {
			for _, x := range [][]float32{normals(uint64(n), n), hardFloats(uint64(n)+7, n), make([]float32, n)} {
				x = at(x)
				requireBits(t, []float32{generic.Sum(x), generic.SumSquares(x), generic.Max(x)},
					[]float32{impl.Sum(x), impl.SumSquares(x), impl.Max(x)}, "Sum, SumSquares and Max of %d", n)
				require.Equal(t, generic.Argmax(x), impl.Argmax(x), "Argmax of %d", n)
				for _, limit := range []float32{0, 1, 2.5, inf32, -inf32, nan32} {
					for _, from := range []int{0, n / 3, n} {
						require.Equal(t, generic.FirstAbove(x, from, limit), impl.FirstAbove(x, from, limit), "FirstAbove of %d from %d, %v", n, from, limit)
					}
				}
			}
			if n > 0 {
				x := make([]float32, n)
				for i := range x {
					x[i] = -inf32
				}
				require.Equal(t, 0, impl.Argmax(x), "Argmax of %d times -Inf", n)
				x[n-1] = float32(math.Copysign(0, -1))
				require.Equal(t, n-1, impl.Argmax(x), "Argmax of %d with -0", n)
			}
		}
	})
}

func TestCrossNorms(t *testing.T) {
	forEachLevel(t, func(t *testing.T, impl *Impl) {
		atX, atW, atB := edge(t), edge(t), edge(t)
		for _, dim := range crossLengths()[1:] {
			for _, hard := range []bool{false, true} {
				x := normals(uint64(dim), 3*dim)
				if hard {
					x = hardFloats(uint64(dim), 3*dim)
				}
				for _, w := range [][]float32{nil, normals(1, dim), normals(2, 3*dim)} {
					for _, b := range [][]float32{nil, normals(3, dim)} {
						want := make([]float32, 3*dim)
						got, intact := guarded(3 * dim)
						generic.LayerNorm(want, x, w, b, dim, 1e-5)
						impl.LayerNorm(got, atX(x), atW(w), atB(b), dim, 1e-5)
						requireBits(t, want, got, "LayerNorm %d", dim)
						intact(t)
					}
					want := make([]float32, 3*dim)
					got, intact := guarded(3 * dim)
					generic.RMSNorm(want, x, w, dim, 1e-6)
					impl.RMSNorm(got, atX(x), atW(w), dim, 1e-6)
					requireBits(t, want, got, "RMSNorm %d", dim)
					intact(t)
				}
				want, got := make([]float32, 3*dim), make([]float32, 3*dim)
				generic.L2Norm(want, x, dim, 1e-6)
				impl.L2Norm(got, x, dim, 1e-6)
				requireBits(t, want, got, "L2Norm %d", dim)
			}
		}
	})
}

func TestCrossRoPE(t *testing.T) {
	forEachLevel(t, func(t *testing.T, impl *Impl) {
		atCos, atSin := edge(t), edge(t)
		for half := range 70 {
			for _, pairing := range []RoPEPairing{RoPEInterleaved, RoPENeoX} {
				const nHeads = 3
				stride := 2*half + half%4
				cos, sin := atCos(hardFloats(uint64(half), half)), atSin(normals(uint64(half)+5, half))
				want := hardFloats(uint64(half)+9, nHeads*stride)
				got, intact := guarded(nHeads * stride)
				copy(got, want)
				generic.RoPE(want, nHeads, stride, cos, sin, pairing)
				impl.RoPE(got, nHeads, stride, cos, sin, pairing)
				requireBits(t, want, got, "RoPE %d pairing %d", half, pairing)
				intact(t)
			}
		}
	})
}

// TestCrossAttention compares the partial results of every segment, for tiles
// of 1 to 30 rows both ways, all masks, and widths with every kind of tail.
func TestCrossAttention(t *testing.T) {
	for n, c := range attentionCases {
		for _, typ := range []Format{F32, F16} {
			a := c.a
			a.NHeads, a.Scale = 4, 0.25
			tl := newTimeline(typ, 1, []int{16, 5, 40}[n%3], []int{24, 96, 1, 80}[n%4], 300)
			for _, nTokens := range []int{1, 2, 3, 5, 7, 13, 30} {
				for _, pos := range []int{0, 248, 300 - nTokens} {
					if (nTokens+n)%2 == 0 || pos == 248 {
						crossSegments(t, tl.queries(&a, pos, nTokens), Range{0, 4}, c.name)
					}
				}
			}
		}
	}
}

// TestCrossAttentionGroups: one token of many heads, as decoding has it.
func TestCrossAttentionGroups(t *testing.T) {
	for _, nHeads := range []int{1, 2, 3, 5, 6, 7, 8, 9, 12, 13, 16, 25} {
		for _, dims := range [][2]int{{64, 64}, {72, 48}} {
			tl := newTimeline(F16, 1, dims[0], dims[1], 300)
			a := Attention{NHeads: nHeads, Scale: 0.2, Causal: true}
			q := tl.queries(&a, 299, 1)
			crossSegments(t, q, Range{0, nHeads}, "all heads")
			crossSegments(t, q, Range{nHeads / 2, nHeads}, "half of the heads")
		}
	}
}

// crossSegments compares all segments and their merging with the reference, at
// every level.
func crossSegments(t *testing.T, q *Queries, heads Range, name string) {
	t.Helper()
	dim := q.KV.HeadDimV
	nRows := q.NTokens * heads.len()
	n := AttentionPartialLen(nRows, dim)
	lo, hi := q.Segments()
	run := func(impl *Impl) []float32 {
		scratch, scratchIntact := guarded(AttentionScratchLen(nRows, dim))
		all, allIntact := guarded((hi - lo + 1) * n)
		state := splitPartial(all[(hi-lo)*n:], nRows, dim)
		q.startState(state, heads)
		for s := lo; s < hi; s++ {
			part := splitPartial(all[(s-lo)*n:][:n], nRows, dim)
			impl.AttentionSegment(part, q, heads, s, scratch)
			impl.AttentionMerge(state, part, dim)
		}
		scratchIntact(t)
		allIntact(t)
		return all
	}
	want := run(&generic)
	for i := range implementations {
		impl := &implementations[i]
		requireBits(t, want, run(impl), "%s %s, %v, heads %v, %d tokens at %d", impl.Name, name, q.KV.Type, heads, q.NTokens, q.Pos)
	}
}

func TestCrossStoreKV(t *testing.T) {
	forEachLevel(t, func(t *testing.T, impl *Impl) {
		for _, typ := range []Format{F32, F16} {
			for dim := 1; dim < 40; dim++ {
				want, got := newTimeline(typ, 3, dim, 41-dim, 100), newTimeline(typ, 3, dim, 41-dim, 100)
				k, v := hardFloats(1, 20*3*dim), hardFloats(2, 20*3*(41-dim))
				for i := range k {
					if k[i] != k[i] {
						k[i] = 0 // payloads of NaN are outside the contract
					}
				}
				for i := range v {
					if v[i] != v[i] {
						v[i] = 0
					}
				}
				generic.StoreKV(&want.kv, 55, k, v)
				impl.StoreKV(&got.kv, 55, k, v)
				for p := range want.kv.Pages {
					require.Equal(t, want.kv.Pages[p], got.kv.Pages[p], "%v dim %d page %d", typ, dim, p)
				}
			}
		}
	})
}

// TestLanesAllocate: the drivers above the assembly allocate nothing.
func TestLanesAllocate(t *testing.T) {
	tl := newTimeline(F16, 2, 16, 24, 300)
	a := Attention{NHeads: 4, Scale: 0.25, Causal: true, Softcap: 3, Slopes: []float32{1, 2, 3, 4}}
	q := tl.queries(&a, 280, 13)
	out := make([]float32, 13*4*24)
	scratch := make([]float32, AttentionScratchLen(13*2, 24))
	x, w := normals(1, 64), normals(2, 64)
	cos, sin := normals(3, 8), normals(4, 8)
	k, v := normals(5, 2*16), normals(6, 2*24)
	conv := make([]float32, 3*16)
	mamba := &Mamba{Dim: 16, DState: 2, A: w[:32], D: w[:16]}
	mamba2 := &Mamba2{NHeads: 2, HeadDim: 8, NGroups: 1, DState: 2, A: w[:2], D: w[:2]}
	delta := &DeltaNet{NKHeads: 1, NVHeads: 2, DK: 4, DV: 8}
	state := make([]float32, 64)
	row := Rows{w, 16}
	require.Zero(t, testing.AllocsPerRun(10, func() {
		AttentionTile(out, q, Range{2, 4}, scratch)
		StoreKV(&tl.kv, 290, k, v)
		RMSNorm(x, x, w, 64, 1e-5)
		LayerNorm(x, x, w, w, 64, 1e-5)
		RoPE(x, 4, 16, cos, sin, RoPENeoX)
		GLU(x, x, w, GELU)
		Softmax(x, x)
		Argmax(x)
		GaussianCutoff(x, x, 64, 1)
		CausalConv(x[:16], row, conv, w, nil, 16, Range{0, 16})
		MambaScan(mamba, x[:16], state[:32], row, row, row, row, Range{0, 16})
		Mamba2Scan(mamba2, x[:16], state[:32], row, row, row, row, Range{0, 2})
		DeltaScan(delta, x[:16], state, row, row, row, row, row, Range{0, 2})
	}))
}
