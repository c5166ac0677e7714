package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// emitMatMul512 emits the AVX-512 VNNI products.
func emitMatMul512(c *build.Context) {
	p := &panels{Context: c, suffix: "AVX512", wide: true}
	for _, f := range blockFormats {
		p.gemvBlocks(f)
		p.tileBlocks(f)
	}
	p.gemvBlocks(nvfp4)
	p.gemmBlocks(false)
	p.gemmBlocks(true)
	p.wholeBlocks(blockFormats[0])
	for _, f := range superFormats {
		p.gemvSupers(f)
		p.tileSupers(f)
	}
	for _, v := range p.superVariants() {
		p.gemmSupers(v)
	}
	p.gemmFloats("F32", 4)
	p.gemmFloats("F16", 2)
	p.gemmFloats("BF16", 2)
	p.quantizers()
	p.limits()
	p.transposeTable()
	p.finish()
}

const gemvSignature = "func(y *float32, ldy int, w *byte, nBlocks int, xq *int8, dx *float32, %s, nIn, xStride, nCols int, mask uint32)"

// gemvStart loads what both kinds of GEMV take. Columns are 1 to 4.
func (p *panels) gemvStart() {
	p.param("y", rY)
	p.param("ldy", rLdy)
	p.SHLQ(operand.U8(2), rLdy)
	p.param("xq", rX)
	p.param("dx", rScale)
	p.param("xStride", rQuantStep)
	p.thirdColumn(rX3, rX, rQuantStep)
	p.param("mask", rTmp.As32())
	p.KMOVW(rTmp.As32(), reg.K1)
}

// forColumns emits body once for each number of columns from lo to hi and
// branches by the parameter nCols.
func (p *panels) forColumns(lo, hi int, body func(cols int)) {
	p.param("nCols", rTmp)
	labels := map[int]string{}
	for n := hi; n > lo; n-- {
		labels[n] = p.label("columns")
		p.CMPQ(rTmp, operand.U8(n))
		p.JEQ(operand.LabelRef(labels[n]))
	}
	for n := lo; n <= hi; n++ {
		if n > lo {
			p.Label(labels[n])
		}
		body(n)
		p.VZEROUPPER()
		p.RET()
	}
}

// forTiles emits body for register tiles of lo to hi columns, and what takes all
// columns through them: hi at a time, and the last so that no tile is small.
// sumStep is the distance of columns in sums. The parameters move from tile to
// tile.
func (p *panels) forTiles(lo, hi int, sumStep reg.Register, body func(cols int)) {
	next, done := p.label("tile"), p.label("done")
	labels := map[int]string{}
	for cols := lo; cols <= hi; cols++ {
		labels[cols] = p.label("columns")
	}
	half := hi/2 + 1
	p.Label(next)
	p.param("y", rY)
	p.param("tile", rW)
	p.param("n", rCount)
	p.param("xq", rX)
	p.param("dx", rScale)
	p.param("sums", rSum)
	p.param("nCols", rTmp)
	p.CMPQ(rTmp, operand.U8(hi+half))
	p.JGE(operand.LabelRef(labels[hi]))
	for cols := lo; cols <= hi; cols++ {
		if cols != half {
			p.CMPQ(rTmp, operand.U8(cols))
			p.JEQ(operand.LabelRef(labels[cols]))
		}
	}
	p.JMP(operand.LabelRef(labels[half]))
	for cols := lo; cols <= hi; cols++ {
		p.Label(labels[cols])
		body(cols)
		p.SUBQ(operand.U8(cols), p.parameter("nCols"))
		p.JEQ(operand.LabelRef(done))
		for _, move := range []struct {
			name string
			step reg.Register
		}{{"y", rLdy}, {"xq", rQuantStep}, {"dx", rScaleStep}, {"sums", sumStep}} {
			p.IMUL3Q(operand.U8(cols), move.step, rTmp)
			p.ADDQ(rTmp, p.parameter(move.name))
		}
		p.JMP(operand.LabelRef(next))
	}
	p.Label(done)
	p.VZEROUPPER()
	p.RET()
}

// storeColumns writes one vector per column.
func (p *panels) storeColumns(cols int, v func(c int) reg.VecPhysical, disp int, mask reg.Register) {
	for c := range cols {
		m := column(rY, rTmp, rLdy, c, disp)
		if c == 3 {
			p.thirdColumn(rTmp, rY, rLdy)
		}
		p.VMOVUPS(v(c), mask, m)
	}
}

// blockScales loads the 16 scales at m as float32.
func (p *panels) blockScales(f *panelFormat, m operand.Mem, v reg.VecPhysical) {
	switch f.scale {
	case scaleF16:
		p.VCVTPH2PS(m, v)
	case scaleBF16:
		p.VPMOVZXWD(m, v)
		p.VPSLLD(operand.U8(16), v, v)
	case scaleF32:
		p.VMOVUPS(m, v)
	}
}

