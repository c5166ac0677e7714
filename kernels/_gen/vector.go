package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
)

// vectors writes the kernels that walk vectors of float32: laneKernels in
// lanekernels.go lists them and says what they compute. Two of them are in
// lanesvector.go, and for arm64 in neonvector.go.
func (a program) vectors() {
	unary := []struct {
		name, reference string
		f               func(vec) vec
	}{
		{"exp", "exp32", a.exp}, {"log", "log32", a.log},
		{"silu", "silu32", a.silu}, {"gelu", "gelu32", a.gelu}, {"geluErf", "geluErf32", a.geluErf},
		{"relu", "relu32", a.relu}, {"reluSquared", "reluSquared32", a.reluSquared},
		{"sigmoid", "sigmoid32", a.sigmoid}, {"tanh", "tanh32", a.tanh}, {"softplus", "softplus32", a.softplus},
	}
	for _, u := range unary {
		a.function(u.name, "func(out, x []float32)", "is "+u.reference+" of every element.")
		a.walk([]string{"x"}, func(in inputs) vec { return u.f(in(0)) })
	}
	for _, u := range unary[2:] {
		a.function(u.name+"GLU", "func(out, gate, up []float32)", "is "+u.reference+"(gate)·up.")
		a.walk([]string{"gate", "up"}, func(in inputs) vec {
			y := u.f(in(0))
			a.mul(y, y, in(1))
			return y
		})
	}
	a.emitElementwise()
	a.emitScaled()
	a.emitReductions()
	a.emitRope()
}

// inputs loads 16 elements of input i into a vector of the caller's.
type inputs func(i int) vec

// walk emits the body of a function that sets out = f(in). The length is that
// of the first input.
func (a program) walk(inputs []string, f func(in inputs) vec) {
	out := a.pointer("out")
	ptrs := make([]operand.Op, len(inputs))
	for i, name := range inputs {
		ptrs[i] = a.pointer(name)
	}
	n := a.length(inputs[0])
	a.loop(n, append([]operand.Op{out}, ptrs...), func(t *tail) {
		in := func(i int) vec { return a.load(here(ptrs[i]), t) }
		a.store(f(in), here(out), t)
	})
	a.ret()
}

func (a program) emitElementwise() {
	a.function("swiGLUClamped", "func(out, gate, up []float32, alpha, limit float32)", "is swiGLUClampedGeneric.")
	a.walk([]string{"gate", "up"}, func(in inputs) vec {
		g, limit := in(0), a.splatParam("limit")
		a.min(g, limit, g)
		s := a.splatParam("alpha")
		a.mul(s, g, s)
		s = a.sigmoid(s)
		a.mul(s, g, s)
		u := in(1)
		limit = a.splatParam("limit")
		negLimit := a.zero()
		a.sub(negLimit, negLimit, limit)
		a.max(u, negLimit, u)
		a.min(u, limit, u)
		a.add(u, u, a.constant(1))
		a.mul(s, s, u)
		return s
	})

	a.function("softcap", "func(out, x []float32, limit, inv float32)", "is softcap32 of every element.")
	cap, inv := a.splatParam("limit"), a.splatParam("inv")
	a.walk([]string{"x"}, func(in inputs) vec {
		x := in(0)
		a.mul(x, x, inv)
		y := a.tanh(x)
		a.mul(y, y, cap)
		return y
	})

	a.function("reluAbove", "func(out, x []float32, cut float32)", "is relu32 of x - cut.")
	cut := a.splatParam("cut")
	a.walk([]string{"x"}, func(in inputs) vec {
		x := in(0)
		a.sub(x, x, cut)
		return a.relu(x)
	})

	a.function("add", "func(out, a, b []float32)", "is a + b.")
	a.walk([]string{"a", "b"}, func(in inputs) vec {
		x := in(0)
		a.add(x, x, in(1))
		return x
	})

	a.function("mul", "func(out, a, b []float32)", "is a·b.")
	a.walk([]string{"a", "b"}, func(in inputs) vec {
		x := in(0)
		a.mul(x, x, in(1))
		return x
	})

	a.function("addScaled", "func(out, a, b []float32, s float32)", "is fma(b, s, a).")
	s := a.splatParam("s")
	a.walk([]string{"a", "b"}, func(in inputs) vec {
		x := in(0)
		a.fma(x, in(1), s)
		return x
	})
}

