package main

import "fmt"

// attention writes the products of attention for tiles of one vector of 16
// lanes and up to six rows; see dotKernel.
func (a *neon) attention() {
	for rows := 1; rows <= 6; rows++ {
		a.dotRows(rows, false)
		a.dotRows(rows, true)
	}
}

// gA and gC are the elements and the sums of row r.
func gA(r int) string { return fmt.Sprintf("R%d", 6+r) }
func gC(r int) string { return fmt.Sprintf("R%d", 19+r) }

// dotRows emits c[r][w] += Σ_k a[r][k]·b[k][w], one FMA per k, ascending.
//
//	0-23  sums [rows][4]
//	24-27 a row of b
//	28-29 elements of a; halves of b before that
func (a *neon) dotRows(rows int, half bool) {
	typ, low := "F32", ""
	if half {
		typ, low = "F16", " in F16"
	}
	a.function(fmt.Sprintf("dot%dx1%s", rows, typ), fmt.Sprintf("multiplies %d rows by a vector%s; see dotKernel.", rows, low), 0,
		"c", "*float32", "cStride", "int", "a", "*float32", "aStride", "int", "b", "*byte", "bStep", "int", "bWide", "int", "n", "int", "add", "bool", "next", "*byte")
	a.param("c", 0, gC(0))
	a.param("cStride", 1, gTmp)
	a.param("a", 2, gA(0))
	a.param("aStride", 3, gChunks)
	for r := 1; r < rows; r++ {
		a.ins("ADD %s, %s, %s", gTmp, gC(r-1), gC(r))
		a.ins("ADD %s, %s, %s", gChunks, gA(r-1), gA(r))
	}
	a.param("b", 4, gW)
	a.param("bStep", 5, gTmp)
	a.param("n", 7, gCount)
	a.ins("MOVBU add+64(FP), %s", gOdd)
	load, ready, again, done := a.label("load"), a.label("ready"), a.label("again"), a.label("done")
	a.ins("CBNZ %s, %s", gOdd, load)
	for i := range 4 * rows {
		a.movi(vreg(i), 0)
	}
	a.ins("B %s", ready)
	a.at(load)
	for r := range rows {
		a.loadPair(gC(r), 0, vreg(4*r), vreg(4*r+1))
		a.loadPair(gC(r), 32, vreg(4*r+2), vreg(4*r+3))
	}
	a.at(ready)
	a.ins("CBZ %s, %s", gCount, done)
	gNext, size := gOdd, 64
	if half {
		size = 32
	}
	a.ins("MOVD next+72(FP), %s", gNext)
	a.at(again)
	a.ins("PRFM (%s), PLDL1KEEP", gNext)
	a.ins("ADD $%d, %s", size, gNext)
	a.loadRow(half)
	for r := range rows {
		x := vreg(28 + r%2)
		a.ins("FMOVS.P 4(%s), F%d", gA(r), x)
		for v := range 4 {
			a.fmlaElement(vreg(4*r+v), vreg(24+v), x, 0)
		}
	}
	a.ins("ADD %s, %s", gTmp, gW)
	a.ins("SUB $1, %s", gCount)
	a.ins("CBNZ %s, %s", gCount, again)
	a.at(done)
	for r := range rows {
		for v := range 4 {
			a.storeQ(vreg(4*r+v), gC(r), 16*v)
		}
	}
	a.ins("RET")
}

// loadRow loads a row of b to registers 24 to 27.
func (a *neon) loadRow(half bool) {
	if !half {
		a.loadPair(gW, 0, 24, 25)
		a.loadPair(gW, 32, 26, 27)
		return
	}
	a.loadPair(gW, 0, 28, 29)
	for i := range vreg(2) {
		a.fcvtl(24+2*i, 28+i)
		a.fcvtl2(25+2*i, 28+i)
	}
}
