//go:build !noasm && amd64

package kernels

import "unsafe"

// The assembly levels compute a product in two ways. A few tokens stream a
// panel once and unpack in registers. More tokens meet one panel or two that
// are unpacked into a tile, which stays in the second-level cache while the
// columns pass; the sums wait in y between tiles.

// geometry is the shape of a level's products.
type geometry struct {
	gemvCols   int  // tokens that a GEMV takes
	streamCols int  // most tokens for which GEMVs are faster than a tile
	tilePanels int  // panels side by side in a tile
	tileValues int  // inputs of a tile
	tileTokens int  // tokens that meet a tile in turn
	masked     bool // the kernels write the rows of a mask only
}

// panelKernels is a format of quantised weights at one level. Pointers are to
// the first token's data; sums are the activations' Corr or Sums. ldy and
// xStride are elements from one token to the next. mask has a bit for each row
// to write; the GEMM adds to y where add is true. n counts groups of 32 inputs,
// or super-blocks. A format without tile and gemm streams for all tokens.
type panelKernels struct {
	gemv func(y *float32, ldy int, w *byte, nBlocks int, xq *int8, dx *float32, sums *byte, nIn, xStride, nCols int, mask uint32)
	tile func(dst, src *byte, nBlocks int)
	gemm func(y *float32, ldy int, tile *byte, n int, xq *int8, dx *float32, sums *byte, nIn, xStride, nCols int, mask uint32, add bool)

	// A format whose packed words are those of a tile may have these, for even
	// numbers of blocks: the GEMM reads two panels as they are, panel bytes apart,
	// and only the scales are unpacked.
	scales func(dst, src *byte, nBlocks int)
	whole  func(y *float32, ldy int, w *byte, panel int, scales *byte, n int, xq *int8, dx *float32, sums *byte, nIn, xStride, nCols int, mask uint32, add bool)
}

// product returns MatMul made of k.
func (g *geometry) product(k panelKernels) func(y []float32, w Matrix, x Activations, panels, tokens Range, scratch []byte) {
	return func(y []float32, w Matrix, x Activations, panels, tokens Range, scratch []byte) {
		switch {
		case w.NIn == 0:
			clearTile(y, w, panels, tokens)
		case tokens.len() <= g.streamCols:
			g.stream(k, y, w, x, panels, tokens, scratch)
		case k.gemm == nil:
			for t := tokens.From; t < tokens.To; t += g.streamCols {
				g.stream(k, y, w, x, panels, Range{t, min(t+g.streamCols, tokens.To)}, scratch)
			}
		default:
			g.multiply(k, y, w, x, panels, tokens, scratch)
		}
	}
}

// stream computes a tile of few tokens. Where they are more than a GEMV takes,
// the next ones meet the panel while it is in the first-level cache. Between
// panels the memory waits, so that nothing is done there for whole ones.
func (g *geometry) stream(k panelKernels, y []float32, w Matrix, x Activations, panels, tokens Range, scratch []byte) {
	p := panels.From
	for ; p < min(panels.To, w.NOut/PanelRows); p++ {
		for t := tokens.From; t < tokens.To; {
			t += g.gemv(k, &y[t*w.NOut+p*PanelRows], w.NOut, &w, p, &x, Range{t, tokens.To}, 1<<PanelRows-1)
		}
	}
	if p < panels.To {
		out := g.output(y, w, p, 1, tokens, scratch)
		for t := tokens.From; t < tokens.To; {
			t += g.gemv(k, out.at(t), out.ldy, &w, p, &x, Range{t, tokens.To}, out.mask)
		}
		out.finish()
	}
}

// gemv multiplies panel p by the first of the tokens and returns how many.
func (g *geometry) gemv(k panelKernels, y *float32, ldy int, w *Matrix, p int, x *Activations, tokens Range, mask uint32) int {
	cols := evenly(tokens.len(), g.gemvCols)
	xq, dx, sums := x.pointers(tokens.From, 0)
	k.gemv(y, ldy, &w.Panels[p*panelBytes(w.Format, w.NIn)], w.NIn/w.Format.BlockLen(), xq, dx, sums, w.NIn, quantStride(w.NIn), cols, mask)
	return cols
}

