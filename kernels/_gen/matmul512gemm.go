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

// part is the columns [from, to) of a register tile. The leading part is a word
// ahead of the one behind, so that one multiplies while the sums of the other,
// which have to wait for their last products, become outputs.
type part struct {
	from, to int
	behind   bool
}

// empty reports whether the part has no columns, as in the narrowest tile.
func (t part) empty() bool { return t.from == t.to }

// lead is how many columns lead.
const lead = 3

// gemmLoop is what a GEMM does in its loop over groups of 32 inputs. Registers:
//
//	0-11  integer sums: column c has 2c for the first panel, 2c+1
//	12-23 what they are added to, likewise
//	24-27 two words of both panels, 28-29 activations
//	30-31 free
type gemmLoop struct {
	each    int                           // words to a sum
	word    func(g, i int) operand.Mem    // word g of panel i
	start   func(t part, next bool)       // starts sums, of the next group's data
	add     func(t part, g int, free int) // adds sums that end with word g; free and free+1 are registers
	next    func()                        // moves rW to the next group
	nextAll func()                        // moves what both parts have passed
}

// emit emits the loop for a tile of cols columns; count counts the groups.
func (l gemmLoop) emit(p *panels, cols int, count reg.Register) {
	leading, following := part{to: min(lead, cols)}, part{from: lead, to: max(lead, cols), behind: true}
	load := func(g int) {
		for i := range 2 {
			p.VMOVDQU32(l.word(g, i), p.v(24+g%2*2+i))
		}
	}
	multiply := func(t part, g int) {
		for c := t.from; c < t.to; c++ {
			x := p.v(28 + c%2)
			p.VPBROADCASTD(column(rX, rX3, rQuantStep, c, 4*g), x)
			for i := range 2 {
				p.VPDPBUSD(x, p.v(24+g%2*2+i), p.v(2*c+i))
			}
		}
	}
	add := func(t part, g, free int) {
		if !t.empty() {
			l.add(t, g, free)
		}
	}
	loop, last := p.label("loop"), p.label("last")
	l.start(leading, false)
	l.start(following, false)
	load(0)
	multiply(leading, 0)
	p.startTile(loop, cols)
	for g := 1; g < 8; g++ {
		load(g)
		multiply(following, g-1)
		if g%l.each == 0 {
			add(following, g-1, 26-g%2*2)
			l.start(following, false)
		}
		multiply(leading, g)
		if (g+1)%l.each == 0 {
			add(leading, g, 26-g%2*2)
			if g < 7 {
				l.start(leading, false)
			}
		}
	}
	l.next()
	p.ADDQ(operand.U8(32), rX)
	p.DECQ(count)
	p.JZ(operand.LabelRef(last))
	l.start(leading, true)
	load(0)
	multiply(following, 7)
	multiply(leading, 0)
	add(following, 7, 26)
	l.start(following, true)
	p.ADDQ(operand.U8(32), rX3)
	l.nextAll()
	p.JMP(operand.LabelRef(loop))
	p.Label(last)
	multiply(following, 7)
	add(following, 7, 26)
}

// floatGroups is the loop over groups whose sums, times scales, are added to
// outputs. scale and minimum find those of a panel; minimum may be nil.
func (p *panels) floatGroups(word func(g, i int) operand.Mem, scale, minimum func(t part, i int) operand.Mem, next, nextAll func()) gemmLoop {
	return gemmLoop{
		each: 8,
		word: word,
		start: func(t part, next bool) { // with what takes the words' offset off
			disp := 0
			if next {
				disp = 4
			}
			corr := p.columnPointer(t.to, rSum, rScaleStep)
			for c := t.from; c < t.to; c++ {
				for i := range 2 {
					p.VPBROADCASTD(corr(c, disp), p.v(2*c+i))
				}
			}
		},
		add: func(t part, _ int, free int) {
			scales := p.columnPointer(t.to, rScale, rScaleStep)
			for i := range 2 {
				p.VMOVUPS(scale(t, i), p.v(free+i))
			}
			for c := t.from; c < t.to; c++ {
				for i := range 2 {
					p.VMULPS_BCST(scales(c, 0), p.v(free+i), p.v(30+i))
					p.VCVTDQ2PS(p.v(2*c+i), p.v(2*c+i))
					p.VFMADD231PS(p.v(30+i), p.v(2*c+i), p.v(12+2*c+i))
				}
			}
			if minimum != nil {
				p.addMinima(t, minimum, free)
			}
		},
		next: next,
		nextAll: func() {
			p.ADDQ(operand.U8(4), rScale)
			p.ADDQ(operand.U8(4), rSum)
			nextAll()
		},
	}
}

