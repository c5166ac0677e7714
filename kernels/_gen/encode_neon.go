package main

import "fmt"

// Go's arm64 assembler lacks most vector arithmetic. The functions of this file
// write one instruction each as a WORD, beside it the mnemonic as a
// disassembler prints it; a test disassembles every word of the output. The
// bit patterns are those of the Arm Architecture Reference Manual, section C7.2.

// vreg is a vector register V0 to V31.
type vreg int

// field returns the register's number shifted to bit position at.
func (r vreg) field(at int) uint32 {
	if r < 0 || r > 31 {
		panic(fmt.Sprintf("no vector register %d", int(r)))
	}
	return uint32(r) << at
}

// shape is an arrangement of a vector register's lanes.
type shape struct {
	name string
	bits int // of a lane
	q    uint32
}

var (
	b16 = shape{"16b", 8, 1 << 30}
	b8  = shape{"8b", 8, 0}
	h8  = shape{"8h", 16, 1 << 30}
	h4  = shape{"4h", 16, 0}
	s4  = shape{"4s", 32, 1 << 30}
)

// word writes one instruction.
func (a *neon) word(code uint32, format string, args ...any) {
	fmt.Fprintf(&a.text, "\tWORD $0x%08x // %s\n", code, fmt.Sprintf(format, args...))
}

// same writes an instruction of three vectors of one shape: d = n op m.
func (a *neon) same(code uint32, name string, t shape, d, n, m vreg) {
	a.word(code|m.field(16)|n.field(5)|d.field(0), "%[1]s v%[2]d.%[3]s, v%[4]d.%[3]s, v%[5]d.%[3]s", name, d, t.name, n, m)
}

// long writes an instruction whose result has lanes twice as wide as m and n.
func (a *neon) long(code uint32, name string, to, from shape, d, n, m vreg) {
	a.word(code|m.field(16)|n.field(5)|d.field(0), "%[1]s v%[2]d.%[3]s, v%[4]d.%[5]s, v%[6]d.%[5]s", name, d, to.name, n, from.name, m)
}

// unary writes an instruction of one source.
func (a *neon) unary(code uint32, name string, to, from shape, d, n vreg) {
	a.word(code|n.field(5)|d.field(0), "%s v%d.%s, v%d.%s", name, d, to.name, n, from.name)
}

// element writes an instruction whose last operand is 32-bit element i of m.
func (a *neon) element(code uint32, name, format string, d, n, m vreg, i int) {
	if i < 0 || i > 3 {
		panic(fmt.Sprintf("%s: no element %d of four", name, i))
	}
	a.word(code|uint32(i&1)<<21|uint32(i>>1)<<11|m.field(16)|n.field(5)|d.field(0), format, name, d, n, m, i)
}

const (
	floatElement = "%s v%d.4s, v%d.4s, v%d.s[%d]"
	bytesElement = "%s v%d.4s, v%d.16b, v%d.4b[%d]"
)

// sdot is d += the dot products of the four bytes in each lane of n with the
// four bytes of element i of m (ASIMDDP).
func (a *neon) sdot(d, n, m vreg, i int) { a.element(0x4f80e000, "sdot", bytesElement, d, n, m, i) }

func (a *neon) smull(d, n, m vreg)  { a.long(0x0e20c000, "smull", h8, b8, d, n, m) }
func (a *neon) smull2(d, n, m vreg) { a.long(0x4e20c000, "smull2", h8, b16, d, n, m) }
func (a *neon) smlal(d, n, m vreg)  { a.long(0x0e208000, "smlal", h8, b8, d, n, m) }
func (a *neon) smlal2(d, n, m vreg) { a.long(0x4e208000, "smlal2", h8, b16, d, n, m) }

// saddlp is d = the sums of neighbouring int16 of n; sadalp adds them to d.
func (a *neon) saddlp(d, n vreg) { a.unary(0x4e602800, "saddlp", s4, h8, d, n) }
func (a *neon) sadalp(d, n vreg) { a.unary(0x4e606800, "sadalp", s4, h8, d, n) }

func (a *neon) add(d, n, m vreg)  { a.same(0x4ea08400, "add", s4, d, n, m) }
func (a *neon) sub(d, n, m vreg)  { a.same(0x6ea08400, "sub", s4, d, n, m) }
func (a *neon) cmgt(d, n, m vreg) { a.same(0x4ea03400, "cmgt", s4, d, n, m) }
func (a *neon) addp(d, n, m vreg) { a.same(0x4ea0bc00, "addp", s4, d, n, m) }
func (a *neon) mla(d, n, m vreg)  { a.same(0x4ea09400, "mla", s4, d, n, m) }
func (a *neon) umax(d, n, m vreg) { a.same(0x6ea06400, "umax", s4, d, n, m) }
func (a *neon) and(d, n, m vreg)  { a.same(0x4e201c00, "and", b16, d, n, m) }
func (a *neon) eor(d, n, m vreg)  { a.same(0x6e201c00, "eor", b16, d, n, m) }