// multiply computes a tile of many tokens. What its innermost loops read again
// and again stays in the caches: a tile in the second level while a block of
// tokens passes, the activations of these tokens and the tile's inputs in the
// second or the third while all panels pass.
func (g *geometry) multiply(k panelKernels, y []float32, w Matrix, x Activations, panels, tokens Range, scratch []byte) {
	tile, buf := scratch[:tileBytes], scratch[tileBytes:]
	perN := max(32, x.Kind.blockLen())
	for k0 := 0; k0 < w.NIn; k0 += g.tileValues {
		n := min(g.tileValues, w.NIn-k0)
		for first := tokens.From; first < tokens.To; {
			columns := Range{first, first + evenly(tokens.To-first, g.tileTokens)}
			for p := panels.From; p < panels.To; p += g.tilePanels {
				nPanels := min(g.tilePanels, panels.To-p)
				out := g.output(y, w, p, nPanels, columns, buf)
				if k0 > 0 {
					out.start()
				}
				xq, dx, sums := x.pointers(first, k0)
				if k.whole != nil && n/perN%2 == 0 {
					w.unpackTile(k.scales, tile, Range{p, p + nPanels}, k0, n)
					toSecond := (nPanels - 1) * panelBytes(w.Format, w.NIn)
					k.whole(out.at(first), out.ldy, w.panelFrom(p, k0), toSecond, &tile[0], n/perN, xq, dx, sums, w.NIn, quantStride(w.NIn), columns.len(), out.mask, k0 > 0)
				} else {
					w.unpackTile(k.tile, tile, Range{p, p + nPanels}, k0, n)
					k.gemm(out.at(first), out.ldy, &tile[0], n/perN, xq, dx, sums, w.NIn, quantStride(w.NIn), columns.len(), out.mask, k0 > 0)
				}
				out.finish()
			}
			first = columns.To
		}
	}
}

// tileBytes is the part of the scratch buffer that holds a tile; the rest is
// for the outputs of a panel with fewer rows than PanelRows.
const tileBytes = MatMulScratchBytes - maxTileTokens*PanelRows*4

// maxTileTokens is the largest tileTokens of any level.
const maxTileTokens = 512

// pointers returns where token t's data begins, from input k0 on.
func (a *Activations) pointers(t, k0 int) (xq *int8, dx *float32, sums *byte) {
	n := a.Kind.blockLen()
	b := (t*a.NIn + k0) / n
	xq, dx = &a.Quants[t*quantStride(a.NIn)+k0], &a.Scales[b]
	if a.Kind == ActQ8x32 {
		return xq, dx, (*byte)(unsafe.Pointer(&a.Corr[b]))
	}
	return xq, dx, (*byte)(unsafe.Pointer(&a.Sums[b*nSums]))
}

// evenly returns the first part of n where it is divided into as few parts of
// at most most as can be, so that no part is small.
func evenly(n, most int) int {
	parts := (n + most - 1) / most
	return (n + parts - 1) / parts
}

// unpackTile unpacks the inputs k0 to k0+n of panels side by side. A tile for
// two panels keeps what was in the place of a second one that is not there; its
// rows are not written.
func (w Matrix) unpackTile(unpack func(dst, src *byte, nBlocks int), tile []byte, panels Range, k0, n int) {
	for i := range panels.len() {
		unpack(&tile[64*i], w.panelFrom(panels.From+i, k0), n/w.Format.BlockLen())
	}
}

// panelFrom returns where input k0 of panel p begins.
func (w Matrix) panelFrom(p, k0 int) *byte {
	packing := &packings[w.Format]
	return &w.panel(p)[k0/w.Format.BlockLen()*(packing.headBytes+packing.bodyBytes)]
}

// clearTile sets the tile of y to zero.
func clearTile(y []float32, w Matrix, panels, tokens Range) {
	from, to := panels.From*PanelRows, min(panels.To*PanelRows, w.NOut)
	for t := tokens.From; t < tokens.To; t++ {
		clear(y[t*w.NOut+from : t*w.NOut+to])
	}
}

