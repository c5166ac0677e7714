package main

import (
	"fmt"
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

// lanes emits code over vectors of 16 float32 lanes, the unit of the numeric
// contract: one 512-bit register, or two of 256 bits. A program written with
// it gives the same bits at both widths.
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

// vec is a vector of 16 lanes; the low eight are first.
type vec []reg.VecVirtual

// src is what an instruction can read: a vec, memory or a constant.
type src interface {
	operand(a *lanes, i int) operand.Op
	broadcast() bool
}

func (v vec) operand(_ *lanes, i int) operand.Op { return v[i] }
func (v vec) broadcast() bool                    { return false }

// memory is 64 bytes at an address.
type memory operand.Mem

func (m memory) operand(a *lanes, i int) operand.Op {
	return operand.Mem(m).Offset(i * a.regBytes())
}
func (m memory) broadcast() bool { return false }

// scalar is one float32 in memory, the same for all lanes. At 256 bits, where
// no instruction broadcasts its operand, the value lies there 8 times.
type scalar operand.Mem

func (s scalar) operand(*lanes, int) operand.Op { return operand.Mem(s) }
func (s scalar) broadcast() bool                { return true }

// vec returns an undefined vector.
func (a *lanes) vec() vec {
	if a.level == avx512 {
		return vec{a.ZMM()}
	}
	return vec{a.YMM(), a.YMM()}
}

// constant returns the float32 x as an operand.
func (a *lanes) constant(x float64) scalar { return a.bits(math.Float32bits(float32(x))) }

// bits returns the 32-bit pattern x as an operand.
func (a *lanes) bits(x uint32) scalar {
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

// label returns a new label.
func (a *lanes) label(name string) string {
	a.nLabel++
	return fmt.Sprintf("%s%d", name, a.nLabel)
}

// function begins a function with the level's suffix in its name.
func (a *lanes) function(name, signature, doc string) {
	a.Function(name + a.level.suffix())
	a.SignatureExpr(signature)
	a.Doc(name + a.level.suffix() + " " + doc)
	a.Pragma("noescape")
	a.Attributes(attr.NOSPLIT)
}

// ret ends a function.
func (a *lanes) ret() {
	a.VZEROUPPER()
	a.RET()
}

type instruction func(ops ...operand.Op)

// each emits op, or its broadcasting form, for every register: d = op(x, y).
func (a *lanes) each(op, bcst instruction, d vec, x vec, y src) {
	for i := range d {
		if y.broadcast() && a.level == avx512 {
			bcst(y.operand(a, i), x[i], d[i])
		} else {
			op(y.operand(a, i), x[i], d[i])
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

// min is x < y ? x : y, so that a NaN in either gives y.
func (a *lanes) min(d, x vec, y src) { a.each(a.VMINPS, a.VMINPS_BCST, d, x, y) }

// max is x > y ? x : y, so that a NaN in either gives y.
func (a *lanes) max(d, x vec, y src) { a.each(a.VMAXPS, a.VMAXPS_BCST, d, x, y) }

// fma is d = x·y + d.
func (a *lanes) fma(d, x vec, y src) { a.each(a.VFMADD231PS, a.VFMADD231PS_BCST, d, x, y) }

// fnma is d = -(x·y) + d.
func (a *lanes) fnma(d, x vec, y src) { a.each(a.VFNMADD231PS, a.VFNMADD231PS_BCST, d, x, y) }

// horner is d = d·x + y, a step of a polynomial.
func (a *lanes) horner(d, x vec, y src) { a.each(a.VFMADD213PS, a.VFMADD213PS_BCST, d, x, y) }

// shift is d = x shifted by n bits: left, or right with the sign where n < 0.
func (a *lanes) shift(d, x vec, n int) {
	for i := range d {
		if n > 0 {
			a.VPSLLD(operand.U8(n), x[i], d[i])
		} else {
			a.VPSRAD(operand.U8(-n), x[i], d[i])
		}
	}
}

// copy returns a copy of x.
func (a *lanes) copy(x vec) vec {
	d := a.vec()
	for i := range d {
		a.VMOVAPS(x[i], d[i])
	}
	return d
}

// splat returns a vector of a scalar in memory.
func (a *lanes) splat(s scalar) vec {
	d := a.vec()
	for i := range d {
		a.VBROADCASTSS(operand.Mem(s), d[i])
	}
	return d
}

// splatParam returns a vector of a float32 parameter.
func (a *lanes) splatParam(name string) vec {
	addr, err := a.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return a.splat(scalar(addr.Addr))
}

// zero returns a vector of +0.
func (a *lanes) zero() vec {
	d := a.vec()
	for i := range d {
		a.clear(d[i])
	}
	return d
}

func (a *lanes) clear(r reg.VecVirtual) {
	if a.level == avx512 {
		a.VPXORD(r, r, r)
	} else {
		a.VXORPS(r, r, r)
	}
}

// selectNegative is d = ifNeg where the sign bit of x is set, else ifPos.
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

// The predicates of compare: ordered ones, false for NaN, and isNaN.
const (
	less    = 1
	equal   = 0
	greater = 14
	isNaN   = 3 // unordered with itself
)

// set is a truth value per lane: mask registers, or all bits of a lane.
type set []operand.Op

// compare is the lanes where x pred y holds.
func (a *lanes) compare(pred uint8, x vec, y vec) set {
	s := make(set, len(x))
	for i := range x {
		if a.level == avx512 {
			k := a.K()
			a.VCMPPS(operand.U8(pred), y[i], x[i], k)
			s[i] = k
		} else {
			m := a.YMM()
			a.VCMPPS(operand.U8(pred), y[i], x[i], m)
			s[i] = m
		}
	}
	return s
}

// choose is d = ifTrue in the lanes of s, else ifFalse.
func (a *lanes) choose(d vec, s set, ifTrue, ifFalse vec) {
	for i := range d {
		if a.level == avx512 {
			a.VBLENDMPS(ifTrue[i], ifFalse[i], s[i], d[i])
		} else {
			a.VBLENDVPS(s[i], ifTrue[i], ifFalse[i], d[i])
		}
	}
}

// tailMask selects the first n lanes, 0 < n < 16.
func (a *lanes) tailMask(n reg.GPVirtual) set {
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

// load reads 16 floats, or the lanes of tail and +0 in the others.
func (a *lanes) load(m operand.Mem, tail set) vec {
	d := a.vec()
	for i := range d {
		at := m.Offset(i * a.regBytes())
		switch {
		case tail == nil:
			a.VMOVUPS(at, d[i])
		case a.level == avx512:
			a.VMOVUPS_Z(at, tail[i], d[i])
		default:
			a.VMASKMOVPS(at, tail[i], d[i])
		}
	}
	return d
}

// store writes 16 floats, or the lanes of tail only.
func (a *lanes) store(x vec, m operand.Mem, tail set) {
	for i := range x {
		at := m.Offset(i * a.regBytes())
		switch {
		case tail == nil:
			a.VMOVUPS(x[i], at)
		case a.level == avx512:
			a.VMOVUPS(x[i], tail[i], at)
		default:
			a.VMASKMOVPS(x[i], tail[i], at)
		}
	}
}

// reduce folds the 16 lanes by the tree of the contract: lane i takes lane
// i+8, then i+4, i+2 and i+1. The result is in the first lane.
func (a *lanes) reduce(op instruction, x vec) reg.VecVirtual {
	var y reg.VecVirtual
	if a.level == avx512 {
		high := a.YMM()
		y = a.YMM()
		a.VEXTRACTF64X4(operand.U8(1), x[0], high)
		op(high, x[0].AsY(), y)
	} else {
		y = x[0]
		op(x[1], x[0], y)
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
