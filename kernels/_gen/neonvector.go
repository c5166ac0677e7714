package main

import "github.com/mmcloughlin/avo/operand"

// vectors writes the kernels that walk vectors of float32.
func (a *neonLanes) vectors() {
	program{a}.vectors()
	a.ropeInterleaved()
	a.firstAbove()
	a.finish()
}

// recurrent writes the kernels of recurrent layers.
func (a *neonLanes) recurrent() {
	program{a}.recurrent()
	a.finish()
}

// tiles writes the kernels of attention.
func (a *neonLanes) tiles() {
	a.attention()
	program{a}.rows()
	a.toHalf()
	a.finish()
}

// ropeInterleaved writes the rotation of one head of neighbouring pairs.
func (a *neonLanes) ropeInterleaved() {
	a.function("ropeInterleaved", "func(x, cos, sin []float32)", "turns one head of pairs 2i, 2i+1; see ropeGeneric. x has 2·len(cos) elements.")
	a.regs = 2
	p, n := a.pointer("x"), a.length("cos").(*value)
	cos, sin := a.pointer("cos"), a.pointer("sin")
	next, rest := a.label("next"), a.label("rest")
	a.count("SUBS", 8, n)
	a.branch("BLT", rest)
	a.mark(next)
	a.within(func() {
		x := append(a.load(here(p), nil), a.load(here(p).offset(32), nil)...)
		u, v := a.pairs(x, a.uzp1), a.pairs(x, a.uzp2)
		a.turn(u, v, a.load(here(cos), nil), a.load(here(sin), nil))
		for i := range u {
			for half, op := range []func(d, n, m vreg){a.zip1, a.zip2} {
				to := fresh()
				a.three(op, to, u[i].(*value), v[i].(*value))
				a.storeAt(to, p.(*value), 32*i+16*half)
			}
		}
		a.advance(p, 64)
		a.advance(cos, 32)
		a.advance(sin, 32)
		a.count("SUBS", 8, n)
	})
	a.branch("BGE", next)
	a.mark(rest)
	a.count("ADD", 8, n)
	a.repeat(n, func() { // pair by pair
		u, v := a.loadOne(p, 0), a.loadOne(p, 4)
		a.turn(u, v, a.loadOne(cos, 0), a.loadOne(sin, 0))
		a.storeOne(u, p, 0)
		a.storeOne(v, p, 4)
		a.advance(p, 8)
		a.advance(cos, 4)
		a.advance(sin, 4)
	})
	a.ret()
}

// turn is the rotation of ropeGeneric.
func (a *neonLanes) turn(u, v, cos, sin vec) {
	vs := make(vec, len(u))
	for i := range vs {
		vs[i] = fresh()
	}
	a.mul(vs, v, sin)
	a.mul(sin, u, sin)
	a.mulSub(u, cos, vs)
	a.horner(v, cos, sin)
}

// pairs applies op to the registers 0 and 1, and 2 and 3.
func (a *neonLanes) pairs(x vec, op func(d, n, m vreg)) vec {
	d := a.vec()
	for i := range d {
		a.three(op, d[i].(*value), x[2*i].(*value), x[2*i+1].(*value))
	}
	return d
}

func (a *neonLanes) loadOne(p operand.Op, disp int) vec {
	base, v := p.(*value), fresh()
	a.do(func() { a.loadS(base.Asm(), disp, v.vreg()) }, []*value{v}, base)
	return vec{v}
}

func (a *neonLanes) storeOne(x vec, p operand.Op, disp int) {
	base, v := p.(*value), x[0].(*value)
	a.do(func() { a.ins("FMOVS %s, %d(%s)", v.Asm(), disp, base.Asm()) }, nil, v, base)
}

// firstAbove writes the search behind TopK and Argmax: 16 elements at a time
// up to those among which one is, then one by one.
func (a *neonLanes) firstAbove() {
	a.function("firstAbove", "func(x []float32, limit float32) int", "returns the first index whose element is above limit, or len(x).")
	p, n, at := a.pointer("x").(*value), a.length("x").(*value), a.offset().(*value)
	param, _ := a.lane(a.splatParam("limit"))
	limit := fresh()
	a.fill(limit, param)
	next, rest, done := a.label("next"), a.label("rest"), a.label("done")
	a.count("SUBS", 16, n)
	a.branch("BLT", rest)
	a.mark(next)
	a.within(func() {
		x := a.load(here(p), nil)
		for i := range x {
			v := x[i].(*value)
			a.three(a.fcmgt, v, v, limit)
			if i > 0 {
				a.three(a.orr, x[0].(*value), x[0].(*value), v)
			}
		}
		any, bits := x[0].(*value), general()
		a.do(func() { a.umaxv(any.vreg(), any.vreg()) }, []*value{any}, any)
		a.do(func() { a.ins("FMOVS %s, %s", any.Asm(), bits.Asm()) }, []*value{bits}, any)
		a.branch("CBNZW", rest, bits)
		a.advance(p, 64)
		a.advance(at, 16)
		a.count("SUBS", 16, n)
	})
	a.branch("BGE", next)
	a.mark(rest)
	a.count("ADD", 16, n)
	a.repeat(n, func() {
		x := a.loadOne(p, 0)[0].(*value)
		a.do(func() { a.ins("FCMPS %s, %s", limit.Asm(), x.Asm()) }, nil, limit, x)
		a.branch("BGT", done)
		a.advance(p, 4)
		a.advance(at, 1)
	})
	a.mark(done)
	a.result(0, at)
	a.ret()
}

// toHalf writes the conversions of StoreKV.
func (a *neonLanes) toHalf() {
	a.function("toHalf", "func(dst *uint16, x *float32, n int)", "converts n floats, rounding to nearest even; n divides by 8.")
	a.eachEight(func(dst, h *value) {
		a.storeAt(h, dst, 0)
		a.advance(dst, 16)
	})

	a.function("toHalfPanel", "func(dst *uint16, x *float32, n int)", "is toHalf with the results 32 bytes apart.")
	a.eachEight(func(dst, h *value) {
		for i := range 8 {
			a.do(func() { a.ins("VST1 V%d.H[%d], (%s)", h.reg, i, dst.Asm()) }, nil, h, dst)
			a.advance(dst, 32)
		}
	})
}

// eachEight converts 8 floats at a time and hands them to store.
func (a *neonLanes) eachEight(store func(dst, h *value)) {
	a.regs = 2
	dst, x, n := a.pointer("dst").(*value), a.pointer("x"), a.pointer("n").(*value)
	next, done := a.label("next"), a.label("done")
	a.branch("CBZ", done, n)
	a.mark(next)
	a.within(func() {
		f, h := a.load(here(x), nil), fresh()
		low, high := f[0].(*value), f[1].(*value)
		a.do(func() { a.fcvtn(h.vreg(), low.vreg()) }, []*value{h}, low)
		a.do(func() { a.fcvtn2(h.vreg(), high.vreg()) }, []*value{h}, h, high)
		store(dst, h)
		a.advance(x, 32)
		a.count("SUBS", 8, n)
	})
	a.branch("BNE", next)
	a.mark(done)
	a.ret()
}
