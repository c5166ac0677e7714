package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// limits emits what benchmarks measure the kernels against: a plain read of
// memory, and the rate of the dot-product instruction.
func (p *panels) limits() {
	p.function("scan", "func(b *byte, n int) uint64", "reads n bytes, a multiple of 256, and returns their exclusive or.")
	p.param("b", rW)
	p.param("n", rCount)
	p.SHRQ(operand.U8(8), rCount)
	for i := range 4 {
		p.clear(i)
	}
	loop := p.label("loop")
	p.Label(loop)
	for i := range 4 {
		p.VPXORD(at(rW, 64*i), p.v(i), p.v(i))
	}
	p.ADDQ(operand.U32(256), rW)
	p.DECQ(rCount)
	p.JNZ(operand.LabelRef(loop))
	for i := 1; i < 4; i++ {
		p.VPXORD(p.v(i), p.v(0), p.v(0))
	}
	p.VMOVQ(reg.X0, rTmp)
	p.Store(rTmp, p.ReturnIndex(0))
	p.VZEROUPPER()
	p.RET()

	p.function("peak", "func(n int)", "does 16 n independent dot-product instructions, each of 128 integer operations.")
	p.param("n", rCount)
	loop = p.label("loop")
	p.Label(loop)
	for i := range 16 {
		p.VPDPBUSD(p.v(16), p.v(17), p.v(i))
	}
	p.DECQ(rCount)
	p.JNZ(operand.LabelRef(loop))
	p.VZEROUPPER()
	p.RET()
}
