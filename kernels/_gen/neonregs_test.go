package main

import (
	"strings"
	"testing"
)

// TestAllocateKeepsWhatLoopsNeed: what comes into a loop keeps its register to
// the loop's end, although the values there come after its last use in the text.
func TestAllocateKeepsWhatLoopsNeed(t *testing.T) {
	sum, x, twice := fresh(), fresh(), fresh()
	steps := []*step{
		{writes: []*value{sum}},
		{writes: []*value{x}},
		{label: "next"},
		{reads: []*value{sum, x}, writes: []*value{sum}},
		{writes: []*value{twice}},
		{reads: []*value{twice}},
		{jump: "next"},
		{reads: []*value{sum}},
	}
	if err := allocate(steps); err != nil {
		t.Fatal(err)
	}
	if twice.reg == x.reg || twice.reg == sum.reg || x.reg == sum.reg {
		t.Errorf("sum, x and twice have V%d, V%d and V%d, but live at once", sum.reg, x.reg, twice.reg)
	}
}

// TestAllocateReuses: a register is free after the last use of its value, for
// the result of that very instruction, and a move takes its source's.
func TestAllocateReuses(t *testing.T) {
	var steps []*step
	v := fresh()
	first := v
	steps = append(steps, &step{writes: []*value{v}})
	for range 100 {
		next := fresh()
		steps = append(steps, &step{reads: []*value{v}, writes: []*value{next}, move: true})
		v = next
	}
	if err := allocate(steps); err != nil {
		t.Fatal(err)
	}
	if v.reg != first.reg {
		t.Errorf("moves of dying values go from V%d to V%d", first.reg, v.reg)
	}
}

func TestAllocateReportsTooMany(t *testing.T) {
	var steps []*step
	all := &step{}
	for range 33 {
		v := fresh()
		steps = append(steps, &step{writes: []*value{v}})
		all.reads = append(all.reads, v)
	}
	if err := allocate(append(steps, all)); err == nil {
		t.Error("33 values fit 32 registers")
	}
}

// TestCount walks a loop, a loop in it and a branch that is not taken.
func TestCount(t *testing.T) {
	code := neonCode{"f": strings.Split(`	MOVD n+0(FP), R0
	CMPW R5, R6
	BLO rest
next:
	WORD $0x4f9fea41 // sdot v1.4s, v18.16b, v31.4b[0]
	MOVD $2, R1
inner:
	WORD $0x4e040408 // dup v8.4s, v0.s[0]
	WORD $0x4e3fd641 // fadd v1.4s, v18.4s, v31.4s
	SUBS $1, R1
	BNE inner
	SUBS $1, R0
	BNE next
rest:
	RET`, "\n")}
	all, arithmetic, products, err := code.perUnit("f", []string{"n"}, 1, 1)
	if err != nil || all != 12 || arithmetic != 3 || products != 1 {
		t.Errorf("a round takes %d instructions, %d of arithmetic, %d products (%v), want 12, 3 and 1", all, arithmetic, products, err)
	}
}
