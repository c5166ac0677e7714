package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// scaleBlock is that of AVX-512: it reduces the magnitudes in register 0 to
// their maximum, writes the scale and leaves 127/amax in register 1.
func (q *panels256) scaleBlock(special string) {
	x0, x1, x2 := reg.X0, reg.X1, reg.X2
	q.VEXTRACTI128(operand.U8(1), reg.Y0, x1)
	q.VPMAXUD(x1, x0, x0)
	q.VPSHUFD(operand.U8(0x4e), x0, x1)
	q.VPMAXUD(x1, x0, x0)
	q.VPSHUFD(operand.U8(0xb1), x0, x1)
	q.VPMAXUD(x1, x0, x0)
	q.VMOVD(x0, rCount.As32())
	q.MOVL(quietNaN, rTmp.As32())
	q.CMPL(rCount.As32(), notFinite)
	q.JCC(operand.LabelRef(special))
	q.XORL(rTmp.As32(), rTmp.As32())
	q.CMPL(rCount.As32(), minAmax)
	q.JCS(operand.LabelRef(special))
	f127 := q.wordConstant(uint32(f127))
	q.VMOVSS(f127, x2)
	q.VDIVSS(x2, x0, x1) // amax/127
	q.VMOVSS(x1, at(rScale, 0))
	q.VDIVSS(x0, x2, x1) // 127/amax
	q.VBROADCASTSS(x1, reg.Y1)
}

// amax sets register 0 to the largest magnitudes of n vectors at rW.
func (q *panels256) amax(n int) {
	magnitude := q.wordConstant(uint32(magnitudes))
	q.VMOVDQU(magnitude, q.v(3))
	q.VPAND(at(rW, 0), q.v(3), q.v(0))
	for i := 1; i < n; i++ {
		q.VPAND(at(rW, 32*i), q.v(3), q.v(1))
		q.VPMAXUD(q.v(1), q.v(0), q.v(0))
	}
}

// quants sets register dst to the quants of the 32 values at disp from rW and
// writes them to the same place from rX. Registers 4 to 7 are overwritten.
func (q *panels256) quants(disp int, dst reg.VecPhysical) {
	for i := range 4 {
		q.VMULPS(at(rW, 4*disp+32*i), q.v(1), q.v(4+i))
		q.VCVTPS2DQ(q.v(4+i), q.v(4+i))
	}
	q.VPACKSSDW(q.v(5), q.v(4), q.v(4))
	q.VPACKSSDW(q.v(7), q.v(6), q.v(6))
	q.VPACKSSWB(q.v(6), q.v(4), q.v(4))
	order := operand.NewDataAddr(operand.NewStaticSymbol("order"+q.suffix), 0)
	q.VMOVDQU(order, dst)
	q.VPERMD(q.v(4), dst, dst)
	q.VMOVDQU(dst, at(rX, disp))
}

// sums4 turns 32 quants into the int32 sums of each 4.
func (q *panels256) sums4(v reg.VecPhysical) {
	q.VMOVDQU(q.byteConstant(1), q.v(3))
	q.VPMADDUBSW(v, q.v(3), v)
	q.VPMADDWD(q.ones(), v, v)
}

// quantize32 emits quantizeQ8x32Generic.
func (q *panels256) quantize32() {
	q.function("quantize32", "func(q *int8, scale *float32, corr *int32, x *float32, nBlocks int)",
		"quantises nBlocks > 0 blocks of 32 activations.")
	rN := rHead
	q.param("q", rX)
	q.param("scale", rScale)
	q.param("corr", rSum)
	q.param("x", rW)
	q.param("nBlocks", rN)
	loop, special, next := q.label("loop"), q.label("special"), q.label("next")
	q.Label(loop)
	q.amax(4)
	q.scaleBlock(special)
	q.quants(0, q.v(2))
	q.sums4(q.v(2))
	q.VEXTRACTI128(operand.U8(1), reg.Y2, reg.X3)
	q.VPADDD(reg.X3, reg.X2, reg.X2)
	q.VPSHUFD(operand.U8(0x4e), reg.X2, reg.X3)
	q.VPADDD(reg.X3, reg.X2, reg.X2)
	q.VPSHUFD(operand.U8(0xb1), reg.X2, reg.X3)
	q.VPADDD(reg.X3, reg.X2, reg.X2)
	q.VMOVD(reg.X2, rTmp.As32())
	q.SHLL(operand.U8(7), rTmp.As32())
	q.NEGL(rTmp.As32())
	q.MOVL(rTmp.As32(), at(rSum, 0))
	q.Label(next)
	q.ADDQ(operand.U32(128), rW)
	q.ADDQ(operand.U8(32), rX)
	q.ADDQ(operand.U8(4), rScale)
	q.ADDQ(operand.U8(4), rSum)
	q.DECQ(rN)
	q.JNZ(operand.LabelRef(loop))
	q.VZEROUPPER()
	q.RET()
	q.Label(special)
	q.MOVL(rTmp.As32(), at(rScale, 0))
	q.clear(0)
	q.VMOVDQU(q.v(0), at(rX, 0))
	q.MOVL(operand.U32(0), at(rSum, 0))
	q.JMP(operand.LabelRef(next))
}

