package main

import "fmt"

// floats emits the products of float weights.
func (a *neon) floats() {
	for _, format := range []string{"F32", "F16", "BF16"} {
		a.gemvFloats(format)
	}
}

// gemvFloats emits the product of a panel of float weights with 1, 2 or 4
// columns.
//
//	0-15  outputs [cols][4]
//	16-19 activations, of each column
//	20-27 weights, of two inputs in turn
//	28-29 halves
func (a *neon) gemvFloats(format string) {
	a.function("gemv"+format, "sets nCols (1, 2 or 4) columns of 16 outputs from n inputs of a panel of "+format+".", 0,
		"y", "*float32", "ldy", "int", "w", "*byte", "n", "int", "x", "*float32", "nIn", "int", "nCols", "int")
	a.param("y", 0, gY)
	a.param("ldy", 1, gLdy)
	a.ins("LSL $2, %s", gLdy)
	a.param("w", 2, gW)
	a.param("n", 3, gCount)
	a.param("x", 4, gX(0))
	a.param("nIn", 5, gTmp)
	for c := 1; c < 4; c++ {
		a.ins("ADD %s<<2, %s, %s", gTmp, gX(c-1), gX(c))
	}
	a.param("nCols", 6, gTmp)
	two, four := a.label("columns"), a.label("columns")
	a.ins("CMP $2, %s", gTmp)
	a.ins("BEQ %s", two)
	a.ins("CMP $4, %s", gTmp)
	a.ins("BEQ %s", four)
	a.floatColumns(format, 1)
	a.at(two)
	a.floatColumns(format, 2)
	a.at(four)
	a.floatColumns(format, 4)
}

func (a *neon) floatColumns(format string, cols int) {
	rowBytes := 32
	if format == "F32" {
		rowBytes = 64
	}
	for i := range 4 * cols {
		a.movi(vreg(i), 0)
	}
	loop, rest, done := a.label("loop"), a.label("rest"), a.label("done")
	a.ins("SUBS $4, %s", gCount)
	a.ins("BLT %s", rest)
	a.at(loop)
	for c := range cols {
		a.ins("FMOVQ.P 16(%s), F%d", gX(c), 16+c)
	}
	for k := range 4 {
		a.floatInput(format, cols, k, k*rowBytes)
	}
	a.ins("ADD $%d, %s", 4*rowBytes, gW)
	a.ins("SUBS $4, %s", gCount)
	a.ins("BGE %s", loop)
	a.at(rest)
	a.ins("ADDS $4, %s", gCount)
	a.ins("BEQ %s", done)
	last := a.label("last")
	a.at(last)
	for c := range cols {
		a.ins("FMOVS.P 4(%s), F%d", gX(c), 16+c)
	}
	a.floatInput(format, cols, 0, 0)
	a.ins("ADD $%d, %s", rowBytes, gW)
	a.ins("SUBS $1, %s", gCount)
	a.ins("BNE %s", last)
	a.at(done)
	for c := range cols {
		for v := range 4 {
			a.storeQ(vreg(4*c+v), gY, 16*v)
		}
		a.ins("ADD %s, %s", gLdy, gY)
	}
	a.ins("RET")
}

// floatInput emits one FMA an output with element k of the activations.
func (a *neon) floatInput(format string, cols, k, disp int) {
	w := vreg(20 + k%2*4)
	if format == "F32" {
		a.loadPair(gW, disp, w, w+1)
		a.loadPair(gW, disp+32, w+2, w+3)
	} else {
		a.loadPair(gW, disp, 28, 29)
		low, high := a.fcvtl, a.fcvtl2
		if format == "BF16" {
			low, high = a.shll, a.shll2
		}
		for half := range vreg(2) {
			low(w+2*half, 28+half)
			high(w+2*half+1, 28+half)
		}
	}
	for c := range cols {
		for v := range 4 {
			a.fmlaElement(vreg(4*c+v), w+vreg(v), vreg(16+c), k)
		}
	}
}

// quantizers emits the quantisation of activations: quantizeBlock for blocks of
// 32 and of 256 values.
func (a *neon) quantizers() {
	for _, n := range []int{32, 256} {
		a.quantizer(n)
	}
}

