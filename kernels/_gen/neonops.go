package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
)

// The arithmetic of neonLanes.

// three records d = n op m; update also reads d.
func (a *neonLanes) three(op func(d, n, m vreg), d, n, m *value) {
	a.do(func() { op(d.vreg(), n.vreg(), m.vreg()) }, []*value{d}, n, m)
}

func (a *neonLanes) update(op func(d, n, m vreg), d, n, m *value) {
	a.do(func() { op(d.vreg(), n.vreg(), m.vreg()) }, []*value{d}, d, n, m)
}

// each records op for every register: d = x op y.
func (a *neonLanes) each(op func(d, n, m vreg), d, x vec, y src) {
	rx, ry := a.reader(x), a.reader(y)
	for i := range d {
		n, m := rx(i), ry(i)
		a.three(op, a.overwrite(d, i), n, m)
	}
}

func (a *neonLanes) add(d, x vec, y src)  { a.each(a.fadd, d, x, y) }
func (a *neonLanes) sub(d, x vec, y src)  { a.each(a.fsub, d, x, y) }
func (a *neonLanes) div(d, x vec, y src)  { a.each(a.fdiv, d, x, y) }
func (a *neonLanes) and(d, x vec, y src)  { a.each(a.neon.and, d, x, y) }
func (a *neonLanes) or(d, x vec, y src)   { a.each(a.orr, d, x, y) }
func (a *neonLanes) iadd(d, x vec, y src) { a.each(a.neon.add, d, x, y) }
func (a *neonLanes) isub(d, x vec, y src) { a.each(a.neon.sub, d, x, y) }

func (a *neonLanes) mul(d, x vec, y src) {
	if e, ok := a.lane(x); ok {
		if v, isVec := y.(vec); isVec && v[0].(*value).splat == nil {
			a.byLane(a.fmulElement, d, v, e)
			return
		}
	}
	if e, ok := a.lane(y); ok {
		a.byLane(a.fmulElement, d, x, e)
		return
	}
	a.each(a.fmul, d, x, y)
}

// byLane records op with one element as the last operand.
func (a *neonLanes) byLane(op func(d, n, m vreg, i int), d, x vec, e element) {
	r := a.reader(x)
	for i := range d {
		n := r(i)
		v := a.overwrite(d, i)
		a.do(func() { op(v.vreg(), n.vreg(), e.of.vreg(), e.lane) }, []*value{v}, n, e.of)
	}
}

func (a *neonLanes) fma(d, x vec, y src)  { a.accumulate(a.fmla, a.fmlaElement, d, x, y) }
func (a *neonLanes) fnma(d, x vec, y src) { a.accumulate(a.fmls, a.fmlsElement, d, x, y) }

// accumulate records op, which changes d.
func (a *neonLanes) accumulate(op func(d, n, m vreg), byLane func(d, n, m vreg, i int), d, x vec, y src) {
	a.settle(d)
	if _, ok := a.lane(x); ok {
		if v, isVec := y.(vec); isVec {
			x, y = v, x
		}
	}
	rx := a.reader(x)
	e, ok := a.lane(y)
	for i := range d {
		v, n := d[i].(*value), rx(i)
		if ok {
			a.do(func() { byLane(v.vreg(), n.vreg(), e.of.vreg(), e.lane) }, []*value{v}, v, n, e.of)
		} else {
			a.update(op, v, n, y.(vec)[i].(*value))
		}
	}
}

func (a *neonLanes) horner(d, x vec, y src) {
	sum, constant := a.lane(y)
	factor, ok := a.lane(d)
	rx := a.reader(x)
	for i := range d {
		t, n := fresh(), rx(i)
		if constant {
			a.fill(t, sum)
		} else {
			a.move(t, y.(vec)[i].(*value))
		}
		if ok {
			a.do(func() { a.fmlaElement(t.vreg(), n.vreg(), factor.of.vreg(), factor.lane) }, []*value{t}, t, n, factor.of)
		} else {
			a.update(a.fmla, t, d[i].(*value), n)
		}
		a.assign(d, i, t)
	}
}

func (a *neonLanes) mulSub(d, x, y vec) {
	for i := range d {
		t, n := fresh(), y[i].(*value)
		a.do(func() { a.fneg(t.vreg(), n.vreg()) }, []*value{t}, n)
		a.update(a.fmla, t, d[i].(*value), x[i].(*value))
		a.assign(d, i, t)
	}
}

func (a *neonLanes) shift(d, x vec, n int) {
	for i := range d {
		from := x[i].(*value)
		v := a.overwrite(d, i)
		a.do(func() {
			if n > 0 {
				a.shl(s4, v.vreg(), from.vreg(), n)
			} else {
				a.sshr(s4, v.vreg(), from.vreg(), -n)
			}
		}, []*value{v}, from)
	}
}

