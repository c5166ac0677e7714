package main

// limits writes what benchmarks measure the kernels against: the rate of the
// multiplications of int8, and a plain read of memory.
func (a *neonLanes) limits() {
	if a.dot {
		a.peak("SDOT, each of 32", func(d, n, m vreg) { a.sdot(d, n, m, 0) })
		return
	}
	a.scan()
	a.peak("SMLAL, each of 16", a.smlal)
}

func (a *neonLanes) peak(what string, op func(d, n, m vreg)) {
	a.function("peak", "func(n int)", "does 16 n independent "+what+" integer operations.")
	n, x, acc := a.pointer("n"), a.zeros(1)[0], a.zeros(16)
	a.repeat(n, func() {
		for _, v := range acc {
			a.update(op, v, x, x)
		}
	})
	a.ret()
}

// scan emits the read: 256 bytes in a round, into four registers.
func (a *neonLanes) scan() {
	a.function("scan", "func(b *byte, n int) uint64", "reads n bytes, a multiple of 256, and returns an exclusive or of them.")
	p, n, acc := a.pointer("b"), a.pointer("n").(*value), a.zeros(4)
	next := a.label("next")
	a.mark(next)
	a.within(func() {
		for line := range 4 {
			for i, x := range a.load(here(p).offset(64*line), nil) {
				a.three(a.eor, acc[i], acc[i], x.(*value))
			}
		}
		a.advance(p, 256)
		a.count("SUBS", 256, n)
	})
	a.branch("BNE", next)
	sum, result := acc[0], general()
	for _, v := range acc[1:] {
		a.three(a.eor, sum, sum, v)
	}
	a.do(func() { a.ins("FMOVD %s, %s", sum.Asm(), result.Asm()) }, []*value{result}, sum)
	a.result(0, result)
	a.ret()
}

// zeros returns n registers of zeros.
func (a *neonLanes) zeros(n int) []*value {
	v := make([]*value, n)
	for i := range v {
		r := fresh()
		a.do(func() { a.movi(r.vreg(), 0) }, []*value{r})
		v[i] = r
	}
	return v
}
