package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func (a *lanes) function(name, signature, doc string) {
	a.Function(name + a.level.suffix())
	a.SignatureExpr(signature)
	a.Doc(name + a.level.suffix() + " " + doc)
	a.Pragma("noescape")
	a.Attributes(attr.NOSPLIT)
}

func (a *lanes) ret() {
	a.VZEROUPPER()
	a.RET()
}

func (a *lanes) pointer(name string) operand.Op {
	c := a.Param(name)
	if _, err := c.Resolve(); err != nil {
		c = c.Base()
	}
	return a.Load(c, a.GP64())
}

func (a *lanes) length(name string) operand.Op { return a.Load(a.Param(name).Len(), a.GP64()) }

func (a *lanes) splatParam(name string) vec {
	addr, err := a.Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return a.splat(scalar(addr.Addr))
}

func (a *lanes) result(i int, x operand.Op) {
	a.Store(x.(reg.VecVirtual).AsX(), a.ReturnIndex(i))
}

// label returns a new label.
func (a *lanes) label(name string) string {
	a.nLabel++
	return fmt.Sprintf("%s%d", name, a.nLabel)
}

func (a *lanes) loop(n operand.Op, ptrs []operand.Op, body func(*tail)) {
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
	body(a.tailOf(n.(reg.GPVirtual)))
	a.Label(done)
}

func (a *lanes) sweep(p, n operand.Op, body func(place)) {
	end, at := a.GP64(), a.GP64()
	a.LEAQ(operand.Mem{Base: p.(reg.Register), Index: n.(reg.Register), Scale: 4}, end)
	a.MOVQ(p, at)
	next := a.label("next")
	a.Label(next)
	body(here(at))
	a.ADDQ(operand.Imm(64), at)
	a.CMPQ(at, end)
	a.JB(operand.LabelRef(next))
}

func (a *lanes) repeat(n operand.Op, body func()) {
	next, done := a.label("next"), a.label("done")
	a.TESTQ(n, n)
	a.JZ(operand.LabelRef(done))
	a.Label(next)
	body()
	a.DECQ(n)
	a.JNZ(operand.LabelRef(next))
	a.Label(done)
}

// stateWidth is how many vectors of a state row are worked on at once.
func (a *lanes) stateWidth() int { return [...]int{avx2: 1, avx512: 4}[a.level] }

func (a *lanes) columns(n operand.Op, ptrs []operand.Op, body func(width int, t *tail)) {
	if w := a.stateWidth(); w > 1 {
		next, rest := a.label("next"), a.label("rest")
		a.Label(next)
		a.CMPQ(n, operand.Imm(uint64(16*w)))
		a.JL(operand.LabelRef(rest))
		body(w, nil)
		for _, p := range ptrs {
			a.ADDQ(operand.U32(uint32(64*w)), p)
		}
		a.SUBQ(operand.Imm(uint64(16*w)), n)
		a.JMP(operand.LabelRef(next))
		a.Label(rest)
	}
	a.loop(n, ptrs, func(t *tail) { body(1, t) })
}

func (a *lanes) copyOf(p operand.Op) operand.Op {
	q := a.GP64()
	a.MOVQ(p, q)
	return q
}

func (a *lanes) offset() operand.Op {
	q := a.GP64()
	a.XORQ(q, q)
	return q
}

func (a *lanes) step(n operand.Op) operand.Op {
	q := a.copyOf(n)
	a.SHLQ(operand.Imm(2), q)
	return q
}

func (a *lanes) advance(p operand.Op, bytes int) { a.ADDQ(operand.Imm(uint64(bytes)), p) }

func (a *lanes) advanceBy(p, bytes operand.Op) { a.ADDQ(bytes, p) }
