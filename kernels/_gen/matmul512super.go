package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Products with 256-value activations. The integer sum of a block is the sum
// over its sub-blocks of scale times dot product. Where the dot product of 16
// values fits an int16 (narrow), VPDPWSSD multiplies and adds at once, taking
// the dot product as a pair of int16 whose upper half meets a zero.

// narrow reports whether a dot product of 16 values fits an int16.
func (f *panelFormat) narrow() bool { return f.largest*127*16 <= 32767 }

// subs is the number of sub-block scales of a block.
func (f *panelFormat) subs() int {
	if f.sub == 0 {
		return 0
	}
	return 256 / f.sub
}

// pairs is the number of pairs of sums that meet the minima or the offset.
func (f *panelFormat) pairs() int {
	if f.sub == 16 {
		return 8
	}
	return 4
}

// sumAt is the place of pair i among the 24 sums of a block.
func (f *panelFormat) sumAt(i int) int {
	if f.pairs() == 8 {
		return 4 * i
	}
	return 32 + 4*i
}

// subsAt is the place of the scales in the head, and minsAt of the minima.
func (f *panelFormat) subsAt() int {
	if f.hasMin {
		return 2 * f.scale.bytes()
	}
	return f.scale.bytes()
}
func (f *panelFormat) minsAt() int { return f.subsAt() + 16*f.subs() }

// variant names what the GEMM depends on.
func (f *panelFormat) variant() string {
	name := fmt.Sprintf("Sub%d", f.sub)
	if f.sub != 0 && !f.narrow() {
		name += "Wide"
	}
	if f.hasMin {
		name += "Min"
	}
	return name
}

// superVariants returns one format of each variant.
func superVariants() (all []*panelFormat) {
	seen := map[string]bool{}
	for _, f := range superFormats {
		if !seen[f.variant()] {
			seen[f.variant()] = true
			all = append(all, f)
		}
	}
	return all
}

// forBlocks emits a loop over the blocks of a panel. In body rHead is the head;
// rW is the body and must be behind it afterwards. index counts blocks.
func (p *panels) forBlocks(f *panelFormat, index reg.Register, body func()) {
	nBlocks, err := p.Param("nBlocks").Resolve()
	if err != nil {
		panic(err)
	}
	loop, next, odd, done := p.label("blocks"), p.label("next"), p.label("odd"), p.label("done")
	p.XORQ(index, index)
	p.Label(next)
	p.CMPQ(index, nBlocks.Addr)
	p.JEQ(operand.LabelRef(done))
	if f.paired() {
		p.TESTQ(operand.U32(1), index)
		p.JNZ(operand.LabelRef(odd))
	}
	p.MOVQ(rW, rHead)
	p.ADDQ(operand.U32(f.headBytes), rW)
	if f.paired() { // the other block's head comes first, if there is one
		p.LEAQ(operand.Mem{Base: index, Disp: 1}, rTmp)
		p.CMPQ(rTmp, nBlocks.Addr)
		p.JEQ(operand.LabelRef(loop))
		p.ADDQ(operand.U32(f.headBytes), rW)
		p.JMP(operand.LabelRef(loop))
		p.Label(odd)
		p.LEAQ(at(rW, -f.headBytes-f.bodyBytes()), rHead)
	}
	p.Label(loop)
	body()
	p.INCQ(index)
	p.JMP(operand.LabelRef(next))
	p.Label(done)
}

// subScale turns a pair of scales widened to int16 into the one that a half
// word dot product wants: an int32, or where narrow an int16 below a zero.
func (p *panels) subScale(f *panelFormat, pair reg.VecPhysical, upper bool, dst reg.VecPhysical) {
	right := p.VPSRAD
	if f.narrow() {
		right = p.VPSRLD
	}
	if upper {
		right(operand.U8(16), pair, dst)
		return
	}
	p.VPSLLD(operand.U8(16), pair, dst)
	right(operand.U8(16), dst, dst)
}

