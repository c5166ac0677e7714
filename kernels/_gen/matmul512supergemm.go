package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The tile of a super-block: for each group of 32 values 8 slots of words, with
// the format's own offset, and a slot for each sub-block scale; then the pairs
// of minima, or of scales times minus the offset; then d and dmin.

// groupSlots is the number of slots of a group.
func (f *panelFormat) groupSlots() int { return 8 + f.subs()/8 }

// tileSupers emits the unpacking of a panel's super-blocks into its half of a
// tile.
func (p *panels) tileSupers(f *panelFormat) {
	p.function("tile"+f.name, "func(dst, src *byte, nBlocks int)",
		fmt.Sprintf("unpacks nBlocks blocks of a panel of %s into one half of a tile.", f.name))
	rDst, rSubs, rChunk, rIndex := rX, rY, rCount, rLdy
	p.param("dst", rDst)
	p.param("src", rW)
	p.constants(f, 31)
	p.forBlocks(f, rIndex, func() {
		p.LEAQ(at(rHead, f.subsAt()), rSubs)
		p.MOVQ(operand.U32(8/f.chunk), rChunk)
		chunks := p.label("chunks")
		p.Label(chunks)
		for j := range f.chunk {
			for g := range 8 {
				w, tmp := p.v(g%4*2), p.v(g%4*2+1)
				f.word(p, at(rW, 0), j, g, w, tmp)
				p.VMOVDQU32(w, at(rDst, g*slot))
			}
			for i := range f.subs() / 8 {
				sub := j*f.subs()/8 + i
				p.VPMOVSXBW(at(rSubs, sub/2*32), p.v(8))
				p.subScale(f, p.v(8), sub%2 == 1, p.v(9))
				p.VMOVDQU32(p.v(9), at(rDst, (8+i)*slot))
			}
			p.ADDQ(operand.U32(f.groupSlots()*slot), rDst)
		}
		p.ADDQ(operand.U32(f.chunkWords*64), rW)
		p.ADDQ(operand.U32(f.chunk*f.subs()/8*16), rSubs)
		p.DECQ(rChunk)
		p.JNZ(operand.LabelRef(chunks))
		p.tilePairs(f, rDst)
	})
	p.VZEROUPPER()
	p.RET()
}

// tilePairs writes what follows the groups in a tile and moves rDst behind it.
func (p *panels) tilePairs(f *panelFormat, rDst reg.Register) {
	for i := range f.pairs() {
		switch {
		case f.hasMin:
			p.VPMOVSXBW(at(rHead, f.minsAt()+32*i), p.v(8))
		case f.sub == 0:
			p.VPTERNLOGD(operand.U8(0xff), p.v(8), p.v(8), p.v(8))
			p.VPSLLW(operand.U8(log2(f.offset)), p.v(8), p.v(8))
		default:
			p.VPMOVSXBW(at(rHead, f.subsAt()+32*i), p.v(8))
			p.VPSLLW(operand.U8(log2(f.offset)), p.v(8), p.v(8))
			p.clear(9)
			p.VPSUBW(p.v(8), p.v(9), p.v(8))
		}
		p.VMOVDQU32(p.v(8), at(rDst, i*slot))
	}
	n := f.pairs()
	p.blockScales(f, at(rHead, 0), p.v(8))
	p.VMOVUPS(p.v(8), at(rDst, n*slot))
	n++
	if f.hasMin {
		p.blockScales(f, at(rHead, f.scale.bytes()), p.v(8))
		p.VMOVUPS(p.v(8), at(rDst, n*slot))
		n++
	}
	p.ADDQ(operand.U32(n*slot), rDst)
}

// gemmSupers emits the product of a tile of super-blocks with 3 to 6 tokens.
//
//	0-11  dot products, as in gemmLoop; then minima
//	12-23 integer sums of the block, likewise
//	29-30 scales
func (p *panels) gemmSupers(f *panelFormat) {
	p.function("gemm"+p.variant(f), fmt.Sprintf(gemmSignature, "sums *byte"),
		"multiplies a tile of n super-blocks into nCols (3 or more) columns of 32 outputs; mask selects rows.")
	rGroup := rHead
	p.gemmStart()
	p.superSteps()
	p.forTiles(minColumns, maxColumns, rSumStep, func(cols int) {
		loop := p.label("loop")
		p.thirdColumn(rX3, rX, rQuantStep)
		p.startMemory(cols)
		p.fetchNext(cols)
		p.Label(loop)
		for c := range 2 * cols {
			p.clear(12 + c)
			if f.sub == 0 {
				p.clear(c)
			}
		}
		p.MOVQ(operand.U32(8), rGroup)
		p.subBlocks(f).emit(p, cols, rGroup)
		p.ADDQ(operand.U8(32), rX3)
		p.gemmFinish(f, cols)
		p.ADDQ(operand.U8(4), rScale)
		p.ADDQ(operand.U8(48), rSum)
		p.DECQ(rCount)
		p.JNZ(operand.LabelRef(loop))
	})
}

