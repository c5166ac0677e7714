package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Products with 256-value activations at the 256-bit levels. AVX2 multiplies
// the pairs of products by pairs of equal scales, so that scaling costs nothing;
// AVX-VNNI scales dot products as AVX-512 does.

// superVariant is the name of the GEMM of a format of 256-value activations.
func (q *panels256) superVariant(f *panelFormat) string {
	if q.vnni {
		return "gemm" + q.variant(f)
	}
	name := fmt.Sprintf("gemmSub%dBy%d", f.sub, min(q.wordsPerSum(f), q.subWords(f)))
	switch {
	case q.signed(f):
		name += "Signed"
	case f.hasMin:
		name += "Min"
	}
	return name
}

// subWords is the number of words between two uses of a scale: a sub-block's,
// or half of one where its dot product must fit an int16, or all of a group.
func (q *panels256) subWords(f *panelFormat) int {
	if f.sub == 16 || f.sub == 32 && q.vnni && q.narrow(f) {
		return 4
	}
	return 8
}

// halfScale turns a pair of scales widened to int16 into the one that dot wants:
// as subScale, or a pair of equal ones.
func (q *panels256) halfScale(f *panelFormat, pair reg.VecPhysical, upper bool, dst, tmp reg.VecPhysical) {
	if q.vnni {
		q.subScale(f, pair, upper, dst)
		return
	}
	if upper {
		q.VPSRLD(operand.U8(16), pair, dst)
		q.VPSLLD(operand.U8(16), dst, tmp)
	} else {
		q.VPSLLD(operand.U8(16), pair, dst)
		q.VPSRLD(operand.U8(16), dst, tmp)
	}
	q.VPOR(tmp, dst, dst)
}

// addPairs adds a pair of sums of activations, times a pair of int16, to v.
func (q *panels256) addPairs(pair operand.Op, sums operand.Mem, v, tmp reg.VecPhysical) {
	q.VPBROADCASTD(sums, tmp)
	q.VPMADDWD(pair, tmp, tmp)
	q.VPADDD(tmp, v, v)
}

// rHalf is 16 in the second half of a panel, else 0: the bytes from a row's
// scale pairs or float16 to those of the other half. Words lie twice as far.
var rHalf = rX3

// halfAt is disp bytes on from base, in the half's lanes, which are 16 or 32
// bytes apart.
func halfAt(base reg.Register, disp, apart int) operand.Mem {
	return operand.Mem{Base: base, Disp: disp, Index: rHalf, Scale: uint8(apart / 16)}
}

// gemvSupers emits the product of a panel of super-blocks with 1 or 2 tokens:
// step256 over the lanes. The outputs are in memory, on the stack.
//
//	0-1   integer sums of the block
//	2-3   sums of int16 pairs, or dot products
//	4-5   minima, or offset
//	6-9   word, magnitude, activations, temporary
//	10-12 scales, temporary
func (q *panels256) gemvSupers(f *panelFormat) {
	q.function("gemv"+f.name, fmt.Sprintf(gemvSignature, "sums *byte"),
		fmt.Sprintf("sets nCols (1 or 2) columns of 16 outputs from a panel of %s.", f.name))
	rSubs, rChunk, rIndex := rY, rCount, rLdy // the outputs' registers, until they are stored
	outputs := q.AllocLocal(4 * 32)           // [half][column]
	q.gemvParams()
	q.param("sums", rSum)
	q.superSteps()
	q.param("w", rW)
	q.aheadOf(false)
	q.constants(f, 15)
	q.forColumns(1, 2, func(cols int) {
		q.clear(0)
		for i := range 4 {
			q.VMOVUPS(q.v(0), outputs.Offset(32*i))
		}
		q.forBlocks(f, rIndex, func() {
			q.fetchPage(rW, f.headBytes+f.bodyBytes()) // as far as the next body
			q.XORQ(rHalf, rHalf)
			half := q.label("half")
			q.Label(half)
			for c := range cols {
				q.clear(c)
				q.clear(4 + c)
			}
			q.LEAQ(halfAt(rHead, f.subsAt(), 16), rSubs)
			q.MOVQ(operand.U32(8/f.chunk), rChunk)
			chunks := q.label("chunks")
			q.Label(chunks)
			for j := range f.chunk {
				q.fetchGroup(f, j, cols)
				q.gemvGroup(f, cols, j, rSubs)
			}
			q.ADDQ(operand.U32(f.chunkWords*64), rW)
			q.ADDQ(operand.U32(f.chunk*f.subs()/8*16), rSubs)
			if f.scaledOffset() && q.offset(f) != 0 {
				q.ADDQ(operand.U8(4*f.pairs()*f.chunk/8), rSum)
			}
			q.ADDQ(operand.U32(f.chunk*32), rX)
			q.DECQ(rChunk)
			q.JNZ(operand.LabelRef(chunks))
			if f.scaledOffset() && q.offset(f) != 0 {
				q.SUBQ(operand.U8(4*f.pairs()), rSum)
			}
			q.gemvFinish(f, cols, outputs)
			q.ADDQ(operand.U8(16), rHalf)
			q.CMPQ(rHalf, operand.U8(32))
			next := q.label("next")
			q.JEQ(operand.LabelRef(next))
			q.SUBQ(operand.U32(f.bodyBytes()), rW)
			q.SUBQ(operand.U32(256), rX)
			q.JMP(operand.LabelRef(half))
			q.Label(next)
			q.ADDQ(operand.U8(4), rScale)
			q.ADDQ(operand.U8(48), rSum)
		})
		q.param("y", rY)
		q.param("ldy", rLdy)
		q.SHLQ(operand.U8(2), rLdy)
		for c := range cols {
			for h := range 2 {
				q.VMOVUPS(outputs.Offset(64*h+32*c), q.v(0))
				q.VMOVUPS(q.v(0), column(rY, rY, rLdy, c, 32*h))
			}
		}
	})
}

