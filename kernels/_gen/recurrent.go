package main

import (
	"github.com/mmcloughlin/avo/operand"
)

// recurrent writes the kernels of recurrent layers: laneKernels in
// lanekernels.go lists them and says what they compute. A state lies with its
// channels (or the elements of a value) side by side, one to a lane, and every
// lane walks its own chain.
func (a program) recurrent() {
	a.function("fmaTo", "func(acc, a, b []float32)", "is acc = fma(a, b, acc).")
	acc, x, y := a.pointer("acc"), a.pointer("a"), a.pointer("b")
	a.loop(a.length("acc"), []operand.Op{acc, x, y}, func(t *tail) {
		v := a.load(here(acc), t)
		a.fma(v, a.load(here(x), t), a.load(here(y), t))
		a.store(v, here(acc), t)
	})
	a.ret()

	a.emitMamba()
	a.emitMamba2()
	a.emitDelta()
}

// emitMamba writes one token of mambaScanGeneric.
func (a program) emitMamba() {
	a.function("mambaToken", "func(out, u, dt, d []float32, h, a *float32, stride int, b, c []float32)",
		"is one token of mambaScanGeneric; rows of h and a lie stride bytes apart.")
	out, u, dt, d := a.pointer("out"), a.pointer("u"), a.pointer("dt"), a.pointer("d")
	h, decay := a.pointer("h"), a.pointer("a")
	stride := a.pointer("stride")
	n := a.length("out")
	a.loop(n, []operand.Op{out, u, dt, d, h, decay}, func(t *tail) {
		step := a.load(here(dt), t)
		a.mul(step, step, a.load(here(u), t))
		sum := a.zero()
		b, c := a.pointer("b"), a.pointer("c")
		rows, off := a.length("b"), a.offset()
		a.repeat(rows, func() {
			x := a.load(place{decay, off, 0}, t)
			a.mul(x, x, a.load(here(dt), t))
			e := a.exp(x)
			v := a.splatAt(here(b))
			a.mul(v, v, step)
			at := place{h, off, 0}
			a.fma(v, a.load(at, t), e)
			a.store(v, at, t)
			a.fma(sum, v, a.splatAt(here(c)))
			a.advance(b, 4)
			a.advance(c, 4)
			a.advanceBy(off, stride)
		})
		a.fma(sum, a.load(here(d), t), a.load(here(u), t))
		a.store(sum, here(out), t)
	})
	a.ret()
}

// several loads n vectors in a row.
func (a program) several(n int, p place, t *tail) []vec {
	v := make([]vec, n)
	for i := range v {
		v[i] = a.load(p.offset(64*i), t)
	}
	return v
}

// zeros returns n vectors of +0.
func (a program) zeros(n int) []vec {
	v := make([]vec, n)
	for i := range v {
		v[i] = a.zero()
	}
	return v
}

// emitMamba2 writes one token of one head of mamba2ScanGeneric.
func (a program) emitMamba2() {
	a.function("mamba2Token", "func(out, u []float32, h *float32, b, c []float32, decay, step, d float32)",
		"is one token of one head of mamba2ScanGeneric.")
	out, u := a.pointer("out"), a.pointer("u")
	h := a.pointer("h")
	n := a.length("out")
	stride := a.step(n)
	decay := a.splatParam("decay")
	a.columns(n, []operand.Op{out, u, h}, func(width int, t *tail) {
		xs := a.several(width, here(u), t)
		step := a.splatParam("step")
		for _, x := range xs {
			a.mul(x, x, step)
		}
		sums := a.zeros(width)
		b, c := a.pointer("b"), a.pointer("c")
		nState, row := a.length("b"), a.copyOf(h)
		a.repeat(nState, func() {
			bs, cs := a.splatAt(here(b)), a.splatAt(here(c))
			for i, x := range xs {
				at := here(row).offset(64 * i)
				v := a.vec()
				a.mul(v, x, bs)
				a.fma(v, a.load(at, t), decay)
				a.store(v, at, t)
				a.fma(sums[i], v, cs)
			}
			a.advance(b, 4)
			a.advance(c, 4)
			a.advanceBy(row, stride)
		})
		d := a.splatParam("d")
		for i, sum := range sums {
			a.fma(sum, d, a.load(here(u).offset(64*i), t))
			a.store(sum, here(out).offset(64*i), t)
		}
	})
	a.ret()
}

// emitDelta writes one token of one head of deltaScanGeneric. The decayed
// state is computed twice rather than stored in between.
func (a program) emitDelta() {
	a.function("deltaToken", "func(out, v []float32, state *float32, q, k []float32, decay, beta float32)",
		"is one token of one head of deltaScanGeneric.")
	out, v := a.pointer("out"), a.pointer("v")
	state := a.pointer("state")
	n := a.length("out")
	stride := a.step(n)
	decay := a.splatParam("decay")
	a.columns(n, []operand.Op{out, v, state}, func(width int, t *tail) {
		rows := func(body func(row, q, k operand.Op)) {
			q, k := a.pointer("q"), a.pointer("k")
			left, row := a.length("k"), a.copyOf(state)
			a.repeat(left, func() {
				body(row, q, k)
				a.advance(q, 4)
				a.advance(k, 4)
				a.advanceBy(row, stride)
			})
		}
		r := a.zeros(width)
		rows(func(row, _, k operand.Op) {
			ki := a.splatAt(here(k))
			for i, s := range a.several(width, here(row), t) {
				a.mul(s, s, decay)
				a.fma(r[i], s, ki)
			}
		})
		beta := a.splatParam("beta")
		for i, x := range a.several(width, here(v), t) {
			a.sub(r[i], x, r[i])
			a.mul(r[i], r[i], beta)
		}
		sums := a.zeros(width)
		rows(func(row, q, k operand.Op) {
			qi, ki := a.splatAt(here(q)), a.splatAt(here(k))
			for i := range sums {
				at := here(row).offset(64 * i)
				s := a.load(at, t)
				a.mul(s, s, decay)
				a.fma(s, r[i], ki)
				a.store(s, at, t)
				a.fma(sums[i], s, qi)
			}
		})
		for i, sum := range sums {
			a.store(sum, here(out).offset(64*i), t)
		}
	})
	a.ret()
}