// gemvSupers emits the product of a panel of super-blocks with 1 to 4 tokens:
// step256 over the lanes.
//
//	0-3   integer sums of the block
//	4-7   dot products
//	8-11  outputs
//	12-15 words
//	16-17 scales
//	18-21 temporaries of a column
//	22-25 minima, or offset
func (p *panels) gemvSupers(f *panelFormat) {
	p.function("gemv"+f.name, fmt.Sprintf(gemvSignature, "sums *byte"),
		fmt.Sprintf("sets nCols (1 to 4) columns of 16 outputs from a panel of %s; mask selects rows.", f.name))
	rSubs, rChunk, rIndex := rY, rCount, rLdy // the outputs' registers, until they are stored
	p.gemvStart()
	p.param("sums", rSum)
	p.superSteps()
	p.param("w", rW)
	free := p.constants(f, 31)
	if f.sub == 0 {
		p.VPTERNLOGD(operand.U8(0xff), p.v(free), p.v(free), p.v(free)) // pairs of -1
	}
	p.forColumns(1, 4, func(cols int) {
		for c := range cols {
			p.clear(8 + c)
		}
		p.forBlocks(f, rIndex, func() {
			for c := range cols {
				p.clear(c)
				p.clear(22 + c)
			}
			p.LEAQ(at(rHead, f.subsAt()), rSubs)
			p.MOVQ(operand.U32(8/f.chunk), rChunk)
			chunks := p.label("chunks")
			p.Label(chunks)
			for j := range f.chunk {
				p.fetchGroup(f, j)
				p.gemvGroup(f, cols, j, rSubs)
			}
			p.ADDQ(operand.U32(f.chunkWords*64), rW)
			if f.sub != 0 {
				p.ADDQ(operand.U32(f.chunk*32/f.sub*16), rSubs)
			}
			if f.scaledOffset() {
				p.ADDQ(operand.U8(4*f.pairs()*f.chunk/8), rSum)
			}
			p.ADDQ(operand.U32(f.chunk*32), rX)
			p.ADDQ(operand.U32(f.chunk*32), rX3)
			p.DECQ(rChunk)
			p.JNZ(operand.LabelRef(chunks))
			p.gemvFinish(f, cols, p.v(free))
			p.ADDQ(operand.U8(4), rScale)
			sumBytes := 48
			if f.scaledOffset() {
				sumBytes -= 4 * f.pairs()
			}
			p.ADDQ(operand.U8(sumBytes), rSum)
		})
		p.param("y", rY)
		p.param("ldy", rLdy)
		p.SHLQ(operand.U8(2), rLdy)
		p.storeColumns(cols, func(c int) reg.VecPhysical { return p.v(8 + c) }, 0, reg.K1)
	})
}

// fetchGroup asks for what lies an eighth of a block from rW per group, ahead.
func (p *panels) fetchGroup(f *panelFormat, j int) {
	n := f.headBytes + f.bodyBytes()
	for line := (n*j/8 + 63) / 64; line*64 < n*(j+1)/8; line++ {
		p.fetchAhead(64*line, 64)
	}
}

func (p *panels) clear(n int) { p.VPXORD(p.v(n), p.v(n), p.v(n)) }

// gemvGroup emits 32 values: group j of the chunk at rW.
func (p *panels) gemvGroup(f *panelFormat, cols, j int, rSubs reg.Register) {
	dots := 4
	if f.sub == 0 {
		dots = 0 // no scales: straight into the block's sum
	}
	each := 8 // words to a dot product
	if f.sub == 16 || f.sub == 32 && f.narrow() {
		each = 4
	}
	for g := range 8 {
		if g%each == 0 && f.sub != 0 {
			for c := range cols {
				p.clear(dots + c)
			}
		}
		w, tmp := p.v(12+g%2*2), p.v(13+g%2*2)
		f.word(p, at(rW, 0), j, g, w, tmp)
		for c := range cols {
			p.VPDPBUSD_BCST(column(rX, rX3, rQuantStep, c, 32*j+4*g), w, p.v(dots+c))
		}
		if (g+1)%each != 0 || f.sub == 0 {
			continue
		}
		switch sub := (32*j + 4*g) / f.sub; {
		case g < 4 || each == 8 || f.sub == 16: // the scale is a new one
			if sub%2 == 0 {
				p.VPMOVSXBW(at(rSubs, sub/2*32), p.v(16))
				p.gemvOffset(f, cols, p.v(16), sub/2)
			}
			p.subScale(f, p.v(16), sub%2 == 1, p.v(17))
		}
		for c := range cols {
			p.addScaled(f, p.v(dots+c), p.v(17), p.v(c))
		}
	}
}

