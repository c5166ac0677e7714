package kernels

import "fmt"

// PanelRows is the number of output rows in a panel of packed weights: one
// SIMD lane each.
const PanelRows = 16

// MatMulScratchBytes is the size of the scratch buffer MatMul needs.
const MatMulScratchBytes = 208 << 10

// Range is the half-open range [From, To).
type Range struct{ From, To int }

// len is the number of elements in the range.
func (r Range) len() int { return r.To - r.From }

// Matrix is a weight matrix W [NOut, NIn] in packed panels; see Pack.
type Matrix struct {
	Format    Format
	NOut, NIn int
	Panels    []byte // PackedBytes(Format, NOut, NIn) bytes, 64-byte aligned
}

// NPanels is the number of panels of w; the last may hold fewer than PanelRows
// rows of the matrix, the rest of it is zero.
func (w Matrix) NPanels() int { return (w.NOut + PanelRows - 1) / PanelRows }

// check panics unless w's panels have the size its shape needs.
func (w Matrix) check(op string) {
	if n := PackedBytes(w.Format, w.NOut, w.NIn); len(w.Panels) != n {
		panic(fmt.Sprintf("kernels: %s: %v [%d, %d] needs %d bytes of panels, has %d", op, w.Format, w.NOut, w.NIn, n, len(w.Panels)))
	}
}

// MatMul sets a tile of y = x·Wᵀ: the rows in tokens, and in each of them the
// outputs of the panels.
//
//	y [nTokens, w.NOut]  its tile is overwritten; must not alias x or scratch
//	w                    packed weights
//	x [nTokens, w.NIn]   of kind w.Format.Activation()
//	scratch              MatMulScratchBytes, contents of no meaning before and after
//
// The bits of an output depend on its weight row and its activation row alone,
// never on the ranges. It panics if shapes disagree, allocates nothing, and is
// safe to call concurrently on disjoint tiles with a scratch each.
func MatMul(y []float32, w Matrix, x Activations, panels, tokens Range, scratch []byte) {
	w.check("MatMul")
	x.check("MatMul")
	if x.Kind != w.Format.Activation() || x.NIn != w.NIn {
		panic(fmt.Sprintf("kernels: MatMul: %v [%d, %d] cannot take %v activations [%d, %d]", w.Format, w.NOut, w.NIn, x.Kind, x.NTokens, x.NIn))
	}
	if len(y) != x.NTokens*w.NOut {
		panic(fmt.Sprintf("kernels: MatMul: y of %d for [%d, %d]", len(y), x.NTokens, w.NOut))
	}
	if len(scratch) < MatMulScratchBytes {
		panic(fmt.Sprintf("kernels: MatMul: scratch of %d bytes, needs %d", len(scratch), MatMulScratchBytes))
	}
	panels.check("MatMul panels", w.NPanels())
	tokens.check("MatMul tokens", x.NTokens)
	if panels.len() == 0 || tokens.len() == 0 {
		return
	}
	if raceEnabled {
		raceMatMul(y, w, x, panels, tokens, scratch)
	}
	active.MatMul[w.Format](y, w, x, panels, tokens, scratch)
}

// raceMatMul tells the race detector what a tile of a product touches.
func raceMatMul(y []float32, w Matrix, x Activations, panels, tokens Range, scratch []byte) {
	from, to := panels.From*PanelRows, min(panels.To*PanelRows, w.NOut)
	for t := tokens.From; t < tokens.To; t++ {
		raceWrite(y[t*w.NOut+from : t*w.NOut+to])
		x.race(t, false)
	}
	n := panelBytes(w.Format, w.NIn)
	raceRead(w.Panels[panels.From*n : panels.To*n])
	raceWrite(scratch[:MatMulScratchBytes])
}

// check panics unless r lies in [0, n).
func (r Range) check(what string, n int) {
	if r.From < 0 || r.To < r.From || r.To > n {
		panic(fmt.Sprintf("kernels: %s [%d, %d) of %d", what, r.From, r.To, n))
	}
}
