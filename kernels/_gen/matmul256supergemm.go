package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The tile of a super-block is that of AVX-512, one panel wide.

// tileSupers emits the unpacking of a panel's super-blocks into a tile.
func (q *panels256) tileSupers(f *panelFormat) {
	q.function("tile"+f.name, "func(dst, src *byte, nBlocks int)",
		fmt.Sprintf("unpacks nBlocks blocks of a panel of %s into a tile.", f.name))
	rDst, rSubs, rChunk, rIndex := rX, rY, rCount, rLdy
	q.param("dst", rDst)
	q.param("src", rW)
	q.constants(f, 15)
	q.forBlocks(f, rIndex, func() {
		q.LEAQ(at(rHead, f.subsAt()), rSubs)
		q.MOVQ(operand.U32(8/f.chunk), rChunk)
		chunks := q.label("chunks")
		q.Label(chunks)
		for j := range f.chunk {
			for h := range 2 {
				q.tileWords(f, j, h, rDst)
				for i := range f.subs() / 8 {
					sub := j*f.subs()/8 + i
					q.VPMOVSXBW(at(rSubs, sub/2*32+16*h), q.v(8))
					q.halfScale(f, q.v(8), sub%2 == 1, q.v(9), q.v(10))
					q.VMOVDQU(q.v(9), at(rDst, (8+i)*halfSlot+32*h))
				}
			}
			q.ADDQ(operand.U32(f.groupSlots()*halfSlot), rDst)
		}
		q.ADDQ(operand.U32(f.chunkWords*64), rW)
		q.ADDQ(operand.U32(f.chunk*f.subs()/8*16), rSubs)
		q.DECQ(rChunk)
		q.JNZ(operand.LabelRef(chunks))
		q.tilePairs(f, rDst)
	})
	q.VZEROUPPER()
	q.RET()
}

// tileWords unpacks half h of the words of group j.
func (q *panels256) tileWords(f *panelFormat, j, h int, rDst reg.Register) {
	for g := range 8 {
		w, tmp := q.v(g%4*2), q.v(g%4*2+1)
		f.word(q.panels, at(rW, 32*h), j, g, w, tmp)
		if q.signed(f) {
			q.VPXOR(q.byteConstant(0x80), w, w)
		}
		q.VMOVDQU(w, at(rDst, g*halfSlot+32*h))
	}
}

// tilePairs writes what follows the groups in a tile and moves rDst behind it.
func (q *panels256) tilePairs(f *panelFormat, rDst reg.Register) {
	n := 0
	for h := range 2 {
		n = 0
		for i := range f.pairs() {
			switch {
			case f.hasMin:
				q.VPMOVSXBW(at(rHead, f.minsAt()+32*i+16*h), q.v(8))
			case q.offset(f) == 0:
				continue
			case f.sub == 0:
				q.VPCMPEQD(q.v(8), q.v(8), q.v(8))
				q.VPSLLW(operand.U8(log2(f.offset)), q.v(8), q.v(8))
			default:
				q.VPMOVSXBW(at(rHead, f.subsAt()+32*i+16*h), q.v(8))
				q.VPSLLW(operand.U8(log2(f.offset)), q.v(8), q.v(8))
				q.clear(9)
				q.VPSUBW(q.v(8), q.v(9), q.v(8))
			}
			q.VMOVDQU(q.v(8), at(rDst, n*halfSlot+32*h))
			n++
		}
		q.blockScales(f, at(rHead, h*f.scale.bytes()/2), q.v(8))
		q.VMOVUPS(q.v(8), at(rDst, n*halfSlot+32*h))
		n++
		if f.hasMin {
			q.blockScales(f, at(rHead, f.scale.bytes()+h*f.scale.bytes()/2), q.v(8))
			q.VMOVUPS(q.v(8), at(rDst, n*halfSlot+32*h))
			n++
		}
	}
	q.ADDQ(operand.U32(n*halfSlot), rDst)
}

// tilePairSlots is the number of slots of pairs.
func (q *panels256) tilePairSlots(f *panelFormat) int {
	if q.offset(f) == 0 && !f.hasMin {
		return 0
	}
	return f.pairs()
}

// gemmSupers emits the product of a tile of super-blocks with 1 to 3 tokens.
//
//	0-5  sums of int16 pairs or dot products, as in gemmBlocks; then minima
//	6-11 integer sums of the block, likewise
func (q *panels256) gemmSupers(f *panelFormat) {
	q.function(q.superVariant(f), fmt.Sprintf(gemmSignature, "sums *byte"),
		"multiplies a tile of n super-blocks into nCols columns of 16 outputs.")
	rGroup := rHead
	q.gemmStart()
	q.superSteps()
	q.forTiles(1, 3, rSumStep, func(cols int) {
		q.startMemory(cols)
		loop, groups := q.label("loop"), q.label("groups")
		q.Label(loop)
		for c := range 2 * cols {
			q.clear(6 + c)
		}
		q.MOVQ(operand.U32(8), rGroup)
		q.Label(groups)
		q.gemmGroup(f, cols)
		q.ADDQ(operand.U32(f.groupSlots()*halfSlot), rW)
		q.ADDQ(operand.U8(32), rX)
		q.DECQ(rGroup)
		q.JNZ(operand.LabelRef(groups))
		q.gemmFinish(f, cols)
		q.ADDQ(operand.U8(4), rScale)
		q.ADDQ(operand.U8(48), rSum)
		q.DECQ(rCount)
		q.JNZ(operand.LabelRef(loop))
	})
}

