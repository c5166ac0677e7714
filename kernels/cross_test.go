package kernels

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRequiredLevels fails where INFERD_KERNELS_REQUIRE names a level that this
// CPU or build lacks: a skipped level must not pass for a tested one.
func TestRequiredLevels(t *testing.T) {
	for name := range strings.SplitSeq(os.Getenv("INFERD_KERNELS_REQUIRE"), ",") {
		if name != "" && !slices.Contains(Implementations(), name) {
			t.Errorf("level %s is required, this machine has %v", name, Implementations())
		}
	}
}

// forEachLevel runs test for every level but the reference.
func forEachLevel(t *testing.T, test func(t *testing.T, level *Impl)) {
	for i := range implementations {
		if level := &implementations[i]; level.Name != generic.Name {
			t.Run(level.Name, func(t *testing.T) { test(t, level) })
		}
	}
}

// canary surrounds outputs.
const canary = -12345.5

// guarded returns n floats between canaries, and a check that they are intact.
func guarded(n int) (x []float32, check func(t *testing.T)) {
	const margin = 64
	buf := make([]float32, n+2*margin)
	for i := range buf {
		buf[i] = canary
	}
	return buf[margin : margin+n : margin+n], func(t *testing.T) {
		t.Helper()
		for i, v := range buf {
			if (i < margin || i >= margin+n) && v != canary {
				t.Fatalf("wrote element %d of %d", i-margin, n)
			}
		}
	}
}

// matMulCase is a product whose inputs end at unmapped memory.
type matMulCase struct {
	w       Matrix
	x       Activations
	scratch []byte
}

// newMatMulCase packs random weights and quantises random activations; hard
// puts in infinities, huge and tiny values.
func newMatMulCase(t *testing.T, r *rand.Rand, f Format, nOut, nIn, nTokens int, hard bool) matMulCase {
	w := Matrix{Format: f, NOut: nOut, NIn: nIn, Panels: beforeUnmapped(t, PackedBytes(f, nOut, nIn))}
	Pack(w, randomWeights(r, f, nOut, nIn), Range{0, w.NPanels()})
	x := randomFloats(r, nTokens*nIn)
	if hard {
		for range nTokens {
			x[r.IntN(len(x))] *= 1e30
			x[r.IntN(len(x))] = 0x1p-140
		}
	}
	kind := f.Activation()
	a := NewActivations(kind, nTokens, nIn, alignedBytes(ActivationBytes(kind, nTokens, nIn)))
	quantizers := generic.Quantize
	quantizers[kind](a, x, Range{0, nTokens})
	a.F32, a.Quants, a.Scales = moved(t, a.F32), moved(t, a.Quants), moved(t, a.Scales)
	a.Corr, a.Sums = moved(t, a.Corr), moved(t, a.Sums)
	return matMulCase{w, a, beforeUnmapped(t, MatMulScratchBytes)}
}

// run computes the tile with level and returns y.
func (c matMulCase) run(t *testing.T, level *Impl, panels, tokens Range) []float32 {
	y, intact := guarded(c.x.NTokens * c.w.NOut)
	level.MatMul[c.w.Format](y, c.w, c.x, panels, tokens, c.scratch)
	intact(t)
	return y
}

// TestMatMulLevels compares every level with the reference over shapes that
// cover panels of all fillings, odd numbers of blocks, and every width of
// register tile.
func TestMatMulLevels(t *testing.T) {
	forEachLevel(t, func(t *testing.T, level *Impl) {
		r := rand.New(rand.NewPCG(11, 12))
		for _, f := range Formats() {
			n := f.BlockLen()
			for _, nBlocks := range []int{1, 2, 3, 4, 1 + 1200/n, 1 + 2100/n} {
				if testing.Short() && nBlocks > 4 {
					continue
				}
				nOut, nTokens := 1+r.IntN(70), 1+r.IntN(40)
				c := newMatMulCase(t, r, f, nOut, nBlocks*n, nTokens, nBlocks%2 == 1)
				all, tokens := Range{0, c.w.NPanels()}, Range{0, nTokens}
				requireSameBits(t, c.run(t, &generic, all, tokens), c.run(t, level, all, tokens),
					"%v [%d, %d], %d tokens", f, nOut, nBlocks*n, nTokens)
			}
		}
	})
}

