package kernels

import (
	"encoding/binary"
	"fmt"
)

// packing says how a format's blocks lie in a panel: the head holds the scales
// of PanelRows rows, the body their quants, word-transposed.
type packing struct {
	headBytes, bodyBytes int

	// pack writes one row's file block into its lane of a packed block.
	pack func(head, body, src []byte, row int)
}

// packings covers the block formats; float weights have none.
var packings = [numFormats]packing{
	Q4_0:    {32, 4 * 64, packQ4_0},
	Q4_1:    {64, 4 * 64, packQ4_1},
	Q5_0:    {32, 5 * 64, packQ5_0},
	Q5_1:    {64, 5 * 64, packQ5_1},
	Q8_0:    {32, 8 * 64, packQ8_0},
	IQ4_NL:  {32, 4 * 64, packQ4_0},
	MXFP4:   {32, 4 * 64, packMXFP4},
	NVFP4:   {128, 8 * 64, packNVFP4},
	Q1_0:    {32, 4 * 64, packQ1_0},
	Q2_0:    {32, 4 * 64, packQ2_0},
	Q2_K:    {64 + 512, 16 * 64, packQ2_K},
	Q3_K:    {32 + 256 + 32, 24 * 64, packQ3_K},
	Q4_K:    {64 + 256, 32 * 64, packQ4_K},
	Q5_K:    {64 + 256, 40 * 64, packQ5_K},
	Q6_K:    {32 + 256 + 32, 48 * 64, packQ6_K},
	IQ4_XS:  {32 + 128 + 32, 32 * 64, packIQ4_XS},
	IQ1_S:   {64 + 256, 32 * 64, packIQ1_S},
	IQ1_M:   {64 + 256, 32 * 64, packIQ1_M},
	IQ2_XXS: {64 + 256, 32 * 64, packIQ2_XXS},
	IQ2_XS:  {64 + 256, 32 * 64, packIQ2_XS},
	IQ2_S:   {64 + 256, 32 * 64, packIQ2_S},
	IQ3_XXS: {64 + 256, 32 * 64, packIQ3_XXS},
	IQ3_S:   {64 + 256, 32 * 64, packIQ3_S},
	TQ1_0:   {32, 16 * 64, packTQ1_0},
	TQ2_0:   {32, 16 * 64, packTQ2_0},
}

// panelBytes is the number of bytes of a panel of rows of nIn values.
func panelBytes(f Format, nIn int) int {
	if nIn%f.BlockLen() != 0 {
		panic(fmt.Sprintf("kernels: %v rows of %d values, need a multiple of %d", f, nIn, f.BlockLen()))
	}
	if f <= BF16 {
		return nIn * PanelRows * f.BlockBytes()
	}
	return nIn / f.BlockLen() * (packings[f].headBytes + packings[f].bodyBytes)
}

// PackedBytes is the number of bytes of a matrix [nOut, nIn] in panels.
// It panics if nIn does not divide by the format's block length.
func PackedBytes(f Format, nOut, nIn int) int {
	return (nOut + PanelRows - 1) / PanelRows * panelBytes(f, nIn)
}

// Pack fills the panels of w from src, the matrix as the file holds it:
// NOut rows of w.Format.RowBytes(NIn) bytes.
//
// It panics if lengths disagree, allocates nothing, reads only the rows of the
// panels, and is safe to call concurrently on disjoint panels.
func Pack(w Matrix, src []byte, panels Range) {
	w.check("Pack")
	rowBytes := w.Format.RowBytes(w.NIn)
	if len(src) != w.NOut*rowBytes {
		panic(fmt.Sprintf("kernels: Pack: %v [%d, %d] from %d bytes, needs %d", w.Format, w.NOut, w.NIn, len(src), w.NOut*rowBytes))
	}
	panels.check("Pack panels", w.NPanels())
	for p := panels.From; p < panels.To; p++ {
		rows := src[p*PanelRows*rowBytes : min((p+1)*PanelRows, w.NOut)*rowBytes]
		if w.Format <= BF16 {
			packFloats(w.panel(p), rows, w.Format.BlockBytes(), w.NIn)
		} else {
			packBlocks(w, p, rows)
		}
	}
}