// startMemory clears the outputs unless add is true.
func (q *panels256) startMemory(cols int) {
	done := q.label("start")
	q.param("add", rTmp.As8())
	q.TESTB(rTmp.As8(), rTmp.As8())
	q.JNE(operand.LabelRef(done))
	q.clear(0)
	for c := range cols {
		for i := range 2 {
			q.VMOVUPS(q.v(0), column(rY, rY, rLdy, c, 32*i))
		}
	}
	q.Label(done)
}

// gemmGroup emits a group of 32 values.
func (q *panels256) gemmGroup(f *panelFormat, cols int) {
	words := q.subWords(f)
	n := min(q.wordsPerSum(f), words)
	for g := range 8 {
		if q.vnni && f.sub != 0 && g%words == 0 {
			for c := range 2 * cols {
				q.clear(c)
			}
		}
		scaleSlot := 8
		if f.sub == 16 {
			scaleSlot += g / 4
		}
		q.gemmWord(f, cols, g, 4*g, func(i, c int, w, magnitude, x reg.VecPhysical) {
			scale := operand.Op(at(rW, scaleSlot*halfSlot+32*i))
			if f.sub == 0 {
				scale = q.ones()
			}
			q.gemmSuperDot(f, g%words, n, words, w, magnitude, x, q.v(2*c+i), q.v(6+2*c+i), scale)
		})
		if !q.vnni || f.sub == 0 || g%words != words-1 {
			continue
		}
		for c := range cols {
			for i := range 2 {
				q.load(at(rW, scaleSlot*halfSlot+32*i), q.v(12))
				q.addScaled(f, q.v(2*c+i), q.v(12), q.v(6+2*c+i))
			}
		}
	}
}

// gemmSuperDot adds a word to pairs, or with AVX-VNNI to dot products; AVX2 adds
// full pairs, times scale, to sum.
func (q *panels256) gemmSuperDot(f *panelFormat, g, n, words int, w, magnitude, x, pairs, sum reg.VecPhysical, scale operand.Op) {
	tmp := q.v(15)
	if q.vnni {
		if f.sub == 0 {
			pairs = sum
		}
		q.vexDotBytes(x, w, pairs)
		return
	}
	last := g%n == n-1 || g == words-1
	switch {
	case g%n == 0 && last:
		q.product(f, w, magnitude, x, tmp)
		pairs = tmp
	case g%n == 0:
		q.product(f, w, magnitude, x, pairs)
	default:
		q.product(f, w, magnitude, x, tmp)
		q.VPADDW(tmp, pairs, pairs)
	}
	if last {
		q.VPMADDWD(scale, pairs, pairs)
		q.VPADDD(pairs, sum, sum)
	}
}

// gemmFinish adds a super-block to the outputs and moves rW behind it.
func (q *panels256) gemmFinish(f *panelFormat, cols int) {
	first := 6 // the offset joins the block's sums,
	if f.hasMin {
		first = 0 // minima have their own
		for c := range 2 * cols {
			q.clear(c)
		}
	}
	n := q.tilePairSlots(f)
	for i := range n {
		for c := range cols {
			q.VPBROADCASTD(column(rSum, rSum, rSumStep, c, f.sumAt(i)), q.v(14))
			for h := range 2 {
				q.VPMADDWD(at(rW, i*halfSlot+32*h), q.v(14), q.v(15))
				q.VPADDD(q.v(15), q.v(first+2*c+h), q.v(first+2*c+h))
			}
		}
	}
	for c := range cols {
		q.VBROADCASTSS(column(rScale, rScale, rScaleStep, c, 0), q.v(14))
		for i := range 2 {
			out := column(rY, rY, rLdy, c, 32*i)
			q.VMOVUPS(out, q.v(12))
			q.VMULPS(at(rW, n*halfSlot+32*i), q.v(14), q.v(15))
			q.VCVTDQ2PS(q.v(6+2*c+i), q.v(6+2*c+i))
			q.VFMADD231PS(q.v(15), q.v(6+2*c+i), q.v(12))
			if f.hasMin {
				q.VMULPS(at(rW, (n+1)*halfSlot+32*i), q.v(14), q.v(15))
				q.VCVTDQ2PS(q.v(2*c+i), q.v(2*c+i))
				q.VFNMADD231PS(q.v(15), q.v(2*c+i), q.v(12))
			}
			q.VMOVUPS(q.v(12), out)
		}
	}
	n++
	if f.hasMin {
		n++
	}
	q.ADDQ(operand.U32(n*halfSlot), rW)
}
