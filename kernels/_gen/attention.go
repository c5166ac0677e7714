package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// emitAttention writes the kernels of attention: laneKernels in lanekernels.go
// lists them and says what they compute.
func emitAttention(a *lanes) {
	for _, t := range a.attentionTiles() {
		for _, half := range []bool{false, true} {
			a.emitDot(t[0], t[1], half)
		}
	}
	program{a}.rows()
	a.emitToHalf()
	a.finishLaneNumbers()
	a.finish()
}

// attentionTiles lists the register tiles, rows by vectors. The accumulators
// take rows·vectors registers (twice that at 256 bits), the rest hold a row of
// b and a broadcast element of a. Each number of rows has the widest tile that
// fits and one of a single vector.
func (a *lanes) attentionTiles() [][2]int {
	if a.level == avx512 {
		return [][2]int{{1, 4}, {2, 4}, {3, 4}, {4, 4}, {5, 4}, {6, 4}, {12, 2},
			{1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}, {6, 1}, {12, 1}}
	}
	return [][2]int{{1, 4}, {2, 2}, {3, 2}, {1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}, {6, 1}}
}

// emitDot writes dot<rows>x<vecs><type>: c[r][w] += Σ_k a[r][k]·b[k][w], one FMA per
// k, ascending, where w counts vectors of 16 lanes.
func (a *lanes) emitDot(rows, vecs int, half bool) {
	typ := map[bool]string{false: "F32", true: "F16"}[half]
	a.function(fmt.Sprintf("dot%dx%d%s", rows, vecs, typ),
		"func(c *float32, cStride int, a *float32, aStride int, b *byte, bStep, bWide, n int, add bool, next *byte)",
		fmt.Sprintf("multiplies %d rows by %d vectors of %s; see dotKernel.", rows, vecs, typ))

	acc := make([][]vec, rows)
	for r := range acc {
		acc[r] = make([]vec, vecs)
		for w := range acc[r] {
			acc[r][w] = a.vec()
		}
	}
	a.startDot(acc)
	x := a.rowPointers("a", "aStride", rows)
	b := a.wideRows(vecs)
	step, n := a.Load(a.Param("bStep"), a.GP64()), a.Load(a.Param("n"), a.GP64())
	next := a.Load(a.Param("next"), a.GP64())

	again, done := a.label("again"), a.label("done")
	a.TESTQ(n, n)
	a.JZ(operand.LabelRef(done))
	a.Label(again)
	a.fetchNext(next, vecs, half)
	if vecs == 1 || a.level == avx512 {
		a.stepByRow(acc, x, b, half)
	} else {
		a.stepByVector(acc, x, b, half)
	}
	x.advance(a, operand.Imm(4))
	b.advance(a, step)
	a.DECQ(n)
	a.JNZ(operand.LabelRef(again))
	a.Label(done)

	c := a.rowPointers("c", "cStride", rows)
	for r := range acc {
		for w := range acc[r] {
			for i, v := range acc[r][w] {
				a.VMOVUPS(v, c.at(r).Offset(64*w+i*a.regBytes()))
			}
		}
	}
	a.ret()
}

// fetchNext asks for as many bytes as a step of vecs vectors takes.
func (a *lanes) fetchNext(next reg.Register, vecs int, half bool) {
	n := 64 * vecs
	if half {
		n /= 2
	}
	for i := 0; i < n; i += 64 {
		a.PREFETCHT0(operand.Mem{Base: next, Disp: i})
	}
	a.ADDQ(operand.U32(n), next)
}

// startDot loads the accumulators where add is set, and clears them else.
func (a *lanes) startDot(acc [][]vec) {
	load, ready := a.label("load"), a.label("ready")
	add := a.Load(a.Param("add"), a.GP8())
	a.TESTB(add, add)
	a.JNZ(operand.LabelRef(load))
	for _, row := range acc {
		for _, v := range row {
			for _, r := range v {
				a.clear(r)
			}
		}
	}
	a.JMP(operand.LabelRef(ready))
	a.Label(load)
	c := a.rowPointers("c", "cStride", len(acc))
	for r, row := range acc {
		for w, v := range row {
			for i := range v {
				a.VMOVUPS(c.at(r).Offset(64*w+i*a.regBytes()), v[i])
			}
		}
	}
	a.Label(ready)
}

// stepByRow adds one k to the accumulators: the row of b stays in registers,
// the elements of a come and go.
func (a *lanes) stepByRow(acc [][]vec, x, b rowSet, half bool) {
	row := make([]vec, len(acc[0]))
	for w := range row {
		row[w] = a.loadType(b.at(w), half)
	}
	for r := range acc {
		if len(row) == 1 && a.level == avx512 {
			a.VFMADD231PS_BCST(x.at(r), row[0][0], acc[r][0][0])
			continue
		}
		q := a.vec()[0]
		a.VBROADCASTSS(x.at(r), q)
		for w := range row {
			for i := range row[w] {
				a.VFMADD231PS(row[w][i], q, acc[r][w][i])
			}
		}
	}
}