// quantizer emits one of them.
//
//	0-7   32 values
//	16    amax, 17 127, 18 its quotient, 19 the scale
//	20-23 temporaries
func (a *neon) quantizer(n int) {
	sums := "*int32"
	if n == 256 {
		sums = "*int16"
	}
	a.function(fmt.Sprintf("quantize%d", n), fmt.Sprintf("quantises nBlocks > 0 blocks of %d activations.", n), 0,
		"q", "*int8", "scale", "*float32", "sums", sums, "x", "*float32", "nBlocks", "int")
	for i, name := range []string{"q", "scale", "sums", "x", "nBlocks"} {
		a.param(name, i, fmt.Sprintf("R%d", i))
	}
	a.ins("MOVW $0x42fe0000, R5")
	a.ins("FMOVS R5, F17")
	block, normal, zero, next := a.label("block"), a.label("normal"), a.label("zero"), a.label("next")
	a.at(block)
	a.largest(n)
	a.ins("MOVW $0x7f800000, R5")
	a.ins("CMPW R5, R6")
	a.ins("BLO %s", normal)
	a.ins("MOVW $0x7fc00000, R6")
	a.ins("FMOVS R6, F19")
	a.ins("B %s", zero)
	a.at(normal)
	a.ins("MOVW $0x%08x, R5", (127-100)<<23) // minAmax
	a.ins("CMPW R5, R6")
	a.ins("FMOVS ZR, F19")
	a.ins("BLO %s", zero)
	a.ins("FMOVS R6, F16")
	a.ins("FDIVS F16, F17, F18")
	a.ins("FDIVS F17, F16, F19")
	a.quants(n)
	a.ins("B %s", next)
	a.at(zero)
	a.movi(20, 0)
	for i := range n / 16 {
		a.storeQ(20, "R0", 16*i)
	}
	a.ins("ADD $%d, R0", n)
	a.ins("ADD $%d, R3", 4*n)
	if n == 32 {
		a.ins("MOVW.P ZR, 4(R2)")
	} else {
		for i := range sumsBytes / 16 {
			a.storeQ(20, "R2", 16*i)
		}
		a.ins("ADD $%d, R2", sumsBytes)
	}
	a.at(next)
	a.ins("FMOVS.P F19, 4(R1)")
	a.ins("SUBS $1, R4")
	a.ins("BNE %s", block)
	a.ins("RET")
}

// loadValues loads 32 values.
func (a *neon) loadValues(base string) {
	for i := vreg(0); i < 8; i += 2 {
		a.loadPair(base, 16*int(i), i, i+1)
	}
}

// largest sets R6 to the bits of the largest magnitude of a block. Magnitudes
// compare as integers, and shifting out the sign keeps their order.
func (a *neon) largest(n int) {
	a.movi(16, 0)
	loop := a.label("largest")
	if n > 32 {
		a.ins("MOVD R3, R7")
		a.ins("MOVD $%d, R8", n/32)
		a.at(loop)
		a.loadValues("R7")
	} else {
		a.loadValues("R3")
	}
	for i := range vreg(8) {
		a.shl(s4, 20+i%4, i, 1)
		a.umax(16, 16, 20+i%4)
	}
	if n > 32 {
		a.ins("ADD $128, R7")
		a.ins("SUBS $1, R8")
		a.ins("BNE %s", loop)
	}
	a.umaxv(16, 16)
	a.ins("FMOVS F16, R6")
	a.ins("LSRW $1, R6")
}

// quants quantises a block and moves the pointers on.
func (a *neon) quants(n int) {
	loop := a.label("quants")
	if n > 32 {
		a.ins("ADD $32, R2, R9")
		a.ins("MOVD $%d, R8", n/32)
		a.at(loop)
		a.loadValues("R3")
	}
	for i := range vreg(8) {
		a.fmulElement(i, i, 18, 0)
		a.fcvtns(i, i)
	}
	if n == 32 {
		a.mov(20, 0)
		for i := vreg(1); i < 8; i++ {
			a.add(20, 20, i)
		}
		a.addv(20, 20)
		a.ins("FMOVS F20, R7")
		a.ins("NEGW R7<<7, R7")
		a.ins("MOVW.P R7, 4(R2)")
	}
	for i := range vreg(2) { // 16 values
		for h := range vreg(2) {
			a.xtn(h4, s4, 20+h, 4*i+2*h)
			a.xtn(h8, s4, 20+h, 4*i+2*h+1)
		}
		a.xtn(b8, h8, 22, 20)
		a.xtn(b16, h8, 22, 21)
		a.ins("FMOVQ.P F22, 16(R0)")
		if n > 32 {
			a.saddlv(24+i, 22)
			a.ins("VST1.P V%d.H[0], 2(R2)", 24+i)
		}
	}
	a.ins("ADD $128, R3")
	if n > 32 {
		a.add(24, 24, 25)
		a.ins("VST1.P V24.H[0], 2(R9)")
		a.ins("SUBS $1, R8")
		a.ins("BNE %s", loop)
		a.ins("MOVD R9, R2")
	}
}
