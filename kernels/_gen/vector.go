package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// emitVector writes the kernels that walk vectors of float32: laneKernels in
// lanekernels.go lists them and says what they compute.
func emitVector(a *lanes) {
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
	a.emitFirstAbove()
	a.finishLaneNumbers()
	a.finish()
}

// inputs loads 16 elements of input i into a vector of the caller's.
type inputs func(i int) vec

// walk emits the body of a function that sets out = f(in). The length is that
// of the first input.
func (a *lanes) walk(inputs []string, f func(in inputs) vec) {
	out := a.Load(a.Param("out").Base(), a.GP64())
	ptrs := make([]reg.Register, len(inputs))
	for i, name := range inputs {
		ptrs[i] = a.Load(a.Param(name).Base(), a.GP64())
	}
	n := a.Load(a.Param(inputs[0]).Len(), a.GP64()).(reg.GPVirtual)
	a.loop(n, append([]reg.Register{out}, ptrs...), func(tail set) {
		in := func(i int) vec { return a.load(operand.Mem{Base: ptrs[i]}, tail) }
		a.store(f(in), operand.Mem{Base: out}, tail)
	})
	a.ret()
}

// loop runs body for n elements, 16 at a time and then the rest under a mask.
// It advances the pointers.
func (a *lanes) loop(n reg.GPVirtual, ptrs []reg.Register, body func(tail set)) {
	next, rest, done := a.label("next"), a.label("rest"), a.label("done")
	a.Label(next)
	a.CMPQ(n, operand.Imm(16))
	a.JL(operand.LabelRef(rest))
	body(nil)
	for _, p := range ptrs {
		a.ADDQ(operand.Imm(64), p)
	}
	a.SUBQ(operand.Imm(16), n)
	a.JMP(operand.LabelRef(next))
	a.Label(rest)
	a.TESTQ(n, n)
	a.JZ(operand.LabelRef(done))
	body(a.tailMask(n))
	a.Label(done)
}

