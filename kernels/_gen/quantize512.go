package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

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

// foldMaxima leaves in each lane of X0 the maximum of that lane of Z0's four quarters.
func (p *panels) foldMaxima() {
	p.VEXTRACTI64X4(operand.U8(1), reg.Z0, reg.Y1)
	p.VPMAXUD(reg.Y1, reg.Y0, reg.Y0)
	p.VEXTRACTI128(operand.U8(1), reg.Y0, reg.X1)
	p.VPMAXUD(reg.X1, reg.X0, reg.X0)
}

// scaleBlock reduces the magnitudes in v(0) to their maximum, writes the scale
// to rScale and leaves the factor 127/amax in every lane of v(1). Blocks
// without a scale jump to special, with the bits of the scale in rTmp.
//
//	29 magnitude mask, 30 127
func (p *panels) scaleBlock(special string) {
	x0, x1 := reg.X0, reg.X1
	p.foldMaxima()
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

// quants64 writes the int8 of the floats from 64i on at rW, vector n of them times
// v(factor(n)), to rX, and leaves the sums of each 4 in v(sum). It uses four registers
// from first on; 26 is the table transpose4, because packs work on 128 bits at a time,
// and 28 bytes of one.
func (p *panels) quants64(i, first, sum int, factor func(n int) int) {
	for n := range 4 {
		p.VMULPS(at(rW, 256*i+64*n), p.v(factor(n)), p.v(first+n))
		p.VCVTPS2DQ(p.v(first+n), p.v(first+n))
	}
	p.VPACKSSDW(p.v(first+1), p.v(first), p.v(first))
	p.VPACKSSDW(p.v(first+3), p.v(first+2), p.v(first+2))
	p.VPACKSSWB(p.v(first+2), p.v(first), p.v(first))
	p.VPERMD(p.v(first), p.v(26), p.v(first))
	p.VMOVDQU32(p.v(first), at(rX, 64*i))
	p.clear(sum)
	p.VPDPBUSD(p.v(first), p.v(28), p.v(sum))
}

// quantize32 emits quantizeQ8x32Generic: four blocks at a time where all have a
// scale, else the next one alone.
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
	p.VMOVDQU32(operand.NewDataAddr(operand.NewStaticSymbol("transpose4"+p.suffix), 0), p.v(26))
	p.splat(minAmax, p.v(25))
	p.splat(notFinite-minAmax-1, p.v(24))
	loop, alone, special, next := p.label("loop"), p.label("alone"), p.label("special"), p.label("next")
	p.Label(loop)
	p.CMPQ(rN, operand.U8(4))
	p.JLT(operand.LabelRef(alone))
	p.fourScales(alone)
	p.quantizeFour()
	p.ADDQ(operand.U32(4*128), rW)
	p.ADDQ(operand.U32(4*32), rX)
	p.ADDQ(operand.U8(4*4), rScale)
	p.ADDQ(operand.U8(4*4), rSum)
	p.SUBQ(operand.U8(4), rN)
	p.JNZ(operand.LabelRef(loop))
	p.VZEROUPPER()
	p.RET()
	p.Label(alone)
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

// fourScales writes the scales of the four blocks at rW to rScale and leaves their
// factors 127/amax in X0. If one of them has no scale, it jumps to alone.
//
//	24 how far maxima may be above the least, 25, and still be numbers
//	29 magnitude mask, 30 127
func (p *panels) fourScales(alone string) {
	for i := range 4 {
		p.VPANDD(at(rW, 128*i), p.v(29), p.v(i))
		p.VPANDD(at(rW, 128*i+64), p.v(29), p.v(4))
		p.VPMAXUD(p.v(4), p.v(i), p.v(i))
	}
	for i := 0; i < 4; i += 2 { // 128 bits of two blocks into four lanes: a b a b
		p.VPUNPCKLDQ(p.v(i+1), p.v(i), p.v(4))
		p.VPUNPCKHDQ(p.v(i+1), p.v(i), p.v(5))
		p.VPMAXUD(p.v(5), p.v(4), p.v(i))
	}
	p.VPUNPCKLQDQ(p.v(2), p.v(0), p.v(4))
	p.VPUNPCKHQDQ(p.v(2), p.v(0), p.v(5))
	p.VPMAXUD(p.v(5), p.v(4), p.v(0))
	p.foldMaxima()
	p.VPSUBD(reg.X25, reg.X0, reg.X1)
	p.VPCMPUD(operand.U8(6), reg.X24, reg.X1, reg.K1) // above the limit
	p.KMOVW(reg.K1, rTmp.As32())
	p.TESTL(rTmp.As32(), rTmp.As32())
	p.JNZ(operand.LabelRef(alone))
	p.VDIVPS(reg.X30, reg.X0, reg.X1) // amax/127
	p.VMOVUPS(reg.X1, at(rScale, 0))
	p.VDIVPS(reg.X0, reg.X30, reg.X0) // 127/amax
}

// quantizeFour writes the quants of the four blocks at rW, whose factors are in X0,
// and their corrections.
func (p *panels) quantizeFour() {
	for i := range 2 {
		for b := range 2 {
			p.VPSHUFD(operand.U8((2*i+b)*0x55), reg.X0, reg.X1)
			p.VBROADCASTSS(reg.X1, p.v(2+b))
		}
		p.quants64(i, 4+4*i, 12+i, func(n int) int { return 2 + n/2 })
	}
	p.VPUNPCKLDQ(p.v(13), p.v(12), p.v(2))
	p.VPUNPCKHDQ(p.v(13), p.v(12), p.v(3))
	p.VPADDD(p.v(3), p.v(2), p.v(2)) // in 128 bits a block of either: a b a b
	p.VPSHUFD(operand.U8(0x4e), p.v(2), p.v(3))
	p.VPADDD(p.v(3), p.v(2), p.v(2))
	p.VPERMQ(operand.U8(0x4e), p.v(2), p.v(3)) // the other half of a block
	p.VPADDD(p.v(3), p.v(2), p.v(2))
	p.VEXTRACTI64X4(operand.U8(1), reg.Z2, reg.Y3)
	p.VPUNPCKLDQ(reg.X3, reg.X2, reg.X2)
	p.VPSLLD(operand.U8(7), reg.X2, reg.X2)
	p.VPXOR(reg.X3, reg.X3, reg.X3)
	p.VPSUBD(reg.X2, reg.X3, reg.X3)
	p.VMOVDQU(reg.X3, at(rSum, 0))
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
	// Sums of 4, in v(2+i) for the quants 64i to 64i+63, then of 8 and of 16.
	for i := range 4 {
		p.quants64(i, 6+4*i, 2+i, func(int) int { return 1 })
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
