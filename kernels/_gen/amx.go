package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The products of the level amx for many tokens. TDPBSSD multiplies 16 tokens
// by the 16 rows of a panel over 64 inputs: 16 cycles for what VPDPBUSD does in
// 128. A panel's words are the layout it wants, tokens may lie apart.
//
// Its sums are int32 and must come out of the tile registers wherever a scale
// changes, 32 inputs for the block formats. The integer scales of super-blocks
// need not: they multiply the weights beforehand. The products have up to 14
// bits and go as two tiles of bytes, p = 128·high + low with 0 <= low < 128.

// A product is one call for a panel, a few inputs and all tokens, whose tile of
// weights stays in the first-level cache. Sums come from src, or are zero where
// srcStep is 0 and src is zeros, and go to dst.

// The registers of the AMX products, beside those of the others.
var (
	rSlot = reg.R14 // 64, the distance of rows in tiles of weights and in memory for sums
	rWork = reg.RBX // where sums leave the tile registers
	rPrev = reg.R15 // where those of the tokens before are
	rSrc  = reg.RDI // outputs so far
	rDst  = reg.RCX // and new ones
)

// emitAMX emits the AMX products.
func emitAMX(c *build.Context) {
	p := &panels{Context: c, suffix: "AMX", wide: true}
	for _, f := range blockFormats {
		p.amxTileBlocks(f)
	}
	p.amxBlocks(false)
	p.amxBlocks(true)
	for _, f := range superFormats {
		p.amxTileSupers(f)
	}
	p.amxSupers(0)
	p.amxSupers(4)
	p.amxSupers(8)
	p.amxTranspose()
	p.StaticGlobal("lanes" + p.suffix)
	p.DataAttributes(rodata)
	for i := range uint32(16) {
		p.AppendDatum(operand.U32(i))
	}
	p.finish()
}

// amxTileBlocks emits the unpacking of a panel's blocks to a tile: for each
// group 8 words of signed bytes, 64 bytes apart, the float32 scales and, where
// the format has them, the minima.
func (p *panels) amxTileBlocks(f *panelFormat) {
	p.function("tile"+f.name, "func(dst, src *byte, nBlocks int)",
		fmt.Sprintf("unpacks nBlocks blocks of a panel of %s into a tile.", f.name))
	rDst := rX
	p.param("dst", rDst)
	p.param("src", rW)
	p.param("nBlocks", rCount)
	free := p.constants(f, 31)
	if f.offset != 0 {
		p.VPBROADCASTD(p.byteConstant(f.offset), p.v(free))
	}
	block := func(head, body, _ int) {
		for j := range f.groups() {
			for g := range 8 {
				w, tmp := p.v(g%4*2), p.v(g%4*2+1)
				f.word(p, at(rW, body), j, g, w, tmp)
				if f.offset != 0 {
					p.VPSUBB(p.v(free), w, w)
				}
				p.VMOVDQU32(w, at(rDst, 64*g))
			}
			p.blockScales(f, at(rW, head), p.v(8))
			p.VMOVUPS(p.v(8), at(rDst, 64*8))
			if f.hasMin {
				p.blockScales(f, at(rW, head+f.scale.bytes()), p.v(9))
				p.VMOVUPS(p.v(9), at(rDst, 64*9))
			}
			p.ADDQ(operand.U32(64*f.blockSlots()), rDst)
		}
	}
	p.forPairs(f, block, func(n int) {
		p.ADDQ(operand.U32(n*(f.headBytes+f.bodyBytes())), rW)
	})
	p.VZEROUPPER()
	p.RET()
}

const amxSignature = "func(src *float32, srcStep int, dst *float32, dstStep int, tile *byte, xq *int8, xStride int, %s, nCols, nChunks int, mask uint32, work *byte)"

// amxStart loads what both products take. work begins with the tile
// configuration; the sums come behind it.
func (p *panels) amxStart() {
	p.param("mask", rTmp.As32())
	p.KMOVW(rTmp.As32(), reg.K1)
	p.param("src", rSrc)
	p.param("dst", rDst)
	p.param("tile", rW)
	p.param("xq", rX)
	p.param("xStride", rQuantStep)
	p.param("dx", rScale)
	p.param("work", rWork)
	p.MOVQ(operand.U32(64), rSlot)
	p.tileLoadConfig(rWork)
	p.ADDQ(operand.U8(64), rWork)
}

// parameter is a parameter in memory.
func (p *panels) parameter(name string) operand.Mem {
	param, err := p.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return param.Addr
}

