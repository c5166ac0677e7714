package main

import "github.com/mmcloughlin/avo/operand"

// target is an instruction set seen as vectors of 16 float32 lanes, the unit of
// the numeric contract: one register of 512 bits, two of 256, four of 128. A
// program written with it (vecmath.go, vector.go, recurrent.go and softmax.go)
// gives the same bits on all of them.
//
// An operation sets its first operand from the others, which may be the same.
type target interface {
	// function begins a function, whose name gets the level's suffix; ret ends
	// it. pointer loads a parameter of 8 bytes or the first element of a slice,
	// length that of a slice, splatParam a float32. result returns the first
	// lane of a register as result i.
	function(name, signature, doc string)
	ret()
	pointer(name string) operand.Op
	length(name string) operand.Op
	splatParam(name string) vec
	result(i int, x operand.Op)

	// loop runs body for n elements, 16 at a time and then once for the rest,
	// which tail describes. It advances the pointers and overwrites n. sweep is
	// loop for n > 0 that divides by 16; it keeps p. repeat runs body n times.
	loop(n operand.Op, ptrs []operand.Op, body func(*tail))
	sweep(p, n operand.Op, body func(place))
	repeat(n operand.Op, body func())
	// columns is loop with as many vectors at once as the level likes, so that
	// their chains overlap.
	columns(n operand.Op, ptrs []operand.Op, body func(width int, t *tail))

	// Pointers and sizes. step is 4·n.
	copyOf(p operand.Op) operand.Op
	offset() operand.Op
	step(n operand.Op) operand.Op
	advance(p operand.Op, bytes int)
	advanceBy(p, bytes operand.Op)

	// load reads 16 floats, or the lanes of tail and +0 in the others; store
	// writes them. splatAt reads one float.
	load(p place, t *tail) vec
	store(x vec, p place, t *tail)
	splatAt(p place) vec

	// vec is undefined, zero is +0; constant and bits are operands. splat and
	// splatRegister fill a vector, the latter with a register's first lane.
	vec() vec
	zero() vec
	constant(x float64) src
	bits(x uint32) src
	splat(s src) vec
	splatRegister(x operand.Op) vec
	// accumulator is splat for a vector that a loop changes.
	accumulator(s src) vec

	add(d, x vec, y src)
	sub(d, x vec, y src)
	mul(d, x vec, y src)
	div(d, x vec, y src)
	and(d, x vec, y src)
	or(d, x vec, y src)
	iadd(d, x vec, y src)
	isub(d, x vec, y src)
	min(d, x vec, y src)    // x < y ? x : y, so that a NaN in either gives y
	max(d, x vec, y src)    // x > y ? x : y, likewise
	fma(d, x vec, y src)    // d = x·y + d
	fnma(d, x vec, y src)   // d = -(x·y) + d
	horner(d, x vec, y src) // d = d·x + y
	mulSub(d, x, y vec)     // d = d·x - y
	// shift shifts by n bits: left, or right with the sign where n < 0.
	shift(d, x vec, n int)
	fromInt(x vec) // int32 to float32
	// scale is y·2^n with one rounding, where the level can do that.
	scale(y, n vec) bool

	compare(p predicate, x, y vec) set
	choose(d vec, s set, ifTrue, ifFalse vec)
	// selectNegative is d = ifNeg where the sign bit of x is set, else ifPos.
	selectNegative(d, x, ifNeg, ifPos vec)
	lanesOf(t *tail) set
	// masked is x with +0 in the lanes outside t, x itself where t is nil.
	masked(x vec, t *tail) vec

	// reduceSum and reduceMax fold the 16 lanes by the tree of the contract:
	// lane i takes lane i+8, then i+4, i+2 and i+1. The result is in the first
	// lane; reduceMax makes a zero +0 and knows no NaN.
	reduceSum(x vec) operand.Op
	reduceMax(x vec) operand.Op
}

// program writes functions for a target.
type program struct{ target }

// vec is a vector of 16 lanes; the low ones are first.
type vec []operand.Op

// src is what an operation can read as its last operand: a vec or a constant.
type src interface{ isSrc() }

func (vec) isSrc() {}

// set is a truth value per lane: mask registers, or all bits of a lane.
type set []operand.Op

// tail is the rest of a loop: n elements, 0 < n < 16.
type tail struct {
	n    operand.Op
	mask set // of the levels that have masked loads
}

// place is an address: base + index + disp bytes; index may be nil.
type place struct {
	base, index operand.Op
	disp        int
}

// here is the place that p points to.
func here(p operand.Op) place { return place{base: p} }

// offset is the place disp bytes on.
func (p place) offset(disp int) place {
	p.disp += disp
	return p
}

// predicate compares floats; all but isNaN are false for NaN.
type predicate int

const (
	equal predicate = iota
	less
	isNaN // x is, where y is x
	greater
)
