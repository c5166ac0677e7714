package main

import "fmt"

// variant is a register tile: nv vectors of four rows by cols columns. Tiles of
// fewer than 16 rows pass over the panel more than once.
type variant struct {
	cols, nv int
}

func (a *neon) passes() int { return 4 / a.nv }

// variants are the tiles of the level. What they accumulate fits 8 registers.
func (a *neon) variants() []variant {
	if a.dot {
		return []variant{{1, 4}, {2, 4}, {4, 2}}
	}
	return []variant{{1, 4}, {2, 2}}
}

// The vector registers. With SDOT:
//
//	0-7   integer sums [cols][nv]
//	8-15  outputs, or the integer sums of super-blocks [cols][nv]
//	16-23 32 quants of each column, raw bytes
//	24-27 raw bytes where nv is 2, then words
//	28-30 temporary, mask, table
//
// Without:
//
//	0-7   int16 sums [cols][nv][2]: rows 0 and 1, 2 and 3
//	8-15  the int32 sums of their pairs, where int16 is too narrow
//	16-19 outputs, or the integer sums of super-blocks [cols][nv]
//	20-25 32 quants of each column, raw bytes
//	26-27 words
//	28-31 four quants in every lane, temporary, mask, table

// sum is where the integer sums of four rows and a column end up.
func (a *neon) sum(c, v int) vreg {
	if a.dot {
		return vreg(c*a.nv + v)
	}
	return vreg(2 * (c*a.nv + v))
}

func (a *neon) acc(c, v int) vreg { return vreg(a.pick(8, 16) + c*a.nv + v) }
func (a *neon) x(c, half int) vreg {
	return vreg(a.pick(16, 20) + 2*c + half)
}
func (a *neon) raw(v int) vreg { return a.x(a.cols, 0) + vreg(v) }

// nWords is the number of registers for words: as many rows are unpacked
// before they are multiplied.
func (a *neon) nWords() int { return a.pick(a.nv, 2) }
func (a *neon) w(v int) vreg {
	return vreg(28 - a.nWords() + v%a.nWords())
}
func (a *neon) tmp() vreg   { return vreg(a.pick(28, 29)) }
func (a *neon) mask() vreg  { return vreg(a.pick(29, 30)) }
func (a *neon) table() vreg { return vreg(a.pick(30, 31)) }

func (a *neon) pick(dot, base int) int {
	if a.dot {
		return dot
	}
	return base
}

// offset is what the words of the format are above the values.
func (a *neon) offset() int {
	if a.f.table != nil || a.f.name == "Q8_0" {
		return 0
	}
	return a.f.offset
}

// period is the number of words whose products with int8 an int16 holds.
func (a *neon) period() int {
	largest := a.f.largest
	if a.f.table != nil || a.f.name == "Q8_0" {
		largest = 1
		for _, v := range a.f.table {
			largest = max(largest, v-a.f.offset, a.f.offset-v)
		}
	}
	if a.f.name == "Q8_0" {
		largest = 128
	}
	return 32767 / (127 * largest)
}

// forVariants emits body for each tile and the branches between them.
func (a *neon) forVariants(nCols int, body func()) {
	a.param("nCols", nCols, gTmp)
	list := a.variants()
	labels := make([]string, len(list))
	for i, v := range list {
		labels[i] = a.label("columns")
		if i > 0 {
			a.ins("CMP $%d, %s", v.cols, gTmp)
			a.ins("BEQ %s", labels[i])
		}
	}
	for i, v := range list {
		a.variant = v
		if i > 0 {
			a.at(labels[i])
		}
		a.constants()
		a.ins("MOVD $0, %s", gPass)
		pass := a.label("pass")
		if a.passes() > 1 {
			a.at(pass)
		}
		body()
		if a.passes() > 1 {
			a.ins("ADD $%d, %s", 16*a.nv, gPass)
			a.ins("CMP $64, %s", gPass)
			a.ins("BLT %s", pass)
		}
		a.ins("RET")
	}
}