// TestMatMulLevelsColumns takes every number of tokens up to those that no level
// streams and two register tiles more, from any start, and single panels: what is
// outside the tile stays as it was.
func TestMatMulLevelsColumns(t *testing.T) {
	forEachLevel(t, func(t *testing.T, level *Impl) {
		r := rand.New(rand.NewPCG(13, 14))
		for _, f := range Formats() {
			nIn := max(2*f.BlockLen(), 96)
			c := newMatMulCase(t, r, f, 41, nIn, 40, false)
			for n := 1; n <= 37; n++ {
				first := r.IntN(3)
				tokens, panels := Range{first, first + n}, Range{n % 3, n%3 + 1 + n%2}
				panels.To = min(panels.To, c.w.NPanels())
				requireSameBits(t, c.run(t, &generic, panels, tokens), c.run(t, level, panels, tokens),
					"%v, panels %v, tokens %v", f, panels, tokens)
			}
		}
	})
}

// TestMatMulLevelsLongRows takes single tokens and rows so long that a level may
// take several panels at once, from any panel to any other.
func TestMatMulLevelsLongRows(t *testing.T) {
	forEachLevel(t, func(t *testing.T, level *Impl) {
		r := rand.New(rand.NewPCG(19, 20))
		for _, f := range []Format{Q4_0, Q8_0, Q4_K} {
			for _, nIn := range []int{4096, 4096 + f.BlockLen()} {
				c := newMatMulCase(t, r, f, 9*PanelRows+5, nIn, 3, false)
				for n := 1; n <= c.w.NPanels(); n++ {
					first := r.IntN(c.w.NPanels() - n + 1)
					tokens, panels := Range{n % 3, n%3 + 1}, Range{first, first + n}
					requireSameBits(t, c.run(t, &generic, panels, tokens), c.run(t, level, panels, tokens),
						"%v, %d inputs, panels %v, tokens %v", f, nIn, panels, tokens)
				}
			}
		}
	})
}

// TestMatMulLevelsManyTokens has more tokens than a level takes in turn, and
// more inputs than a tile.
func TestMatMulLevelsManyTokens(t *testing.T) {
	forEachLevel(t, func(t *testing.T, level *Impl) {
		r := rand.New(rand.NewPCG(17, 18))
		for _, f := range Formats() {
			for _, shape := range [][2]int{{300, 512}, {70, 2560}, {545, 256}, {514, 256}} {
				nTokens, nIn := shape[0], shape[1]
				c := newMatMulCase(t, r, f, 20, nIn, nTokens, false)
				panels, tokens := Range{1, 2}, Range{1, nTokens}
				requireSameBits(t, c.run(t, &generic, panels, tokens), c.run(t, level, panels, tokens),
					"%v, %d inputs, %d tokens", f, nIn, nTokens)
			}
		}
	})
}

// TestMatMulLevelsExtremes uses the largest quants and scales everywhere: sums
// must not saturate or overflow.
func TestMatMulLevelsExtremes(t *testing.T) {
	forEachLevel(t, func(t *testing.T, level *Impl) {
		for _, f := range Formats() {
			for _, fill := range []byte{0x00, 0xff, 0x80, 0x7f, 0x88, 0x08} {
				for _, sign := range []float32{1, -1} {
					c := extremeCase(t, f, fill, sign)
					all, tokens := Range{0, 2}, Range{0, c.x.NTokens}
					requireSameBits(t, c.run(t, &generic, all, tokens), c.run(t, level, all, tokens), "%v, bytes %#x, x %v", f, fill, sign)
				}
			}
		}
	})
}

// extremeCase has all bytes of the file alike and all activations ±127.
func extremeCase(t *testing.T, f Format, fill byte, sign float32) matMulCase {
	nIn, nTokens := max(f.BlockLen(), 64), 7
	c := newMatMulCase(t, rand.New(rand.NewPCG(1, 1)), f, 32, nIn, nTokens, false)
	src := make([]byte, 32*f.RowBytes(nIn))
	for i := range src {
		src[i] = fill
	}
	for b := 0; b < len(src); b += f.BlockBytes() {
		for _, at := range scaleAt[f] {
			src[b+at], src[b+at+1] = 0, 0x3c // float16 1
		}
	}
	Pack(c.w, src, Range{0, 2})
	x := make([]float32, nTokens*nIn)
	for i := range x {
		x[i] = 127 * sign
	}
	if f.Activation() == ActF32 {
		copy(c.x.F32, x)
	} else {
		generic.Quantize[f.Activation()](c.x, x, Range{0, nTokens})
	}
	return c
}

