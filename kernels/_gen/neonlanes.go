package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/mmcloughlin/avo/gotypes"
	"github.com/mmcloughlin/avo/operand"
)

// neonLanes is the target of arm64: a vector is four registers of 128 bits, or
// two where a function without reductions needs more of them.
type neonLanes struct {
	neon
	name      string
	signature *gotypes.Signature
	regs      int // registers of a vector in the function at hand
	prologue  []*step
	steps     []*step
	open      []int // steps before each loop or branch that is not closed
	consts    []uint32
	table     *value            // address of the constants
	packs     []*value          // four constants each
	params    map[string]*value // float32 parameters
	hasTail   bool
	usesLanes bool
	errs      []error
}

// narrow lists the functions with vectors of two registers.
var narrow = map[string]bool{"geluErf": true, "geluErfGLU": true, "swiGLUClamped": true, "mambaToken": true}

// constantSrc is a constant.
type constantSrc uint32

func (constantSrc) isSrc() {}

func (a *neonLanes) function(name, signature, doc string) {
	sig, err := gotypes.ParseSignature(signature)
	if err != nil {
		panic(err)
	}
	a.name, a.signature = name+a.suffix, sig
	a.regs = 4
	if narrow[name] {
		a.regs = 2
	}
	a.prologue, a.steps, a.open, a.consts, a.packs = nil, nil, nil, nil, nil
	a.table, a.params, a.hasTail = nil, map[string]*value{}, false
	fmt.Fprintf(&a.stubs, "\n// %s %s\n//\n//go:noescape\nfunc %s%s\n", a.name, doc, a.name, strings.TrimPrefix(sig.String(), "func"))
}

// ret ends a function and writes it.
func (a *neonLanes) ret() {
	a.do(func() { a.ins("RET") }, nil)
	steps := append(a.prologue, a.steps...)
	if err := allocate(steps); err != nil {
		a.errs = append(a.errs, fmt.Errorf("%s: %w", a.name, err))
		return
	}
	frame := 0
	if a.hasTail {
		frame = restBytes
	}
	fmt.Fprintf(&a.text, "\n// func %s%s\nTEXT ·%s(SB), NOSPLIT, $%d-%d\n",
		a.name, strings.TrimPrefix(a.signature.String(), "func"), a.name, frame, a.signature.Bytes())
	for _, s := range steps {
		switch {
		case s.label != "":
			a.at(s.label)
		case s.move && s.reads[0].reg == s.writes[0].reg:
		default:
			s.emit()
		}
	}
	if len(a.consts) == 0 {
		return
	}
	a.text.WriteString("\n")
	for i, c := range a.consts {
		fmt.Fprintf(&a.text, "DATA %s+%d(SB)/4, $0x%08x\n", a.tableName(), 4*i, c)
	}
	fmt.Fprintf(&a.text, "GLOBL %s(SB), RODATA|NOPTR, $%d\n", a.tableName(), 16*len(a.packs))
}

func (a *neonLanes) tableName() string { return "constants_" + a.name + "<>" }

// finish writes what all functions share.
func (a *neonLanes) finish() {
	if !a.usesLanes {
		return
	}
	a.text.WriteString("\n")
	for i := range 16 {
		fmt.Fprintf(&a.text, "DATA laneNumbers%s<>+%d(SB)/4, $%d\n", a.suffix, 4*i, i)
	}
	fmt.Fprintf(&a.text, "GLOBL laneNumbers%s<>(SB), RODATA|NOPTR, $64\n", a.suffix)
}

// do records an instruction.
func (a *neonLanes) do(emit func(), writes []*value, reads ...*value) *step {
	s := &step{emit: emit, reads: reads, writes: writes}
	a.steps = append(a.steps, s)
	for _, v := range writes {
		if v.made < 0 {
			v.made = len(a.steps)
		}
	}
	return s
}

// before records an instruction that comes first in the function.
func (a *neonLanes) before(emit func(), write *value, reads ...*value) {
	write.made = 0
	a.prologue = append(a.prologue, &step{emit: emit, writes: []*value{write}, reads: reads})
}

// branch records a jump.
func (a *neonLanes) branch(op, label string, reads ...*value) {
	a.do(func() {
		args := ""
		for _, v := range reads {
			args += v.Asm() + ", "
		}
		a.ins("%s %s%s", op, args, label)
	}, nil, reads...).jump = label
}

// mark records a label.
func (a *neonLanes) mark(label string) { a.steps = append(a.steps, &step{label: label}) }

// within records what runs any number of times: it may overwrite what was there
// before, but not put another value in its place.
func (a *neonLanes) within(body func()) {
	a.open = append(a.open, len(a.steps))
	body()
	a.open = a.open[:len(a.open)-1]
}