// quantize256 emits quantizeQ8x256Generic.
func (q *panels256) quantize256() {
	q.function("quantize256", "func(q *int8, scale *float32, sums *int16, x *float32, nBlocks int)",
		"quantises nBlocks > 0 blocks of 256 activations.")
	rN := rHead
	q.param("q", rX)
	q.param("scale", rScale)
	q.param("sums", rSum)
	q.param("x", rW)
	q.param("nBlocks", rN)
	loop, special, next := q.label("loop"), q.label("special"), q.label("next")
	q.Label(loop)
	q.amax(32)
	q.scaleBlock(special)
	for i := range 8 { // sums of 4 of group i in register 8+i
		q.quants(32*i, q.v(8+i))
		q.sums4(q.v(8 + i))
	}
	// A lane of 128 bits is a sub-block of 16: add its four sums, and those of
	// its neighbour.
	for i := 8; i < 16; i += 4 {
		q.VPHADDD(q.v(i+1), q.v(i), q.v(i))
		q.VPHADDD(q.v(i+3), q.v(i+2), q.v(i+2))
		q.VPHADDD(q.v(i+2), q.v(i), q.v(i)) // sub-blocks 0 2 4 6, then 1 3 5 7
	}
	for i := 8; i < 16; i += 4 {
		order := operand.NewDataAddr(operand.NewStaticSymbol("order"+q.suffix), 0)
		q.VMOVDQU(order, q.v(2))
		q.VPERMD(q.v(i), q.v(2), q.v(i))
	}
	q.VPACKSSDW(q.v(12), q.v(8), q.v(8)) // quarters 0 2 1 3
	q.VPERMQ(operand.U8(0xd8), q.v(8), q.v(8))
	q.VMOVDQU(q.v(8), at(rSum, 0))
	q.VPMADDWD(q.ones(), q.v(8), q.v(8)) // sums of 32
	q.VEXTRACTI128(operand.U8(1), reg.Y8, reg.X9)
	q.VPACKSSDW(reg.X9, reg.X8, reg.X8)
	q.VMOVDQU(reg.X8, at(rSum, 32))
	q.Label(next)
	q.ADDQ(operand.U32(1024), rW)
	q.ADDQ(operand.U32(256), rX)
	q.ADDQ(operand.U8(4), rScale)
	q.ADDQ(operand.U8(48), rSum)
	q.DECQ(rN)
	q.JNZ(operand.LabelRef(loop))
	q.VZEROUPPER()
	q.RET()
	q.Label(special)
	q.MOVL(rTmp.As32(), at(rScale, 0))
	q.clear(0)
	for i := range 8 {
		q.VMOVDQU(q.v(0), at(rX, 32*i))
	}
	q.VMOVDQU(q.v(0), at(rSum, 0))
	q.VMOVDQU(reg.X0, at(rSum, 32))
	q.JMP(operand.LabelRef(next))
}

// orderTable writes the order of 32-bit parts that undoes packing and adding
// within 128-bit lanes.
func (q *panels256) orderTable() {
	q.StaticGlobal("order" + q.suffix)
	q.DataAttributes(rodata)
	for i := range uint32(8) {
		q.AppendDatum(operand.U32(i%2*4 + i/2))
	}
}