// emitScaled writes the last steps of the norms.
func (a program) emitScaled() {
	a.function("scale", "func(out, x []float32, s float32)", "is x·s.")
	s := a.splatParam("s")
	a.walk([]string{"x"}, func(in inputs) vec {
		x := in(0)
		a.mul(x, x, s)
		return x
	})

	a.function("scaleMul", "func(out, x, w []float32, s float32)", "is (x·s)·w.")
	s2 := a.splatParam("s")
	a.walk([]string{"x", "w"}, func(in inputs) vec {
		x := in(0)
		a.mul(x, x, s2)
		a.mul(x, x, in(1))
		return x
	})

	a.function("scaleAdd", "func(out, x, b []float32, s float32)", "is x·s + b, rounded twice.")
	s3 := a.splatParam("s")
	a.walk([]string{"x", "b"}, func(in inputs) vec {
		x := in(0)
		a.mul(x, x, s3)
		a.add(x, x, in(1))
		return x
	})

	a.function("scaleMulAdd", "func(out, x, w, b []float32, s float32)", "is fma(x·s, w, b).")
	s4 := a.splatParam("s")
	a.walk([]string{"x", "w", "b"}, func(in inputs) vec {
		x, b := in(0), in(2)
		a.mul(x, x, s4)
		a.fma(b, x, in(1))
		return b
	})
}

func (a program) emitReductions() {
	// fold folds f(x) into 16 lanes, then into the result.
	fold := func(acc vec, out bool, f func(acc, x vec, t *tail) vec) {
		ptrs := []operand.Op{a.pointer("x")}
		if out {
			ptrs = append(ptrs, a.pointer("out"))
		}
		a.loop(a.length("x"), ptrs, func(t *tail) {
			y := f(acc, a.load(here(ptrs[0]), t), t)
			if out {
				a.store(y, here(ptrs[1]), t)
			}
		})
		a.result(0, a.reduceSum(acc))
		a.ret()
	}

	a.function("sum", "func(x []float32) float32", "is sumGeneric.")
	fold(a.zero(), false, func(acc, x vec, _ *tail) vec { a.add(acc, acc, x); return nil })

	a.function("sumSquares", "func(x []float32) float32", "is sumSquaresGeneric.")
	fold(a.zero(), false, func(acc, x vec, _ *tail) vec { a.fma(acc, x, x); return nil })

	a.function("center", "func(out, x []float32, m float32) float32", "sets out = x - m and returns the sum of its squares.")
	m := a.splatParam("m")
	fold(a.zero(), true, func(acc, x vec, t *tail) vec {
		a.sub(x, x, m)
		x = a.masked(x, t)
		a.fma(acc, x, x)
		return x
	})

	a.function("spread", "func(x []float32, m float32) float32", "returns the sum of (x-m)².")
	m3 := a.splatParam("m")
	fold(a.zero(), false, func(acc, x vec, t *tail) vec {
		a.sub(x, x, m3)
		x = a.masked(x, t)
		a.fma(acc, x, x)
		return nil
	})

	a.function("expSum", "func(out, x []float32, m float32) float32", "sets out = e^(x-m) and returns its sum.")
	m2 := a.splatParam("m")
	fold(a.zero(), true, func(acc, x vec, t *tail) vec {
		a.sub(x, x, m2)
		y := a.masked(a.exp(x), t)
		a.add(acc, acc, y)
		return y
	})

	a.function("max", "func(x []float32) float32", "is maxGeneric.")
	a.emitMax()
}

// emitMax writes the body of max. A lane's maximum stays where the new value
// is NaN, because max then gives its second operand. The rest reads the
// lanes outside its mask as the maximum so far.
func (a program) emitMax() {
	p, n := a.pointer("x"), a.length("x")
	acc := a.accumulator(a.constant(math.Inf(-1)))
	a.loop(n, []operand.Op{p}, func(t *tail) {
		x := a.load(here(p), t)
		if t != nil {
			a.choose(x, a.lanesOf(t), x, acc)
		}
		a.max(acc, x, acc)
	})
	a.result(0, a.reduceMax(acc))
	a.ret()
}

// emitRope writes the rotation of one head of distant pairs.
func (a program) emitRope() {
	a.function("ropeNeoX", "func(x, cos, sin []float32)", "turns one head of pairs i, i+len(cos); see ropeGeneric.")
	lo, n := a.pointer("x"), a.length("cos")
	hi := a.copyOf(lo)
	a.advanceBy(hi, a.step(n))
	cos, sin := a.pointer("cos"), a.pointer("sin")
	a.loop(n, []operand.Op{lo, hi, cos, sin}, func(t *tail) {
		u, v := a.load(here(lo), t), a.load(here(hi), t)
		c, s := a.load(here(cos), t), a.load(here(sin), t)
		vs := a.vec()
		a.mul(vs, v, s)
		a.mul(s, u, s)
		a.mulSub(u, c, vs)
		a.horner(v, c, s)
		a.store(u, here(lo), t)
		a.store(v, here(hi), t)
	})
	a.ret()
}
