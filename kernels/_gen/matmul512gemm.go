package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A tile is what the GEMM reads: two panels side by side, unpacked, so that
// unpacking is done once for all columns. It is a sequence of 128-byte slots,
// 64 bytes for each panel. A group of 32 values has 8 slots of words, unsigned
// with offset 128, a slot of float32 scales and, where the format has them, one
// of minima.
const slot = 128

// tileBlocks emits the unpacking of a panel's blocks into its half of a tile.
func (p *panels) tileBlocks(f *panelFormat) {
	p.function("tile"+f.name, "func(dst, src *byte, nBlocks int)",
		fmt.Sprintf("unpacks nBlocks blocks of a panel of %s into one half of a tile.", f.name))
	rDst := rX
	p.param("dst", rDst)
	p.param("src", rW)
	free := p.constants(f, 31)
	if f.offset != 128 {
		p.VPBROADCASTD(p.byteConstant(128-f.offset), p.v(free))
	}
	block := func(head, body, _ int) {
		for j := range f.groups() {
			for g := range 8 {
				w, tmp := p.v(g%4*2), p.v(g%4*2+1)
				f.word(p, at(rW, body), j, g, w, tmp)
				if f.offset != 128 {
					p.VPADDB(p.v(free), w, w)
				}
				p.VMOVDQU32(w, at(rDst, g*slot))
			}
			p.blockScales(f, at(rW, head), p.v(8))
			p.VMOVUPS(p.v(8), at(rDst, 8*slot))
			if f.hasMin {
				p.blockScales(f, at(rW, head+f.scale.bytes()), p.v(9))
				p.VMOVUPS(p.v(9), at(rDst, 9*slot))
			}
			p.ADDQ(operand.U32(f.blockSlots()*slot), rDst)
		}
	}
	p.forPairs(f, block, func(n int) { p.ADDQ(operand.U32(n*(f.headBytes+f.bodyBytes())), rW) })
	p.VZEROUPPER()
	p.RET()
}

// A GEMM sets its outputs, or adds to them where add is true.
const gemmSignature = "func(y *float32, ldy int, tile *byte, n int, xq *int8, dx *float32, %s, nIn, xStride, nCols int, mask uint32, add bool)"

// The least and the most columns of a register tile.
const minColumns, maxColumns = 3, 6

// gemmStart loads what does not change from columns to columns: the low half of
// mask selects rows of the first panel, the high half of the second.
func (p *panels) gemmStart() {
	p.param("mask", rTmp.As32())
	p.KMOVD(rTmp.As32(), reg.K1)
	p.KSHIFTRD(operand.U8(16), reg.K1, reg.K2)
	p.param("ldy", rLdy)
	p.SHLQ(operand.U8(2), rLdy)
	p.param("xStride", rQuantStep)
}

// slotAt is the part of panel i, the first or the second, in a slot of the tile.
func slotAt(slotNo, i int) operand.Mem { return at(rW, slotNo*slot+64*i) }

// gemmWords emits n words of both panels, which word finds, against the columns:
// words from the given first on, activations from byte xFrom on.
//
//	0-11  integer sums: column c has 2c for the first panel, 2c+1
//	24-25 words, 26-28 activations
func (p *panels) gemmWords(cols, first, n, xFrom int, word func(g, i int) operand.Mem) {
	for g := range n {
		p.VMOVDQU32(word(first+g, 0), p.v(24))
		p.VMOVDQU32(word(first+g, 1), p.v(25))
		for c := range cols {
			x := p.v(26 + c%3)
			p.VPBROADCASTD(column(rX, rX3, rQuantStep, c, xFrom+4*g), x)
			p.VPDPBUSD(x, p.v(24), p.v(2*c))
			p.VPDPBUSD(x, p.v(25), p.v(2*c+1))
		}
	}
}