// TestFMALevels compares fma32 with the hardware's instruction: with inputs 1
// and b, weights c and a, an output is fma(a, b, c).
func TestFMALevels(t *testing.T) {
	forEachLevel(t, func(t *testing.T, level *Impl) {
		r := rand.New(rand.NewPCG(19, 20))
		w := Matrix{F32, PanelRows, 2, alignedBytes(PackedBytes(F32, PanelRows, 2))}
		x := newActivations(ActF32, 1, 2)
		x.F32[0] = 1
		scratch := alignedBytes(MatMulScratchBytes)
		got, want := make([]float32, PanelRows), make([]float32, PanelRows)
		for range 5000 {
			_, x.F32[1], _ = hardFMA(r)
			for lane := range PanelRows {
				a, _, c := hardFMA(r)
				binary.LittleEndian.PutUint32(w.Panels[lane*4:], math.Float32bits(c))
				binary.LittleEndian.PutUint32(w.Panels[64+lane*4:], math.Float32bits(a))
				want[lane] = fma32(a, x.F32[1], fma32(c, 1, 0))
			}
			level.MatMul[F32](got, w, x, Range{0, 1}, Range{0, 1}, scratch)
			requireSameBits(t, want, got, "fma with b = %x", x.F32[1])
		}
	})
}

// TestQuantizeLevels compares every level with the reference: random values of
// all sizes, blocks of special ones, and ties.
func TestQuantizeLevels(t *testing.T) {
	forEachLevel(t, func(t *testing.T, level *Impl) {
		r := rand.New(rand.NewPCG(15, 16))
		for _, kind := range []ActivationKind{ActQ8x32, ActQ8x256} {
			for nBlocks := 1; nBlocks < 40; nBlocks++ {
				const nTokens = 2
				nIn := nBlocks * kind.blockLen()
				x := moved(t, hardBlocks(r, nTokens*nIn, kind.blockLen()))
				want, got := newActivations(kind, nTokens, nIn), newActivations(kind, nTokens, nIn)
				got.Quants, got.Scales, got.Corr, got.Sums = moved(t, got.Quants), moved(t, got.Scales), moved(t, got.Corr), moved(t, got.Sums)
				generic.Quantize[kind](want, x, Range{0, nTokens})
				for tok := range nTokens {
					level.Quantize[kind](got, x, Range{tok, tok + 1})
				}
				require.Equal(t, want.Quants, got.Quants)
				require.Equal(t, want.Corr, got.Corr)
				require.Equal(t, want.Sums, got.Sums)
				requireSameBits(t, want.Scales, got.Scales, "scales of %v", kind)
			}
		}
	})
}

// hardBlocks returns blocks of values of one magnitude each, some with special
// values, some of halves, which are ties.
func hardBlocks(r *rand.Rand, n, block int) []float32 {
	x := randomFloats(r, n)
	specials := []float32{float32(math.Inf(1)), float32(math.NaN()), math.MaxFloat32, 0x1p-100, 0x1.fffffep-101, 0x1p-149, 0}
	for b := 0; b < n; b += block {
		part := x[b : b+block]
		scale := float32(math.Ldexp(1, r.IntN(240)-130))
		for i := range part {
			part[i] *= scale
		}
		switch r.IntN(4) {
		case 0:
			part[r.IntN(block)] = specials[r.IntN(len(specials))]
		case 1:
			clear(part)
			part[r.IntN(block)] = specials[r.IntN(len(specials))]
		case 2:
			for i := range part {
				part[i] = float32(r.IntN(253)-126) / 2
			}
			part[r.IntN(block)] = -127
		}
	}
	return x
}

func FuzzMatMul(f *testing.F) {
	for i := range numFormats {
		f.Add(uint8(i), uint8(17), uint8(2), uint8(5), uint64(i), true)
	}
	f.Add(uint8(Q8_0), uint8(3), uint8(65), uint8(1), uint64(99), false)
	f.Fuzz(func(t *testing.T, format, nOut, nBlocks, nTokens uint8, seed uint64, hard bool) {
		fm := Format(format) % numFormats
		nIn := (1 + int(nBlocks)%70) * fm.BlockLen()
		if nIn > 4096 {
			nIn = 4096
		}
		c := newMatMulCase(t, rand.New(rand.NewPCG(seed, 1)), fm, 1+int(nOut)%50, nIn, 1+int(nTokens)%15, hard)
		all, tokens := Range{0, c.w.NPanels()}, Range{0, c.x.NTokens}
		want := c.run(t, &generic, all, tokens)
		forEachLevel(t, func(t *testing.T, level *Impl) {
			requireSameBits(t, want, c.run(t, level, all, tokens), "%v %+v", fm, c.w.NOut)
		})
	})
}

func TestChoose(t *testing.T) {
	best, err := choose("")
	require.NoError(t, err)
	require.Equal(t, Implementations()[0], best.Name)
	portable, err := choose("generic")
	require.NoError(t, err)
	require.Equal(t, "generic", portable.Name)
	_, err = choose("sse9")
	require.ErrorContains(t, err, "INFERD_KERNELS=sse9: this CPU and build have")
}
