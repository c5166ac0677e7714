package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Go's assembler knows VPDPBUSD and VPDPWSSD only in their EVEX form, which
// needs AVX-512; AVX-VNNI has the same instructions as VEX.256.66.0F38.W0 50 and
// 52 /r (Intel SDM volume 2).

// vexDotBytes emits VPDPBUSD: acc += u·x over four unsigned bytes of u and
// signed bytes of x.
func (p *panels) vexDotBytes(x, u, acc reg.VecPhysical) { p.vex0F38("VPDPBUSD", 0x50, x, u, acc) }

// vexDotWords emits VPDPWSSD: acc += a·b over two int16.
func (p *panels) vexDotWords(a, b, acc reg.VecPhysical) { p.vex0F38("VPDPWSSD", 0x52, a, b, acc) }

// vex0F38 emits a VEX-encoded instruction of three YMM registers: rm is the last
// source, vvvv the first, dst the destination.
func (p *panels) vex0F38(mnemonic string, opcode byte, rm, vvvv, dst reg.VecPhysical) {
	bytes := vexBytes(opcode, rm, vvvv, dst)
	p.Comment(fmt.Sprintf("%s %s, %s, %s", mnemonic, rm.Asm(), vvvv.Asm(), dst.Asm()))
	word := uint32(bytes[0]) | uint32(bytes[1])<<8 | uint32(bytes[2])<<16 | uint32(bytes[3])<<24
	p.Instruction(&ir.Instruction{Opcode: "LONG", Operands: []operand.Op{operand.U32(word)}})
	p.Instruction(&ir.Instruction{Opcode: "BYTE", Operands: []operand.Op{operand.U8(bytes[4])}})
}

// vexBytes is the encoding of vex0F38.
func vexBytes(opcode byte, rm, vvvv, dst reg.VecPhysical) [5]byte {
	number := func(r reg.VecPhysical) byte {
		n := byte(r.PhysicalIndex())
		if r.Size() != 32 || n > 15 {
			panic("encode: " + r.Asm() + " is no YMM register of VEX")
		}
		return n
	}
	m, v, d := number(rm), number(vvvv), number(dst)
	return [5]byte{
		0xc4,
		^(d>>3)<<7 | 1<<6 | ^(m>>3)&1<<5 | 2, // R, X, B inverted; map 0F38
		^v&15<<3 | 1<<2 | 1,                  // W0, vvvv inverted, 256 bits, prefix 66
		opcode,
		3<<6 | d&7<<3 | m&7,
	}
}
