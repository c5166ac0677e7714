//go:build !noasm && amd64

package kernels

// The assembly levels compute a product in two ways. Up to maxGemvCols tokens
// stream a panel once and unpack in registers. More tokens meet two panels at
// a time, unpacked into a tile of tileValues inputs that stays in the
// second-level cache while all columns pass; the sums wait in y between tiles.
// Smaller tiles for the first level lose more by coming back to y.

const (
	maxGemvCols = 4
	tileCols    = 6    // columns of the largest register tile
	tileValues  = 2048 // inputs of a tile
	tileTokens  = 256  // tokens that meet a tile in turn
)

// blockKernels is a format of 32-value activations at one level. Pointers are
// to the first token's data; ldy and xStride are elements from one to the next.
// mask has a bit for each row to write; the GEMM adds to y where add is true.
type blockKernels struct {
	gemv func(y *float32, ldy int, w *byte, nBlocks int, xq *int8, dx *float32, corr *int32, nIn, xStride, nCols int, mask uint32)
	tile func(dst, src *byte, nBlocks int)
	gemm func(y *float32, ldy int, tile *byte, nGroups int, xq *int8, dx *float32, corr *int32, nIn, xStride, nCols int, mask uint32, add bool)
}

// superKernels is a format of 256-value activations at one level.
type superKernels struct {
	gemv func(y *float32, ldy int, w *byte, nBlocks int, xq *int8, dx *float32, sums *int16, nIn, xStride, nCols int, mask uint32)
	tile func(dst, src *byte, nBlocks int)
	gemm func(y *float32, ldy int, tile *byte, nBlocks int, xq *int8, dx *float32, sums *int16, nIn, xStride, nCols int, mask uint32, add bool)
}

// rowMask has a bit for each row of panel p.
func (w Matrix) rowMask(p int) uint32 {
	if p >= w.NPanels() {
		return 0
	}
	return 1<<w.rowsOf(p).len() - 1
}

func (k blockKernels) matMul(y []float32, w Matrix, x Activations, panels, tokens Range, scratch []byte) {
	if w.NIn == 0 {
		clearTile(y, w, panels, tokens)
		return
	}
	nBlocks, groups, stride := w.NIn/w.Format.BlockLen(), w.NIn/32, quantStride(w.NIn)
	if tokens.len() <= maxGemvCols {
		t := tokens.From
		for p := panels.From; p < panels.To; p++ {
			k.gemv(&y[t*w.NOut+p*PanelRows], w.NOut, &w.panel(p)[0], nBlocks,
				&x.Quants[t*stride], &x.Scales[t*groups], &x.Corr[t*groups], w.NIn, stride, tokens.len(), w.rowMask(p))
		}
		return
	}
	w.forTiles(panels, tokens, func(p, k0, n int, columns Range) {
		w.unpackTile(k.tile, scratch, p, panels, k0, n)
		mask := w.tileMask(p, panels)
		for t := columns.From; t < columns.To; {
			cols := nextColumns(columns.To - t)
			k.gemm(&y[t*w.NOut+p*PanelRows], w.NOut, &scratch[0], n/32,
				&x.Quants[t*stride+k0], &x.Scales[t*groups+k0/32], &x.Corr[t*groups+k0/32], w.NIn, stride, cols, mask, k0 > 0)
			t += cols
		}
	})
}

func (k superKernels) matMul(y []float32, w Matrix, x Activations, panels, tokens Range, scratch []byte) {
	if w.NIn == 0 {
		clearTile(y, w, panels, tokens)
		return
	}
	nBlocks, stride := w.NIn/256, quantStride(w.NIn)
	if tokens.len() <= maxGemvCols {
		t := tokens.From
		for p := panels.From; p < panels.To; p++ {
			k.gemv(&y[t*w.NOut+p*PanelRows], w.NOut, &w.panel(p)[0], nBlocks,
				&x.Quants[t*stride], &x.Scales[t*nBlocks], &x.Sums[t*nBlocks*nSums], w.NIn, stride, tokens.len(), w.rowMask(p))
		}
		return
	}
	w.forTiles(panels, tokens, func(p, k0, n int, columns Range) {
		w.unpackTile(k.tile, scratch, p, panels, k0, n)
		mask := w.tileMask(p, panels)
		for t := columns.From; t < columns.To; {
			cols := nextColumns(columns.To - t)
			b := t*nBlocks + k0/256
			k.gemm(&y[t*w.NOut+p*PanelRows], w.NOut, &scratch[0], n/256,
				&x.Quants[t*stride+k0], &x.Scales[b], &x.Sums[b*nSums], w.NIn, stride, cols, mask, k0 > 0)
			t += cols
		}
	})
}

