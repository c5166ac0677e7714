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

// narrow reports whether dot products of 16 values are scaled as int16. With
// 512-bit registers those of sub-blocks of 32 are not: one VPMULLD and an addition
// are faster on Zen 5 than two of VPDPWSSD, and no slower by count elsewhere.
func (p *panels) narrow(f *panelFormat) bool {
	return f.largest*127*16 <= 32767 && (f.sub == 16 || !p.wide)
}

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
func (p *panels) variant(f *panelFormat) string {
	name := fmt.Sprintf("Sub%d", f.sub)
	if f.sub != 0 && !p.narrow(f) {
		name += "Wide"
	}
	if f.hasMin {
		name += "Min"
	}
	return name
}

// superVariants returns one format of each variant.
func (p *panels) superVariants() (all []*panelFormat) {
	seen := map[string]bool{}
	for _, f := range superFormats {
		if v := p.variant(f); !seen[v] {
			seen[v] = true
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
	if p.narrow(f) {
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
	p.aheadOf(false)
	free := p.constants(f, 31)
	if f.sub == 0 {
		p.VPTERNLOGD(operand.U8(0xff), p.v(free), p.v(free), p.v(free)) // pairs of -1
	}
	p.forColumns(1, 4, func(cols int) {
		for c := range cols {
			p.clear(8 + c)
		}
		p.forBlocks(f, rIndex, func() {
			p.fetchPage(rW, f.headBytes+f.bodyBytes()) // as far as the next body
			for c := range cols {
				p.clear(c)
				p.clear(22 + c)
			}
			p.LEAQ(at(rHead, f.subsAt()), rSubs)
			p.MOVQ(operand.U32(8/f.chunk), rChunk)
			chunks := p.label("chunks")
			p.Label(chunks)
			for j := range f.chunk {
				p.fetchGroup(f, j, cols)
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
func (p *panels) fetchGroup(f *panelFormat, j, cols int) {
	n := f.headBytes + f.bodyBytes()
	from := (n*j/8 + 63) / 64 * 64
	p.fetchAhead(rW, from, n*(j+1)/8-from, cols)
}

func (p *panels) clear(n int) { p.VPXORD(p.v(n), p.v(n), p.v(n)) }

// gemvGroup emits 32 values: group j of the chunk at rW.
func (p *panels) gemvGroup(f *panelFormat, cols, j int, rSubs reg.Register) {
	dots := 4
	if f.sub == 0 {
		dots = 0 // no scales: straight into the block's sum
	}
	each := 8 // words to a dot product
	if f.sub == 16 {
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
	if p.narrow(f) {
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
