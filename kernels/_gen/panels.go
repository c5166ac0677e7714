package main

import (
	"slices"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// panelFormat says how a packed format is read; the layouts are those of the
// format files in package kernels. Values come in groups of 32, groups in
// chunks that lie together in the body.
type panelFormat struct {
	name       string
	headBytes  int
	chunk      int   // groups in a chunk
	chunkWords int   // 64-byte words in a chunk
	offset     int   // word gives q + offset, unsigned: 0 or a power of two
	largest    int   // the largest value word gives
	table      []int // of the 4-bit codes, offset added
	masks      []int // byte masks that word needs
	word       func(p *panels, at operand.Mem, j, g int, dst, tmp reg.VecPhysical)
	scale      scaleKind

	hasMin     bool
	sub        int // values to a sub-block scale: 16, 32, or 0 for none
	superBlock bool
}

// scaleKind is how the scales at the start of a head are stored.
type scaleKind int

const (
	scaleF16 scaleKind = iota
	scaleBF16
	scaleF32
)

// bytes is the size of 16 scales.
func (s scaleKind) bytes() int {
	if s == scaleF32 {
		return 64
	}
	return 32
}

// groups is the number of 32-value groups in a block.
func (f *panelFormat) groups() int {
	if f.superBlock {
		return 8
	}
	return f.chunk
}

// bodyBytes is the size of a block's body.
func (f *panelFormat) bodyBytes() int { return f.groups() / f.chunk * f.chunkWords * 64 }

// bytewise reports whether values are bytes: there is nothing to unpack, so that
// loads follow one another as in a plain scan.
func (f *panelFormat) bytewise() bool { return f.chunkWords == 8*f.chunk }

// paired reports whether blocks lie in pairs; see packedBlock.
func (f *panelFormat) paired() bool { return f.headBytes%64 != 0 }

var iq4Values = []int{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}

func shifted(values []int, offset int) []int {
	t := make([]int, 16)
	for i, v := range values {
		t[i] = v + offset
	}
	return t
}

func mirrored(values []int) []int {
	t := make([]int, 16)
	for i, v := range values {
		t[i], t[8+i] = v, -v
	}
	return t
}

var (
	fp4Values    = mirrored([]int{0, 1, 2, 3, 4, 6, 8, 12})
	iq2Values    = mirrored([]int{8, 25, 43})
	iq3XXSValues = mirrored([]int{4, 12, 20, 28, 36, 44, 52, 62})
	iq3SValues   = mirrored([]int{1, 3, 5, 7, 9, 11, 13, 15})
	iq1Values    = []int{-7, 1, 9, 0, 0, 0, 0, 0, -9, -1, 7}
)

// The formats of 32-value activations.
var blockFormats = []*panelFormat{
	{name: "Q8_0", headBytes: 32, chunk: 1, chunkWords: 8, offset: 128, largest: 255, word: byteWord},
	{name: "Q4_0", headBytes: 32, chunk: 1, chunkWords: 4, offset: 8, largest: 15, masks: []int{0x0f}, word: nibbleWord},
	{name: "Q4_1", headBytes: 64, chunk: 1, chunkWords: 4, largest: 15, masks: []int{0x0f}, word: nibbleWord, hasMin: true},
	{name: "Q5_0", headBytes: 32, chunk: 1, chunkWords: 5, offset: 16, largest: 31, masks: []int{0x1f, 0x07, 0x18, 0x08, 0x10}, word: fiveWord},
	{name: "Q5_1", headBytes: 64, chunk: 1, chunkWords: 5, largest: 31, masks: []int{0x1f, 0x07, 0x18, 0x08, 0x10}, word: fiveWord, hasMin: true},
	{name: "IQ4_NL", headBytes: 32, chunk: 1, chunkWords: 4, offset: 128, largest: 241, table: shifted(iq4Values, 128), masks: []int{0x0f}, word: nibbleWord},
	{name: "MXFP4", headBytes: 32, chunk: 1, chunkWords: 4, offset: 16, largest: 28, table: shifted(fp4Values, 16), masks: []int{0x0f}, word: nibbleWord, scale: scaleBF16},
	{name: "Q1_0", headBytes: 32, chunk: 4, chunkWords: 4, offset: 1, largest: 2, masks: []int{0x02}, word: bitWord},
	{name: "Q2_0", headBytes: 32, chunk: 2, chunkWords: 4, offset: 1, largest: 3, masks: []int{0x03}, word: crumbWord},
}

// nvfp4 has a scale per 16 values, which meet 32-value activations. It has no
// tile: few models store it.
var nvfp4 = &panelFormat{
	name: "NVFP4", headBytes: 128, chunk: 2, chunkWords: 8, offset: 16, largest: 28, table: shifted(fp4Values, 16), masks: []int{0x0f}, word: nvfp4Word, sub: 16,
}

// The formats of 256-value activations.
var superFormats = []*panelFormat{
	{name: "Q4_K", headBytes: 320, chunk: 2, chunkWords: 8, largest: 15, masks: []int{0x0f}, word: nibbleWord, sub: 32, hasMin: true},
	{name: "Q5_K", headBytes: 320, chunk: 2, chunkWords: 10, largest: 31, masks: []int{0x1f, 0x07, 0x18, 0x08, 0x10}, word: fiveWord, sub: 32, hasMin: true},
	{name: "Q6_K", headBytes: 320, chunk: 2, chunkWords: 12, offset: 32, largest: 63, masks: []int{0x3f, 0x03, 0x0c, 0x30}, word: sixKWord, sub: 16},
	{name: "Q2_K", headBytes: 576, chunk: 4, chunkWords: 8, largest: 3, masks: []int{0x03}, word: crumbWord, sub: 16, hasMin: true},
	{name: "Q3_K", headBytes: 320, chunk: 2, chunkWords: 6, offset: 4, largest: 7, masks: []int{0x07, 0x03, 0x04}, word: threeKWord, sub: 16},
	{name: "TQ2_0", headBytes: 32, chunk: 4, chunkWords: 8, offset: 1, largest: 3, masks: []int{0x03}, word: crumbWord},
	{name: "IQ4_XS", headBytes: 192, chunk: 2, chunkWords: 8, offset: 128, largest: 241, table: shifted(iq4Values, 128), masks: []int{0x0f}, word: nibbleWord, sub: 32},
	{name: "IQ1", headBytes: 320, chunk: 2, chunkWords: 8, offset: 16, largest: 25, table: shifted(iq1Values, 16), masks: []int{0x0f}, word: nibbleWord, scale: scaleF32, sub: 16},
	{name: "IQ2", headBytes: 320, chunk: 2, chunkWords: 8, offset: 64, largest: 107, table: shifted(iq2Values, 64), masks: []int{0x0f}, word: nibbleWord, scale: scaleF32, sub: 16},
	{name: "IQ3_XXS", headBytes: 320, chunk: 2, chunkWords: 8, offset: 64, largest: 126, table: shifted(iq3XXSValues, 64), masks: []int{0x0f}, word: nibbleWord, scale: scaleF32, sub: 16},
	{name: "IQ3_S", headBytes: 320, chunk: 2, chunkWords: 8, offset: 16, largest: 31, table: shifted(iq3SValues, 16), masks: []int{0x0f}, word: nibbleWord, scale: scaleF32, sub: 16},
}

func init() {
	for _, f := range superFormats {
		f.superBlock = true
	}
}

// The word functions emit the load of word g, values 4g to 4g+3, of group j of
// the chunk at at: one byte per value in each row's lane.

// byteWord reads whole bytes.
func byteWord(p *panels, at operand.Mem, _, g int, dst, _ reg.VecPhysical) {
	p.load(at.Offset(64*g), dst)
}

// nibbleWord reads nibbles of 4 words a group: low ones, then high ones.
func nibbleWord(p *panels, at operand.Mem, j, g int, dst, _ reg.VecPhysical) {
	p.field(at.Offset(64*(4*j+g%4)), g/4*4, 4, dst)
	p.lookUp(dst)
}

// nvfp4Word reads nibbles of 4 words a group: of each 16 values low ones of two
// words, then high ones.
func nvfp4Word(p *panels, at operand.Mem, j, g int, dst, _ reg.VecPhysical) {
	p.field(at.Offset(64*(4*j+g/4*2+g%2)), g%4/2*4, 4, dst)
	p.lookUp(dst)
}

// fiveWord reads word g of eight words of 5-bit values; see foldFives.
func fiveWord(p *panels, at operand.Mem, j, g int, dst, tmp reg.VecPhysical) {
	word := func(n int) operand.Mem { return at.Offset(64 * (5*j + n)) }
	if g < 5 {
		p.field(word(g), 0, 5, dst)
		return
	}
	p.field(word((g-5)*2), 5, 3, dst)
	if g < 7 {
		p.bitsTo(word((g-5)*2+1), 5, 2, 3, dst, tmp)
		return
	}
	p.bitsTo(word(1), 7, 1, 3, dst, tmp)
	p.bitsTo(word(3), 7, 1, 4, dst, tmp)
}

// bitWord reads bit g of word j as 0 or 2.
func bitWord(p *panels, at operand.Mem, j, g int, dst, _ reg.VecPhysical) {
	at = at.Offset(64 * j)
	if g == 1 {
		p.and(2, at, dst)
		return
	}
	p.shifted(1-g, at, dst)
	p.and(2, dst, dst)
}

// crumbWord reads 2 bits of 2 words a group.
func crumbWord(p *panels, at operand.Mem, j, g int, dst, _ reg.VecPhysical) {
	p.field(at.Offset(64*(2*j+g/4)), g%4*2, 2, dst)
}

// sixKWord reads the low 6 bits of four words for each of three 16s, and for the
// last 16 of 64 gathers what is above them.
func sixKWord(p *panels, at operand.Mem, j, g int, dst, tmp reg.VecPhysical) {
	word := func(n int) operand.Mem { return at.Offset(64 * (4*n + g%4)) }
	if n := 2*j + g/4; n < 3 {
		p.field(word(n), 0, 6, dst)
		return
	}
	p.field(word(0), 6, 2, dst)
	p.bitsTo(word(1), 6, 2, 2, dst, tmp)
	p.bitsTo(word(2), 6, 2, 4, dst, tmp)
}

// threeKWord reads word g of eight words of 3-bit values; see foldThrees.
func threeKWord(p *panels, at operand.Mem, j, g int, dst, tmp reg.VecPhysical) {
	word := func(n int) operand.Mem { return at.Offset(64 * (3*j + n)) }
	if g < 6 {
		p.field(word(g/2), g%2*3, 3, dst)
		return
	}
	p.field(word((g-6)*2), 6, 2, dst)
	p.bitsTo(word(1), g, 1, 2, dst, tmp)
}

// field reads n bits from bit position from of every byte.
func (p *panels) field(at operand.Mem, from, n int, dst reg.VecPhysical) {
	if from == 0 {
		p.and(1<<n-1, at, dst)
		return
	}
	p.shifted(-from, at, dst)
	p.and(1<<n-1, dst, dst)
}

// bitsTo puts n bits from bit position from of the bytes at at to position to
// of dst's bytes, where dst has zeros.
func (p *panels) bitsTo(at operand.Mem, from, n, to int, dst, tmp reg.VecPhysical) {
	var bits operand.Op = at
	if from != to {
		p.shifted(to-from, at, tmp)
		bits = tmp
	}
	mask := (1<<n - 1) << to
	if p.wide {
		p.VPTERNLOGD(operand.U8(0xf8), bits, p.bytes(mask), dst) // dst | bits & mask
		return
	}
	p.and(mask, bits, tmp)
	p.VPOR(tmp, dst, dst)
}

// shifted reads a vector and moves the bits of every 32-bit lane left, or right
// where n < 0.
func (p *panels) shifted(n int, at operand.Mem, dst reg.VecPhysical) {
	from := operand.Op(at)
	if !p.wide { // AVX2 shifts registers only
		p.load(at, dst)
		from = dst
	}
	if n > 0 {
		p.VPSLLD(operand.U8(n), from, dst)
	} else {
		p.VPSRLD(operand.U8(-n), from, dst)
	}
}

// and masks every byte of x, memory or a register.
func (p *panels) and(mask int, x operand.Op, dst reg.VecPhysical) {
	if p.wide {
		p.VPANDD(x, p.bytes(mask), dst)
		return
	}
	if m, ok := x.(operand.Mem); ok { // the mask is in memory, too
		p.load(m, dst)
		x = dst
	}
	p.VPAND(p.bytes(mask), x, dst)
}

// lookUp replaces codes by the format's table entries, where it has a table.
func (p *panels) lookUp(v reg.VecPhysical) {
	if p.table != nil {
		p.VPSHUFB(v, p.table, v)
	}
}

// load reads a vector.
func (p *panels) load(at operand.Mem, v reg.VecPhysical) {
	if p.wide {
		p.VMOVDQU32(at, v)
	} else {
		p.VMOVDQU(at, v)
	}
}

// bytes is the operand that holds mask in every byte: memory, or where there
// are registers enough one of them; see constants.
func (p *panels) bytes(mask int) operand.Op {
	if r, ok := p.byteRegs[mask]; ok {
		return r
	}
	return p.byteConstant(mask)
}

// constants loads the masks and the table that f's word function needs into
// the registers from number last downward, and returns the next free number.
// Without AVX-512 masks stay in memory.
func (p *panels) constants(f *panelFormat, last int) int {
	p.byteRegs, p.table = map[int]reg.VecPhysical{}, nil
	for _, mask := range f.masks {
		if !p.wide {
			break
		}
		p.byteRegs[mask] = p.v(last)
		p.VPBROADCASTD(p.byteConstant(mask), p.v(last))
		last--
	}
	if f.table != nil {
		p.table = p.v(last)
		at := operand.NewDataAddr(operand.NewStaticSymbol("table"+f.name+p.suffix), 0)
		if p.wide {
			p.VBROADCASTI32X4(at, p.table)
		} else {
			p.VBROADCASTI128(at, p.table)
		}
		last--
	}
	return last
}

// byteConstant is the address of a vector of bytes b.
func (p *panels) byteConstant(b int) operand.Mem { return p.wordConstant(uint32(b) * 0x01010101) }

// wordConstant is the address of 32 bytes of a 32-bit pattern.
func (p *panels) wordConstant(w uint32) operand.Mem {
	i := slices.Index(p.constTable, w)
	if i < 0 {
		i = len(p.constTable)
		p.constTable = append(p.constTable, w)
	}
	return operand.NewDataAddr(operand.NewStaticSymbol("constants"+p.suffix), 32*i)
}

const rodata = attr.RODATA | attr.NOPTR

// finish writes the tables. Call it last.
func (p *panels) finish() {
	p.StaticGlobal("constants" + p.suffix)
	p.DataAttributes(rodata)
	for _, w := range p.constTable {
		for range 8 {
			p.AppendDatum(operand.U32(w))
		}
	}
	for _, f := range slices.Concat(blockFormats, superFormats, []*panelFormat{nvfp4}) {
		if f.table == nil {
			continue
		}
		p.StaticGlobal("table" + f.name + p.suffix)
		p.DataAttributes(rodata)
		for _, v := range f.table {
			p.AppendDatum(operand.U8(v))
		}
	}
}