// forTiles divides a product so that what its innermost loops read again and
// again stays in the second-level cache: the activations of a block of tokens
// and inputs while all panels pass, two panels' tile while these tokens pass.
func (w Matrix) forTiles(panels, tokens Range, tile func(p, k0, n int, columns Range)) {
	for k0 := 0; k0 < w.NIn; k0 += tileValues {
		n := min(tileValues, w.NIn-k0)
		for t := tokens.From; t < tokens.To; t += tileTokens {
			columns := Range{t, min(t+tileTokens, tokens.To)}
			for p := panels.From; p < panels.To; p += 2 {
				tile(p, k0, n, columns)
			}
		}
	}
}

// nextColumns divides n remaining tokens evenly, so that no tile is narrow.
func nextColumns(n int) int {
	tiles := (n + tileCols - 1) / tileCols
	return (n + tiles - 1) / tiles
}

// tileMask is the row mask of panels p and p+1, where the range has both.
func (w Matrix) tileMask(p int, panels Range) uint32 {
	mask := w.rowMask(p)
	if p+1 < panels.To {
		mask |= w.rowMask(p+1) << PanelRows
	}
	return mask
}

// unpackTile unpacks the inputs k0 to k0+n of panels p and p+1. Where the range
// has no second panel, the tile keeps what was there: its rows are not written.
func (w Matrix) unpackTile(tile func(dst, src *byte, nBlocks int), scratch []byte, p int, panels Range, k0, n int) {
	packing := &packings[w.Format]
	at := k0 / w.Format.BlockLen() * (packing.headBytes + packing.bodyBytes)
	nBlocks := n / w.Format.BlockLen()
	tile(&scratch[0], &w.panel(p)[at], nBlocks)
	if p+1 < panels.To {
		tile(&scratch[64], &w.panel(p + 1)[at], nBlocks)
	}
}

// clearTile sets the tile of y to zero.
func clearTile(y []float32, w Matrix, panels, tokens Range) {
	from, to := panels.From*PanelRows, min(panels.To*PanelRows, w.NOut)
	for t := tokens.From; t < tokens.To; t++ {
		clear(y[t*w.NOut+from : t*w.NOut+to])
	}
}

// floatTileValues is the number of inputs after which the product of float
// weights goes on to the next columns.
const floatTileValues = 256

// floatKernel is a format of float weights at one level. It adds n inputs of
// two panels.
type floatKernel func(y *float32, ldy int, w0, w1 *byte, n int, x *float32, nIn, nCols int, mask uint32, add bool)

func (k floatKernel) matMul(y []float32, w Matrix, x Activations, panels, tokens Range, _ []byte) {
	if w.NIn == 0 {
		clearTile(y, w, panels, tokens)
		return
	}
	step := floatTileValues
	if tokens.len() <= tileCols {
		step = w.NIn
	}
	rowBytes := PanelRows * w.Format.BlockBytes()
	for p := panels.From; p < panels.To; p += 2 {
		mask := w.tileMask(p, panels)
		first, second := w.panel(p), w.panel(min(p+1, panels.To-1))
		for k0 := 0; k0 < w.NIn; k0 += step {
			n := min(step, w.NIn-k0)
			for t := tokens.From; t < tokens.To; {
				cols := nextColumns(tokens.To - t)
				k(&y[t*w.NOut+p*PanelRows], w.NOut, &first[k0*rowBytes], &second[k0*rowBytes], n,
					&x.F32[t*w.NIn+k0], w.NIn, cols, mask, k0 > 0)
				t += cols
			}
		}
	}
}

// quantizeKernels are the quantisers of one level; nBlocks > 0.
type quantizeKernels struct {
	blocks32  func(q *int8, scale *float32, corr *int32, x *float32, nBlocks int)
	blocks256 func(q *int8, scale *float32, sums *int16, x *float32, nBlocks int)
}

func (k quantizeKernels) override(i *Impl) {
	i.Quantize[ActQ8x32] = func(a Activations, x []float32, tokens Range) {
		n := a.NIn / 32
		for t := tokens.From; t < tokens.To; t++ {
			k.blocks32(&a.quants(t, 0, 1)[0], &a.Scales[t*n], &a.Corr[t*n], &x[t*a.NIn], n)
		}
	}
	i.Quantize[ActQ8x256] = func(a Activations, x []float32, tokens Range) {
		n := a.NIn / 256
		for t := tokens.From; t < tokens.To; t++ {
			k.blocks256(&a.quants(t, 0, 1)[0], &a.Scales[t*n], &a.Sums[t*n*nSums], &x[t*a.NIn], n)
		}
	}
}