// panel returns the bytes of panel p.
func (w Matrix) panel(p int) []byte {
	n := panelBytes(w.Format, w.NIn)
	return w.Panels[p*n : (p+1)*n : (p+1)*n]
}

// packBlocks fills panel p of a block format from its rows.
func packBlocks(w Matrix, p int, rows []byte) {
	panel := w.panel(p)
	blockBytes, rowBytes := w.Format.BlockBytes(), w.Format.RowBytes(w.NIn)
	nRows := len(rows) / max(rowBytes, 1)
	if nRows < PanelRows {
		clear(panel)
	}
	pack := packings[w.Format].pack
	for b := range w.NIn / w.Format.BlockLen() {
		head, body := packedBlock(w.Format, panel, b)
		for r := range nRows {
			pack(head, body, rows[r*rowBytes+b*blockBytes:][:blockBytes], r)
		}
	}
}

// packFloats transposes rows of n elements to panel [n][PanelRows].
func packFloats(panel, rows []byte, elemBytes, n int) {
	nRows := len(rows) / max(n*elemBytes, 1)
	if nRows < PanelRows {
		clear(panel)
	}
	for k := range n {
		dst := panel[k*PanelRows*elemBytes:][:PanelRows*elemBytes]
		for r := range nRows {
			src := rows[(r*n+k)*elemBytes:]
			if elemBytes == 4 {
				binary.LittleEndian.PutUint32(dst[r*4:], binary.LittleEndian.Uint32(src))
			} else {
				binary.LittleEndian.PutUint16(dst[r*2:], binary.LittleEndian.Uint16(src))
			}
		}
	}
}

// packedBlock returns the head and the body of block b of a panel. Where a head
// alone would leave its body off the 64-byte grid, blocks lie in pairs, both
// heads before both bodies; an odd last block stands alone.
func packedBlock(f Format, panel []byte, b int) (head, body []byte) {
	h, q := packings[f].headBytes, packings[f].bodyBytes
	first := b * (h + q) // of the block, or of its pair
	headAt, bodyAt := first, first+h
	if h%64 != 0 {
		switch {
		case b%2 == 1:
			first -= h + q
			headAt, bodyAt = first+h, first+2*h+q
		case first+h+q < len(panel):
			bodyAt = first + 2*h
		}
	}
	return panel[headAt:][:h:h], panel[bodyAt:][:q:q]
}

// putWords writes the 4-byte words of src to lane row of consecutive words of
// body [words][PanelRows][4].
func putWords(body, src []byte, row int) {
	for at := row * 4; len(src) >= 4; at, src = at+64, src[4:] {
		binary.LittleEndian.PutUint32(body[at:], binary.LittleEndian.Uint32(src))
	}
}

// Bit masks for words of four bytes.
const (
	x01 = 0x01010101
	x03 = 3 * x01
	x07 = 7 * x01
	x0f = 15 * x01
	x1f = 31 * x01
	x3f = 63 * x01
)

// word4 returns bytes 4i to 4i+3 of b.
func word4(b []byte, i int) uint32 { return binary.LittleEndian.Uint32(b[4*i:]) }

// putWord writes word g of lane row.
func putWord(body []byte, g, row int, w uint32) {
	binary.LittleEndian.PutUint32(body[g*64+row*4:], w)
}

// word returns word g of lane row of body [words][PanelRows][4].
func word(body []byte, g, row int) uint32 {
	return binary.LittleEndian.Uint32(body[g*64+row*4:])
}

// putHalf copies a 2-byte scale to lane row of head.
func putHalf(head, src []byte, row int) {
	binary.LittleEndian.PutUint16(head[row*2:], binary.LittleEndian.Uint16(src))
}

// half returns the float16 in lane row of head.
func half(head []byte, row int) float32 {
	return float16To32(binary.LittleEndian.Uint16(head[row*2:]))
}
