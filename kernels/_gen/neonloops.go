package main

import (
	"github.com/mmcloughlin/avo/gotypes"
	"github.com/mmcloughlin/avo/operand"
)

// The loops and addresses of neonLanes. No load has a mask here: the rest of a
// loop passes through the frame, word by word.

// restBytes is the part of the frame that holds the rest of one vector.
const restBytes = 64

// param is the address of a parameter, or of the first word of a slice.
func (a *neonLanes) param(name string) string {
	c := a.signature.Params().Lookup(name)
	if _, err := c.Resolve(); err != nil {
		c = c.Base()
	}
	return address(c)
}

func address(c gotypes.Component) string {
	b, err := c.Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr.Asm()
}

func (a *neonLanes) pointer(name string) operand.Op { return a.word8(a.param(name)) }

func (a *neonLanes) length(name string) operand.Op {
	return a.word8(address(a.signature.Params().Lookup(name).Len()))
}

func (a *neonLanes) word8(from string) *value {
	v := general()
	a.do(func() { a.ins("MOVD %s, %s", from, v.Asm()) }, []*value{v})
	return v
}

func (a *neonLanes) result(i int, x operand.Op) {
	to, v := address(a.signature.Results().At(i)), x.(*value)
	op := "FMOVS"
	if v.general {
		op = "MOVD"
	}
	a.do(func() { a.ins("%s %s, %s", op, v.Asm(), to) }, nil, v)
}

func (a *neonLanes) copyOf(p operand.Op) operand.Op {
	from, q := p.(*value), general()
	a.do(func() { a.ins("MOVD %s, %s", from.Asm(), q.Asm()) }, []*value{q}, from)
	return q
}

func (a *neonLanes) offset() operand.Op {
	q := general()
	a.do(func() { a.ins("MOVD ZR, %s", q.Asm()) }, []*value{q})
	return q
}

func (a *neonLanes) step(n operand.Op) operand.Op {
	from, q := n.(*value), general()
	a.do(func() { a.ins("LSL $2, %s, %s", from.Asm(), q.Asm()) }, []*value{q}, from)
	return q
}

func (a *neonLanes) advance(p operand.Op, bytes int) {
	if bytes == 0 {
		return
	}
	v := p.(*value)
	a.do(func() { a.ins("ADD $%d, %s", bytes, v.Asm()) }, []*value{v}, v)
}

func (a *neonLanes) advanceBy(p, bytes operand.Op) {
	v, by := p.(*value), bytes.(*value)
	a.do(func() { a.ins("ADD %s, %s", by.Asm(), v.Asm()) }, []*value{v}, v, by)
}

// count adds to n and sets the flags.
func (a *neonLanes) count(op string, by int, n *value) {
	a.do(func() { a.ins("%s $%d, %s", op, by, n.Asm()) }, []*value{n}, n)
}

func (a *neonLanes) loop(n operand.Op, ptrs []operand.Op, body func(*tail)) {
	left, lanes := n.(*value), 4*a.regs
	next, rest, done := a.label("next"), a.label("rest"), a.label("done")
	a.count("SUBS", lanes, left)
	a.branch("BLT", rest)
	a.mark(next)
	a.within(func() {
		body(nil)
		for _, p := range ptrs {
			a.advance(p, 4*lanes)
		}
		a.count("SUBS", lanes, left)
	})
	a.branch("BGE", next)
	a.mark(rest)
	a.count("ADDS", lanes, left)
	a.branch("BEQ", done)
	a.within(func() { body(&tail{n: n}) })
	a.mark(done)
}

func (a *neonLanes) sweep(p, n operand.Op, body func(place)) {
	at, left := a.copyOf(p), a.copyOf(n)
	next := a.label("next")
	a.mark(next)
	a.within(func() {
		body(here(at))
		a.advance(at, 16*a.regs)
		a.count("SUBS", 4*a.regs, left.(*value))
	})
	a.branch("BNE", next)
}

func (a *neonLanes) repeat(n operand.Op, body func()) {
	next, done := a.label("next"), a.label("done")
	a.branch("CBZ", done, n.(*value))
	a.mark(next)
	a.within(func() {
		body()
		a.count("SUBS", 1, n.(*value))
	})
	a.branch("BNE", next)
	a.mark(done)
}

func (a *neonLanes) columns(n operand.Op, ptrs []operand.Op, body func(width int, t *tail)) {
	a.loop(n, ptrs, func(t *tail) { body(1, t) })
}

// address returns the base and displacement of p.
func (a *neonLanes) address(p place) (base *value, disp int) {
	base = p.base.(*value)
	if p.index == nil {
		return base, p.disp
	}
	sum, b, x := general(), base, p.index.(*value)
	a.do(func() { a.ins("ADD %s, %s, %s", b.Asm(), x.Asm(), sum.Asm()) }, []*value{sum}, b, x)
	return sum, p.disp
}

func (a *neonLanes) load(p place, t *tail) vec {
	base, disp := a.address(p)
	d := a.vec()
	if t != nil {
		from := a.copyOf(base)
		a.advance(from, disp)
		base, disp = a.frame(), 0
		zero := fresh()
		a.do(func() { a.movi(zero.vreg(), 0) }, []*value{zero})
		for i := range d {
			a.storeAt(zero, base, 16*i)
		}
		a.copyWords(from, a.copyOf(base), t)
	}
	for i := 0; i < len(d); i += 2 {
		v, u := d[i].(*value), d[i+1].(*value)
		a.do(func() { a.loadPair(base.Asm(), disp+16*i, v.vreg(), u.vreg()) }, []*value{v, u}, base)
	}
	return d
}

func (a *neonLanes) store(x vec, p place, t *tail) {
	base, disp := a.address(p)
	r := a.reader(x)
	to, at := base, disp
	if t != nil {
		to, at = a.frame(), 0
	}
	for i := 0; i < len(x); i += 2 {
		v, u := r(i), r(i+1)
		a.do(func() { a.storePair(v.vreg(), u.vreg(), to.Asm(), at+16*i) }, nil, v, u, to)
	}
	if t != nil {
		dst := a.copyOf(base)
		a.advance(dst, disp)
		a.copyWords(a.copyOf(to), dst, t)
	}
}

func (a *neonLanes) storeAt(v, base *value, disp int) {
	a.do(func() { a.storeQ(v.vreg(), base.Asm(), disp) }, nil, v, base)
}

// frame returns the address of the frame.
func (a *neonLanes) frame() *value {
	a.hasTail = true
	v := general()
	a.do(func() { a.ins("MOVD $rest-%d(SP), %s", restBytes, v.Asm()) }, []*value{v})
	return v
}

// copyWords copies the words of t and moves both pointers.
func (a *neonLanes) copyWords(from, to operand.Op, t *tail) {
	src, dst, word := from.(*value), to.(*value), general()
	a.repeat(a.copyOf(t.n), func() {
		a.do(func() { a.ins("MOVWU.P 4(%s), %s", src.Asm(), word.Asm()) }, []*value{word, src}, src)
		a.do(func() { a.ins("MOVW.P %s, 4(%s)", word.Asm(), dst.Asm()) }, []*value{dst}, dst, word)
	})
}