func (a *lanes) emitElementwise() {
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
func (a *lanes) emitScaled() {
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

func (a *lanes) emitReductions() {
	// sum folds f(x) into 16 lanes, then into the result.
	fold := func(start vec, op instruction, out bool, f func(acc, x vec, tail set) vec) {
		ptrs := []reg.Register{a.Load(a.Param("x").Base(), a.GP64())}
		if out {
			ptrs = append(ptrs, a.Load(a.Param("out").Base(), a.GP64()))
		}
		n := a.Load(a.Param("x").Len(), a.GP64()).(reg.GPVirtual)
		a.loop(n, ptrs, func(tail set) {
			y := f(start, a.load(operand.Mem{Base: ptrs[0]}, tail), tail)
			if out {
				a.store(y, operand.Mem{Base: ptrs[1]}, tail)
			}
		})
		a.Store(a.reduce(op, start), a.ReturnIndex(0))
		a.ret()
	}

	a.function("sum", "func(x []float32) float32", "is sumGeneric.")
	fold(a.zero(), a.VADDPS, false, func(acc, x vec, _ set) vec { a.add(acc, acc, x); return nil })

	a.function("sumSquares", "func(x []float32) float32", "is sumSquaresGeneric.")
	fold(a.zero(), a.VADDPS, false, func(acc, x vec, _ set) vec { a.fma(acc, x, x); return nil })

	a.function("center", "func(out, x []float32, m float32) float32", "sets out = x - m and returns the sum of its squares.")
	m := a.splatParam("m")
	fold(a.zero(), a.VADDPS, true, func(acc, x vec, tail set) vec {
		a.sub(x, x, m)
		x = a.masked(x, tail)
		a.fma(acc, x, x)
		return x
	})

	a.function("spread", "func(x []float32, m float32) float32", "returns the sum of (x-m)².")
	m3 := a.splatParam("m")
	fold(a.zero(), a.VADDPS, false, func(acc, x vec, tail set) vec {
		a.sub(x, x, m3)
		x = a.masked(x, tail)
		a.fma(acc, x, x)
		return nil
	})

	a.function("expSum", "func(out, x []float32, m float32) float32", "sets out = e^(x-m) and returns its sum.")
	m2 := a.splatParam("m")
	fold(a.zero(), a.VADDPS, true, func(acc, x vec, tail set) vec {
		a.sub(x, x, m2)
		y := a.masked(a.exp(x), tail)
		a.add(acc, acc, y)
		return y
	})

	a.function("max", "func(x []float32) float32", "is maxGeneric.")
	a.emitMax()
}

// masked is x with +0 in the lanes outside tail.
func (a *lanes) masked(x vec, tail set) vec {
	if tail == nil {
		return x
	}
	for i := range x {
		if a.level == avx512 {
			a.VMOVAPS_Z(x[i], tail[i], x[i])
		} else {
			a.VANDPS(tail[i], x[i], x[i])
		}
	}
	return x
}

// emitMax writes the body of max. A lane's maximum stays where the new value
// is NaN, because VMAXPS then gives its second operand. The rest reads the
// lanes outside its mask as the maximum so far.
func (a *lanes) emitMax() {
	p := a.Load(a.Param("x").Base(), a.GP64())
	n := a.Load(a.Param("x").Len(), a.GP64()).(reg.GPVirtual)
	acc := a.splat(a.constant(math.Inf(-1)))
	a.loop(n, []reg.Register{p}, func(tail set) {
		x := a.load(operand.Mem{Base: p}, tail)
		if tail != nil {
			a.choose(x, tail, x, acc)
		}
		a.max(acc, x, acc)
	})
	r := a.reduce(a.VMAXPS, acc)
	zero := a.XMM()
	a.VXORPS(zero, zero, zero)
	a.VADDSS(zero, r, r) // a zero is +0
	a.Store(r, a.ReturnIndex(0))
	a.ret()
}

// emitRope writes the rotation of one head.
func (a *lanes) emitRope() {
	a.function("ropeNeoX", "func(x, cos, sin []float32)", "turns one head of pairs i, i+len(cos); see ropeGeneric.")
	lo := a.Load(a.Param("x").Base(), a.GP64())
	n := a.Load(a.Param("cos").Len(), a.GP64()).(reg.GPVirtual)
	hi := a.GP64()
	a.LEAQ(operand.Mem{Base: lo, Index: n, Scale: 4}, hi)
	cos, sin := a.Load(a.Param("cos").Base(), a.GP64()), a.Load(a.Param("sin").Base(), a.GP64())
	a.loop(n, []reg.Register{lo, hi, cos, sin}, func(tail set) {
		u, v := a.load(operand.Mem{Base: lo}, tail), a.load(operand.Mem{Base: hi}, tail)
		c, s := a.load(operand.Mem{Base: cos}, tail), a.load(operand.Mem{Base: sin}, tail)
		vs := a.vec()
		a.mul(vs, v, s)
		a.mul(s, u, s)
		for i := range u {
			a.VFMSUB213PS(vs[i], c[i], u[i])
			a.VFMADD213PS(s[i], c[i], v[i])
		}
		a.store(u, operand.Mem{Base: lo}, tail)
		a.store(v, operand.Mem{Base: hi}, tail)
	})
	a.ret()

	a.function("ropeInterleaved", "func(x, cos, sin []float32)", "turns one head of pairs 2i, 2i+1; see ropeGeneric. x has 2·len(cos) elements.")
	p := a.Load(a.Param("x").Base(), a.GP64())
	n = a.Load(a.Param("cos").Len(), a.GP64()).(reg.GPVirtual)
	a.SHLQ(operand.Imm(1), n)
	cos, sin = a.Load(a.Param("cos").Base(), a.GP64()), a.Load(a.Param("sin").Base(), a.GP64())
	next, rest, done := a.label("next"), a.label("rest"), a.label("done")
	a.Label(next)
	a.CMPQ(n, operand.Imm(16))
	a.JL(operand.LabelRef(rest))
	x := a.load(operand.Mem{Base: p}, nil)
	c, s := a.twice(operand.Mem{Base: cos}), a.twice(operand.Mem{Base: sin})
	for i := range x {
		swapped := a.sameKind(x[i])
		a.VPERMILPS(operand.U8(0xb1), x[i], swapped)
		a.VMULPS(s[i], swapped, swapped)
		a.VFMADDSUB213PS(swapped, c[i], x[i])
	}
	a.store(x, operand.Mem{Base: p}, nil)
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

// sameKind returns a new register of the width of r.
func (a *lanes) sameKind(r reg.VecVirtual) reg.VecVirtual {
	if a.level == avx512 {
		return a.ZMM()
	}
	return a.YMM()
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

// emitFirstAbove writes the search behind TopK and Argmax.
func (a *lanes) emitFirstAbove() {
	a.function("firstAbove", "func(x []float32, limit float32) int", "returns the first index whose element is above limit, or len(x).")
	p := a.Load(a.Param("x").Base(), a.GP64())
	n := a.Load(a.Param("x").Len(), a.GP64()).(reg.GPVirtual)
	limit := a.splatParam("limit")
	at, bits := a.GP64(), a.GP32()
	a.XORQ(at, at)
	found, none := a.label("found"), a.label("none")
	a.loop(n, []reg.Register{p}, func(tail set) {
		a.laneBits(a.compare(greater, a.load(operand.Mem{Base: p}, tail), limit), tail, bits)
		a.TESTL(bits, bits)
		a.JNZ(operand.LabelRef(found))
		if tail == nil {
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

// laneBits sets bit i of dst where lane i is in s and in tail.
func (a *lanes) laneBits(s, tail set, dst reg.GPVirtual) {
	if a.level == avx512 {
		if tail != nil {
			a.KANDW(tail[0], s[0], s[0])
		}
		a.KMOVW(s[0], dst)
		return
	}
	high := a.GP32()
	for i, r := range []reg.GPVirtual{dst, high} {
		if tail != nil {
			a.VPAND(tail[i], s[i], s[i])
		}
		a.VMOVMSKPS(s[i], r)
	}
	a.SHLL(operand.Imm(8), high)
	a.ORL(high, dst)
}