// gemvBlocks emits the product of a panel of 32-value groups with 1 to 4
// tokens: step32 over the lanes.
func (p *panels) gemvBlocks(f *panelFormat) {
	p.function("gemv"+f.name, fmt.Sprintf(gemvSignature, "sums *byte"),
		fmt.Sprintf("sets nCols (1 to 4) columns of 16 outputs from a panel of %s; mask selects rows.", f.name))
	p.gemvStart()
	p.param("sums", rSum)
	p.param("nIn", rScaleStep) // a float32 per 32 quants
	p.SHRQ(operand.U8(3), rScaleStep)
	p.param("w", rW)
	p.constants(f, 31)
	p.forColumns(1, 4, func(cols int) {
		p.aheadOf(f.bytewise() && cols <= 2)
		for c := range cols {
			p.VPXORD(p.v(8+c), p.v(8+c), p.v(8+c))
		}
		p.forPairs(f, func(head, body, group int) {
			p.fetchPair(f, group, cols)
			p.gemvBlock(f, cols, head, body, group)
		}, func(n int) { p.nextBlocks(f, n) })
		p.storeColumns(cols, func(c int) reg.VecPhysical { return p.v(8 + c) }, 0, reg.K1)
	})
}

// nextBlocks moves the pointers n blocks on.
func (p *panels) nextBlocks(f *panelFormat, n int) {
	p.ADDQ(operand.U32(n*(f.headBytes+f.bodyBytes())), rW)
	p.ADDQ(operand.U8(n*f.groups()*4), rScale)
	p.ADDQ(operand.U8(n*f.groups()*4), rSum)
	p.ADDQ(operand.U32(n*f.groups()*32), rX)
	p.ADDQ(operand.U32(n*f.groups()*32), rX3)
}

// gemvBlock emits one block whose head and body lie that far from rW and whose
// first group of activations is the given one from rX.
//
//	0-3   integer sums, 4-7 temporaries of a column
//	8-11  outputs
//	12-15 words
//	16-17 scales and minima
func (p *panels) gemvBlock(f *panelFormat, cols, head, body, group int) {
	if f.sub == 16 {
		p.gemvHalves(f, cols, head, body, group)
		return
	}
	for j := range f.groups() {
		disp := 4 * (group + j)
		sums := p.columnPointer(cols, rSum, rScaleStep)
		for c := range cols {
			p.startSum(f, sums(c, disp), p.v(c))
		}
		for g := range 8 {
			w, tmp := p.v(12+g%2*2), p.v(13+g%2*2)
			f.word(p, at(rW, body), j, g, w, tmp)
			for c := range cols {
				p.VPDPBUSD_BCST(column(rX, rX3, rQuantStep, c, 32*(group+j)+4*g), w, p.v(c))
			}
		}
		p.blockScales(f, at(rW, head), p.v(16))
		if f.hasMin {
			p.blockScales(f, at(rW, head+f.scale.bytes()), p.v(17))
		}
		if f.hasMin {
			sums = p.columnPointer(cols, rSum, rScaleStep)
			for c := range cols {
				p.VPBROADCASTD(sums(c, disp), p.v(18+c))
			}
		}
		scales := p.columnPointer(cols, rScale, rScaleStep)
		for c := range cols {
			p.VMULPS_BCST(scales(c, disp), p.v(16), p.v(4+c))
			p.VCVTDQ2PS(p.v(c), p.v(c))
			p.VFMADD231PS(p.v(4+c), p.v(c), p.v(8+c))
			if f.hasMin { // -Σxq is corr/128, so subtract
				p.VMULPS_BCST(scales(c, disp), p.v(17), p.v(4+c))
				p.VPSRAD(operand.U8(7), p.v(18+c), p.v(18+c))
				p.VCVTDQ2PS(p.v(18+c), p.v(18+c))
				p.VFNMADD231PS(p.v(4+c), p.v(18+c), p.v(8+c))
			}
		}
	}
}

