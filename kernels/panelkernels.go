//go:build !noasm && amd64

package kernels

// The assembly levels compute a product in two ways. Up to maxGemvCols tokens
// stream a panel once and unpack in registers. More tokens meet two panels at
// a time, unpacked into a tile of tileValues inputs that stays in the
// first-level cache while all columns pass; the sums wait in y between tiles.

const (
	maxGemvCols = 4
	tileCols    = 6   // columns of the largest register tile
	tileValues  = 512 // inputs of a tile
)

// blockKernels is a format of 32-value activations at one level. Pointers are
// to the first token's data; ldy and nIn are elements from one to the next.
// mask has a bit for each row to write.
type blockKernels struct {
	gemv func(y *float32, ldy int, w *byte, nBlocks int, xq *int8, dx *float32, corr *int32, nIn, nCols int, mask uint32)
	tile func(dst, src *byte, nBlocks int)
	gemm func(y *float32, ldy int, tile *byte, nGroups int, xq *int8, dx *float32, corr *int32, nIn, nCols int, mask uint32)
}

// superKernels is a format of 256-value activations at one level.
type superKernels struct {
	gemv func(y *float32, ldy int, w *byte, nBlocks int, xq *int8, dx *float32, sums *int16, nIn, nCols int, mask uint32)
	tile func(dst, src *byte, nBlocks int)
	gemm func(y *float32, ldy int, tile *byte, nBlocks int, xq *int8, dx *float32, sums *int16, nIn, nCols int, mask uint32)
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
	nBlocks, groups := w.NIn/w.Format.BlockLen(), w.NIn/32
	if tokens.len() <= maxGemvCols {
		t := tokens.From
		for p := panels.From; p < panels.To; p++ {
			k.gemv(&y[t*w.NOut+p*PanelRows], w.NOut, &w.panel(p)[0], nBlocks,
				&x.Quants[t*w.NIn], &x.Scales[t*groups], &x.Corr[t*groups], w.NIn, tokens.len(), w.rowMask(p))
		}
		return
	}
	clearTile(y, w, panels, tokens)
	for p := panels.From; p < panels.To; p += 2 {
		mask := w.unpackMask(p, panels)
		for k0 := 0; k0 < w.NIn; k0 += tileValues {
			n := min(tileValues, w.NIn-k0)
			w.unpackTile(k.tile, scratch, p, panels, k0, n)
			for t := tokens.From; t < tokens.To; {
				cols := nextColumns(tokens.To - t)
				k.gemm(&y[t*w.NOut+p*PanelRows], w.NOut, &scratch[0], n/32,
					&x.Quants[t*w.NIn+k0], &x.Scales[t*groups+k0/32], &x.Corr[t*groups+k0/32], w.NIn, cols, mask)
				t += cols
			}
		}
	}
}

func (k superKernels) matMul(y []float32, w Matrix, x Activations, panels, tokens Range, scratch []byte) {
	if w.NIn == 0 {
		clearTile(y, w, panels, tokens)
		return
	}
	nBlocks := w.NIn / 256
	if tokens.len() <= maxGemvCols {
		t := tokens.From
		for p := panels.From; p < panels.To; p++ {
			k.gemv(&y[t*w.NOut+p*PanelRows], w.NOut, &w.panel(p)[0], nBlocks,
				&x.Quants[t*w.NIn], &x.Scales[t*nBlocks], &x.Sums[t*nBlocks*nSums], w.NIn, tokens.len(), w.rowMask(p))
		}
		return
	}
	clearTile(y, w, panels, tokens)
	for p := panels.From; p < panels.To; p += 2 {
		mask := w.unpackMask(p, panels)
		for k0 := 0; k0 < w.NIn; k0 += tileValues {
			n := min(tileValues, w.NIn-k0)
			w.unpackTile(k.tile, scratch, p, panels, k0, n)
			for t := tokens.From; t < tokens.To; {
				cols := nextColumns(tokens.To - t)
				b := t*nBlocks + k0/256
				k.gemm(&y[t*w.NOut+p*PanelRows], w.NOut, &scratch[0], n/256,
					&x.Quants[t*w.NIn+k0], &x.Scales[b], &x.Sums[b*nSums], w.NIn, cols, mask)
				t += cols
			}
		}
	}
}

// nextColumns divides n remaining tokens evenly, so that no tile is narrow.
func nextColumns(n int) int {
	tiles := (n + tileCols - 1) / tileCols
	return (n + tiles - 1) / tiles
}

// unpackMask is the row mask of panels p and p+1, where the range has both.
func (w Matrix) unpackMask(p int, panels Range) uint32 {
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