// superSteps sets the distances of columns in scales and sums.
func (p *panels) superSteps() {
	p.param("nIn", rScaleStep) // a float32 per 256 quants
	p.SHRQ(operand.U8(6), rScaleStep)
	p.LEAQ(operand.Mem{Base: rScaleStep, Index: rScaleStep, Scale: 2}, rSumStep) // 48 bytes, 12 times as many
	p.SHLQ(operand.U8(2), rSumStep)
}

// gemvGroup emits 32 values of a half: group j of the chunk at rW.
func (q *panels256) gemvGroup(f *panelFormat, cols, j int, rSubs reg.Register) {
	x, tmp := q.v(8), q.v(9)
	words := q.subWords(f)
	for g := range 8 {
		if sub := (32*j + 4*g) / max(f.sub, 1); f.sub != 0 && 4*g%f.sub == 0 {
			if sub%2 == 0 {
				q.VPMOVSXBW(at(rSubs, sub/2*32), q.v(10))
				if q.offset(f) != 0 {
					for c := range cols {
						q.addPairs(q.v(10), column(rSum, rSum, rSumStep, c, f.sumAt(sub/2)), q.v(4+c), tmp)
					}
				}
			}
			q.halfScale(f, q.v(10), sub%2 == 1, q.v(11), q.v(12))
		}
		if g%words == 0 && q.vnni && f.sub != 0 {
			for c := range cols {
				q.clear(2 + c)
			}
		}
		q.word(f, halfAt(rW, 0, 32), j, g, q.v(6), q.v(7), tmp)
		for c := range cols {
			q.VPBROADCASTD(column(rX, rX, rQuantStep, c, 32*j+4*g), x)
			q.superDot(f, g, q.v(6), q.v(7), x, q.v(2+c), q.v(c))
		}
	}
}

// superDot adds word g of a group, times its scale in register 11, to sum.
// pairs collects what has the same scale.
func (q *panels256) superDot(f *panelFormat, g int, w, magnitude, x, pairs, sum reg.VecPhysical) {
	words := q.subWords(f)
	switch {
	case !q.vnni:
		scale := operand.Op(q.v(11))
		if f.sub == 0 {
			scale = q.ones()
		}
		q.dot(f, g%words, min(q.wordsPerSum(f), words), words, w, magnitude, x, pairs, sum, scale)
	case f.sub == 0:
		q.vexDotBytes(x, w, sum)
	default:
		q.vexDotBytes(x, w, pairs)
		if g%words == words-1 {
			q.addScaled(f, pairs, q.v(11), sum)
		}
	}
}

// addScaled adds dot times scale to sum; it overwrites dot.
func (q *panels256) addScaled(f *panelFormat, dot, scale, sum reg.VecPhysical) {
	if q.narrow(f) {
		q.vexDotWords(scale, dot, sum)
		return
	}
	q.VPMULLD(scale, dot, dot)
	q.VPADDD(dot, sum, sum)
}

// gemvFinish adds a block to the outputs of a half.
func (q *panels256) gemvFinish(f *panelFormat, cols int, outputs operand.Mem) {
	apart := f.scale.bytes() / 2
	x, tmp := q.v(8), q.v(9)
	q.blockScales(f, halfAt(rHead, 0, apart), q.v(10))
	if f.hasMin {
		q.blockScales(f, halfAt(rHead, f.scale.bytes(), apart), q.v(11))
	}
	if f.hasMin || f.sub == 0 {
		for i := range f.pairs() {
			pair := q.v(12)
			if f.hasMin {
				q.VPMOVSXBW(halfAt(rHead, f.minsAt()+32*i, 16), pair)
			} else {
				q.VPCMPEQD(pair, pair, pair) // pairs of -1
			}
			for c := range cols {
				q.addPairs(pair, column(rSum, rSum, rSumStep, c, f.sumAt(i)), q.v(4+c), tmp)
			}
		}
	}
	q.LEAQ(operand.Mem{Base: rHalf, Index: rHalf, Scale: 1}, rTmp)
	q.ADDQ(rTmp, rTmp) // 64 bytes of outputs a half
	for c := range cols {
		sum, extra := q.v(c), q.v(4+c)
		out := outputs.Offset(32 * c)
		out.Index, out.Scale = rTmp, 1
		if offset := q.offset(f); offset > 1 {
			q.VPSLLD(operand.U8(log2(offset)), extra, extra)
		}
		if f.sub == 0 { // of minus ones
			q.VPADDD(extra, sum, sum)
		} else if q.offset(f) != 0 {
			q.VPSUBD(extra, sum, sum)
		}
		q.VBROADCASTSS(column(rScale, rScale, rScaleStep, c, 0), x)
		q.VMULPS(x, q.v(10), tmp)
		q.VCVTDQ2PS(sum, sum)
		q.VMOVUPS(out, q.v(12))
		q.VFMADD231PS(tmp, sum, q.v(12))
		if f.hasMin {
			q.VMULPS(x, q.v(11), tmp)
			q.VCVTDQ2PS(extra, extra)
			q.VFNMADD231PS(tmp, extra, q.v(12))
		}
		q.VMOVUPS(q.v(12), out)
	}
}