// gemmBlocks emits the product of a tile of 32-value groups with 3 to 6 tokens.
// Sums as in gemmWords; 12-23 are the outputs, likewise; 29-30 scales.
func (p *panels) gemmBlocks(hasMin bool) {
	name, slots := "gemmBlocks", 9
	if hasMin {
		name, slots = "gemmBlocksMin", 10
	}
	p.function(name, fmt.Sprintf(gemmSignature, "sums *byte"),
		"multiplies a tile of n groups into nCols (3 or more) columns of 32 outputs; mask selects rows.")
	p.gemmStart()
	p.param("nIn", rScaleStep)
	p.SHRQ(operand.U8(3), rScaleStep)
	p.forTiles(minColumns, maxColumns, rScaleStep, func(cols int) {
		p.thirdColumn(rX3, rX, rQuantStep)
		p.startOutputs(cols, 12)
		p.fetchNext(cols)
		p.forGroups(cols, func() {
			p.gemmGroupOf32(cols, slotAt, func(i int) operand.Mem { return slotAt(8, i) })
			if hasMin {
				p.gemmMinima(cols)
			}
			p.ADDQ(operand.U32(slots*slot), rW)
		})
	})
}

// forGroups emits a loop over groups of 32 inputs, and stores the outputs.
func (p *panels) forGroups(cols int, group func()) {
	loop := p.label("loop")
	p.startTile(loop, cols)
	group()
	p.ADDQ(operand.U8(4), rScale)
	p.ADDQ(operand.U8(4), rSum)
	p.ADDQ(operand.U8(32), rX)
	p.ADDQ(operand.U8(32), rX3)
	p.DECQ(rCount)
	p.JNZ(operand.LabelRef(loop))
	p.storeColumns(cols, func(c int) reg.VecPhysical { return p.v(12 + 2*c) }, 0, reg.K1)
	p.storeColumns(cols, func(c int) reg.VecPhysical { return p.v(13 + 2*c) }, 64, reg.K2)
}

// gemmGroupOf32 emits a group: words, and scales as float32, of both panels.
func (p *panels) gemmGroupOf32(cols int, word func(g, i int) operand.Mem, scale func(i int) operand.Mem) {
	corr := p.columnPointer(cols, rSum, rScaleStep)
	for c := range cols {
		p.VPBROADCASTD(corr(c, 0), p.v(2*c))
		p.VPBROADCASTD(corr(c, 0), p.v(2*c+1))
	}
	p.gemmWords(cols, 0, 8, 0, word)
	p.VMOVUPS(scale(0), p.v(29))
	p.VMOVUPS(scale(1), p.v(30))
	scales := p.columnPointer(cols, rScale, rScaleStep)
	for c := range cols {
		for i := range 2 {
			p.VMULPS_BCST(scales(c, 0), p.v(29+i), p.v(24+i))
			p.VCVTDQ2PS(p.v(2*c+i), p.v(2*c+i))
			p.VFMADD231PS(p.v(24+i), p.v(2*c+i), p.v(12+2*c+i))
		}
	}
}

// The registers of a GEMM that reads panels as they are.
var (
	rPanel  = rSumStep // bytes to the second panel
	rStep   = rHead    // bytes to the next block
	rScales = rAhead   // scales of the panels' rows
)