func (a *neon) orr(d, n, m vreg) { a.same(0x4ea01c00, "orr", b16, d, n, m) }
func (a *neon) mvn(d, n vreg)    { a.unary(0x6e205800, "mvn", b16, b16, d, n) }

// bsl takes the bits of n where those of d are set, and else those of m; bit
// takes those of n where those of m are set, and else keeps d.
func (a *neon) bsl(d, n, m vreg) { a.same(0x6e601c00, "bsl", b16, d, n, m) }
func (a *neon) bit(d, n, m vreg) { a.same(0x6ea01c00, "bit", b16, d, n, m) }

// uzp1 and uzp2 take the even and the odd lanes of n and then of m, zip1 and
// zip2 interleave their low and their high halves.
func (a *neon) uzp1(d, n, m vreg) { a.same(0x4e801800, "uzp1", s4, d, n, m) }
func (a *neon) uzp2(d, n, m vreg) { a.same(0x4e805800, "uzp2", s4, d, n, m) }
func (a *neon) zip1(d, n, m vreg) { a.same(0x4e803800, "zip1", s4, d, n, m) }
func (a *neon) zip2(d, n, m vreg) { a.same(0x4e807800, "zip2", s4, d, n, m) }

// ext takes 16 bytes from n and then m, from byte by on.
func (a *neon) ext(d, n, m vreg, by int) {
	if by < 0 || by > 15 {
		panic(fmt.Sprintf("ext: no byte %d of sixteen", by))
	}
	a.word(0x6e000000|m.field(16)|uint32(by)<<11|n.field(5)|d.field(0), "ext v%d.16b, v%d.16b, v%d.16b, #%d", d, n, m, by)
}

// smlalHalf is d += n times element i of m, int16 to int32.
func (a *neon) smlalHalf(d, n, m vreg, i int) {
	if i < 0 || i > 7 || m > 15 {
		panic(fmt.Sprintf("smlal: no element %d of v%d", i, m))
	}
	a.word(0x0f402000|uint32(i>>1&1)<<21|uint32(i&1)<<20|uint32(i>>2)<<11|m.field(16)|n.field(5)|d.field(0),
		"smlal v%d.4s, v%d.4h, v%d.h[%d]", d, n, m, i)
}

func (a *neon) fmulElement(d, n, m vreg, i int) {
	a.element(0x4f809000, "fmul", floatElement, d, n, m, i)
}

func (a *neon) fmlaElement(d, n, m vreg, i int) {
	a.element(0x4f801000, "fmla", floatElement, d, n, m, i)
}

func (a *neon) fmlsElement(d, n, m vreg, i int) {
	a.element(0x4f805000, "fmls", floatElement, d, n, m, i)
}

func (a *neon) fmla(d, n, m vreg) { a.same(0x4e20cc00, "fmla", s4, d, n, m) }
func (a *neon) fmls(d, n, m vreg) { a.same(0x4ea0cc00, "fmls", s4, d, n, m) }

func (a *neon) fadd(d, n, m vreg) { a.same(0x4e20d400, "fadd", s4, d, n, m) }
func (a *neon) fsub(d, n, m vreg) { a.same(0x4ea0d400, "fsub", s4, d, n, m) }
func (a *neon) fmul(d, n, m vreg) { a.same(0x6e20dc00, "fmul", s4, d, n, m) }
func (a *neon) fdiv(d, n, m vreg) { a.same(0x6e20fc00, "fdiv", s4, d, n, m) }
func (a *neon) fneg(d, n vreg)    { a.unary(0x6ea0f800, "fneg", s4, s4, d, n) }

// fmax and fmin give NaN for a NaN in either and order -0 below +0; the
// comparisons set all bits of a lane where they hold.
func (a *neon) fmax(d, n, m vreg)  { a.same(0x4e20f400, "fmax", s4, d, n, m) }
func (a *neon) fmin(d, n, m vreg)  { a.same(0x4ea0f400, "fmin", s4, d, n, m) }
func (a *neon) fcmeq(d, n, m vreg) { a.same(0x4e20e400, "fcmeq", s4, d, n, m) }
func (a *neon) fcmgt(d, n, m vreg) { a.same(0x6ea0e400, "fcmgt", s4, d, n, m) }

// scvtf converts int32 to float32, fcvtns the other way, to the nearest even.
func (a *neon) scvtf(d, n vreg)  { a.unary(0x4e21d800, "scvtf", s4, s4, d, n) }
func (a *neon) fcvtns(d, n vreg) { a.unary(0x4e21a800, "fcvtns", s4, s4, d, n) }

// fcvtl converts the low four float16 of n to float32, fcvtl2 the high four.
func (a *neon) fcvtl(d, n vreg)  { a.unary(0x0e217800, "fcvtl", s4, h4, d, n) }
func (a *neon) fcvtl2(d, n vreg) { a.unary(0x4e217800, "fcvtl2", s4, h8, d, n) }

