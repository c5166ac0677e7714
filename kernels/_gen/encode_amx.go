package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Go's assembler knows no AMX. These are its instructions in 64-bit mode, all
// VEX.128.0F38.W0 (Intel SDM volume 2). A tile is named by its number, 0 to 7.

// vexPrefix is the implied prefix of a VEX instruction.
type vexPrefix byte

const (
	vexNone vexPrefix = iota
	vex66
	vexF3
	vexF2
)

// tileLoadConfig emits LDTILECFG, which reads 64 bytes at base.
func (p *panels) tileLoadConfig(base reg.GPPhysical) {
	p.amx(fmt.Sprintf("LDTILECFG (%s)", base.Asm()), vexNone, 0x49, 0, 0, memory0(base)...)
}

// tileRelease emits TILERELEASE.
func (p *panels) tileRelease() { p.amx("TILERELEASE", vexNone, 0x49, 0, 0, 0xc0) }

// tileZero emits TILEZERO.
func (p *panels) tileZero(tile int) {
	p.amx(fmt.Sprintf("TILEZERO T%d", tile), vexF2, 0x49, 0, 0, 0xc0|checkTile(tile)<<3)
}

// tileLoad emits TILELOADD: row i is at base + disp + i*stride.
func (p *panels) tileLoad(base, stride reg.GPPhysical, disp, tile int) {
	p.amx(fmt.Sprintf("TILELOADD %d(%s)(%s*1), T%d", disp, base.Asm(), stride.Asm(), tile),
		vexF2, 0x4b, high(base)|high(stride)<<1, 0, memoryRows(base, stride, disp, tile)...)
}

// tileStore emits TILESTORED.
func (p *panels) tileStore(tile int, base, stride reg.GPPhysical, disp int) {
	p.amx(fmt.Sprintf("TILESTORED T%d, %d(%s)(%s*1)", tile, disp, base.Asm(), stride.Asm()),
		vexF3, 0x4b, high(base)|high(stride)<<1, 0, memoryRows(base, stride, disp, tile)...)
}

// tileDot emits TDPBSSD: acc += a·b over four signed bytes, for rows of a and
// columns of b.
func (p *panels) tileDot(a, b, acc int) {
	p.amx(fmt.Sprintf("TDPBSSD T%d, T%d, T%d", b, a, acc), vexF2, 0x5e, 0, checkTile(b),
		0xc0|checkTile(acc)<<3|checkTile(a))
}

// amx emits an instruction: highs holds the fourth bits of the base (1) and of
// the index (2), vvvv the second source, tail what follows the opcode.
func (p *panels) amx(text string, prefix vexPrefix, opcode, highs, vvvv byte, tail ...byte) {
	p.Comment(text)
	for _, b := range amxBytes(prefix, opcode, highs, vvvv, tail...) {
		p.Instruction(&ir.Instruction{Opcode: "BYTE", Operands: []operand.Op{operand.U8(b)}})
	}
}

// amxBytes is the encoding of amx.
func amxBytes(prefix vexPrefix, opcode, highs, vvvv byte, tail ...byte) []byte {
	rxb := byte(0xe0) &^ (highs & 1 << 5) &^ (highs & 2 << 5) // R, X, B inverted
	return append([]byte{0xc4, rxb | 2, ^vvvv&15<<3&0x78 | byte(prefix), opcode}, tail...)
}

// memory0 is the ModRM of (base).
func memory0(base reg.GPPhysical) []byte {
	n := number(base)
	if n&7 == 4 || n&7 == 5 || n > 7 {
		panic("encode: " + base.Asm() + " needs another form of address")
	}
	return []byte{n}
}

// memoryRows is the ModRM, SIB and 32-bit displacement of disp(base)(index*1)
// with a tile register.
func memoryRows(base, index reg.GPPhysical, disp, tile int) []byte {
	if number(index) == 4 {
		panic("encode: no index " + index.Asm())
	}
	if disp != int(int32(disp)) {
		panic("encode: displacement")
	}
	return []byte{2<<6 | checkTile(tile)<<3 | 4, number(index)&7<<3 | number(base)&7,
		byte(disp), byte(disp >> 8), byte(disp >> 16), byte(disp >> 24)}
}

// number is the number of a 64-bit general register, high its fourth bit.
func number(r reg.GPPhysical) byte {
	if r.Size() != 8 {
		panic("encode: " + r.Asm() + " has no 64 bits")
	}
	return byte(r.PhysicalIndex())
}

func high(r reg.GPPhysical) byte { return number(r) >> 3 }

func checkTile(n int) byte {
	if n < 0 || n > 7 {
		panic(fmt.Sprintf("encode: no tile %d", n))
	}
	return byte(n)
}