// addMinima adds the minima of a group: -Σxq is corr/128, so it subtracts.
func (p *panels) addMinima(t part, minimum func(t part, i int) operand.Mem, free int) {
	scales := p.columnPointer(t.to, rScale, rScaleStep)
	for i := range 2 {
		p.VMOVUPS(minimum(t, i), p.v(free+i))
	}
	for c := t.from; c < t.to; c++ {
		for i := range 2 {
			p.VMULPS_BCST(scales(c, 0), p.v(free+i), p.v(2*c+i))
		}
	}
	corr := p.columnPointer(t.to, rSum, rScaleStep)
	for c := t.from; c < t.to; c++ {
		p.VPBROADCASTD(corr(c, 0), p.v(30))
		p.VPSRAD(operand.U8(7), p.v(30), p.v(30))
		p.VCVTDQ2PS(p.v(30), p.v(30))
		for i := range 2 {
			p.VFNMADD231PS(p.v(2*c+i), p.v(30), p.v(12+2*c+i))
		}
	}
}

// gemmColumns emits the register tiles of a GEMM of 32-value groups: l over the
// groups, between what loads and stores the outputs. start adds to what is set up.
func (p *panels) gemmColumns(l gemmLoop, start func()) {
	p.gemmStart()
	p.param("nIn", rScaleStep)
	p.SHRQ(operand.U8(3), rScaleStep)
	p.forTiles(minColumns, maxColumns, rScaleStep, func(cols int) {
		p.thirdColumn(rX3, rX, rQuantStep)
		p.startOutputs(cols, 12)
		p.fetchNext(cols)
		start()
		l.emit(p, cols, rCount)
		p.storeColumns(cols, func(c int) reg.VecPhysical { return p.v(12 + 2*c) }, 0, reg.K1)
		p.storeColumns(cols, func(c int) reg.VecPhysical { return p.v(13 + 2*c) }, 64, reg.K2)
	})
}

// gemmBlocks emits the product of a tile of 32-value groups with 3 to 6 tokens.
func (p *panels) gemmBlocks(hasMin bool) {
	name, slots := "gemmBlocks", 9
	if hasMin {
		name, slots = "gemmBlocksMin", 10
	}
	p.function(name, fmt.Sprintf(gemmSignature, "sums *byte"),
		"multiplies a tile of n groups into nCols (3 or more) columns of 32 outputs; mask selects rows.")
	floats := func(slotNo int) func(t part, i int) operand.Mem {
		return func(t part, i int) operand.Mem {
			if t.behind {
				return slotAt(slotNo-slots, i)
			}
			return slotAt(slotNo, i)
		}
	}
	minima := floats(9)
	if !hasMin {
		minima = nil
	}
	next := func() { p.ADDQ(operand.U32(slots*slot), rW) }
	p.gemmColumns(p.floatGroups(slotAt, floats(8), minima, next, func() {}), func() {})
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
	p.param("panel", rPanel)
	word := func(g, i int) operand.Mem {
		m := at(rW, 64*g)
		if i > 0 {
			m.Index, m.Scale = rPanel, 1
		}
		return m
	}
	scale := func(_ part, i int) operand.Mem { return at(rScales, 64*i) }
	body := f.bodyBytes()
	next := func() {
		p.ADDQ(rStep, rW)
		p.XORQ(operand.U32(body^(body+2*f.headBytes)), rStep) // over the heads of the next pair
	}
	nextAll := func() { p.ADDQ(operand.U32(slot), rScales) }
	p.gemmColumns(p.floatGroups(word, scale, nil, next, nextAll), func() {
		p.param("scales", rScales)
		p.ADDQ(operand.U32(2*f.headBytes), rW)
		p.MOVQ(operand.U32(body), rStep)
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