// fcvtn rounds n to float16 in the low half of d, fcvtn2 in the high one.
func (a *neon) fcvtn(d, n vreg)  { a.unary(0x0e216800, "fcvtn", h4, s4, d, n) }
func (a *neon) fcvtn2(d, n vreg) { a.unary(0x4e216800, "fcvtn2", h8, s4, d, n) }

// shll moves the low four 16-bit lanes of n to the top of 32-bit lanes, shll2
// the high four.
func (a *neon) shll(d, n vreg) {
	a.word(0x2e613800|n.field(5)|d.field(0), "shll v%d.4s, v%d.4h, #16", d, n)
}

func (a *neon) shll2(d, n vreg) {
	a.word(0x6e613800|n.field(5)|d.field(0), "shll2 v%d.4s, v%d.8h, #16", d, n)
}

// uxtl and sxtl widen four 16-bit lanes.
func (a *neon) uxtl(d, n vreg) { a.unary(0x2f10a400, "uxtl", s4, h4, d, n) }
func (a *neon) sxtl(d, n vreg) { a.unary(0x0f10a400, "sxtl", s4, h4, d, n) }

// xtn keeps the low halves of the lanes of n in the low half of d, xtn2 in the
// high one.
func (a *neon) xtn(to, from shape, d, n vreg) {
	if to.bits*2 != from.bits {
		panic("xtn: " + to.name + " from " + from.name)
	}
	name, code := "xtn", uint32(0x0e212800)
	if to.q != 0 {
		name = "xtn2"
	}
	a.unary(code|to.q|uint32(to.bits/16)<<22, name, to, from, d, n)
}

// shift writes a shift by an immediate; right shifts count down from twice the
// lane, left shifts up from it.
func (a *neon) shift(code uint32, name string, right bool, t shape, d, n vreg, by int) {
	lo, hi, imm := 0, t.bits-1, t.bits+by
	if right {
		lo, hi, imm = 1, t.bits, 2*t.bits-by
	}
	if by < lo || by > hi {
		panic(fmt.Sprintf("%s: shift of %s by %d", name, t.name, by))
	}
	a.word(code|t.q|uint32(imm)<<16|n.field(5)|d.field(0), "%[1]s v%[2]d.%[3]s, v%[4]d.%[3]s, #%[5]d", name, d, t.name, n, by)
}

func (a *neon) ushr(t shape, d, n vreg, by int) { a.shift(0x2f000400, "ushr", true, t, d, n, by) }
func (a *neon) sshr(t shape, d, n vreg, by int) { a.shift(0x0f000400, "sshr", true, t, d, n, by) }
func (a *neon) shl(t shape, d, n vreg, by int)  { a.shift(0x0f005400, "shl", false, t, d, n, by) }

// sli shifts left and keeps the bits of d below, sri shifts right and keeps
// those above.
func (a *neon) sli(t shape, d, n vreg, by int) { a.shift(0x2f005400, "sli", false, t, d, n, by) }
func (a *neon) sri(t shape, d, n vreg, by int) { a.shift(0x2f004400, "sri", true, t, d, n, by) }

// evenBytes clears the high bytes of four 16-bit lanes.
func (a *neon) evenBytes(d vreg) { a.word(0x2f07b7e0|d.field(0), "bic v%d.4h, #0xff, lsl #8", d) }

// movi sets every byte of d.
func (a *neon) movi(d vreg, b int) {
	if b < 0 || b > 255 {
		panic(fmt.Sprintf("movi: %d is no byte", b))
	}
	a.word(0x4f00e400|uint32(b>>5)<<16|uint32(b&31)<<5|d.field(0), "movi v%d.16b, #%#x", d, b)
}

// dup sets every 32-bit lane of d to element i of n.
func (a *neon) dup(d, n vreg, i int) {
	if i < 0 || i > 3 {
		panic(fmt.Sprintf("dup: no element %d of four", i))
	}
	a.word(0x4e040400|uint32(i)<<19|n.field(5)|d.field(0), "dup v%d.4s, v%d.s[%d]", d, n, i)
}

// mov copies a register.
func (a *neon) mov(d, n vreg) {
	a.word(0x4ea01c00|n.field(16)|n.field(5)|d.field(0), "mov v%d.16b, v%d.16b", d, n)
}

// tbl replaces the bytes of m by the entries of n that they number.
func (a *neon) tbl(d, n, m vreg) {
	a.word(0x4e000000|m.field(16)|n.field(5)|d.field(0), "tbl v%d.16b, {v%d.16b}, v%d.16b", d, n, m)
}

// across writes a reduction of all lanes of n to a scalar.
func (a *neon) across(code uint32, name, scalar string, t shape, d, n vreg) {
	a.word(code|n.field(5)|d.field(0), "%s %s%d, v%d.%s", name, scalar, d, n, t.name)
}

func (a *neon) umaxv(d, n vreg)  { a.across(0x6eb0a800, "umaxv", "s", s4, d, n) }
func (a *neon) addv(d, n vreg)   { a.across(0x4eb1b800, "addv", "s", s4, d, n) }
func (a *neon) saddlv(d, n vreg) { a.across(0x4e303800, "saddlv", "h", b16, d, n) }
