package main

import (
	"errors"
	"fmt"
	"slices"
)

// A function of neonLanes is recorded as steps over values; when it ends, every
// value gets a register from its first step to its last.

// value is a register to be chosen.
type value struct {
	general bool // R0 to R26, else V0 to V31
	reg     int
	made    int // steps before its first write, see neonLanes.outer
	from    int // first and last step
	to      int
	// splat, where it is set, says what every lane is to be: no register yet
	// holds it.
	splat *element
}

// element is one 32-bit lane of a vector.
type element struct {
	of   *value
	lane int
}

// Asm is the scalar name of the register.
func (v *value) Asm() string {
	if v.general {
		return fmt.Sprintf("R%d", v.reg)
	}
	return fmt.Sprintf("F%d", v.reg)
}

func (v *value) vreg() vreg { return vreg(v.reg) }

// step is one instruction, or a label.
type step struct {
	emit          func()
	reads, writes []*value
	label, jump   string
	move          bool // it copies reads[0] to writes[0]
}

// registers are those to choose from. R18 and R27 to R30 belong to the system,
// the assembler and Go.
func registers(general bool) (free []int) {
	for r := range 32 {
		if !general || r < 27 && r != 18 {
			free = append(free, r)
		}
	}
	return free
}

// allocate gives registers to the values of steps.
func allocate(steps []*step) error {
	live(steps)
	free := map[bool][]int{true: registers(true), false: registers(false)}
	var held []*value
	for i, s := range steps {
		held = slices.DeleteFunc(held, func(v *value) bool {
			if v.to > i {
				return false
			}
			free[v.general] = append(free[v.general], v.reg)
			return true
		})
		for _, v := range s.writes {
			if v.from != i {
				continue
			}
			f := free[v.general]
			if len(f) == 0 {
				return errors.New("it needs more registers")
			}
			at := 0
			if s.move {
				at = max(0, slices.Index(f, s.reads[0].reg))
			}
			v.reg = f[at]
			free[v.general] = slices.Delete(f, at, at+1)
			held = append(held, v)
		}
	}
	return nil
}

// live sets the first and last steps. What comes into a loop and is used in it
// lives to its end, because the next round may need it.
func live(steps []*step) {
	labels := map[string]int{}
	values := map[*value]bool{}
	for i, s := range steps {
		if s.label != "" {
			labels[s.label] = i
		}
		for _, v := range slices.Concat(s.reads, s.writes) {
			if !values[v] {
				values[v], v.from = true, i
			}
			v.to = i
		}
	}
	for changed := true; changed; {
		changed = false
		for end, s := range steps {
			begin, ok := labels[s.jump]
			if !ok || begin > end {
				continue
			}
			for v := range values {
				if v.from < begin && v.to >= begin && v.to < end {
					v.to, changed = end, true
				}
			}
		}
	}
}
