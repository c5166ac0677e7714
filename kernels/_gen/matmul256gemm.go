package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// halfSlot is the slot of a tile of one panel.
const halfSlot = 64

// tileBlocks emits the unpacking of a panel's blocks into a tile: for each
// group 8 slots of words, a slot of float32 scales and, where the format has
// them, one of minima.
func (q *panels256) tileBlocks(f *panelFormat) {
	q.function("tile"+f.name, "func(dst, src *byte, nBlocks int)",
		fmt.Sprintf("unpacks nBlocks blocks of a panel of %s into a tile.", f.name))
	rDst := rX
	q.param("dst", rDst)
	q.param("src", rW)
	q.constants(f, 15)
	block := func(head, body, _ int) {
		for j := range f.groups() {
			q.tileGroup(f, rDst, head, body, j)
		}
	}
	q.forPairs(f, block, func(n int) { q.ADDQ(operand.U32(n*(f.headBytes+f.bodyBytes())), rW) })
	q.VZEROUPPER()
	q.RET()
}

// blockSlots is the number of slots of a group.
func (f *panelFormat) blockSlots() int {
	if f.hasMin {
		return 10
	}
	return 9
}

// tileGroup unpacks group j of a block and moves rDst behind it.
func (q *panels256) tileGroup(f *panelFormat, rDst reg.Register, head, body, j int) {
	for h := range 2 {
		for g := range 8 {
			w, tmp := q.v(g%4*2), q.v(g%4*2+1)
			f.word(q.panels, at(rW, body+32*h), j, g, w, tmp)
			switch shift := q.tileOffset(f) - f.offset; {
			case q.signed(f):
				q.VPXOR(q.byteConstant(0x80), w, w)
			case shift != 0:
				q.VPADDB(q.byteConstant(shift), w, w)
			}
			q.VMOVDQU(w, at(rDst, g*halfSlot+32*h))
		}
		q.blockScales(f, at(rW, head+h*f.scale.bytes()/2), q.v(8))
		q.VMOVUPS(q.v(8), at(rDst, 8*halfSlot+32*h))
		if f.hasMin {
			q.blockScales(f, at(rW, head+f.scale.bytes()+h*f.scale.bytes()/2), q.v(9))
			q.VMOVUPS(q.v(9), at(rDst, 9*halfSlot+32*h))
		}
	}
	q.ADDQ(operand.U32(f.blockSlots()*halfSlot), rDst)
}

// gemmStart loads what does not change from columns to columns.
func (q *panels256) gemmStart() {
	q.param("ldy", rLdy)
	q.SHLQ(operand.U8(2), rLdy)
	q.param("xStride", rQuantStep)
}

// gemmWord emits one word of a tile against the columns. Sums are as in
// gemmBlocks; flush, where AVX2 collects pairs in the sums' registers, is what
// it does with them after each n words.
//
//	12-13 the word's halves, or a half and its magnitude
//	14    activations
//	15    temporary
func (q *panels256) gemmWord(f *panelFormat, cols, wordSlot, x int, emit func(i, c int, w, magnitude, x reg.VecPhysical)) {
	word := func(i int) operand.Mem { return at(rW, wordSlot*halfSlot+32*i) }
	activations := func(c int) { q.VPBROADCASTD(column(rX, rX, rQuantStep, c, x), q.v(14)) }
	if q.signed(f) {
		for i := range 2 {
			q.load(word(i), q.v(12))
			q.VPABSB(q.v(12), q.v(13))
			for c := range cols {
				activations(c)
				emit(i, c, q.v(12), q.v(13), q.v(14))
			}
		}
		return
	}
	q.load(word(0), q.v(12))
	q.load(word(1), q.v(13))
	for c := range cols {
		activations(c)
		for i := range 2 {
			emit(i, c, q.v(12+i), nil, q.v(14))
		}
	}
}

// gemmBlocks emits the product of a tile of 32-value groups with 1 to 3 tokens.
//
//	0-5  integer sums: column c has 2c for the first half, 2c+1
//	6-11 outputs, likewise
func (q *panels256) gemmBlocks(f *panelFormat) {
	q.function(q.blockVariant(f), fmt.Sprintf(gemmSignature, "sums *byte"),
		"multiplies a tile of n groups into nCols columns of 16 outputs.")
	q.gemmStart()
	q.param("nIn", rScaleStep)
	q.SHRQ(operand.U8(3), rScaleStep)
	q.forTiles(1, 3, rScaleStep, func(cols int) {
		q.startOutputs(cols, 6)
		loop := q.label("loop")
		q.Label(loop)
		small := !q.vnni && !q.signed(f) && q.wordsPerSum(f) == 8
		if !small {
			for c := range cols {
				for i := range 2 {
					q.startSum(q.tileOffset(f), column(rSum, rSum, rScaleStep, c, 0), q.v(2*c+i))
				}
			}
		}
		for g := range 8 {
			q.gemmWord(f, cols, g, 4*g, func(i, c int, w, magnitude, x reg.VecPhysical) {
				q.gemmDot(f, small, g, w, magnitude, x, q.v(2*c+i))
			})
		}
		if small {
			for c := range cols {
				q.startSum(q.tileOffset(f), column(rSum, rSum, rScaleStep, c, 0), q.v(12))
				for i := range 2 {
					q.VPMADDWD(q.ones(), q.v(2*c+i), q.v(2*c+i))
					q.VPADDD(q.v(12), q.v(2*c+i), q.v(2*c+i))
				}
			}
		}
		q.gemmScales(f, cols)
		q.ADDQ(operand.U32(f.blockSlots()*halfSlot), rW)
		q.ADDQ(operand.U8(4), rScale)
		q.ADDQ(operand.U8(4), rSum)
		q.ADDQ(operand.U8(32), rX)
		q.DECQ(rCount)
		q.JNZ(operand.LabelRef(loop))
		for c := range cols {
			for i := range 2 {
				q.VMOVUPS(q.v(6+2*c+i), column(rY, rY, rLdy, c, 32*i))
			}
		}
	})
}

