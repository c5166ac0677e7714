package kernels

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"inferd/testdata"

	"github.com/stretchr/testify/require"
)

func addr(b []byte) int { return int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }

// scaleAt says where in a format's file block its float scales lie, as offsets
// of float16; floats among the weights are treated apart.
var scaleAt = map[Format][]int{
	Q4_0: {0}, Q4_1: {0, 2}, Q5_0: {0}, Q5_1: {0, 2}, Q8_0: {0}, IQ4_NL: {0}, Q1_0: {0}, Q2_0: {0},
	Q2_K: {80, 82}, Q3_K: {108}, Q4_K: {0, 2}, Q5_K: {0, 2}, Q6_K: {208}, IQ4_XS: {0}, TQ1_0: {52}, TQ2_0: {64},
	IQ1_S: {0}, IQ2_XXS: {0}, IQ2_XS: {0}, IQ2_S: {0}, IQ3_XXS: {0}, IQ3_S: {0},
}

// randomWeights returns file bytes of nOut rows of nIn random values with
// scales of a usual size.
func randomWeights(r *rand.Rand, f Format, nOut, nIn int) []byte {
	src := make([]byte, nOut*f.RowBytes(nIn))
	for i := range src {
		src[i] = byte(r.Uint32())
	}
	n := f.BlockBytes()
	for b := 0; b < len(src); b += n {
		block := src[b : b+n]
		v := float32(r.NormFloat64())
		switch f {
		case F32:
			binary.LittleEndian.PutUint32(block, math.Float32bits(v))
		case F16:
			binary.LittleEndian.PutUint16(block, float32To16(v))
		case BF16:
			binary.LittleEndian.PutUint16(block, float32ToBF16(v))
		case MXFP4:
			block[0] = byte(110 + r.IntN(20))
		case IQ1_M: // the float16 scale is spread over the top nibbles of 4 words
			h := float32To16(v / 16)
			for i := range 4 {
				block[49+2*i] = block[49+2*i]&15 | byte(h>>(4*i)&15)<<4
			}
		}
		for _, at := range scaleAt[f] {
			binary.LittleEndian.PutUint16(block[at:], float32To16(v/16))
		}
	}
	return src
}

// packedMatrix packs src into fresh panels.
func packedMatrix(f Format, nOut, nIn int, src []byte) Matrix {
	w := Matrix{Format: f, NOut: nOut, NIn: nIn, Panels: alignedBytes(PackedBytes(f, nOut, nIn))}
	for i := range w.Panels {
		w.Panels[i] = 0xa5 // Pack must write every byte
	}
	Pack(w, src, Range{0, w.NPanels()})
	return w
}

// TestRowGolden packs the golden blocks, one to a row, and looks them up: no
// bit may get lost.
func TestRowGolden(t *testing.T) {
	for _, f := range Formats() {
		if f == F32 {
			continue
		}
		t.Run(f.String(), func(t *testing.T) {
			src, want := goldenBlocks(t, f)
			nIn := f.BlockLen()
			w := packedMatrix(f, len(want)/nIn, nIn, src)
			got := make([]float32, nIn)
			for row := range w.NOut {
				w.Row(got, row)
				requireSameBits(t, want[row*nIn:][:nIn], got, "row %d", row)
			}
		})
	}
}

