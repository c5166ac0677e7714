package main

import (
	"testing"

	"github.com/mmcloughlin/avo/reg"
)

// TestVEX compares with what GNU as emits for the {vex} forms.
func TestVEX(t *testing.T) {
	for _, c := range []struct {
		opcode        byte
		rm, vvvv, dst reg.VecPhysical
		want          [5]byte
	}{
		{0x50, reg.Y2, reg.Y1, reg.Y0, [5]byte{0xc4, 0xe2, 0x75, 0x50, 0xc2}},
		{0x50, reg.Y14, reg.Y13, reg.Y12, [5]byte{0xc4, 0x42, 0x15, 0x50, 0xe6}},
		{0x50, reg.Y7, reg.Y8, reg.Y15, [5]byte{0xc4, 0x62, 0x3d, 0x50, 0xff}},
		{0x52, reg.Y9, reg.Y0, reg.Y3, [5]byte{0xc4, 0xc2, 0x7d, 0x52, 0xd9}},
		{0x52, reg.Y15, reg.Y15, reg.Y15, [5]byte{0xc4, 0x42, 0x05, 0x52, 0xff}},
	} {
		if got := vexBytes(c.opcode, c.rm, c.vvvv, c.dst); got != c.want {
			t.Errorf("%#x %s, %s, %s: %x, want %x", c.opcode, c.rm.Asm(), c.vvvv.Asm(), c.dst.Asm(), got, c.want)
		}
	}
}

func TestVEXRefusesOtherRegisters(t *testing.T) {
	for _, r := range []reg.VecPhysical{reg.Y16, reg.X1, reg.Z1} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was encoded", r.Asm())
				}
			}()
			vexBytes(0x50, r, reg.Y0, reg.Y0)
		}()
	}
}