// wholeBlocks emits what multiplies a panel of f, whose packed words are those of a
// tile, without copying them: the GEMM takes pairs of blocks from the panels, the
// first of which is its parameter tile, and only the scales from a copy, one slot
// for each block.
func (p *panels) wholeBlocks(f *panelFormat) {
	p.function("scales"+f.name, "func(dst, src *byte, nBlocks int)",
		fmt.Sprintf("unpacks the scales of nBlocks blocks, an even number, of a panel of %s into one half of a tile.", f.name))
	p.param("dst", rX)
	p.param("src", rW)
	p.forPairs(f, func(head, _, _ int) {
		p.blockScales(f, at(rW, head), p.v(0))
		p.VMOVUPS(p.v(0), at(rX, 0))
		p.ADDQ(operand.U32(slot), rX)
	}, func(n int) { p.ADDQ(operand.U32(n*(f.headBytes+f.bodyBytes())), rW) })
	p.VZEROUPPER()
	p.RET()

	p.function("gemm"+f.name, "func(y *float32, ldy int, tile *byte, panel int, scales *byte, n int, xq *int8, dx *float32, sums *byte, nIn, xStride, nCols int, mask uint32, add bool)",
		fmt.Sprintf("multiplies n blocks, an even number, of two panels of %s, panel bytes apart, into nCols (3 or more) columns of 32 outputs; mask selects rows.", f.name))
	p.gemmStart()
	p.param("nIn", rScaleStep)
	p.SHRQ(operand.U8(3), rScaleStep)
	p.param("panel", rPanel)
	p.forTiles(minColumns, maxColumns, rScaleStep, func(cols int) {
		p.thirdColumn(rX3, rX, rQuantStep)
		p.startOutputs(cols, 12)
		p.fetchNext(cols)
		p.param("scales", rScales)
		p.ADDQ(operand.U32(2*f.headBytes), rW)
		p.MOVQ(operand.U32(f.bodyBytes()), rStep)
		p.forGroups(cols, func() {
			p.gemmGroupOf32(cols, func(g, i int) operand.Mem {
				m := at(rW, 64*g)
				if i > 0 {
					m.Index, m.Scale = rPanel, 1
				}
				return m
			}, func(i int) operand.Mem { return at(rScales, 64*i) })
			p.ADDQ(operand.U32(slot), rScales)
			p.ADDQ(rStep, rW)
			p.XORQ(operand.U32(f.bodyBytes()^(f.bodyBytes()+2*f.headBytes)), rStep) // over the heads of the next pair
		})
	})
}

// startOutputs loads the outputs of both panels into registers from first on,
// or clears those.
func (p *panels) startOutputs(cols, first int) {
	load, done := p.label("load"), p.label("start")
	p.param("add", rTmp.As8())
	p.TESTB(rTmp.As8(), rTmp.As8())
	p.JNE(operand.LabelRef(load))
	for c := range 2 * cols {
		p.clear(first + c)
	}
	p.JMP(operand.LabelRef(done))
	p.Label(load)
	outputs := p.columnPointer(cols, rY, rLdy)
	for c := range cols {
		p.VMOVUPS_Z(outputs(c, 0), reg.K1, p.v(first+2*c))
		p.VMOVUPS_Z(outputs(c, 64), reg.K2, p.v(first+2*c+1))
	}
	p.Label(done)
}

// fetchNext asks for the outputs of the columns that come next.
func (p *panels) fetchNext(cols int) {
	p.MOVQ(rY, rTmp)
	for range cols {
		p.ADDQ(rLdy, rTmp)
	}
	for range cols {
		p.PREFETCHT0(at(rTmp, 0))
		p.PREFETCHT0(at(rTmp, 64))
		p.ADDQ(rLdy, rTmp)
	}
}

// gemmMinima adds the minima of a group: -Σxq is corr/128, so it subtracts.
func (p *panels) gemmMinima(cols int) {
	p.VMOVUPS(at(rW, 9*slot), p.v(29))
	p.VMOVUPS(at(rW, 9*slot+64), p.v(30))
	scales := p.columnPointer(cols, rScale, rScaleStep)
	for c := range cols {
		p.VMULPS_BCST(scales(c, 0), p.v(29), p.v(2*c))
		p.VMULPS_BCST(scales(c, 0), p.v(30), p.v(2*c+1))
	}
	corr := p.columnPointer(cols, rSum, rScaleStep)
	for c := range cols {
		p.VPBROADCASTD(corr(c, 0), p.v(26))
		p.VPSRAD(operand.U8(7), p.v(26), p.v(26))
		p.VCVTDQ2PS(p.v(26), p.v(26))
		p.VFNMADD231PS(p.v(2*c), p.v(26), p.v(12+2*c))
		p.VFNMADD231PS(p.v(2*c+1), p.v(26), p.v(13+2*c))
	}
}