// outer says whether v was there before the innermost loop or branch.
func (a *neonLanes) outer(v *value) bool {
	return len(a.open) > 0 && v.made >= 0 && v.made <= a.open[len(a.open)-1]
}

func fresh() *value   { return &value{made: -1, reg: -1} }
func general() *value { return &value{made: -1, reg: -1, general: true} }

// Vectors.

func (a *neonLanes) vec() vec {
	d := make(vec, a.regs)
	for i := range d {
		d[i] = fresh()
	}
	return d
}

func (a *neonLanes) zero() vec {
	d := a.vec()
	for i := range d {
		v := d[i].(*value)
		a.do(func() { a.movi(v.vreg(), 0) }, []*value{v})
	}
	return d
}

func (a *neonLanes) constant(x float64) src { return a.bits(math.Float32bits(float32(x))) }
func (a *neonLanes) bits(x uint32) src      { return constantSrc(x) }

// elementOf is the lane that holds a constant.
func (a *neonLanes) elementOf(c constantSrc) element {
	i := 0
	for i < len(a.consts) && a.consts[i] != uint32(c) {
		i++
	}
	if i == len(a.consts) {
		a.consts = append(a.consts, uint32(c))
	}
	if a.table == nil {
		a.table = general()
		name, t := a.tableName(), a.table
		a.before(func() { a.ins("MOVD $%s(SB), %s", name, t.Asm()) }, t)
	}
	if i/4 == len(a.packs) {
		v, t, disp := fresh(), a.table, i*4
		a.packs = append(a.packs, v)
		a.before(func() { a.loadQ(t.Asm(), disp, v.vreg()) }, v, t)
	}
	return element{a.packs[i/4], i % 4}
}

func (a *neonLanes) splatElement(e element) vec {
	d := a.vec()
	for i := range d {
		v := d[i].(*value)
		v.splat, v.made = &e, len(a.steps)+1
	}
	return d
}

func (a *neonLanes) splat(s src) vec { return a.splatElement(a.elementOf(s.(constantSrc))) }

func (a *neonLanes) splatRegister(x operand.Op) vec { return a.splatElement(element{x.(*value), 0}) }

func (a *neonLanes) splatParam(name string) vec {
	if a.params[name] == nil {
		v, from := fresh(), a.param(name)
		a.params[name] = v
		a.before(func() { a.ins("FMOVS %s, %s", from, v.Asm()) }, v)
	}
	return a.splatElement(element{a.params[name], 0})
}

func (a *neonLanes) splatAt(p place) vec {
	base, disp := a.address(p)
	v := fresh()
	a.do(func() { a.loadS(base.Asm(), disp, v.vreg()) }, []*value{v}, base)
	return a.splatElement(element{v, 0})
}

func (a *neonLanes) accumulator(s src) vec {
	d := a.splat(s)
	a.settle(d)
	return d
}

// settle puts what d is to be into its registers.
func (a *neonLanes) settle(d vec) {
	for i := range d {
		v := d[i].(*value)
		if v.splat == nil {
			continue
		}
		e := *v.splat
		a.fill(a.overwrite(d, i), e)
	}
}

// fill sets every lane of v to e.
func (a *neonLanes) fill(v *value, e element) {
	a.do(func() { a.dup(v.vreg(), e.of.vreg(), e.lane) }, []*value{v}, e.of)
}

// lane returns the element that all lanes of x are, if there is one.
func (a *neonLanes) lane(x src) (e element, ok bool) {
	switch x := x.(type) {
	case constantSrc:
		return a.elementOf(x), true
	case vec:
		if s := x[0].(*value).splat; s != nil {
			return *s, true
		}
	}
	return element{}, false
}

// reader returns the registers of x; one for all of them where they are equal.
func (a *neonLanes) reader(x src) func(i int) *value {
	if e, ok := a.lane(x); ok {
		v := fresh()
		a.fill(v, e)
		return func(int) *value { return v }
	}
	return func(i int) *value { return x.(vec)[i].(*value) }
}

// overwrite is register i of d, whose value ends here.
func (a *neonLanes) overwrite(d vec, i int) *value {
	v := d[i].(*value)
	if v.splat != nil && a.outer(v) {
		panic("gen: " + a.name + " changes a splat from outside a loop in it")
	}
	v.splat = nil
	return v
}

// assign makes v register i of d.
func (a *neonLanes) assign(d vec, i int, v *value) {
	if old := a.overwrite(d, i); a.outer(old) {
		a.move(old, v)
	} else {
		d[i] = v
	}
}

func (a *neonLanes) move(d, n *value) {
	a.do(func() { a.mov(d.vreg(), n.vreg()) }, []*value{d}, n).move = true
}
