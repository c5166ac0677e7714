package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
)

// rows writes what attention does with rows of scores and of results:
// attentionKernels in attentiontiles.go says what they compute.
func (a program) rows() {
	a.emitSoftmaxRow()
	a.emitMergeRow()
}

func (a program) emitSoftmaxRow() {
	a.function("softmaxRow", "func(s *float32, n int, scale float32) (m, l float32)",
		"multiplies n scores by scale, replaces them by e^(s-m) and sums them; n divides by 16.")
	p, n := a.pointer("s"), a.pointer("n")
	scale := a.splatParam("scale")
	m := a.accumulator(a.constant(math.Inf(-1)))
	a.sweep(p, n, func(at place) {
		x := a.load(at, nil)
		a.mul(x, x, scale)
		a.store(x, at, nil)
		a.max(m, x, m)
	})
	r := a.reduceMax(m)
	a.result(0, r)
	all := a.splatRegister(r)
	sum := a.zero()
	a.sweep(p, n, func(at place) {
		x := a.load(at, nil)
		a.sub(x, x, all)
		x = a.exp(x)
		a.store(x, at, nil)
		a.add(sum, sum, x)
	})
	a.result(1, a.reduceSum(sum))
	a.ret()
}

func (a program) emitMergeRow() {
	a.function("mergeRow", "func(acc, part []float32, x, y float32) (a, b float32)",
		"sets acc = fma(acc, a, part·b) with a = e^x and b = e^y.")
	e, f := a.exp(a.splatParam("x")), a.exp(a.splatParam("y"))
	a.result(0, e[0])
	a.result(1, f[0])
	acc, part := a.pointer("acc"), a.pointer("part")
	a.loop(a.length("acc"), []operand.Op{acc, part}, func(t *tail) {
		v := a.load(here(part), t)
		a.mul(v, v, f)
		a.fma(v, a.load(here(acc), t), e)
		a.store(v, here(acc), t)
	})
	a.ret()
}