// goldenBlocks returns file blocks of a format and the values ggml gives them.
func goldenBlocks(t *testing.T, f Format) (raw []byte, values []float32) {
	t.Helper()
	dir := testdata.Shared(t, "golden", "quant", "dequant")
	var h struct {
		RawOffset int `json:"raw_offset"`
		RawBytes  int `json:"raw_bytes"`
		F32Offset int `json:"f32_offset"`
		NValues   int `json:"n_values"`
	}
	header, err := os.ReadFile(filepath.Join(dir, f.String()+".json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(header, &h))
	data, err := os.ReadFile(filepath.Join(dir, f.String()+".bin"))
	require.NoError(t, err)
	values = make([]float32, h.NValues)
	for i := range values {
		values[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[h.F32Offset+4*i:]))
	}
	return data[h.RawOffset:][:h.RawBytes], values
}

// TestRowPlaces looks up rows of several blocks and panels: each block must be
// where a matrix of that block alone has it.
func TestRowPlaces(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, f := range Formats() {
		for _, nBlocks := range []int{1, 2, 5} {
			const nOut = 35
			nIn, n := nBlocks*f.BlockLen(), f.BlockBytes()
			src := randomWeights(r, f, nOut, nIn)
			w := packedMatrix(f, nOut, nIn, src)
			got, want := make([]float32, nIn), make([]float32, nIn)
			for row := range nOut {
				w.Row(got, row)
				for b := range nBlocks {
					alone := packedMatrix(f, 1, f.BlockLen(), src[(row*nBlocks+b)*n:][:n])
					alone.Row(want[b*f.BlockLen():][:f.BlockLen()], 0)
				}
				requireSameBits(t, want, got, "%v: %d blocks, row %d", f, nBlocks, row)
			}
		}
	}
}

// TestMatMulAgainstFloat64 compares with the plain product of dequantised
// weights and dequantised activations.
func TestMatMulAgainstFloat64(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, f := range Formats() {
		t.Run(f.String(), func(t *testing.T) {
			const nOut, nTokens = 21, 3
			nIn := 2 * max(f.BlockLen(), 64)
			w := packedMatrix(f, nOut, nIn, randomWeights(r, f, nOut, nIn))
			x := randomFloats(r, nTokens*nIn)
			a := quantized(f.Activation(), nTokens, nIn, x)
			y := make([]float32, nTokens*nOut)
			MatMul(y, w, a, Range{0, 2}, Range{0, nTokens}, alignedBytes(MatMulScratchBytes))
			row := make([]float32, nIn)
			for n := range nOut {
				w.Row(row, n)
				for tok := range nTokens {
					sum, size := 0.0, 0.0
					for k, v := range row {
						p := float64(v) * a.value(tok, k)
						sum, size = sum+p, size+math.Abs(p)
					}
					require.InDelta(t, sum, y[tok*nOut+n], size*1e-5, "row %d, token %d", n, tok)
				}
			}
		})
	}
}

// value is activation k of a token, dequantised.
func (a Activations) value(token, k int) float64 {
	i := token*a.NIn + k
	if a.Kind == ActF32 {
		return float64(a.F32[i])
	}
	return float64(a.quants(token, k, 1)[0]) * float64(a.Scales[i/a.Kind.blockLen()])
}

// TestMatMulTiles computes one product in tiles of all kinds; no bit may differ.
func TestMatMulTiles(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for _, f := range Formats() {
		t.Run(f.String(), func(t *testing.T) {
			const nOut, nTokens = 70, 69
			nIn := 3 * max(f.BlockLen(), 32)
			w := packedMatrix(f, nOut, nIn, randomWeights(r, f, nOut, nIn))
			a := quantized(f.Activation(), nTokens, nIn, randomFloats(r, nTokens*nIn))
			scratch := alignedBytes(MatMulScratchBytes)
			want := make([]float32, nTokens*nOut)
			MatMul(want, w, a, Range{0, w.NPanels()}, Range{0, nTokens}, scratch)
			got := make([]float32, nTokens*nOut)
			for p := 0; p < w.NPanels(); {
				panels := Range{p, min(p+1+r.IntN(3), w.NPanels())}
				for tok := 0; tok < nTokens; {
					tokens := Range{tok, min(tok+1+r.IntN(36), nTokens)}
					MatMul(got, w, a, panels, tokens, scratch)
					tok = tokens.To
				}
				p = panels.To
			}
			requireSameBits(t, want, got, "%v", f)
		})
	}
}

// requireSameBits fails at the first element whose bits differ; any NaN equals
// any NaN. The message names what was computed.
func requireSameBits(t *testing.T, want, got []float32, format string, args ...any) {
	t.Helper()
	require.Len(t, got, len(want), format, args)
	for i := range want {
		if math.Float32bits(want[i]) != math.Float32bits(got[i]) && (want[i] == want[i] || got[i] == got[i]) {
			t.Fatalf("%s: element %d: got %v (%#x), want %v (%#x)", fmt.Sprintf(format, args...),
				i, got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
		}
	}
}

func TestMatMulPanics(t *testing.T) {
	w := packedMatrix(Q4_0, 20, 64, make([]byte, 20*36))
	a := newActivations(ActQ8x32, 2, 64)
	y, scratch := make([]float32, 40), alignedBytes(MatMulScratchBytes)
	all, both := Range{0, 2}, Range{0, 2}
	MatMul(y, w, a, all, both, scratch)
	for name, call := range map[string]func(){
		"short y":         func() { MatMul(y[1:], w, a, all, both, scratch) },
		"short scratch":   func() { MatMul(y, w, a, all, both, scratch[1:]) },
		"panels":          func() { MatMul(y, w, a, Range{0, 3}, both, scratch) },
		"backward panels": func() { MatMul(y, w, a, Range{1, 0}, both, scratch) },
		"tokens":          func() { MatMul(y, w, a, all, Range{-1, 2}, scratch) },
		"other kind":      func() { MatMul(y, w, newActivations(ActF32, 2, 64), all, both, scratch) },
		"other width":     func() { MatMul(y, w, newActivations(ActQ8x32, 2, 32), all, both, scratch) },
		"short panels":    func() { MatMul(y, Matrix{Q4_0, 20, 64, w.Panels[1:]}, a, all, both, scratch) },
		"short source":    func() { Pack(w, make([]byte, 20*36-1), all) },
		"odd width":       func() { PackedBytes(Q4_0, 1, 33) },
		"short row":       func() { w.Row(make([]float32, 63), 0) },
		"row":             func() { w.Row(make([]float32, 64), 20) },
	} {
		require.Panics(t, call, name)
	}
}

func TestMatMulAllocatesNothing(t *testing.T) {
	for _, f := range []Format{F32, Q8_0, Q4_K} {
		w := packedMatrix(f, 20, 256, make([]byte, 20*f.RowBytes(256)))
		x := make([]float32, 2*256)
		a := newActivations(f.Activation(), 2, 256)
		y, scratch := make([]float32, 40), alignedBytes(MatMulScratchBytes)
		require.Zero(t, testing.AllocsPerRun(5, func() {
			Quantize(a, x, Range{0, 2})
			MatMul(y, w, a, Range{0, 2}, Range{0, 2}, scratch)
			w.Row(x[:256], 1)
		}), fmt.Sprint(f))
	}
}
