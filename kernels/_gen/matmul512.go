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
	for _, f := range superFormats {
		p.gemvSupers(f)
		p.tileSupers(f)
	}
	for _, v := range superVariants() {
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
		for c := range cols {
			p.VPXORD(p.v(8+c), p.v(8+c), p.v(8+c))
		}
		p.forPairs(f, func(head, body, group int) { p.gemvBlock(f, cols, head, body, group) }, func(n int) { p.nextBlocks(f, n) })
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
			p.fetchWord(f, body-head, j, g)
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

// ahead is how many bytes before their use GEMVs ask for weights. The hardware
// stops at the end of a page; asking across it keeps the stream flowing.
const ahead = 8192

// fetchWord asks for a word's share of a block's bytes, which lie at rW+from,
// ahead: in one go they would fill the queue for what is missing.
func (p *panels) fetchWord(f *panelFormat, from, j, g int) {
	words := 8 * f.groups()
	n := f.headBytes + f.bodyBytes()
	for line := 0; line < n; line += 64 {
		if line*words/n == 8*j+g {
			p.fetchAhead(from+line, 64)
		}
	}
}

// fetchAhead asks for n bytes that lie at rW+from, ahead.
func (p *panels) fetchAhead(from, n int) {
	for i := 0; i < n; i += 64 {
		p.PREFETCHT1(at(rW, ahead+from+i))
	}
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

// The least and the most columns of the GEMM.
const minColumns, maxColumns = 3, 6

// gemmStart loads what both kinds of GEMM take: the low half of mask selects
// rows of the first panel, the high half of the second.
func (p *panels) gemmStart() {
	p.param("mask", rTmp.As32())
	p.KMOVD(rTmp.As32(), reg.K1)
	p.KSHIFTRD(operand.U8(16), reg.K1, reg.K2)
	p.param("y", rY)
	p.param("ldy", rLdy)
	p.SHLQ(operand.U8(2), rLdy)
	p.param("tile", rW)
	p.param("n", rCount)
	p.param("xq", rX)
	p.param("dx", rScale)
	p.param("xStride", rQuantStep)
	p.thirdColumn(rX3, rX, rQuantStep)
}

// gemmWords emits n words of both panels against the columns: words from slot
// first on, activations from byte xFrom on.
//
//	0-11  integer sums: column c has 2c for the first panel, 2c+1
//	24-25 words, 26-28 activations
func (p *panels) gemmWords(cols, first, n, xFrom int) {
	for g := range n {
		p.VMOVDQU32(at(rW, (first+g)*slot), p.v(24))
		p.VMOVDQU32(at(rW, (first+g)*slot+64), p.v(25))
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
		"multiplies a tile of n groups into nCols (3 to 6) columns of 32 outputs; mask selects rows.")
	p.gemmStart()
	p.param("sums", rSum)
	p.param("nIn", rScaleStep)
	p.SHRQ(operand.U8(3), rScaleStep)
	p.forColumns(minColumns, maxColumns, func(cols int) {
		p.startOutputs(cols, 12)
		p.fetchNext(cols)
		loop := p.label("loop")
		p.Label(loop)
		corr := p.columnPointer(cols, rSum, rScaleStep)
		for c := range cols {
			p.VPBROADCASTD(corr(c, 0), p.v(2*c))
			p.VPBROADCASTD(corr(c, 0), p.v(2*c+1))
		}
		p.gemmWords(cols, 0, 8, 0)
		p.VMOVUPS(at(rW, 8*slot), p.v(29))
		p.VMOVUPS(at(rW, 8*slot+64), p.v(30))
		scales := p.columnPointer(cols, rScale, rScaleStep)
		for c := range cols {
			for i := range 2 {
				p.VMULPS_BCST(scales(c, 0), p.v(29+i), p.v(24+i))
				p.VCVTDQ2PS(p.v(2*c+i), p.v(2*c+i))
				p.VFMADD231PS(p.v(24+i), p.v(2*c+i), p.v(12+2*c+i))
			}
		}
		if hasMin {
			p.gemmMinima(cols)
		}
		p.ADDQ(operand.U32(slots*slot), rW)
		p.ADDQ(operand.U8(4), rScale)
		p.ADDQ(operand.U8(4), rSum)
		p.ADDQ(operand.U8(32), rX)
		p.ADDQ(operand.U8(32), rX3)
		p.DECQ(rCount)
		p.JNZ(operand.LabelRef(loop))
		p.storeColumns(cols, func(c int) reg.VecPhysical { return p.v(12 + 2*c) }, 0, reg.K1)
		p.storeColumns(cols, func(c int) reg.VecPhysical { return p.v(13 + 2*c) }, 64, reg.K2)
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
