//go:build !noasm && arm64

package kernels

import "unsafe"

// The arm64 levels stream a panel once for every few tokens and unpack in
// registers: 32 of them hold a tile of up to 8 rows by 4 columns with its
// sums, and unpacking is a quarter of the work there.

// neonBlocks is a format of 32-value activations at one level. Pointers are to
// the first token's data; ldy and xStride are elements from one to the next.
// The kernel writes 16 rows of 1, 2 or 4 columns.
type neonBlocks func(y *float32, ldy int, w *byte, nBlocks int, xq *int8, dx *float32, corr *int32, nIn, xStride, nCols int)

// neonSupers is a format of 256-value activations at one level.
type neonSupers func(y *float32, ldy int, w *byte, nBlocks int, xq *int8, dx *float32, sums *int16, nIn, xStride, nCols int)

// neonFloats is a format of float weights.
type neonFloats func(y *float32, ldy int, w *byte, n int, x *float32, nIn, nCols int)

func (k neonBlocks) matMul(maxCols int) func(y []float32, w Matrix, x Activations, panels, tokens Range, scratch []byte) {
	return func(y []float32, w Matrix, x Activations, panels, tokens Range, scratch []byte) {
		nBlocks, groups, stride := w.NIn/w.Format.BlockLen(), w.NIn/32, quantStride(w.NIn)
		w.forColumns(y, panels, tokens, scratch, maxCols, func(out *float32, ldy int, panel []byte, t, cols int) {
			k(out, ldy, &panel[0], nBlocks, &x.Quants[t*stride], &x.Scales[t*groups], &x.Corr[t*groups], w.NIn, stride, cols)
		})
	}
}

func (k neonSupers) matMul(maxCols int) func(y []float32, w Matrix, x Activations, panels, tokens Range, scratch []byte) {
	return func(y []float32, w Matrix, x Activations, panels, tokens Range, scratch []byte) {
		nBlocks, stride := w.NIn/256, quantStride(w.NIn)
		w.forColumns(y, panels, tokens, scratch, maxCols, func(out *float32, ldy int, panel []byte, t, cols int) {
			k(out, ldy, &panel[0], nBlocks, &x.Quants[t*stride], &x.Scales[t*nBlocks], &x.Sums[t*nBlocks*nSums], w.NIn, stride, cols)
		})
	}
}

func (k neonFloats) matMul(y []float32, w Matrix, x Activations, panels, tokens Range, scratch []byte) {
	w.forColumns(y, panels, tokens, scratch, 4, func(out *float32, ldy int, panel []byte, t, cols int) {
		k(out, ldy, &panel[0], w.NIn, &x.F32[t*w.NIn], w.NIn, cols)
	})
}

// forColumns calls tile for each panel and each 1, 2 or maxCols tokens. Where a
// panel has fewer than 16 rows, the tile goes to scratch and its rows to y.
func (w Matrix) forColumns(y []float32, panels, tokens Range, scratch []byte, maxCols int,
	tile func(out *float32, ldy int, panel []byte, t, cols int)) {
	if w.NIn == 0 {
		clearTile(y, w, panels, tokens)
		return
	}
	part := unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(scratch))), maxCols*PanelRows)
	for p := panels.From; p < panels.To; p++ {
		panel, rows := w.panel(p), w.rowsOf(p)
		for t := tokens.From; t < tokens.To; {
			cols := 1
			for 2*cols <= min(maxCols, tokens.To-t) {
				cols *= 2
			}
			if rows.len() == PanelRows {
				tile(&y[t*w.NOut+rows.From], w.NOut, panel, t, cols)
			} else {
				tile(&part[0], PanelRows, panel, t, cols)
				for c := range cols {
					copy(y[(t+c)*w.NOut+rows.From:(t+c)*w.NOut+rows.To], part[c*PanelRows:])
				}
			}
			t += cols
		}
	}
}

// clearTile sets the tile of y to zero.
func clearTile(y []float32, w Matrix, panels, tokens Range) {
	from, to := panels.From*PanelRows, min(panels.To*PanelRows, w.NOut)
	for t := tokens.From; t < tokens.To; t++ {
		clear(y[t*w.NOut+from : t*w.NOut+to])
	}
}

// overrideQuantizeNEON puts the quantisers of all arm64 levels into i.
func overrideQuantizeNEON(i *Impl) {
	i.Quantize[ActQ8x32] = func(a Activations, x []float32, tokens Range) {
		n := a.NIn / 32
		for t := tokens.From; t < tokens.To; t++ {
			quantize32NEON(&a.quants(t, 0, 1)[0], &a.Scales[t*n], &a.Corr[t*n], &x[t*a.NIn], n)
		}
	}
	i.Quantize[ActQ8x256] = func(a Activations, x []float32, tokens Range) {
		n := a.NIn / 256
		for t := tokens.From; t < tokens.To; t++ {
			quantize256NEON(&a.quants(t, 0, 1)[0], &a.Scales[t*n], &a.Sums[t*n*nSums], &x[t*a.NIn], n)
		}
	}
}