// amxBlocks emits the product of a tile of n 32-value groups with nChunks times
// nCols tokens, up to 16. Sums go through memory group by group; vector
// registers hold the outputs of the tokens.
//
// dx and sx are [n][16] for each chunk, chunkStep bytes apart: the tokens'
// scales, and where the format has minima the sums of their quants; zero for
// tokens that are not there.
//
//	tile registers: 0-3 sums, 4-5 activations, 6-7 weights
//	0-15  outputs
//	16-19 temporaries, 20-21 scales and minima
func (p *panels) amxBlocks(hasMin bool) {
	name, slots := "gemmBlocks", 9
	if hasMin {
		name, slots = "gemmBlocksMin", 10
	}
	p.function(name, fmt.Sprintf(amxSignature, "n int, dx, sx *float32, chunkStep int"),
		"multiplies a tile of n groups and nChunks times nCols (1 to 16) tokens into 16 outputs; mask selects rows.")
	p.amxStart()
	p.param("sx", rSum)
	rGroup := rHead
	chunk, loop, last := p.label("chunk"), p.label("loop"), p.label("last")
	rest, single, done := p.label("rest"), p.label("single"), p.label("done")
	p.Label(chunk)
	p.amxOutputs("srcStep", rSrc, func(t int, m operand.Mem) { p.VMOVUPS_Z(m, reg.K1, p.v(t)) })
	next := func(n int) {
		p.ADDQ(operand.U32(n*slots*64), rW)
		p.ADDQ(operand.U32(n*32), rX)
		p.ADDQ(operand.U32(n*64), rScale)
		p.ADDQ(operand.U32(n*64), rSum)
	}
	// Four groups at a time: two are multiplied while the two before are added.
	four := func(more bool) {
		p.amxBlockDot(slots, 2)
		p.amxBlockDot(slots, 3)
		p.amxBlockAdd(slots, 0, hasMin)
		p.amxBlockAdd(slots, 1, hasMin)
		if more {
			p.amxBlockDot(slots, 4)
			p.amxBlockDot(slots, 5)
		}
		p.amxBlockAdd(slots, 2, hasMin)
		p.amxBlockAdd(slots, 3, hasMin)
		next(4)
	}
	p.param("n", rGroup)
	p.SHRQ(operand.U8(2), rGroup)
	p.JZ(operand.LabelRef(rest))
	p.amxBlockDot(slots, 0)
	p.amxBlockDot(slots, 1)
	p.Label(loop)
	p.DECQ(rGroup)
	p.JZ(operand.LabelRef(last))
	four(true)
	p.JMP(operand.LabelRef(loop))
	p.Label(last)
	four(false)
	p.Label(rest)
	p.param("n", rGroup)
	p.ANDQ(operand.U8(3), rGroup)
	p.JZ(operand.LabelRef(done))
	p.Label(single)
	p.amxBlockDot(slots, 0)
	p.amxBlockAdd(slots, 0, hasMin)
	next(1)
	p.DECQ(rGroup)
	p.JNZ(operand.LabelRef(single))
	p.Label(done)
	p.amxOutputs("dstStep", rDst, func(t int, m operand.Mem) { p.VMOVUPS(p.v(t), reg.K1, m) })
	p.DECQ(p.parameter("nChunks"))
	end := p.label("end")
	p.JZ(operand.LabelRef(end))
	// The tile again, the next 16 tokens.
	p.param("n", rTmp)
	p.IMUL3Q(operand.U32(32), rTmp, rGroup)
	p.SUBQ(rGroup, rX)
	p.ADDQ(rGroup, rGroup) // 64 bytes of scales a group
	p.SUBQ(rGroup, rScale)
	p.SUBQ(rGroup, rSum)
	p.ADDQ(p.parameter("chunkStep"), rScale)
	p.ADDQ(p.parameter("chunkStep"), rSum)
	p.MOVQ(rQuantStep, rTmp)
	p.SHLQ(operand.U8(4), rTmp)
	p.ADDQ(rTmp, rX)
	p.param("tile", rW)
	p.JMP(operand.LabelRef(chunk))
	p.Label(end)
	p.tileRelease()
	p.VZEROUPPER()
	p.RET()
}

// amxBlockDot multiplies group i from rW and stores its sums.
func (p *panels) amxBlockDot(slots, i int) {
	sums, x, w := i%4, 4+i%2, 6+i%2
	p.tileLoad(rX, rQuantStep, 32*i, x)
	p.tileLoad(rW, rSlot, slots*64*i, w)
	p.tileZero(sums)
	p.tileDot(x, w, sums)
	p.tileStore(sums, rWork, rSlot, 1024*sums)
}

// amxBlockAdd adds group i to the outputs.
func (p *panels) amxBlockAdd(slots, i int, hasMin bool) {
	p.VMOVUPS(at(rW, (slots*i+8)*64), p.v(20))
	if hasMin {
		p.VMOVUPS(at(rW, (slots*i+9)*64), p.v(21))
	}
	for t := range 16 {
		factor, sum := p.v(16+t%2), p.v(18+t%2)
		p.VMULPS_BCST(at(rScale, 64*i+4*t), p.v(20), factor)
		p.VCVTDQ2PS(at(rWork, 1024*i+64*t), sum)
		p.VFMADD231PS(factor, sum, p.v(t))
		if hasMin {
			p.VMULPS_BCST(at(rScale, 64*i+4*t), p.v(21), factor)
			p.VFMADD231PS_BCST(at(rSum, 64*i+4*t), factor, p.v(t))
		}
	}
}

// amxOutputs emits move for each of the nCols outputs of a chunk, and moves
// their pointer to the next chunk's.
func (p *panels) amxOutputs(step string, pointer reg.Register, move func(t int, m operand.Mem)) {
	done := p.label("moved")
	for t := range 16 {
		move(t, at(pointer, 0))
		p.ADDQ(p.parameter(step), pointer)
		if t < 15 {
			p.CMPQ(p.parameter("nCols"), operand.U8(t+1))
			p.JEQ(operand.LabelRef(done))
		}
	}
	p.Label(done)
}