// constants loads the mask and the table.
func (a *neon) constants() {
	a.movi(a.mask(), neonFormats[a.f.name].mask)
	if a.f.table != nil {
		a.ins("MOVD $table%s%s<>(SB), %s", a.f.name, a.suffix, gTmp)
		a.loadQ(gTmp, 0, a.table())
	}
}

// gemvParams are the parameters of a product; sums are of a type of their own.
func gemvParams(sums string) []string {
	return []string{"y", "*float32", "ldy", "int", "w", "*byte", "nBlocks", "int", "xq", "*int8", "dx", "*float32",
		"sums", sums, "nIn", "int", "xStride", "int", "nCols", "int"}
}

const nColsParam = 9

// start sets the pointers for a pass. Scales lie nIn>>scaleShift bytes apart
// from column to column, sums sumsMul times as much.
func (a *neon) start(scaleShift, sumsMul int) {
	a.param("y", 0, gY)
	a.param("ldy", 1, gLdy)
	a.ins("LSL $2, %s", gLdy)
	a.param("w", 2, gHead)
	a.param("nBlocks", 3, gCount)
	a.param("xq", 4, gX(0))
	a.param("dx", 5, gScale(0))
	a.param("sums", 6, gSum(0))
	a.param("nIn", 7, gTmp)
	a.ins("LSR $%d, %s", scaleShift, gTmp)
	a.param("xStride", 8, gChunks)
	for c := 1; c < a.cols; c++ {
		a.ins("ADD %s, %s, %s", gChunks, gX(c-1), gX(c))
		a.ins("ADD %s, %s, %s", gTmp, gScale(c-1), gScale(c))
	}
	if sumsMul > 1 {
		a.ins("MOVD $%d, %s", sumsMul, gChunks)
		a.ins("MUL %s, %s", gChunks, gTmp)
	}
	for c := 1; c < a.cols; c++ {
		a.ins("ADD %s, %s, %s", gTmp, gSum(c-1), gSum(c))
	}
	if a.passes() > 1 {
		a.ins("ADD %s, %s", gPass, gY)
	}
}

// forBlocks emits the loop over the blocks; body has gHead and gW at a block
// and moves gW to its end. In passes after the first both are moved on to the
// pass's rows: a word has four bytes a row, a head two.
func (a *neon) forBlocks(body func()) {
	h := a.f.headBytes
	next, block, second, done := a.label("next"), a.label("block"), a.label("second"), a.label("done")
	if a.f.paired() {
		a.ins("MOVD $0, %s", gOdd)
	}
	a.at(next)
	a.ins("ADD $%d, %s, %s", h, gHead, gW)
	if a.f.paired() {
		a.ins("CMP $1, %s", gCount)
		a.ins("BEQ %s", block)
		a.ins("ADD $%d, %s", h, gW)
	}
	a.at(block)
	if a.passes() > 1 {
		a.ins("ADD %s, %s", gPass, gW)
		a.ins("ADD %s>>1, %s", gPass, gHead)
	}
	body()
	if a.passes() > 1 {
		a.ins("SUB %s, %s", gPass, gW)
		a.ins("SUB %s>>1, %s", gPass, gHead)
	}
	a.ins("SUBS $1, %s", gCount)
	a.ins("BEQ %s", done)
	if a.f.paired() {
		a.ins("EOR $1, %s", gOdd)
		a.ins("CBNZ %s, %s", gOdd, second)
	}
	a.ins("MOVD %s, %s", gW, gHead)
	a.ins("B %s", next)
	if a.f.paired() {
		a.at(second)
		a.ins("ADD $%d, %s", h, gHead)
		a.ins("B %s", block)
	}
	a.at(done)
}