// stepByVector is stepByRow with the elements of a in registers.
func (a *lanes) stepByVector(acc [][]vec, x, b rowSet, half bool) {
	q := make(vec, len(acc))
	for r := range q {
		q[r] = a.YMM()
		a.VBROADCASTSS(x.at(r), q[r])
	}
	for w := range acc[0] {
		for i := range acc[0][w] {
			v := a.loadRegister(b.at(w), i, half)
			for r := range q {
				a.VFMADD231PS(v, q[r], acc[r][w][i])
			}
		}
	}
}

// loadType reads 16 floats or halves.
func (a *lanes) loadType(m operand.Mem, half bool) vec {
	d := make(vec, a.regs())
	for i := range d {
		d[i] = a.loadRegister(m, i, half)
	}
	return d
}

// loadRegister reads register i of 16 floats or halves.
func (a *lanes) loadRegister(m operand.Mem, i int, half bool) operand.Op {
	d := a.vec()[0]
	if half {
		a.VCVTPH2PS(m.Offset(i*a.regBytes()/2), d)
	} else {
		a.VMOVUPS(m.Offset(i*a.regBytes()), d)
	}
	return d
}

// rowSet addresses rows that lie a stride apart: three rows to a pointer, as
// x86 addresses take the stride once or twice.
type rowSet struct {
	ptrs   []reg.Register
	stride reg.Register
}

// rowPointers loads the parameters of n rows; the stride is in bytes.
func (a *lanes) rowPointers(base, stride string, n int) rowSet {
	s := rowSet{stride: a.Load(a.Param(stride), a.GP64())}
	s.ptrs = append(s.ptrs, a.Load(a.Param(base), a.GP64()))
	for len(s.ptrs)*3 < n {
		p := a.GP64()
		a.LEAQ(operand.Mem{Base: s.ptrs[len(s.ptrs)-1], Index: s.stride, Scale: 2}, p)
		a.ADDQ(s.stride, p)
		s.ptrs = append(s.ptrs, p)
	}
	return s
}

// wideRows loads the parameters of a row of n vectors, bWide bytes apart.
func (a *lanes) wideRows(n int) rowSet {
	if n > 1 {
		return a.rowPointers("b", "bWide", n)
	}
	return rowSet{ptrs: []reg.Register{a.Load(a.Param("b"), a.GP64())}}
}

// at is the address of row r.
func (s rowSet) at(r int) operand.Mem {
	m := operand.Mem{Base: s.ptrs[r/3]}
	if r%3 > 0 {
		m.Index, m.Scale = s.stride, uint8(r%3)
	}
	return m
}

// advance moves all rows.
func (s rowSet) advance(a *lanes, by operand.Op) {
	for _, p := range s.ptrs {
		a.ADDQ(by, p)
	}
}

// emitToHalf writes the conversions of StoreKV.
func (a *lanes) emitToHalf() {
	a.function("toHalf", "func(dst *uint16, x *float32, n int)", "converts n floats, rounding to nearest even; n divides by 8.")
	a.eachEight(func(dst reg.Register, h reg.VecVirtual) {
		a.VMOVUPS(h, operand.Mem{Base: dst})
		a.ADDQ(operand.Imm(16), dst)
	})

	a.function("toHalfPanel", "func(dst *uint16, x *float32, n int)", "is toHalf with the results 32 bytes apart.")
	a.eachEight(func(dst reg.Register, h reg.VecVirtual) {
		for i := range 8 {
			a.VPEXTRW(operand.U8(i), h, operand.Mem{Base: dst, Disp: 32 * i})
		}
		a.ADDQ(operand.U32(256), dst)
	})
}

// eachEight converts 8 floats at a time and hands them to store.
func (a *lanes) eachEight(store func(dst reg.Register, h reg.VecVirtual)) {
	dst, x := a.Load(a.Param("dst"), a.GP64()), a.Load(a.Param("x"), a.GP64())
	n := a.Load(a.Param("n"), a.GP64())
	next, done := a.label("next"), a.label("done")
	a.TESTQ(n, n)
	a.JZ(operand.LabelRef(done))
	a.Label(next)
	f, h := a.YMM(), a.XMM()
	a.VMOVUPS(operand.Mem{Base: x}, f)
	a.VCVTPS2PH(operand.U8(0), f, h)
	store(dst, h)
	a.ADDQ(operand.Imm(32), x)
	a.SUBQ(operand.Imm(8), n)
	a.JNZ(operand.LabelRef(next))
	a.Label(done)
	a.ret()
}