// gemvHalves is gemvBlock where each 16 values have a scale. There is no
// correction for so few: a second dot product takes the offset off.
//
//	18-21 offset times the sum of the activations, 22 the offset
func (p *panels) gemvHalves(f *panelFormat, cols, head, body, group int) {
	p.VPBROADCASTD(p.byteConstant(f.offset), p.v(22))
	for i := range 2 * f.groups() {
		for c := range cols {
			p.clear(c)
			p.clear(18 + c)
		}
		for g := range 4 {
			w := p.v(12 + g)
			f.word(p, at(rW, body), i/2, i%2*4+g, w, nil)
			for c := range cols {
				x := column(rX, rX3, rQuantStep, c, 32*group+16*i+4*g)
				p.VPDPBUSD_BCST(x, w, p.v(c))
				p.VPDPBUSD_BCST(x, p.v(22), p.v(18+c))
			}
		}
		p.blockScales(f, at(rW, head+i*f.scale.bytes()), p.v(16))
		scales := p.columnPointer(cols, rScale, rScaleStep)
		for c := range cols {
			p.VPSUBD(p.v(18+c), p.v(c), p.v(c))
			p.VMULPS_BCST(scales(c, 4*(group+i/2)), p.v(16), p.v(4+c))
			p.VCVTDQ2PS(p.v(c), p.v(c))
			p.VFMADD231PS(p.v(4+c), p.v(c), p.v(8+c))
		}
	}
}

// aheadOf loads how many bytes before their use weights are asked for, which
// package kernels sets by the CPU; see fetchAhead. Light weights need no unpacking.
func (p *panels) aheadOf(light bool) {
	name := "·aheadHeavy"
	if light {
		name = "·aheadLight"
	}
	p.MOVQ(operand.Mem{Symbol: operand.Symbol{Name: name}, Base: reg.StaticBase}, rAhead)
}

// fetchPair asks for what lies ahead of the blocks that lie together, at the
// first of them.
func (p *panels) fetchPair(f *panelFormat, group, cols int) {
	if group > 0 {
		return
	}
	n := f.headBytes + f.bodyBytes()
	if f.paired() {
		n *= 2
	}
	p.fetchAhead(rW, 0, n, cols)
	p.fetchPage(rW, n)
}

// fetchAhead asks for n bytes that lie at base+from, ahead: into the second-level
// cache, or, where rAhead is negative, into the first, or, where it is 0, not at
// all. What one column alone meets is of no use again: NTA keeps it out of the
// outer caches on AMD's CPUs. More columns may come in several turns.
func (p *panels) fetchAhead(base reg.Register, from, n, cols int) {
	first, alone := p.label("first"), p.label("alone")
	p.TESTQ(rAhead, rAhead)
	p.JZ(operand.LabelRef(alone))
	p.JS(operand.LabelRef(first))
	for i := 0; i < n; i += 64 {
		p.PREFETCHT1(operand.Mem{Base: base, Index: rAhead, Scale: 1, Disp: from + i})
	}
	p.JMP(operand.LabelRef(alone))
	p.Label(first)
	fetch, ahead := p.PREFETCHT0, 8<<10
	if cols == 1 {
		fetch = p.PREFETCHNTA
		if p.wide {
			ahead = 5 << 10
		}
	}
	for i := 0; i < n; i += 64 {
		fetch(at(base, ahead+from+i))
	}
	p.Label(alone)
}

// pageBytes is the size of a small page.
const pageBytes = 4096

// pagesAhead is how many pages before their use fetchPage asks for one.
const pagesAhead = 4

// fetchPage asks for one line some pages ahead where a page begins among the n
// bytes at base, which are less than a page: the way through the page table is
// found before the stream comes there. It sets rTmp.
func (p *panels) fetchPage(base reg.Register, n int) {
	within := p.label("within")
	p.MOVL(base.(reg.GP).As32(), rTmp.As32())
	p.NEGL(rTmp.As32())
	p.ANDL(operand.U32(pageBytes-1), rTmp.As32())
	p.CMPL(rTmp.As32(), operand.U32(n))
	p.JAE(operand.LabelRef(within))
	p.PREFETCHT1(at(base, pagesAhead*pageBytes))
	p.Label(within)
}

// columnPointer returns the addresses of per-block data of cols columns. Where
// there are more than three, it sets rTmp.
func (p *panels) columnPointer(cols int, base, stride reg.Register) func(c, disp int) operand.Mem {
	if cols > 3 {
		p.thirdColumn(rTmp, base, stride)
	}
	return func(c, disp int) operand.Mem { return column(base, rTmp, stride, c, disp) }
}

// startSum starts an integer sum with what takes the words' offset off: the
// correction is -128 times the sum of the quants.
func (p *panels) startSum(f *panelFormat, corr operand.Mem, sum reg.VecPhysical) {
	if f.offset == 0 {
		p.VPXORD(sum, sum, sum)
		return
	}
	p.VPBROADCASTD(corr, sum)
	if shift := 7 - log2(f.offset); shift > 0 {
		p.VPSRAD(operand.U8(shift), sum, sum)
	}
}

func log2(n int) int {
	for i := range 31 {
		if 1<<i == n {
			return i
		}
	}
	panic("no power of two")
}
