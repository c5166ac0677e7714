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
			for i := 0; i < n*16*elemBytes && cols <= 2; i += 64 {
				p.fetchAhead(i, 64)
				p.PREFETCHT1(at(rW1, ahead+i))
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

// quantizers emits the quantisation of activations: quantizeBlock and its sums.
func (p *panels) quantizers() {
	p.quantize32()
	p.quantize256()
}

// The constants of quantizeBlock: 127, the least maximum that is not zero, and
// the first bit pattern that is no number.
var (
	f127       = operand.U32(0x42fe0000)
	minAmax    = operand.U32(0x0d800000) // 2^-100
	notFinite  = operand.U32(0x7f800000)
	quietNaN   = operand.U32(0x7fc00000)
	magnitudes = operand.U32(0x7fffffff)
)

// splat sets v to a 32-bit constant in every lane.
func (p *panels) splat(c operand.Constant, v reg.VecPhysical) {
	p.MOVL(c, rTmp.As32())
	p.VPBROADCASTD(rTmp.As32(), v)
}

// scaleBlock reduces the magnitudes in v(0) to their maximum, writes the scale
// to rScale and leaves the factor 127/amax in every lane of v(1). Blocks
// without a scale jump to special, with the bits of the scale in rTmp.
//
//	29 magnitude mask, 30 127
func (p *panels) scaleBlock(special string) {
	x0, x1 := reg.X0, reg.X1
	p.VEXTRACTI64X4(operand.U8(1), reg.Z0, reg.Y1)
	p.VPMAXUD(reg.Y1, reg.Y0, reg.Y0)
	p.VEXTRACTI128(operand.U8(1), reg.Y0, x1)
	p.VPMAXUD(x1, x0, x0)
	p.VPSHUFD(operand.U8(0x4e), x0, x1)
	p.VPMAXUD(x1, x0, x0)
	p.VPSHUFD(operand.U8(0xb1), x0, x1)
	p.VPMAXUD(x1, x0, x0)
	p.VMOVD(x0, rCount.As32())
	p.MOVL(quietNaN, rTmp.As32())
	p.CMPL(rCount.As32(), notFinite)
	p.JCC(operand.LabelRef(special))
	p.XORL(rTmp.As32(), rTmp.As32())
	p.CMPL(rCount.As32(), minAmax)
	p.JCS(operand.LabelRef(special))
	p.VDIVSS(reg.X30, x0, x1) // amax/127
	p.VMOVSS(x1, at(rScale, 0))
	p.VDIVSS(x0, reg.X30, x1) // 127/amax
	p.VBROADCASTSS(x1, reg.Z1)
}

// quantize32 emits quantizeQ8x32Generic.
func (p *panels) quantize32() {
	p.function("quantize32", "func(q *int8, scale *float32, corr *int32, x *float32, nBlocks int)",
		"quantises nBlocks > 0 blocks of 32 activations.")
	rN := rHead
	p.param("q", rX)
	p.param("scale", rScale)
	p.param("corr", rSum)
	p.param("x", rW)
	p.param("nBlocks", rN)
	p.splat(magnitudes, p.v(29))
	p.splat(f127, p.v(30))
	p.splat(operand.U32(0x01010101), p.v(28))
	loop, special, next := p.label("loop"), p.label("special"), p.label("next")
	p.Label(loop)
	p.VPANDD(at(rW, 0), p.v(29), p.v(0))
	p.VPANDD(at(rW, 64), p.v(29), p.v(1))
	p.VPMAXUD(p.v(1), p.v(0), p.v(0))
	p.scaleBlock(special)
	p.VMULPS(at(rW, 0), p.v(1), p.v(2))
	p.VMULPS(at(rW, 64), p.v(1), p.v(3))
	p.VCVTPS2DQ(p.v(2), p.v(2))
	p.VCVTPS2DQ(p.v(3), p.v(3))
	p.VPMOVDB(p.v(2), at(rX, 0))
	p.VPMOVDB(p.v(3), at(rX, 16))
	p.VPADDD(p.v(3), p.v(2), p.v(2))
	p.VEXTRACTI64X4(operand.U8(1), reg.Z2, reg.Y3)
	p.VPADDD(reg.Y3, reg.Y2, reg.Y2)
	p.VEXTRACTI128(operand.U8(1), reg.Y2, reg.X3)
	p.VPADDD(reg.X3, reg.X2, reg.X2)
	p.VPSHUFD(operand.U8(0x4e), reg.X2, reg.X3)
	p.VPADDD(reg.X3, reg.X2, reg.X2)
	p.VPSHUFD(operand.U8(0xb1), reg.X2, reg.X3)
	p.VPADDD(reg.X3, reg.X2, reg.X2)
	p.VMOVD(reg.X2, rTmp.As32())
	p.SHLL(operand.U8(7), rTmp.As32())
	p.NEGL(rTmp.As32())
	p.MOVL(rTmp.As32(), at(rSum, 0))
	p.Label(next)
	p.ADDQ(operand.U32(128), rW)
	p.ADDQ(operand.U8(32), rX)
	p.ADDQ(operand.U8(4), rScale)
	p.ADDQ(operand.U8(4), rSum)
	p.DECQ(rN)
	p.JNZ(operand.LabelRef(loop))
	p.VZEROUPPER()
	p.RET()
	p.Label(special)
	p.MOVL(rTmp.As32(), at(rScale, 0))
	p.VPXOR(reg.Y0, reg.Y0, reg.Y0)
	p.VMOVDQU(reg.Y0, at(rX, 0))
	p.MOVL(operand.U32(0), at(rSum, 0))
	p.JMP(operand.LabelRef(next))
}

// quantize256 emits quantizeQ8x256Generic.
func (p *panels) quantize256() {
	p.function("quantize256", "func(q *int8, scale *float32, sums *int16, x *float32, nBlocks int)",
		"quantises nBlocks > 0 blocks of 256 activations.")
	rN := rHead
	p.param("q", rX)
	p.param("scale", rScale)
	p.param("sums", rSum)
	p.param("x", rW)
	p.param("nBlocks", rN)
	p.splat(magnitudes, p.v(29))
	p.splat(f127, p.v(30))
	p.splat(operand.U32(0x01010101), p.v(28))
	p.splat(operand.U32(0x00010001), p.v(27))
	p.VMOVDQU32(operand.NewDataAddr(operand.NewStaticSymbol("transpose4"+p.suffix), 0), p.v(26))
	loop, special, next := p.label("loop"), p.label("special"), p.label("next")
	p.Label(loop)
	p.VPANDD(at(rW, 0), p.v(29), p.v(0))
	p.VPANDD(at(rW, 64), p.v(29), p.v(1))
	for i := 2; i < 16; i++ {
		p.VPANDD(at(rW, 64*i), p.v(29), p.v(2))
		p.VPMAXUD(p.v(2), p.v(i%2), p.v(i%2))
	}
	p.VPMAXUD(p.v(1), p.v(0), p.v(0))
	p.scaleBlock(special)
	for i := range 16 {
		v := p.v(2 + i%8)
		p.VMULPS(at(rW, 64*i), p.v(1), v)
		p.VCVTPS2DQ(v, v)
		p.VPMOVDB(v, at(rX, 16*i))
	}
	// Sums of 4, in v(2+i) for the quants 64i to 64i+63, then of 8 and of 16.
	for i := range 4 {
		p.clear(2 + i)
		p.VPDPBUSD(at(rX, 64*i), p.v(28), p.v(2+i))
	}
	p.VPACKSSDW(p.v(3), p.v(2), p.v(2))
	p.VPACKSSDW(p.v(5), p.v(4), p.v(4))
	p.VPMADDWD(p.v(27), p.v(2), p.v(2))
	p.VPMADDWD(p.v(27), p.v(4), p.v(4))
	p.VPACKSSDW(p.v(4), p.v(2), p.v(2))
	p.VPMADDWD(p.v(27), p.v(2), p.v(2))
	p.VPERMD(p.v(2), p.v(26), p.v(2))
	p.VPMOVDW(p.v(2), at(rSum, 0))
	p.VPMADDWD(at(rSum, 0), reg.Y27, reg.Y2) // and of 32
	p.VPMOVDW(reg.Y2, at(rSum, 32))
	p.Label(next)
	p.ADDQ(operand.U32(1024), rW)
	p.ADDQ(operand.U32(256), rX)
	p.ADDQ(operand.U8(4), rScale)
	p.ADDQ(operand.U8(48), rSum)
	p.DECQ(rN)
	p.JNZ(operand.LabelRef(loop))
	p.VZEROUPPER()
	p.RET()
	p.Label(special)
	p.MOVL(rTmp.As32(), at(rScale, 0))
	p.clear(0)
	for i := range 4 {
		p.VMOVDQU32(p.v(0), at(rX, 64*i))
	}
	p.VMOVDQU(reg.Y0, at(rSum, 0))
	p.VMOVDQU(reg.X0, at(rSum, 32))
	p.JMP(operand.LabelRef(next))
}

// transposeTable writes the indices that transpose a 4×4 matrix of int32.
func (p *panels) transposeTable() {
	p.StaticGlobal("transpose4" + p.suffix)
	p.DataAttributes(rodata)
	for i := range 16 {
		p.AppendDatum(operand.U32(i%4*4 + i/4))
	}
}