// gemmDot adds word g to a sum; small sums are int16 for all 8 words.
func (q *panels256) gemmDot(f *panelFormat, small bool, g int, w, magnitude, x, sum reg.VecPhysical) {
	tmp := q.v(15)
	switch {
	case q.vnni:
		q.vexDotBytes(x, w, sum)
	case small && g == 0:
		q.VPMADDUBSW(x, w, sum)
	case small:
		q.VPMADDUBSW(x, w, tmp)
		q.VPADDW(tmp, sum, sum)
	default:
		q.product(f, w, magnitude, x, tmp)
		q.VPMADDWD(q.ones(), tmp, tmp)
		q.VPADDD(tmp, sum, sum)
	}
}

// gemmScales adds a group's sums to the outputs.
func (q *panels256) gemmScales(f *panelFormat, cols int) {
	for c := range cols {
		q.VBROADCASTSS(column(rScale, rScale, rScaleStep, c, 0), q.v(14))
		for i := range 2 {
			sum, out := q.v(2*c+i), q.v(6+2*c+i)
			q.VMULPS(at(rW, 8*halfSlot+32*i), q.v(14), q.v(15))
			q.VCVTDQ2PS(sum, sum)
			q.VFMADD231PS(q.v(15), sum, out)
		}
		if !f.hasMin {
			continue
		}
		q.VPBROADCASTD(column(rSum, rSum, rScaleStep, c, 0), q.v(12))
		q.VPSRAD(operand.U8(7), q.v(12), q.v(12))
		q.VCVTDQ2PS(q.v(12), q.v(12))
		for i := range 2 {
			q.VMULPS(at(rW, 9*halfSlot+32*i), q.v(14), q.v(15))
			q.VFNMADD231PS(q.v(15), q.v(12), q.v(6+2*c+i))
		}
	}
}

// startOutputs loads the outputs into registers from first on, or clears those.
func (q *panels256) startOutputs(cols, first int) {
	load, done := q.label("load"), q.label("start")
	q.param("add", rTmp.As8())
	q.TESTB(rTmp.As8(), rTmp.As8())
	q.JNE(operand.LabelRef(load))
	for c := range 2 * cols {
		q.clear(first + c)
	}
	q.JMP(operand.LabelRef(done))
	q.Label(load)
	outputs := q.columnPointer(cols, rY, rLdy)
	for c := range cols {
		for i := range 2 {
			q.VMOVUPS(outputs(c, 32*i), q.v(first+2*c+i))
		}
	}
	q.Label(done)
}

// gemmFloats emits the product of a panel of float weights with 1 to 6 tokens:
// one FMA per input, ascending.
//
//	0-11  outputs: column c has 2c for the first half, 2c+1
//	12-13 weights
//	14    activations
func (q *panels256) gemmFloats(format string, elemBytes int) {
	q.function("gemm"+format, "func(y *float32, ldy int, w0, w1 *byte, n int, x *float32, nIn, nCols int, mask uint32, add bool)",
		"multiplies n inputs of a panel into nCols (1 to 6) columns of 16 outputs.")
	q.param("y", rY)
	q.param("ldy", rLdy)
	q.SHLQ(operand.U8(2), rLdy)
	q.param("w0", rW)
	q.aheadOf(false)
	q.param("x", rX)
	q.param("nIn", rQuantStep)
	q.SHLQ(operand.U8(2), rQuantStep)
	q.thirdColumn(rX3, rX, rQuantStep)
	read := func(m operand.Mem, v reg.VecPhysical) {
		switch format {
		case "F32":
			q.VMOVUPS(m, v)
		case "F16":
			q.VCVTPH2PS(m, v)
		case "BF16":
			q.VPMOVZXWD(m, v)
			q.VPSLLD(operand.U8(16), v, v)
		}
	}
	q.forColumns(1, maxColumns, func(cols int) {
		q.startOutputs(cols, 0)
		inputs := func(n int) {
			q.fetchAhead(rW, 0, n*16*elemBytes, cols)
			q.fetchPage(rW, n*16*elemBytes)
			for k := range n {
				read(at(rW, k*16*elemBytes), q.v(12))
				read(at(rW, k*16*elemBytes+8*elemBytes), q.v(13))
				for c := range cols {
					q.VBROADCASTSS(column(rX, rX3, rQuantStep, c, 4*k), q.v(14))
					q.VFMADD231PS(q.v(14), q.v(12), q.v(2*c))
					q.VFMADD231PS(q.v(14), q.v(13), q.v(2*c+1))
				}
			}
			q.ADDQ(operand.U32(n*16*elemBytes), rW)
			q.ADDQ(operand.U8(4*n), rX)
			q.ADDQ(operand.U8(4*n), rX3)
		}
		q.unrolled(4, inputs)
		outputs := q.columnPointer(cols, rY, rLdy)
		for c := range cols {
			for i := range 2 {
				q.VMOVUPS(q.v(2*c+i), outputs(c, 32*i))
			}
		}
	})
}