// gemvBlocks emits the product of a panel of 32-value groups with the columns
// of a tile: step32 over the lanes.
func (a *neon) gemvBlocks(f *panelFormat) {
	a.f = f
	a.function("gemv"+f.name, fmt.Sprintf("sets nCols (%s) columns of 16 outputs from a panel of %s.", a.columnCounts(), f.name),
		0, gemvParams("*int32")...)
	a.forVariants(nColsParam, func() {
		a.start(3, 1)
		for c := range a.cols {
			for v := range a.nv {
				a.movi(a.acc(c, v), 0)
			}
		}
		a.forBlocks(func() {
			for j := range f.groups() {
				a.blockGroup(j)
			}
			a.ins("ADD $%d, %s", f.bodyBytes(), gW)
			for c := range a.cols {
				a.ins("ADD $%d, %s", 32*f.groups(), gX(c))
				a.ins("ADD $%d, %s", 4*f.groups(), gScale(c))
				a.ins("ADD $%d, %s", 4*f.groups(), gSum(c))
			}
		})
		for c := range a.cols {
			for v := range a.nv {
				a.storeQ(a.acc(c, v), gY, 16*v)
			}
			a.ins("ADD %s, %s", gLdy, gY)
		}
	})
}

// columnCounts lists the tiles' columns.
func (a *neon) columnCounts() string {
	if a.dot {
		return "1, 2 or 4"
	}
	return "1 or 2"
}

// blockGroup emits one group of 32 values, or its halves where each has a scale.
func (a *neon) blockGroup(j int) {
	start := func(c int) bool { return a.startFromCorr(c, j) }
	if a.f.sub == 16 {
		for half := range 2 {
			a.products32(j, neonFormats[a.f.name].order[4*half:4*half+4], start)
			a.blockScales(j, (2*j+half)*a.f.scale.bytes())
		}
		return
	}
	a.products32(j, nil, start)
	a.blockScales(j, 0)
}

// blockScales adds the integer sums of group j to the outputs, with the scales
// at disp.
func (a *neon) blockScales(j, disp int) {
	f := a.f
	for c := range a.cols {
		a.loadS(gScale(c), 4*j, a.x(c, 0))
		if f.hasMin {
			a.ins("MOVW %d(%s), %s", 4*j, gSum(c), gTmp)
			a.ins("ASR $7, %s", gTmp)
			a.ins("NEG %s, %s", gTmp, gTmp)
			a.ins("SCVTFWS %s, F%d", gTmp, a.x(c, 1))
		}
	}
	d, m, t := a.w(0), a.w(1), a.tmp()
	for v := range a.nv {
		a.scale(disp, v, d)
		if f.hasMin {
			a.scale(f.scale.bytes(), v, m)
		}
		for c := range a.cols {
			a.fmulElement(t, d, a.x(c, 0), 0)
			a.scvtf(a.sum(c, v), a.sum(c, v))
			a.fmla(a.acc(c, v), a.sum(c, v), t)
			if f.hasMin {
				a.fmulElement(t, m, a.x(c, 0), 0)
				a.fmlaElement(a.acc(c, v), t, a.x(c, 1), 0)
			}
		}
	}
}

// startFromCorr sets gTmp to what the integer sum of group j starts from: the
// correction for the offset, from that for an offset of 128.
func (a *neon) startFromCorr(c, j int) bool {
	o := a.offset()
	if o == 0 {
		return false
	}
	shift := 7
	for ; o > 1; o >>= 1 {
		shift--
	}
	a.ins("MOVW %d(%s), %s", 4*j, gSum(c), gTmp)
	a.ins("ASR $%d, %s", shift, gTmp)
	return true
}

// scale loads four scales of the head, disp bytes in, as float32.
func (a *neon) scale(disp, v int, d vreg) {
	switch a.f.scale {
	case scaleF16:
		a.loadD(gHead, disp+8*v, d)
		a.fcvtl(d, d)
	case scaleBF16:
		a.loadD(gHead, disp+8*v, d)
		a.shll(d, d)
	case scaleF32:
		if a.passes() > 1 { // gHead moves on by two bytes a row
			a.ins("ADD %s>>1, %s, %s", gPass, gHead, gTmp)
			a.loadQ(gTmp, disp+16*v, d)
			return
		}
		a.loadQ(gHead, disp+16*v, d)
	}
}

