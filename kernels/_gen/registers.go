package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// panels emits matrix products over packed panels.
type panels struct {
	*build.Context
	suffix     string
	wide       bool // 512-bit registers: a panel's word in one
	nLabel     int
	constTable []uint32
	byteRegs   map[int]reg.VecPhysical
	table      reg.VecPhysical
}

var (
	zmm = []reg.VecPhysical{reg.Z0, reg.Z1, reg.Z2, reg.Z3, reg.Z4, reg.Z5, reg.Z6, reg.Z7, reg.Z8, reg.Z9, reg.Z10,
		reg.Z11, reg.Z12, reg.Z13, reg.Z14, reg.Z15, reg.Z16, reg.Z17, reg.Z18, reg.Z19, reg.Z20, reg.Z21, reg.Z22,
		reg.Z23, reg.Z24, reg.Z25, reg.Z26, reg.Z27, reg.Z28, reg.Z29, reg.Z30, reg.Z31}
	ymm = []reg.VecPhysical{reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7, reg.Y8, reg.Y9, reg.Y10,
		reg.Y11, reg.Y12, reg.Y13, reg.Y14, reg.Y15}
)

// v is vector register n of the level's width.
func (p *panels) v(n int) reg.VecPhysical {
	if p.wide {
		return zmm[n]
	}
	return ymm[n]
}

// The general registers of the products. Columns are tokens: column c's data
// lies c strides after the first's.
var (
	rY, rLdy   = reg.RDI, reg.R15 // outputs: first column, bytes between columns
	rW         = reg.RSI          // weights: body of the block, or the tile
	rHead      = reg.RDX          // weights: head of the block
	rX, rX3    = reg.R8, reg.R9   // quants of columns 0 and 3
	rScale     = reg.R10          // scales of column 0
	rSum       = reg.R11          // corrections or sums of column 0
	rQuantStep = reg.R12          // bytes between columns of quants,
	rScaleStep = reg.R13          // of scales,
	rSumStep   = reg.RBX          // and of sums
	rCount     = reg.RCX
	rTmp       = reg.RAX
	rAhead     = reg.R14 // bytes from what is computed to what is asked for
)

// function begins a product.
func (p *panels) function(name, signature, doc string) {
	p.Function(name + p.suffix)
	p.SignatureExpr(signature)
	p.Doc(name + p.suffix + " " + doc)
	p.Pragma("noescape")
	p.Attributes(attr.NOSPLIT)
}

func (p *panels) label(name string) string {
	p.nLabel++
	return fmt.Sprintf("%s%d", name, p.nLabel)
}

// startTile emits the label of a register tile's loop, that of the widest tile at
// the start of a cache line: Zen 5 runs it up to 2 % slower from other places. Few
// labels should lie so: with many, Go's assembler may not find sizes of jumps that
// agree.
func (p *panels) startTile(label string, cols int) {
	if cols == maxColumns {
		p.Instruction(&ir.Instruction{Opcode: "PCALIGN", Operands: []operand.Op{operand.Imm(64)}})
	}
	p.Label(label)
}

// param loads a parameter.
func (p *panels) param(name string, r reg.Register) { p.Load(p.Param(name), r) }

func at(r reg.Register, disp int) operand.Mem { return operand.Mem{Base: r, Disp: disp} }

// column is disp bytes into the data of column c: strides from base, and for
// c >= 3 from base3, three strides on.
func column(base, base3, stride reg.Register, c, disp int) operand.Mem {
	m := operand.Mem{Base: base, Disp: disp}
	if c >= 3 {
		m.Base, c = base3, c-3
	}
	if c > 0 {
		m.Index, m.Scale = stride, uint8(c)
	}
	return m
}

// thirdColumn sets r to base + 3*stride.
func (p *panels) thirdColumn(r, base, stride reg.Register) {
	p.LEAQ(operand.Mem{Base: base, Index: stride, Scale: 2}, r)
	p.ADDQ(stride, r)
}

// forPairs emits a loop over the blocks of a panel at rW, two at a time where
// they lie in pairs. block emits the one whose head and body lie that far from
// rW and whose first group of activations is the given one; next moves the
// pointers n blocks on. The parameter nBlocks counts; rCount is used.
func (p *panels) forPairs(f *panelFormat, block func(head, body, group int), next func(n int)) {
	loop, tail, done := p.label("loop"), p.label("tail"), p.label("done")
	step, body := 1, f.headBytes
	p.param("nBlocks", rCount)
	if f.paired() {
		step, body = 2, 2*f.headBytes
		p.SHRQ(operand.U8(1), rCount)
	}
	p.TESTQ(rCount, rCount)
	p.JZ(operand.LabelRef(tail))
	p.Label(loop)
	for b := range step {
		block(b*f.headBytes, body+b*f.bodyBytes(), b*f.groups())
	}
	next(step)
	p.DECQ(rCount)
	p.JNZ(operand.LabelRef(loop))
	p.Label(tail)
	if f.paired() {
		p.param("nBlocks", rTmp)
		p.TESTQ(operand.U32(1), rTmp)
		p.JZ(operand.LabelRef(done))
		block(0, f.headBytes, 0)
		p.Label(done)
	}
}
