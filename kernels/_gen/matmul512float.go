package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gemmFloats emits the product of two panels of float weights with 1 to 6
// tokens: one FMA per input, ascending.
//
//	0-11  outputs: column c has 2c for the first panel, 2c+1
//	12-13 weights
//	14-15 activations
func (p *panels) gemmFloats(format string, elemBytes int) {
	p.function("gemm"+format, "func(y *float32, ldy int, w0, w1 *byte, n int, x *float32, nIn, nCols int, mask uint32, add bool)",
		"multiplies n inputs of two panels into nCols (1 to 6) columns of 32 outputs; mask selects rows.")
	rW1 := rHead
	p.param("mask", rTmp.As32())
	p.KMOVD(rTmp.As32(), reg.K1)
	p.KSHIFTRD(operand.U8(16), reg.K1, reg.K2)
	p.param("y", rY)
	p.param("ldy", rLdy)
	p.SHLQ(operand.U8(2), rLdy)
	p.param("w0", rW)
	p.aheadOf(false)
	p.param("w1", rW1)
	p.param("x", rX)
	p.param("nIn", rQuantStep)
	p.SHLQ(operand.U8(2), rQuantStep)
	p.thirdColumn(rX3, rX, rQuantStep)
	read := func(m operand.Mem, v reg.VecPhysical) {
		switch format {
		case "F32":
			p.VMOVUPS(m, v)
		case "F16":
			p.VCVTPH2PS(m, v)
		case "BF16":
			p.VPMOVZXWD(m, v)
			p.VPSLLD(operand.U8(16), v, v)
		}
	}
	p.forColumns(1, maxColumns, func(cols int) {
		p.startOutputs(cols, 0)
		inputs := func(n int) {
			for _, w := range []reg.Register{rW, rW1} {
				p.fetchAhead(w, 0, n*16*elemBytes, cols)
				p.fetchPage(w, n*16*elemBytes)
			}
			for k := range n {
				read(at(rW, k*16*elemBytes), p.v(12))
				read(at(rW1, k*16*elemBytes), p.v(13))
				for c := range cols {
					x := p.v(14 + c%2)
					p.VBROADCASTSS(column(rX, rX3, rQuantStep, c, 4*k), x)
					p.VFMADD231PS(x, p.v(12), p.v(2*c))
					p.VFMADD231PS(x, p.v(13), p.v(2*c+1))
				}
			}
			p.ADDQ(operand.U32(n*16*elemBytes), rW)
			p.ADDQ(operand.U32(n*16*elemBytes), rW1)
			p.ADDQ(operand.U8(4*n), rX)
			p.ADDQ(operand.U8(4*n), rX3)
		}
		p.unrolled(4, inputs)
		p.storeColumns(cols, func(c int) reg.VecPhysical { return p.v(2 * c) }, 0, reg.K1)
		p.storeColumns(cols, func(c int) reg.VecPhysical { return p.v(2*c + 1) }, 64, reg.K2)
	})
}

// unrolled emits a loop over the parameter n, by so many inputs at a time and
// the rest one by one. It uses rCount.
func (p *panels) unrolled(by int, inputs func(n int)) {
	loop, rest, tail, done := p.label("loop"), p.label("rest"), p.label("tail"), p.label("done")
	p.param("n", rCount)
	p.SHRQ(operand.U8(log2(by)), rCount)
	p.JZ(operand.LabelRef(rest))
	p.Label(loop)
	inputs(by)
	p.DECQ(rCount)
	p.JNZ(operand.LabelRef(loop))
	p.Label(rest)
	p.param("n", rCount)
	p.ANDQ(operand.U8(by-1), rCount)
	p.JZ(operand.LabelRef(done))
	p.Label(tail)
	inputs(1)
	p.DECQ(rCount)
	p.JNZ(operand.LabelRef(tail))
	p.Label(done)
}