// panelOutput is where a kernel writes the rows of a panel or two: y itself,
// or, for part of a panel at a level that writes whole ones, a buffer.
type panelOutput struct {
	y       []float32
	ldy     int
	mask    uint32
	w       Matrix
	p       int
	columns Range
	buf     []float32 // [columns, PanelRows], nil for y
}

// output returns where nPanels panels from p on go.
func (g *geometry) output(y []float32, w Matrix, p, nPanels int, columns Range, scratch []byte) panelOutput {
	out := panelOutput{y: y, ldy: w.NOut, w: w, p: p, columns: columns}
	for i := range nPanels {
		out.mask |= (1<<w.rowsOf(p+i).len() - 1) << (PanelRows * i)
	}
	if !g.masked && w.rowsOf(p).len() < PanelRows {
		out.buf = unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(scratch))), columns.len()*PanelRows)
		out.ldy = PanelRows
	}
	return out
}

// at returns the place of column t.
func (o *panelOutput) at(t int) *float32 {
	if o.buf != nil {
		return &o.buf[(t-o.columns.From)*PanelRows]
	}
	return &o.y[t*o.w.NOut+o.p*PanelRows]
}

// start copies sums so far to the buffer.
func (o *panelOutput) start() {
	for i := range len(o.buf) / PanelRows {
		copy(o.buf[i*PanelRows:], o.rows(i))
	}
}

// finish copies the buffer to y.
func (o *panelOutput) finish() {
	for i := range len(o.buf) / PanelRows {
		copy(o.rows(i), o.buf[i*PanelRows:])
	}
}

// rows is the part of y that column i of the panel fills.
func (o *panelOutput) rows(i int) []float32 {
	r := o.w.rowsOf(o.p)
	first := (o.columns.From + i) * o.w.NOut
	return o.y[first+r.From : first+r.To]
}

// floatTileValues is the number of inputs after which the product of float
// weights goes on to the next columns.
const floatTileValues = 256

// maxFloatCols is the number of columns of the float kernels.
const maxFloatCols = 6

// floatKernel is a format of float weights at one level. It multiplies n
// inputs of one panel or two.
type floatKernel func(y *float32, ldy int, w0, w1 *byte, n int, x *float32, nIn, nCols int, mask uint32, add bool)

// floatProduct returns MatMul made of k.
func (g *geometry) floatProduct(k floatKernel) func(y []float32, w Matrix, x Activations, panels, tokens Range, scratch []byte) {
	return func(y []float32, w Matrix, x Activations, panels, tokens Range, scratch []byte) {
		if w.NIn == 0 {
			clearTile(y, w, panels, tokens)
			return
		}
		step := floatTileValues
		if tokens.len() <= maxFloatCols {
			step = w.NIn
		}
		for p := panels.From; p < panels.To; p += g.tilePanels {
			nPanels := min(g.tilePanels, panels.To-p)
			for k0 := 0; k0 < w.NIn; k0 += step {
				for first := tokens.From; first < tokens.To; first += maxTileTokens {
					columns := Range{first, min(first+maxTileTokens, tokens.To)}
					out := g.output(y, w, p, nPanels, columns, scratch)
					if k0 > 0 {
						out.start()
					}
					k.columns(&out, x, nPanels, k0, min(step, w.NIn-k0))
					out.finish()
				}
			}
		}
	}
}

// columns multiplies the inputs k0 to k0+n.
func (k floatKernel) columns(out *panelOutput, x Activations, nPanels, k0, n int) {
	at := k0 * PanelRows * out.w.Format.BlockBytes()
	first, second := &out.w.panel(out.p)[at], &out.w.panel(out.p + nPanels - 1)[at]
	for t := out.columns.From; t < out.columns.To; {
		cols := evenly(out.columns.To-t, maxFloatCols)
		k(out.at(t), out.ldy, first, second, n, &x.F32[t*x.NIn+k0], x.NIn, cols, out.mask, k0 > 0)
		t += cols
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
