package main

import (
	"bytes"
	"testing"

	"github.com/mmcloughlin/avo/reg"
)

// TestAMX compares with what GNU as emits, where as chooses the same form of
// address.
func TestAMX(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want []byte
	}{
		{"ldtilecfg (%rsi)", amxBytes(vexNone, 0x49, 0, 0, memory0(reg.RSI)...), []byte{0xc4, 0xe2, 0x78, 0x49, 0x06}},
		{"tilerelease", amxBytes(vexNone, 0x49, 0, 0, 0xc0), []byte{0xc4, 0xe2, 0x78, 0x49, 0xc0}},
		{"tilezero %tmm5", amxBytes(vexF2, 0x49, 0, 0, 0xc0|5<<3), []byte{0xc4, 0xe2, 0x7b, 0x49, 0xe8}},
		{"tileloadd 0x1234(%r8,%r12,1), %tmm3",
			amxBytes(vexF2, 0x4b, high(reg.R8)|high(reg.R12)<<1, 0, memoryRows(reg.R8, reg.R12, 0x1234, 3)...),
			[]byte{0xc4, 0x82, 0x7b, 0x4b, 0x9c, 0x20, 0x34, 0x12, 0, 0}},
		{"tilestored %tmm2, 0x400(%r10,%rcx,1)",
			amxBytes(vexF3, 0x4b, high(reg.R10)|high(reg.RCX)<<1, 0, memoryRows(reg.R10, reg.RCX, 0x400, 2)...),
			[]byte{0xc4, 0xc2, 0x7a, 0x4b, 0x94, 0x0a, 0, 4, 0, 0}},
		{"tdpbssd %tmm6, %tmm4, %tmm1", amxBytes(vexF2, 0x5e, 0, 6, 0xc0|1<<3|4), []byte{0xc4, 0xe2, 0x4b, 0x5e, 0xcc}},
	} {
		if !bytes.Equal(c.got, c.want) {
			t.Errorf("%s: %x, want %x", c.name, c.got, c.want)
		}
	}
}

func TestAMXRefuses(t *testing.T) {
	for name, encode := range map[string]func(){
		"tile 8":       func() { checkTile(8) },
		"index RSP":    func() { memoryRows(reg.RAX, reg.RSP, 0, 0) },
		"base RBP":     func() { memory0(reg.RBP) },
		"base R12":     func() { memory0(reg.R12) },
		"displacement": func() { memoryRows(reg.RAX, reg.RCX, 1<<31, 0) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was encoded", name)
				}
			}()
			encode()
		}()
	}
}
