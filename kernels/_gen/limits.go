package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// limits emits what benchmarks measure the kernels against: a plain read of
// memory, and the rates of the dot-product instruction and of FMA.
func (p *panels) limits() {
	p.scan()
	p.function("peak", "func(n int)", "does 16 n independent dot-product instructions, each of 128 integer operations.")
	p.param("n", rCount)
	loop := p.label("loop")
	p.Label(loop)
	for i := range 16 {
		p.VPDPBUSD(p.v(16), p.v(17), p.v(i))
	}
	p.DECQ(rCount)
	p.JNZ(operand.LabelRef(loop))
	p.VZEROUPPER()
	p.RET()
	p.floatPeak(16)
}

// floatPeak emits n multiplications and additions of floats at a time; what
// they work on is zero, because other values may be slow.
func (p *panels) floatPeak(n int) {
	p.function("floatPeak", "func(n int)", fmt.Sprintf("does %d n independent FMAs of a register.", n))
	p.param("n", rCount)
	for i := range n {
		p.VXORPS(p.v(i), p.v(i), p.v(i))
	}
	loop := p.label("loop")
	p.Label(loop)
	for i := range n {
		p.VFMADD231PS(p.v(i), p.v(i), p.v(i))
	}
	p.DECQ(rCount)
	p.JNZ(operand.LabelRef(loop))
	p.VZEROUPPER()
	p.RET()
}

// scan emits the read.
func (p *panels) scan() {
	vec, xor := 64, p.VPXORD
	if !p.wide {
		vec, xor = 32, func(ops ...operand.Op) { p.VPXOR(ops[0], ops[1], ops[2]) }
	}
	p.function("scan", "func(b *byte, n int) uint64", "reads n bytes, a multiple of 256, and returns their exclusive or.")
	p.param("b", rW)
	p.param("n", rCount)
	p.SHRQ(operand.U8(8), rCount)
	for i := range 4 {
		xor(p.v(i), p.v(i), p.v(i))
	}
	loop := p.label("loop")
	p.Label(loop)
	for i := range 256 / vec {
		xor(at(rW, vec*i), p.v(i%4), p.v(i%4))
	}
	p.ADDQ(operand.U32(256), rW)
	p.DECQ(rCount)
	p.JNZ(operand.LabelRef(loop))
	for i := 1; i < 4; i++ {
		xor(p.v(i), p.v(0), p.v(0))
	}
	p.VMOVQ(reg.X0, rTmp)
	p.Store(rTmp, p.ReturnIndex(0))
	p.VZEROUPPER()
	p.RET()
}

// limits emits what benchmarks measure the kernels against; see those of
// AVX-512. AVX2 has no dot product: it takes three instructions.
func (q *panels256) limits() {
	if !q.vnni {
		q.scan()
		q.floatPeak(12)
	}
	q.function("peak", "func(n int)", "does 12 n independent dot products of 32 bytes, each of 64 integer operations.")
	q.param("n", rCount)
	for i := range 16 {
		q.clear(i)
	}
	loop := q.label("loop")
	q.Label(loop)
	for i := range 12 {
		if q.vnni {
			q.vexDotBytes(q.v(12), q.v(13), q.v(i))
			continue
		}
		q.VPMADDUBSW(q.v(12), q.v(13), q.v(14+i%2))
		q.VPMADDWD(q.v(12), q.v(14+i%2), q.v(14+i%2))
		q.VPADDD(q.v(14+i%2), q.v(i), q.v(i))
	}
	q.DECQ(rCount)
	q.JNZ(operand.LabelRef(loop))
	q.VZEROUPPER()
	q.RET()
}
