package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// emitRecurrent writes the kernels of recurrent layers: laneKernels in
// lanekernels.go lists them and says what they compute. A state lies with its
// channels (or the elements of a value) side by side, one to a lane, and every
// lane walks its own chain.
func emitRecurrent(a *lanes) {
	a.function("fmaTo", "func(acc, a, b []float32)", "is acc = fma(a, b, acc).")
	acc := a.Load(a.Param("acc").Base(), a.GP64())
	x, y := a.Load(a.Param("a").Base(), a.GP64()), a.Load(a.Param("b").Base(), a.GP64())
	n := a.Load(a.Param("acc").Len(), a.GP64()).(reg.GPVirtual)
	a.loop(n, []reg.Register{acc, x, y}, func(tail set) {
		v := a.load(operand.Mem{Base: acc}, tail)
		a.fma(v, a.load(operand.Mem{Base: x}, tail), a.load(operand.Mem{Base: y}, tail))
		a.store(v, operand.Mem{Base: acc}, tail)
	})
	a.ret()

	a.emitMamba()
	a.emitMamba2()
	a.emitDelta()
	a.finishLaneNumbers()
	a.finish()
}

// emitMamba writes one token of mambaScanGeneric.
func (a *lanes) emitMamba() {
	a.function("mambaToken", "func(out, u, dt, d []float32, h, a *float32, stride int, b, c []float32)",
		"is one token of mambaScanGeneric; rows of h and a lie stride bytes apart.")
	ptr := func(name string) reg.Register { return a.Load(a.Param(name).Base(), a.GP64()) }
	out, u, dt, d := ptr("out"), ptr("u"), ptr("dt"), ptr("d")
	h, decay := a.Load(a.Param("h"), a.GP64()), a.Load(a.Param("a"), a.GP64())
	stride := a.Load(a.Param("stride"), a.GP64())
	n := a.Load(a.Param("out").Len(), a.GP64()).(reg.GPVirtual)
	a.loop(n, []reg.Register{out, u, dt, d, h, decay}, func(tail set) {
		step := a.load(operand.Mem{Base: dt}, tail)
		a.mul(step, step, a.load(operand.Mem{Base: u}, tail))
		sum := a.zero()
		b, c := ptr("b"), ptr("c")
		row, off := a.Load(a.Param("b").Len(), a.GP64()), a.GP64()
		a.XORQ(off, off)
		a.repeat(row, func() {
			x := a.load(operand.Mem{Base: decay, Index: off, Scale: 1}, tail)
			a.mul(x, x, a.load(operand.Mem{Base: dt}, tail))
			e := a.exp(x)
			v := a.splat(scalar(operand.Mem{Base: b}))
			a.mul(v, v, step)
			at := operand.Mem{Base: h, Index: off, Scale: 1}
			a.fma(v, a.load(at, tail), e)
			a.store(v, at, tail)
			a.fma(sum, v, a.splat(scalar(operand.Mem{Base: c})))
			a.ADDQ(operand.Imm(4), b)
			a.ADDQ(operand.Imm(4), c)
			a.ADDQ(stride, off)
		})
		a.fma(sum, a.load(operand.Mem{Base: d}, tail), a.load(operand.Mem{Base: u}, tail))
		a.store(sum, operand.Mem{Base: out}, tail)
	})
	a.ret()
}

// repeat emits a loop that runs body n times; it counts n down.
func (a *lanes) repeat(n reg.Register, body func()) {
	next, done := a.label("next"), a.label("done")
	a.TESTQ(n, n)
	a.JZ(operand.LabelRef(done))
	a.Label(next)
	body()
	a.DECQ(n)
	a.JNZ(operand.LabelRef(next))
	a.Label(done)
}

// stateWidth is how many vectors of a state row are worked on at once, so that
// their chains overlap.
func (a *lanes) stateWidth() int { return [...]int{avx2: 1, avx512: 4}[a.level] }

// columns emits body for the columns of a state, several vectors at a time
// while they last, then one, then the rest under a mask.
func (a *lanes) columns(n reg.GPVirtual, ptrs []reg.Register, body func(width int, tail set)) {
	if w := a.stateWidth(); w > 1 {
		next, rest := a.label("next"), a.label("rest")
		a.Label(next)
		a.CMPQ(n, operand.Imm(uint64(16*w)))
		a.JL(operand.LabelRef(rest))
		body(w, nil)
		for _, p := range ptrs {
			a.ADDQ(operand.U32(uint32(64*w)), p)
		}
		a.SUBQ(operand.Imm(uint64(16*w)), n)
		a.JMP(operand.LabelRef(next))
		a.Label(rest)
	}
	a.loop(n, ptrs, func(tail set) { body(1, tail) })
}

// vectors loads n vectors in a row.
func (a *lanes) vectors(n int, m operand.Mem, tail set) []vec {
	v := make([]vec, n)
	for i := range v {
		v[i] = a.load(m.Offset(64*i), tail)
	}
	return v
}

