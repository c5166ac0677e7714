package main

import (
	"math"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

type level int

const (
	avx2 level = iota
	avx512
)

func (l level) suffix() string { return [...]string{"AVX2", "AVX512"}[l] }

// lanes is the target of x86: a vector is one 512-bit register, or two of 256
// bits.
type lanes struct {
	*build.Context
	level  level
	consts []uint32 // bit patterns in the constant table, see constant
	nLabel int
}

func newLanes(c *build.Context, l level) *lanes { return &lanes{Context: c, level: l} }

// regs is the number of registers of a vector.
func (a *lanes) regs() int { return 2 - int(a.level) }

// regBytes is the size of one register.
func (a *lanes) regBytes() int { return 64 / a.regs() }

// scalar is one float32 in memory, the same for all lanes. At 256 bits, where
// no instruction broadcasts its operand, the value lies there 8 times.
type scalar operand.Mem

func (scalar) isSrc() {}

func (a *lanes) vec() vec {
	if a.level == avx512 {
		return vec{a.ZMM()}
	}
	return vec{a.YMM(), a.YMM()}
}

func (a *lanes) constant(x float64) src { return a.bits(math.Float32bits(float32(x))) }

func (a *lanes) bits(x uint32) src {
	i := 0
	for i < len(a.consts) && a.consts[i] != x {
		i++
	}
	if i == len(a.consts) {
		a.consts = append(a.consts, x)
	}
	return scalar(operand.NewDataAddr(operand.NewStaticSymbol(a.tableName()), 32*i))
}

func (a *lanes) tableName() string { return "constants" + a.level.suffix() }

// finish writes the table of constants. Call it last.
func (a *lanes) finish() {
	if len(a.consts) == 0 {
		return
	}
	a.StaticGlobal(a.tableName())
	a.DataAttributes(attr.RODATA | attr.NOPTR)
	for _, c := range a.consts {
		for range 8 {
			a.AppendDatum(operand.U32(c))
		}
	}
}

type instruction func(ops ...operand.Op)

// each emits op, or its broadcasting form, for every register: d = op(x, y).
func (a *lanes) each(op, bcst instruction, d vec, x vec, y src) {
	for i := range d {
		switch y := y.(type) {
		case vec:
			op(y[i], x[i], d[i])
		case scalar:
			if a.level == avx512 {
				bcst(operand.Mem(y), x[i], d[i])
			} else {
				op(operand.Mem(y), x[i], d[i])
			}
		}
	}
}

func (a *lanes) add(d, x vec, y src)  { a.each(a.VADDPS, a.VADDPS_BCST, d, x, y) }
func (a *lanes) sub(d, x vec, y src)  { a.each(a.VSUBPS, a.VSUBPS_BCST, d, x, y) }
func (a *lanes) mul(d, x vec, y src)  { a.each(a.VMULPS, a.VMULPS_BCST, d, x, y) }
func (a *lanes) div(d, x vec, y src)  { a.each(a.VDIVPS, a.VDIVPS_BCST, d, x, y) }
func (a *lanes) and(d, x vec, y src)  { a.each(a.VANDPS, a.VANDPS_BCST, d, x, y) }
func (a *lanes) or(d, x vec, y src)   { a.each(a.VORPS, a.VORPS_BCST, d, x, y) }
func (a *lanes) iadd(d, x vec, y src) { a.each(a.VPADDD, a.VPADDD_BCST, d, x, y) }
func (a *lanes) isub(d, x vec, y src) { a.each(a.VPSUBD, a.VPSUBD_BCST, d, x, y) }

func (a *lanes) min(d, x vec, y src)    { a.each(a.VMINPS, a.VMINPS_BCST, d, x, y) }
func (a *lanes) max(d, x vec, y src)    { a.each(a.VMAXPS, a.VMAXPS_BCST, d, x, y) }
func (a *lanes) fma(d, x vec, y src)    { a.each(a.VFMADD231PS, a.VFMADD231PS_BCST, d, x, y) }
func (a *lanes) fnma(d, x vec, y src)   { a.each(a.VFNMADD231PS, a.VFNMADD231PS_BCST, d, x, y) }
func (a *lanes) horner(d, x vec, y src) { a.each(a.VFMADD213PS, a.VFMADD213PS_BCST, d, x, y) }

func (a *lanes) shift(d, x vec, n int) {
	for i := range d {
		if n > 0 {
			a.VPSLLD(operand.U8(n), x[i], d[i])
		} else {
			a.VPSRAD(operand.U8(-n), x[i], d[i])
		}
	}
}

func (a *lanes) splat(s src) vec {
	d := a.vec()
	for i := range d {
		a.VBROADCASTSS(operand.Mem(s.(scalar)), d[i])
	}
	return d
}

func (a *lanes) accumulator(s src) vec { return a.splat(s) }
func (a *lanes) splatAt(p place) vec   { return a.splat(scalar(p.mem())) }

func (a *lanes) splatRegister(x operand.Op) vec {
	d := a.vec()
	for i := range d {
		a.VBROADCASTSS(x, d[i])
	}
	return d
}

func (a *lanes) zero() vec {
	d := a.vec()
	for i := range d {
		a.clear(d[i])
	}
	return d
}

func (a *lanes) clear(r operand.Op) {
	if a.level == avx512 {
		a.VPXORD(r, r, r)
	} else {
		a.VXORPS(r, r, r)
	}
}

func (a *lanes) selectNegative(d, x, ifNeg, ifPos vec) {
	for i := range d {
		if a.level == avx512 {
			k := a.K()
			a.VPMOVD2M(x[i], k)
			a.VBLENDMPS(ifNeg[i], ifPos[i], k, d[i])
		} else {
			a.VBLENDVPS(x[i], ifNeg[i], ifPos[i], d[i])
		}
	}
}

// predicates are the immediates of the comparisons.
var predicates = [...]uint8{equal: 0, less: 1, isNaN: 3, greater: 14}

func (a *lanes) compare(p predicate, x, y vec) set {
	s := make(set, len(x))
	for i := range x {
		if a.level == avx512 {
			k := a.K()
			a.VCMPPS(operand.U8(predicates[p]), y[i], x[i], k)
			s[i] = k
		} else {
			m := a.YMM()
			a.VCMPPS(operand.U8(predicates[p]), y[i], x[i], m)
			s[i] = m
		}
	}
	return s
}

func (a *lanes) choose(d vec, s set, ifTrue, ifFalse vec) {
	for i := range d {
		if a.level == avx512 {
			a.VBLENDMPS(ifTrue[i], ifFalse[i], s[i], d[i])
		} else {
			a.VBLENDVPS(s[i], ifTrue[i], ifFalse[i], d[i])
		}
	}
}

// tailOf describes the last n lanes of a loop.
func (a *lanes) tailOf(n reg.GPVirtual) *tail { return &tail{n, a.firstLanes(n)} }

// firstLanes selects the first n lanes, 0 < n < 16.
func (a *lanes) firstLanes(n reg.GPVirtual) set {
	if a.level == avx512 {
		ones, k := a.GP64(), a.K()
		a.MOVQ(operand.I32(-1), ones)
		a.SHLXQ(n, ones, ones)
		a.NOTQ(ones)
		a.KMOVW(ones.As32(), k)
		return set{k}
	}
	count, s := a.YMM(), make(set, 2)
	a.VMOVD(n.As32(), count.AsX())
	a.VPBROADCASTD(count.AsX(), count)
	for i := range s {
		m := a.YMM()
		a.VPCMPGTD(a.laneNumbers(8*i), count, m) // n > lane
		s[i] = m
	}
	return s
}

// laneNumbers is a table of the int32 first, first+1, … first+7.
func (a *lanes) laneNumbers(first int) operand.Mem {
	return operand.NewDataAddr(operand.NewStaticSymbol("laneNumbers"+a.level.suffix()), 4*first)
}

// finishLaneNumbers writes the table behind laneNumbers.
func (a *lanes) finishLaneNumbers() {
	if a.level == avx512 {
		return
	}
	a.StaticGlobal("laneNumbers" + a.level.suffix())
	a.DataAttributes(attr.RODATA | attr.NOPTR)
	for i := range 16 {
		a.AppendDatum(operand.U32(i))
	}
}

func (p place) mem() operand.Mem {
	m := operand.Mem{Base: p.base.(reg.Register), Disp: p.disp}
	if p.index != nil {
		m.Index, m.Scale = p.index.(reg.Register), 1
	}
	return m
}

func (a *lanes) load(p place, t *tail) vec {
	d := a.vec()
	for i := range d {
		m := p.offset(i * a.regBytes()).mem()
		switch {
		case t == nil:
			a.VMOVUPS(m, d[i])
		case a.level == avx512:
			a.VMOVUPS_Z(m, t.mask[i], d[i])
		default:
			a.VMASKMOVPS(m, t.mask[i], d[i])
		}
	}
	return d
}

func (a *lanes) store(x vec, p place, t *tail) {
	for i := range x {
		m := p.offset(i * a.regBytes()).mem()
		switch {
		case t == nil:
			a.VMOVUPS(x[i], m)
		case a.level == avx512:
			a.VMOVUPS(x[i], t.mask[i], m)
		default:
			a.VMASKMOVPS(x[i], t.mask[i], m)
		}
	}
}

func (a *lanes) lanesOf(t *tail) set { return t.mask }

func (a *lanes) masked(x vec, t *tail) vec {
	if t == nil {
		return x
	}
	for i := range x {
		if a.level == avx512 {
			a.VMOVAPS_Z(x[i], t.mask[i], x[i])
		} else {
			a.VANDPS(t.mask[i], x[i], x[i])
		}
	}
	return x
}

func (a *lanes) mulSub(d, x, y vec) { a.each(a.VFMSUB213PS, nil, d, x, y) }

func (a *lanes) fromInt(x vec) {
	for i := range x {
		a.VCVTDQ2PS(x[i], x[i])
	}
}

func (a *lanes) scale(y, n vec) bool {
	if a.level != avx512 {
		return false
	}
	a.VSCALEFPS(n[0], y[0], y[0])
	return true
}

func (a *lanes) reduceSum(x vec) operand.Op { return a.reduce(a.VADDPS, x) }

func (a *lanes) reduceMax(x vec) operand.Op {
	r := a.reduce(a.VMAXPS, x)
	zero := a.XMM()
	a.VXORPS(zero, zero, zero)
	a.VADDSS(zero, r, r)
	return r
}

// reduce folds the 16 lanes by op.
func (a *lanes) reduce(op instruction, x vec) reg.VecVirtual {
	low := x[0].(reg.VecVirtual)
	var y reg.VecVirtual
	if a.level == avx512 {
		high := a.YMM()
		y = a.YMM()
		a.VEXTRACTF64X4(operand.U8(1), low, high)
		op(high, low.AsY(), y)
	} else {
		y = low
		op(x[1], low, y)
	}
	t := a.XMM()
	a.VEXTRACTF128(operand.U8(1), y, t)
	r := a.XMM()
	op(t, y.AsX(), r)
	a.VMOVHLPS(r, r, t)
	op(t, r, r)
	a.VMOVSHDUP(r, t)
	op(t, r, r)
	return r
}