// addScaled adds dot times scale to sum; it overwrites dot.
func (p *panels) addScaled(f *panelFormat, dot, scale, sum reg.VecPhysical) {
	if f.narrow() {
		p.VPDPWSSD(scale, dot, sum)
		return
	}
	p.VPMULLD(scale, dot, dot)
	p.VPADDD(dot, sum, sum)
}

// scaledOffset reports whether an offset is to be taken off, times the scales.
func (f *panelFormat) scaledOffset() bool { return f.offset != 0 && f.sub != 0 }

// gemvOffset adds a pair of scales times the sums of their sub-blocks.
func (p *panels) gemvOffset(f *panelFormat, cols int, pair reg.VecPhysical, i int) {
	if !f.scaledOffset() {
		return
	}
	sums := p.columnPointer(cols, rSum, rSumStep)
	for c := range cols {
		p.VPDPWSSD_BCST(sums(c, f.sumAt(i)), pair, p.v(22+c))
	}
}

// gemvFinish adds a block to the outputs.
func (p *panels) gemvFinish(f *panelFormat, cols int, minusOnes reg.VecPhysical) {
	p.blockScales(f, at(rHead, 0), p.v(16))
	if f.hasMin {
		p.blockScales(f, at(rHead, f.scale.bytes()), p.v(17))
	}
	if f.hasMin || f.sub == 0 {
		sums := p.columnPointer(cols, rSum, rSumStep)
		for i := range f.pairs() {
			pair := minusOnes
			if f.hasMin {
				pair = p.v(12)
				p.VPMOVSXBW(at(rHead, f.minsAt()+32*i), pair)
			}
			for c := range cols {
				p.VPDPWSSD_BCST(sums(c, f.sumAt(i)), pair, p.v(22+c))
			}
		}
	}
	scales := p.columnPointer(cols, rScale, rScaleStep)
	for c := range cols {
		sum, extra, factor := p.v(c), p.v(22+c), p.v(18+c)
		if f.offset != 0 {
			p.VPSLLD(operand.U8(log2(f.offset)), extra, extra)
		}
		if f.sub == 0 { // of minus ones
			p.VPADDD(extra, sum, sum)
		} else if f.offset != 0 {
			p.VPSUBD(extra, sum, sum)
		}
		p.VMULPS_BCST(scales(c, 0), p.v(16), factor)
		p.VCVTDQ2PS(sum, sum)
		p.VFMADD231PS(factor, sum, p.v(8+c))
		if f.hasMin {
			p.VMULPS_BCST(scales(c, 0), p.v(17), factor)
			p.VCVTDQ2PS(extra, extra)
			p.VFNMADD231PS(factor, extra, p.v(8+c))
		}
	}
}

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
//	0-11  dot products, as in gemmWords; then minima
//	12-23 integer sums of the block, likewise
//	29-30 scales
func (p *panels) gemmSupers(f *panelFormat) {
	p.function("gemm"+f.variant(), fmt.Sprintf(gemmSignature, "sums *byte"),
		"multiplies a tile of n super-blocks into nCols (3 to 6) columns of 32 outputs; mask selects rows.")
	rGroup := rHead
	p.gemmStart()
	p.param("sums", rSum)
	p.superSteps()
	p.forColumns(minColumns, maxColumns, func(cols int) {
		loop, groups := p.label("loop"), p.label("groups")
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
		p.Label(groups)
		p.gemmGroup(f, cols)
		p.ADDQ(operand.U32(f.groupSlots()*slot), rW)
		p.ADDQ(operand.U8(32), rX)
		p.ADDQ(operand.U8(32), rX3)
		p.DECQ(rGroup)
		p.JNZ(operand.LabelRef(groups))
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

// gemmGroup emits a group of 32 values of both panels.
func (p *panels) gemmGroup(f *panelFormat, cols int) {
	if f.sub == 0 {
		p.gemmWords(cols, 0, 8, 0)
		return
	}
	each := 8
	if f.sub == 16 || f.narrow() {
		each = 4
	}
	for g := 0; g < 8; g += each {
		for c := range 2 * cols {
			p.clear(c)
		}
		p.gemmWords(cols, g, each, 4*g)
		if g == 0 || f.sub == 16 {
			p.VMOVDQU32(at(rW, (8+g*4/f.sub)*slot), p.v(29))
			p.VMOVDQU32(at(rW, (8+g*4/f.sub)*slot+64), p.v(30))
		}
		for c := range 2 * cols {
			p.addScaled(f, p.v(c), p.v(29+c%2), p.v(12+c))
		}
	}
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