func (a *neonLanes) fromInt(x vec) {
	for i := range x {
		v := x[i].(*value)
		a.do(func() { a.scvtf(v.vreg(), v.vreg()) }, []*value{v}, v)
	}
}

func (a *neonLanes) scale(vec, vec) bool { return false }

func (a *neonLanes) min(d, x vec, y src) { a.extreme(d, x, y, a.fmin, less) }
func (a *neonLanes) max(d, x vec, y src) { a.extreme(d, x, y, a.fmax, greater) }

// extreme is min or max. The instruction op gives NaN for a NaN in either, and
// takes -0 for less than +0; against a constant that is neither, that is the
// same.
func (a *neonLanes) extreme(d, x vec, y src, op func(d, n, m vreg), p predicate) {
	if e, ok := a.lane(x); ok && a.isNumber(e) {
		a.each(op, d, x, y)
		return
	}
	rx, other := a.reader(x), y.(vec)
	n := make(vec, len(d))
	for i := range n {
		n[i] = rx(i)
	}
	for i, m := range a.compare(p, n, other) {
		mask := m.(*value)
		if d[i] == other[i] {
			a.update(a.bit, d[i].(*value), n[i].(*value), mask)
			continue
		}
		a.update(a.bsl, mask, n[i].(*value), other[i].(*value))
		a.assign(d, i, mask)
	}
}

// isNumber says whether e is a constant other than zero and NaN.
func (a *neonLanes) isNumber(e element) bool {
	for i, p := range a.packs {
		if p == e.of {
			f := math.Float32frombits(a.consts[4*i+e.lane])
			return f != 0 && f == f
		}
	}
	return false
}

func (a *neonLanes) compare(p predicate, x, y vec) set {
	if p == less {
		p, x, y = greater, y, x
	}
	op := a.fcmeq
	if p == greater {
		op = a.fcmgt
	}
	m := a.vec()
	a.each(op, m, x, y)
	if p == isNaN {
		for i := range m {
			v := m[i].(*value)
			a.do(func() { a.mvn(v.vreg(), v.vreg()) }, []*value{v}, v)
		}
	}
	return set(m)
}

func (a *neonLanes) choose(d vec, s set, ifTrue, ifFalse vec) {
	rt, rf := a.reader(ifTrue), a.reader(ifFalse)
	for i := range d {
		t := fresh()
		a.move(t, s[i].(*value))
		a.update(a.bsl, t, rt(i), rf(i))
		a.assign(d, i, t)
	}
}

func (a *neonLanes) selectNegative(d, x, ifNeg, ifPos vec) {
	m := a.vec()
	a.shift(m, x, -31)
	a.choose(d, set(m), ifNeg, ifPos)
}

func (a *neonLanes) lanesOf(t *tail) set {
	a.usesLanes = true
	table, n, m := general(), fresh(), a.vec()
	count := t.n.(*value)
	a.do(func() { a.ins("MOVD $laneNumbers%s<>(SB), %s", a.suffix, table.Asm()) }, []*value{table})
	a.do(func() { a.splatWord(count.Asm(), n.vreg()) }, []*value{n}, count)
	for i := range m {
		v := m[i].(*value)
		a.do(func() { a.loadQ(table.Asm(), 16*i, v.vreg()) }, []*value{v}, table)
		a.three(a.cmgt, v, n, v)
	}
	return set(m)
}

func (a *neonLanes) masked(x vec, t *tail) vec {
	if t != nil {
		a.and(x, x, vec(a.lanesOf(t)))
	}
	return x
}

func (a *neonLanes) reduceSum(x vec) operand.Op { return a.reduce(x, a.fadd, "FADDS") }

func (a *neonLanes) reduceMax(x vec) operand.Op {
	r := a.reduce(x, a.fmax, "FMAXS").(*value)
	zero := fresh()
	a.do(func() { a.ins("FMOVS ZR, %s", zero.Asm()) }, []*value{zero})
	a.do(func() { a.ins("FADDS %s, %s", zero.Asm(), r.Asm()) }, []*value{r}, zero, r)
	return r
}

// reduce folds the four registers, then the lanes of the first.
func (a *neonLanes) reduce(x vec, op func(d, n, m vreg), scalar string) operand.Op {
	r := func(i int) *value { return x[i].(*value) }
	a.three(op, r(0), r(0), r(2))
	a.three(op, r(1), r(1), r(3))
	a.three(op, r(0), r(0), r(1))
	sum, high := r(0), fresh()
	a.do(func() { a.ext(high.vreg(), sum.vreg(), sum.vreg(), 8) }, []*value{high}, sum)
	a.three(op, sum, sum, high)
	next := fresh()
	a.fill(next, element{sum, 1})
	a.do(func() { a.ins("%s %s, %s, %s", scalar, next.Asm(), sum.Asm(), sum.Asm()) }, []*value{sum}, next, sum)
	return sum
}
