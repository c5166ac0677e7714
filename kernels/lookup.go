package kernels

import "fmt"

// Row sets dst to row row of w as float32, the values Dequantize gives for the
// file's bytes. An embedding table that is also the output matrix is packed
// once and looked up here.
//
//	dst [w.NIn]
//
// It panics if lengths disagree, allocates nothing, and is safe to call
// concurrently.
func (w Matrix) Row(dst []float32, row int) {
	w.check("Row")
	if len(dst) != w.NIn || row < 0 || row >= w.NOut {
		panic(fmt.Sprintf("kernels: Row: %d values of row %d of [%d, %d]", len(dst), row, w.NOut, w.NIn))
	}
	panel, lane := w.panel(row/PanelRows), row%PanelRows
	if w.Format <= BF16 {
		for k := range dst {
			dst[k] = floatAt(w.Format, panel, k*PanelRows+lane)
		}
		return
	}
	var rb rowBlock
	n := w.Format.Activation().blockLen()
	parts := w.Format.BlockLen() / n
	for b := range w.NIn / n {
		head, body := packedBlock(w.Format, panel, b/parts)
		rb.unpackRow(w.Format, head, body, b%parts, lane)
		rb.values(w.Format, dst[b*n:][:n])
	}
}

// values writes the block's values: 32 or 256 of them, as dst is long.
func (rb *rowBlock) values(f Format, dst []float32) {
	for k := range dst {
		q := float32(rb.q[k])
		switch {
		case f.Activation() == ActQ8x256:
			dst[k] = float32(float32(rb.d*float32(rb.sub[k/16])) * q)
			if f.hasMins() {
				dst[k] -= float32(rb.m * float32(rb.mins[k/16]))
			}
		case f == NVFP4 && k >= 16:
			dst[k] = rb.m * q
		default:
			dst[k] = float32(rb.d * q)
			if f.hasMin() {
				dst[k] += rb.m
			}
		}
	}
}
