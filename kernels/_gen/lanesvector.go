package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vectors writes the kernels that walk vectors of float32.
func (a *lanes) vectors() {
	program{a}.vectors()
	a.ropeInterleaved()
	a.firstAbove()
	a.rmsNorm()
	a.finishLaneNumbers()
	a.finish()
}

// recurrent writes the kernels of recurrent layers.
func (a *lanes) recurrent() {
	program{a}.recurrent()
	a.finishLaneNumbers()
	a.finish()
}

// ropeInterleaved writes the rotation of one head of neighbouring pairs.
func (a *lanes) ropeInterleaved() {
	a.function("ropeInterleaved", "func(x, cos, sin []float32)", "turns one head of pairs 2i, 2i+1; see ropeGeneric. x has 2·len(cos) elements.")
	p := a.Load(a.Param("x").Base(), a.GP64())
	n := a.Load(a.Param("cos").Len(), a.GP64()).(reg.GPVirtual)
	a.SHLQ(operand.Imm(1), n)
	cos, sin := a.Load(a.Param("cos").Base(), a.GP64()), a.Load(a.Param("sin").Base(), a.GP64())
	next, rest, done := a.label("next"), a.label("rest"), a.label("done")
	a.Label(next)
	a.CMPQ(n, operand.Imm(16))
	a.JL(operand.LabelRef(rest))
	x := a.load(here(p), nil)
	c, s := a.twice(operand.Mem{Base: cos}), a.twice(operand.Mem{Base: sin})
	for i := range x {
		swapped := a.vec()[0]
		a.VPERMILPS(operand.U8(0xb1), x[i], swapped)
		a.VMULPS(s[i], swapped, swapped)
		a.VFMADDSUB213PS(swapped, c[i], x[i])
	}
	a.store(x, here(p), nil)
	a.ADDQ(operand.Imm(64), p)
	a.ADDQ(operand.Imm(32), cos)
	a.ADDQ(operand.Imm(32), sin)
	a.SUBQ(operand.Imm(16), n)
	a.JMP(operand.LabelRef(next))

	// The rest, pair by pair.
	a.Label(rest)
	a.TESTQ(n, n)
	a.JZ(operand.LabelRef(done))
	pair, swapped, cc, ss := a.XMM(), a.XMM(), a.XMM(), a.XMM()
	a.VMOVSD(operand.Mem{Base: p}, pair)
	a.VBROADCASTSS(operand.Mem{Base: cos}, cc)
	a.VBROADCASTSS(operand.Mem{Base: sin}, ss)
	a.VPERMILPS(operand.U8(0xb1), pair, swapped)
	a.VMULPS(ss, swapped, swapped)
	a.VFMADDSUB213PS(swapped, cc, pair)
	a.VMOVSD(pair, operand.Mem{Base: p})
	a.ADDQ(operand.Imm(8), p)
	a.ADDQ(operand.Imm(4), cos)
	a.ADDQ(operand.Imm(4), sin)
	a.SUBQ(operand.Imm(2), n)
	a.JMP(operand.LabelRef(rest))
	a.Label(done)
	a.ret()
}

// rmsNorm writes the norm of many rows, which are short where they are heads: one
// row's root and quotients are computed while the next one's squares are summed.
func (a *lanes) rmsNorm() {
	a.function("rmsNorm", "func(out, x, w *float32, dim, nRows int, eps float32)",
		"is rmsNormGeneric with one row of weights; dim > 0 divides by 16.")
	out, x, w := a.pointer("out"), a.pointer("x"), a.pointer("w")
	dim, nRows := a.pointer("dim"), a.pointer("nRows")
	rowBytes := a.step(dim)
	size, one := a.XMM(), a.XMM()
	a.VXORPS(size, size, size)
	a.VCVTSI2SSQ(dim, size, size)
	a.VMOVSS(operand.Mem(a.constant(1).(scalar)), one)
	eps := a.Load(a.Param("eps"), a.XMM())
	a.repeat(nRows, func() {
		sum := a.zero()
		a.sweep(x, dim, func(p place) {
			v := a.load(p, nil)
			a.fma(sum, v, v)
		})
		r := a.reduceSum(sum)
		a.VDIVSS(size, r, r)
		a.VADDSS(eps, r, r)
		a.VSQRTSS(r, r, r)
		a.VDIVSS(r, one, r)
		s := a.splatRegister(r)
		at, next := a.offset(), a.label("next")
		a.Label(next)
		v := a.load(place{base: x, index: at}, nil)
		a.mul(v, v, s)
		a.mul(v, v, a.load(place{base: w, index: at}, nil))
		a.store(v, place{base: out, index: at}, nil)
		a.advance(at, 64)
		a.CMPQ(at, rowBytes)
		a.JB(operand.LabelRef(next))
		a.advanceBy(x, rowBytes)
		a.advanceBy(out, rowBytes)
	})
	a.ret()
}

// twice reads 8 floats and puts each into two neighbouring lanes.
func (a *lanes) twice(m operand.Mem) vec {
	d := a.vec()
	for i := range d {
		a.VPMOVZXDQ(m.Offset(i*a.regBytes()/2), d[i])
		a.VMOVSLDUP(d[i], d[i])
	}
	return d
}

// firstAbove writes the search behind TopK and Argmax.
func (a *lanes) firstAbove() {
	a.function("firstAbove", "func(x []float32, limit float32) int", "returns the first index whose element is above limit, or len(x).")
	p, n := a.pointer("x"), a.length("x")
	limit := a.splatParam("limit")
	at, bits := a.GP64(), a.GP32()
	a.XORQ(at, at)
	found, none := a.label("found"), a.label("none")
	a.loop(n, []operand.Op{p}, func(t *tail) {
		a.laneBits(a.compare(greater, a.load(here(p), t), limit), t, bits)
		a.TESTL(bits, bits)
		a.JNZ(operand.LabelRef(found))
		if t == nil {
			a.ADDQ(operand.Imm(16), at)
		}
	})
	a.JMP(operand.LabelRef(none))
	a.Label(found)
	a.TZCNTL(bits, bits)
	a.ADDQ(bits.As64(), at)
	a.Store(at, a.ReturnIndex(0))
	a.ret()
	a.Label(none)
	end := a.Load(a.Param("x").Len(), a.GP64())
	a.Store(end, a.ReturnIndex(0))
	a.ret()
}

// laneBits sets bit i of dst where lane i is in s and in t.
func (a *lanes) laneBits(s set, t *tail, dst reg.GPVirtual) {
	if a.level == avx512 {
		if t != nil {
			a.KANDW(t.mask[0], s[0], s[0])
		}
		a.KMOVW(s[0], dst)
		return
	}
	high := a.GP32()
	for i, r := range []reg.GPVirtual{dst, high} {
		if t != nil {
			a.VPAND(t.mask[i], s[i], s[i])
		}
		a.VMOVMSKPS(s[i], r)
	}
	a.SHLL(operand.Imm(8), high)
	a.ORL(high, dst)
}
