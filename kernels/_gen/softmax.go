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
	a.function("scoreMax", "func(s *float32, n int, scale float32) float32",
		"returns the largest of n scores times scale; n divides by 16.")
	p, n := a.pointer("s"), a.pointer("n")
	scale := a.splatParam("scale")
	m := a.accumulator(a.constant(math.Inf(-1)))
	a.sweep(p, n, func(at place) {
		x := a.load(at, nil)
		a.mul(x, x, scale)
		a.max(m, x, m)
	})
	a.result(0, a.reduceMax(m))
	a.ret()

	a.function("scoreExp", "func(s *float32, n int, scale, m float32) float32",
		"replaces n scores by e^(s·scale-m) and returns their sum; n divides by 16.")
	p, n = a.pointer("s"), a.pointer("n")
	scale, m = a.splatParam("scale"), a.splatParam("m")
	sum := a.zero()
	a.sweep(p, n, func(at place) {
		x := a.load(at, nil)
		a.mul(x, x, scale)
		a.sub(x, x, m)
		x = a.exp(x)
		a.store(x, at, nil)
		a.add(sum, sum, x)
	})
	a.result(0, a.reduceSum(sum))
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