// startMemory clears the outputs unless add is true. Their cache lines are then
// on the way while the first super-block is summed.
func (p *panels) startMemory(cols int) {
	done := p.label("start")
	p.param("add", rTmp.As8())
	p.TESTB(rTmp.As8(), rTmp.As8())
	p.JNE(operand.LabelRef(done))
	p.clear(0)
	zero := func(int) reg.VecPhysical { return p.v(0) }
	p.storeColumns(cols, zero, 0, reg.K1)
	p.storeColumns(cols, zero, 64, reg.K2)
	p.Label(done)
}

// subBlocks is the loop over the groups of a super-block, whose sums, times the
// scales of sub-blocks, are added to the sums of the block.
func (p *panels) subBlocks(f *panelFormat) gemmLoop {
	l := gemmLoop{
		each:    8,
		word:    slotAt,
		start:   func(part, bool) {},
		add:     func(part, int, int) {},
		next:    func() { p.ADDQ(operand.U32(f.groupSlots()*slot), rW) },
		nextAll: func() {},
	}
	if f.sub == 0 { // no scales: straight into the block's sums
		return l
	}
	if f.sub == 16 {
		l.each = 4
	}
	l.start = func(t part, _ bool) {
		for c := t.from; c < t.to; c++ {
			p.clear(2 * c)
			p.clear(2*c + 1)
		}
	}
	l.add = func(t part, g, free int) {
		scale := 8 + g*4/f.sub
		if t.behind && g == 7 { // rW is at the next group
			scale -= f.groupSlots()
		}
		for i := range 2 {
			p.VMOVDQU32(slotAt(scale, i), p.v(free+i))
		}
		for c := t.from; c < t.to; c++ {
			for i := range 2 {
				p.addScaled(f, p.v(2*c+i), p.v(free+i), p.v(12+2*c+i))
			}
		}
	}
	return l
}

// gemmFinish adds a super-block to the outputs and moves rW behind it.
func (p *panels) gemmFinish(f *panelFormat, cols int) {
	pairs := 12 // the offset joins the block's sums,
	if f.sub == 0 {
		for c := range 2 * cols {
			p.VPADDD(p.v(c), p.v(12+c), p.v(12+c))
		}
	}
	if f.hasMin { // minima have their own
		pairs = 0
		for c := range 2 * cols {
			p.clear(c)
		}
	}
	sums := p.columnPointer(cols, rSum, rSumStep)
	for i := range f.pairs() {
		p.VMOVDQU32(at(rW, i*slot), p.v(24))
		p.VMOVDQU32(at(rW, i*slot+64), p.v(25))
		for c := range cols {
			p.VPBROADCASTD(sums(c, f.sumAt(i)), p.v(26+c%3))
			p.VPDPWSSD(p.v(26+c%3), p.v(24), p.v(pairs+2*c))
			p.VPDPWSSD(p.v(26+c%3), p.v(25), p.v(pairs+2*c+1))
		}
	}
	n := f.pairs()
	p.gemmFinishScale(cols, n, 12, p.VFMADD231PS)
	n++
	if f.hasMin {
		p.gemmFinishScale(cols, n, 0, p.VFNMADD231PS)
		n++
	}
	p.ADDQ(operand.U32(n*slot), rW)
}

// gemmFinishScale adds or subtracts the sums from register first on, times the
// scales of a slot.
func (p *panels) gemmFinishScale(cols, scaleSlot, first int, fma instruction) {
	p.VMOVUPS(at(rW, scaleSlot*slot), p.v(29))
	p.VMOVUPS(at(rW, scaleSlot*slot+64), p.v(30))
	masks := [2]reg.Register{reg.K1, reg.K2}
	for c := range cols {
		if c == 3 {
			p.thirdColumn(rTmp, rScale, rScaleStep)
			p.thirdColumn(rGroupTmp, rY, rLdy)
		}
		for i := range 2 {
			sum, y := p.v(first+2*c+i), p.v(24+i)
			m := column(rY, rGroupTmp, rLdy, c, 64*i)
			p.VMULPS_BCST(column(rScale, rTmp, rScaleStep, c, 0), p.v(29+i), p.v(26+i))
			p.VCVTDQ2PS(sum, sum)
			p.VMOVUPS_Z(m, masks[i], y)
			fma(p.v(26+i), sum, y)
			p.VMOVUPS(y, masks[i], m)
		}
	}
}

// rGroupTmp is rHead, which the GEMM uses as a counter, between two loops.
var rGroupTmp = rHead