// zeros returns n vectors of +0.
func (a *lanes) zeros(n int) []vec {
	v := make([]vec, n)
	for i := range v {
		v[i] = a.zero()
	}
	return v
}

// emitMamba2 writes one token of one head of mamba2ScanGeneric.
func (a *lanes) emitMamba2() {
	a.function("mamba2Token", "func(out, u []float32, h *float32, b, c []float32, decay, step, d float32)",
		"is one token of one head of mamba2ScanGeneric.")
	out, u := a.Load(a.Param("out").Base(), a.GP64()), a.Load(a.Param("u").Base(), a.GP64())
	h := a.Load(a.Param("h"), a.GP64())
	n := a.Load(a.Param("out").Len(), a.GP64()).(reg.GPVirtual)
	stride := a.GP64()
	a.MOVQ(n, stride)
	a.SHLQ(operand.Imm(2), stride)
	decay := a.splatParam("decay")
	a.columns(n, []reg.Register{out, u, h}, func(width int, tail set) {
		xs := a.vectors(width, operand.Mem{Base: u}, tail)
		step := a.splatParam("step")
		for _, x := range xs {
			a.mul(x, x, step)
		}
		sums := a.zeros(width)
		b, c := a.Load(a.Param("b").Base(), a.GP64()), a.Load(a.Param("c").Base(), a.GP64())
		nState, row := a.Load(a.Param("b").Len(), a.GP64()), a.GP64()
		a.MOVQ(h, row)
		a.repeat(nState, func() {
			bs, cs := a.splat(scalar(operand.Mem{Base: b})), a.splat(scalar(operand.Mem{Base: c}))
			for i, x := range xs {
				at := operand.Mem{Base: row, Disp: 64 * i}
				v := a.vec()
				a.mul(v, x, bs)
				a.fma(v, a.load(at, tail), decay)
				a.store(v, at, tail)
				a.fma(sums[i], v, cs)
			}
			a.ADDQ(operand.Imm(4), b)
			a.ADDQ(operand.Imm(4), c)
			a.ADDQ(stride, row)
		})
		d := a.splatParam("d")
		for i, sum := range sums {
			a.fma(sum, d, a.load(operand.Mem{Base: u, Disp: 64 * i}, tail))
			a.store(sum, operand.Mem{Base: out, Disp: 64 * i}, tail)
		}
	})
	a.ret()
}

// emitDelta writes one token of one head of deltaScanGeneric. The decayed
// state is computed twice rather than stored in between.
func (a *lanes) emitDelta() {
	a.function("deltaToken", "func(out, v []float32, state *float32, q, k []float32, decay, beta float32)",
		"is one token of one head of deltaScanGeneric.")
	out, v := a.Load(a.Param("out").Base(), a.GP64()), a.Load(a.Param("v").Base(), a.GP64())
	state := a.Load(a.Param("state"), a.GP64())
	n := a.Load(a.Param("out").Len(), a.GP64()).(reg.GPVirtual)
	stride := a.GP64()
	a.MOVQ(n, stride)
	a.SHLQ(operand.Imm(2), stride)
	decay := a.splatParam("decay")
	a.columns(n, []reg.Register{out, v, state}, func(width int, tail set) {
		rows := func(body func(row reg.Register, q, k scalar)) {
			q, k := a.Load(a.Param("q").Base(), a.GP64()), a.Load(a.Param("k").Base(), a.GP64())
			left, row := a.Load(a.Param("k").Len(), a.GP64()), a.GP64()
			a.MOVQ(state, row)
			a.repeat(left, func() {
				body(row, scalar(operand.Mem{Base: q}), scalar(operand.Mem{Base: k}))
				a.ADDQ(operand.Imm(4), q)
				a.ADDQ(operand.Imm(4), k)
				a.ADDQ(stride, row)
			})
		}
		r := a.zeros(width)
		rows(func(row reg.Register, _, k scalar) {
			ki := a.splat(k)
			for i, s := range a.vectors(width, operand.Mem{Base: row}, tail) {
				a.mul(s, s, decay)
				a.fma(r[i], s, ki)
			}
		})
		beta := a.splatParam("beta")
		for i, x := range a.vectors(width, operand.Mem{Base: v}, tail) {
			a.sub(r[i], x, r[i])
			a.mul(r[i], r[i], beta)
		}
		sums := a.zeros(width)
		rows(func(row reg.Register, q, k scalar) {
			qi, ki := a.splat(q), a.splat(k)
			for i := range sums {
				at := operand.Mem{Base: row, Disp: 64 * i}
				s := a.load(at, tail)
				a.mul(s, s, decay)
				a.fma(s, r[i], ki)
				a.store(s, at, tail)
				a.fma(sums[i], s, qi)
			}
		})
		for i, sum := range sums {
			a.store(sum, operand.Mem{Base: out, Disp: 64 * i}, tail)
		}
	})
	a.ret()
}
