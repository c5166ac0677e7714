package kernels

import (
	"encoding/binary"
	"math"
)

// matMulsGeneric returns the portable MatMul of every format.
func matMulsGeneric() (table [numFormats]func([]float32, Matrix, Activations, Range, Range, []byte)) {
	for f := range numFormats {
		switch f.Activation() {
		case ActF32:
			table[f] = matMulFloatGeneric
		case ActQ8x32:
			table[f] = matMulQ8x32Generic
		case ActQ8x256:
			table[f] = matMulQ8x256Generic
		}
	}
	return table
}

// rowsOf returns the rows of the matrix that lie in panel p.
func (w Matrix) rowsOf(p int) Range {
	return Range{p * PanelRows, min((p+1)*PanelRows, w.NOut)}
}

// matMulFloatGeneric is MatMul for float weights: one FMA per input, k ascending.
func matMulFloatGeneric(y []float32, w Matrix, x Activations, panels, tokens Range, _ []byte) {
	for p := panels.From; p < panels.To; p++ {
		panel, rows := w.panel(p), w.rowsOf(p)
		for t := tokens.From; t < tokens.To; t++ {
			var acc [PanelRows]float32
			for k, xk := range x.F32[t*w.NIn:][:w.NIn] {
				for lane := range acc {
					acc[lane] = fma32(floatAt(w.Format, panel, k*PanelRows+lane), xk, acc[lane])
				}
			}
			copy(y[t*w.NOut+rows.From:t*w.NOut+rows.To], acc[:])
		}
	}
}

// floatAt returns element i of a panel of float weights.
func floatAt(f Format, panel []byte, i int) float32 {
	switch f {
	case F32:
		return math.Float32frombits(binary.LittleEndian.Uint32(panel[4*i:]))
	case F16:
		return float16To32(binary.LittleEndian.Uint16(panel[2*i:]))
	default:
		return bfloat16To32(binary.LittleEndian.Uint16(panel[2*i:]))
	}
}

// matMulQ8x32Generic is MatMul for the formats that meet activations of 32
// values to a scale. Each row's block is unpacked once and meets all tokens;
// the accumulators wait in y.
func matMulQ8x32Generic(y []float32, w Matrix, x Activations, panels, tokens Range, _ []byte) {
	var rb rowBlock
	parts := w.Format.BlockLen() / 32
	nBlocks := w.NIn / 32
	for p := panels.From; p < panels.To; p++ {
		panel, rows := w.panel(p), w.rowsOf(p)
		for n := rows.From; n < rows.To; n++ {
			for t := tokens.From; t < tokens.To; t++ {
				y[t*w.NOut+n] = 0
			}
			for b := range nBlocks {
				head, body := packedBlock(w.Format, panel, b/parts)
				rb.unpackRow(w.Format, head, body, b%parts, n-rows.From)
				for t := tokens.From; t < tokens.To; t++ {
					at := t*nBlocks + b
					y[t*w.NOut+n] = rb.step32(w.Format, x.quants(t, b*32, 32), x.Scales[at], x.Corr[at], y[t*w.NOut+n])
				}
			}
		}
	}
}

// step32 adds one block's product with 32 activations to acc.
func (rb *rowBlock) step32(f Format, xq []int8, dx float32, corr int32, acc float32) float32 {
	if f == NVFP4 {
		acc = fma32(float32(dot16(rb.q[:], xq)), float32(rb.d*dx), acc)
		return fma32(float32(dot16(rb.q[16:], xq[16:])), float32(rb.m*dx), acc)
	}
	acc = fma32(float32(dot16(rb.q[:], xq)+dot16(rb.q[16:], xq[16:])), float32(rb.d*dx), acc)
	if f.hasMin() {
		acc = fma32(float32(corr/-128), float32(rb.m*dx), acc)
	}
	return acc
}

// matMulQ8x256Generic is MatMul for the formats that meet activations of 256
// values to a scale.
func matMulQ8x256Generic(y []float32, w Matrix, x Activations, panels, tokens Range, _ []byte) {
	var rb rowBlock
	nBlocks := w.NIn / 256
	for p := panels.From; p < panels.To; p++ {
		panel, rows := w.panel(p), w.rowsOf(p)
		for n := rows.From; n < rows.To; n++ {
			for t := tokens.From; t < tokens.To; t++ {
				y[t*w.NOut+n] = 0
			}
			for b := range nBlocks {
				head, body := packedBlock(w.Format, panel, b)
				rb.unpackRow(w.Format, head, body, 0, n-rows.From)
				for t := tokens.From; t < tokens.To; t++ {
					at := t*nBlocks + b
					y[t*w.NOut+n] = rb.step256(w.Format, x.quants(t, b*256, 256), x.Scales[at], x.Sums[at*nSums:][:nSums], y[t*w.NOut+n])
				}
			}
		}
	}
}

// step256 adds one block's product with 256 activations to acc.
func (rb *rowBlock) step256(f Format, xq []int8, dx float32, sums []int16, acc float32) float32 {
	var isum, msum int32
	for s := range 16 {
		isum += rb.sub[s] * dot16(rb.q[s*16:], xq[s*16:])
		msum += rb.mins[s] * int32(sums[s])
	}
	acc = fma32(float32(isum), float32(rb.d*dx), acc)
	if f.hasMins() {
		acc = fma32(-float32(msum), float32(rb.m*dx), acc)
	}
	return acc
}

// dot16 returns the dot product of the first 16 elements.
func dot16(a, b []int8) (sum int32) {
	a, b = a[:16], b[:16]
	for i := 0; i < 16; i += 4 {
		sum += int32(a[i])*int32(b[i]) + int32(a[i+1])*int32(b[i+1]) + int32(a[i+2])*int32(b[i+2]) + int32(a[i+3])*int32(b[i+3])
	}
	return sum
}