// products32 leaves in sum(c, v) the integer sums of the words of group j of
// the chunk, or of those listed, with quants that lie 32 times xGroup from gX.
// start sets gTmp to what a column's sums start from, and reports whether that
// is other than zero.
func (a *neon) products32(j int, words []int, start func(c int) bool) {
	format := neonFormats[a.f.name]
	if len(words) == 0 {
		words = format.order
	}
	a.comment("group %d", j)
	for c := range a.cols {
		if len(words) == 8 {
			a.loadPair(gX(c), 32*j, a.x(c, 0), a.x(c, 1))
		} else {
			a.loadQ(gX(c), 32*j+4*words[0], a.x(c, words[0]/4))
		}
	}
	if a.dot {
		a.startSums(start)
	}
	a.held = -1
	for i, g := range words {
		for v0 := 0; v0 < a.nv; v0 += a.nWords() {
			for v := v0; v < v0+a.nWords(); v++ {
				format.word(a, j, g, v)
			}
			for c := range a.cols {
				a.multiply(c, g, i, v0)
			}
		}
	}
	if !a.dot {
		a.foldSums(len(words), start)
	}
}

// startSums sets the sums of SDOT.
func (a *neon) startSums(start func(c int) bool) {
	for c := range a.cols {
		if start(c) {
			a.splatWord(gTmp, a.sum(c, 0))
			for v := 1; v < a.nv; v++ {
				a.mov(a.sum(c, v), a.sum(c, 0))
			}
			continue
		}
		for v := range a.nv {
			a.movi(a.sum(c, v), 0)
		}
	}
}

// multiply adds the products of word g, the i-th of its sum, for the unpacked
// rows from v0 on.
func (a *neon) multiply(c, g, i, v0 int) {
	if a.dot {
		for v := v0; v < v0+a.nWords(); v++ {
			a.sdot(a.sum(c, v), a.w(v), a.x(c, g/4), g%4)
		}
		return
	}
	quants := vreg(28 + c%2) // the temporary is free here
	a.dup(quants, a.x(c, g/4), g%4)
	first, last := i%a.period() == 0, i%a.period() == a.period()-1
	for v := v0; v < v0+a.nWords(); v++ {
		lo, hi := a.sum(c, v), a.sum(c, v)+1
		if first {
			a.smull(lo, a.w(v), quants)
			a.smull2(hi, a.w(v), quants)
		} else {
			a.smlal(lo, a.w(v), quants)
			a.smlal2(hi, a.w(v), quants)
		}
		if last && a.wide() {
			a.widen(lo, i == a.period()-1)
			a.widen(hi, i == a.period()-1)
		}
	}
}

// wide reports whether the sum of a group or sub-block needs int32 on the way.
func (a *neon) wide() bool { return a.period() < 4 }

// widen adds the pairs of an int16 sum to its int32 sums.
func (a *neon) widen(s vreg, first bool) {
	if first {
		a.saddlp(s+8, s)
	} else {
		a.sadalp(s+8, s)
	}
}

// foldSums turns the sums of n words into one int32 a row.
func (a *neon) foldSums(n int, start func(c int) bool) {
	if !a.wide() && n > a.period() || a.wide() && n%a.period() != 0 {
		panic(fmt.Sprintf("%s: %d words overflow int16", a.f.name, n))
	}
	for c := range a.cols {
		more := start(c)
		if more {
			a.splatWord(gTmp, a.tmp())
		}
		for v := range a.nv {
			lo, hi := a.sum(c, v), a.sum(c, v)+1
			if a.wide() {
				lo, hi = lo+8, hi+8
			} else {
				a.saddlp(lo, lo)
				a.saddlp(hi, hi)
			}
			a.addp(a.sum(c, v), lo, hi)
			if more {
				a.add(a.sum(c, v), a.sum(c, v), a.tmp())
			}
		}
	}
}
