package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// amxTileSupers emits the unpacking of a panel's super-blocks to a tile: 64
// words of the low bytes of scale times value, 64 of the high ones, the pairs
// of minima, d and dmin.
func (p *panels) amxTileSupers(f *panelFormat) {
	p.function("tile"+f.name, "func(dst, src *byte, nBlocks int)",
		fmt.Sprintf("unpacks nBlocks blocks of a panel of %s into a tile.", f.name))
	rDst, rSubs, rChunk, rIndex := rX, rY, rCount, rLdy
	p.param("dst", rDst)
	p.param("src", rW)
	free := p.constants(f, 31)
	low, byteLow, byteHigh, one := p.v(free), p.v(free-1), p.v(free-2), p.v(free-3)
	p.splat(operand.U32(0x00ff00ff), low)
	p.splat(operand.U32(0x007f007f), byteLow)
	p.splat(operand.U32(0x7f007f00), byteHigh)
	p.splat(operand.U32(0x00010001), one)
	p.forBlocks(f, rIndex, func() {
		p.LEAQ(at(rHead, f.subsAt()), rSubs)
		p.MOVQ(operand.U32(8/f.chunk), rChunk)
		chunks := p.label("chunks")
		p.Label(chunks)
		for j := range f.chunk {
			for g := range 8 {
				p.amxScales(f, j, g, rSubs, low, one)
				p.amxSuperWord(f, j, g, rDst, low, byteLow, byteHigh)
			}
			p.ADDQ(operand.U32(8*64), rDst)
		}
		p.ADDQ(operand.U32(f.chunkWords*64), rW)
		p.ADDQ(operand.U32(f.chunk*f.subs()/8*16), rSubs)
		p.DECQ(rChunk)
		p.JNZ(operand.LabelRef(chunks))
		p.ADDQ(operand.U32(64*64), rDst) // past the high bytes
		n := 0
		if f.hasMin {
			for ; n < f.pairs(); n++ {
				p.VPMOVSXBW(at(rHead, f.minsAt()+32*n), p.v(8))
				p.VMOVDQU32(p.v(8), at(rDst, 64*n))
			}
		}
		p.blockScales(f, at(rHead, 0), p.v(8))
		p.VMOVUPS(p.v(8), at(rDst, 64*n))
		n++
		if f.hasMin {
			p.blockScales(f, at(rHead, f.scale.bytes()), p.v(8))
			p.VMOVUPS(p.v(8), at(rDst, 64*n))
			n++
		}
		p.ADDQ(operand.U32(64*n), rDst)
	})
	p.VZEROUPPER()
	p.RET()
}

// amxScales sets, where word g of group j begins a sub-block, registers 10 and
// 11 to byte pairs (scale, 0) and (0, scale), and 12 to int16 offset times
// scale.
func (p *panels) amxScales(f *panelFormat, j, g int, rSubs reg.Register, low, one reg.VecPhysical) {
	pair := p.v(10)
	switch {
	case f.sub == 0:
		if j != 0 || g != 0 {
			return
		}
		p.VMOVDQA32(one, pair)
	case (32*j+4*g)%f.sub != 0:
		return
	default:
		sub := (32*j + 4*g) / f.sub
		p.VPMOVSXBW(at(rSubs, sub/2*32), p.v(12))
		if sub%2 == 0 {
			p.VPSLLD(operand.U8(16), p.v(12), p.v(13))
			p.VPSRLD(operand.U8(16), p.v(13), p.v(12))
		} else {
			p.VPSRLD(operand.U8(16), p.v(12), p.v(12))
			p.VPSLLD(operand.U8(16), p.v(12), p.v(13))
		}
		p.VPORD(p.v(12), p.v(13), p.v(12))
		p.VPANDD(low, p.v(12), pair)
	}
	p.VPSLLW(operand.U8(8), pair, p.v(11))
	if f.offset != 0 {
		if f.sub == 0 {
			p.VMOVDQA32(one, p.v(12))
		}
		p.VPSLLW(operand.U8(log2(f.offset)), p.v(12), p.v(12))
	}
}

// amxSuperWord emits word g of group j of the chunk: its values times their
// scales, as low and high bytes.
func (p *panels) amxSuperWord(f *panelFormat, j, g int, rDst reg.Register, low, byteLow, byteHigh reg.VecPhysical) {
	n := g % 2 * 4
	w, tmp, even, odd := p.v(n), p.v(n+1), p.v(n+2), p.v(n+3)
	f.word(p, at(rW, 0), j, g, w, tmp)
	p.VPMADDUBSW(p.v(10), w, even)
	p.VPMADDUBSW(p.v(11), w, odd)
	if f.offset != 0 {
		p.VPSUBW(p.v(12), even, even)
		p.VPSUBW(p.v(12), odd, odd)
	}
	p.VPSLLW(operand.U8(8), odd, w)
	p.VPANDD(byteLow, even, tmp)
	p.VPTERNLOGD(operand.U8(0xf8), byteHigh, w, tmp) // tmp | w & byteHigh
	p.VMOVDQU32(tmp, at(rDst, 64*g))
	p.VPSRLW(operand.U8(7), even, even)
	p.VPSLLW(operand.U8(1), odd, odd)
	p.VPTERNLOGD(operand.U8(0xe4), low, odd, even) // low ? even : odd
	p.VMOVDQU32(even, at(rDst, 64*(64+g)))
}

// amxSupers emits the product of a super-block, with so many pairs of minima,
// and nChunks times 32 tokens, or one chunk of fewer. While the sums of a chunk
// form in the tile registers, those of the chunk before are added.
//
//	tile registers: 0-1 low and high sums of the first 16 tokens, 2-3 of the
//	others; 4-5 activations; 6-7 weights
//	16-19 temporaries, 20-21 d and dmin, 22-29 pairs of minima
func (p *panels) amxSupers(pairs int) {
	name := "gemmSupers"
	if pairs > 0 {
		name = fmt.Sprintf("gemmSupersMin%d", pairs)
	}
	p.function(name, fmt.Sprintf(amxSignature, "dx *float32, sums *int16, nIn int"),
		"multiplies a super-block and nChunks times nCols (32, or 1 to 32 once) tokens into 16 outputs; mask selects rows.")
	p.amxStart()
	p.param("nIn", rScaleStep)
	p.SHRQ(operand.U8(6), rScaleStep)
	p.param("sums", rSum)
	p.LEAQ(at(rWork, 4096), rPrev)
	for i := range pairs {
		p.VMOVDQU32(at(rW, 64*(128+i)), p.v(22+i))
	}
	p.VMOVUPS(at(rW, 64*(128+pairs)), p.v(20))
	if pairs > 0 {
		p.VMOVUPS(at(rW, 64*(128+pairs+1)), p.v(21))
	}
	p.MOVQ(rQuantStep, rX3)
	p.SHLQ(operand.U8(4), rX3)
	p.ADDQ(rX, rX3) // tokens 16 on

	few, loop, last, end := p.label("few"), p.label("loop"), p.label("last"), p.label("end")
	p.param("nCols", rTmp)
	p.CMPQ(rTmp, operand.U8(32))
	p.JNE(operand.LabelRef(few))
	p.amxSuperDots(2, func(int) {})
	p.Label(loop)
	p.XCHGQ(rWork, rPrev)
	p.DECQ(p.parameter("nChunks"))
	p.JZ(operand.LabelRef(last))
	p.MOVQ(rQuantStep, rTmp)
	p.SHLQ(operand.U8(5), rTmp)
	p.ADDQ(rTmp, rX)
	p.ADDQ(rTmp, rX3)
	p.amxSuperDots(2, func(k int) {
		for t := 8 * k; t < 8*(k+1); t++ {
			p.amxSuperAdd(pairs, 64*t)
		}
	})
	p.JMP(operand.LabelRef(loop))
	p.Label(last)
	for t := range 32 {
		p.amxSuperAdd(pairs, 64*t)
	}
	p.JMP(operand.LabelRef(end))

	second, tokens := p.label("second"), p.label("tokens")
	p.Label(few)
	p.CMPQ(rTmp, operand.U8(16))
	p.JGT(operand.LabelRef(second))
	p.amxSuperDots(1, func(int) {})
	p.MOVQ(rWork, rPrev)
	p.JMP(operand.LabelRef(tokens))
	p.Label(second)
	p.amxSuperDots(2, func(int) {})
	p.MOVQ(rWork, rPrev)
	p.Label(tokens)
	p.amxSuperAdd(pairs, 0)
	p.ADDQ(operand.U8(64), rPrev)
	p.DECQ(p.parameter("nCols"))
	p.JNZ(operand.LabelRef(tokens))
	p.Label(end)
	p.tileRelease()
	p.VZEROUPPER()
	p.RET()
}

// amxSuperDots multiplies a super-block by 16 or 32 tokens and stores the sums:
// low ones of all tokens, then high ones. It emits meanwhile(k) after each
// quarter.
func (p *panels) amxSuperDots(halves int, meanwhile func(k int)) {
	for i := range 2 * halves {
		p.tileZero(i)
	}
	for k := range 4 {
		p.tileLoad(rW, rSlot, 1024*k, 6)
		p.tileLoad(rX, rQuantStep, 64*k, 4)
		p.tileDot(4, 6, 0)
		p.tileLoad(rW, rSlot, 1024*(4+k), 7)
		p.tileDot(4, 7, 1)
		if halves == 2 {
			p.tileLoad(rX3, rQuantStep, 64*k, 5)
			p.tileDot(5, 6, 2)
			p.tileDot(5, 7, 3)
		}
		meanwhile(k)
	}
	for i := range 2 * halves {
		p.tileStore(i, rWork, rSlot, 1024*(i/2)+2048*(i%2))
	}
}

// amxSuperAdd adds the stored sums at disp to a token's outputs, and moves to
// the next token.
func (p *panels) amxSuperAdd(pairs, disp int) {
	sum, factor, out := p.v(16), p.v(17), p.v(18)
	p.VPSLLD(operand.U8(7), at(rPrev, disp+2048), sum)
	p.VPADDD(at(rPrev, disp), sum, sum)
	p.VCVTDQ2PS(sum, sum)
	p.VMULPS_BCST(at(rScale, 0), p.v(20), factor)
	p.VMOVUPS_Z(at(rSrc, 0), reg.K1, out)
	p.VFMADD231PS(factor, sum, out)
	if pairs > 0 {
		minima := p.v(19)
		p.clear(19)
		for i := range pairs {
			at32 := 4 * i
			if pairs == 4 {
				at32 += 32
			}
			p.VPDPWSSD_BCST(at(rSum, at32), p.v(22+i), minima)
		}
		p.VCVTDQ2PS(minima, minima)
		p.VMULPS_BCST(at(rScale, 0), p.v(21), factor)
		p.VFNMADD231PS(factor, minima, out)
		p.LEAQ(operand.Mem{Base: rSum, Index: rScaleStep, Scale: 8}, rSum) // 12 times as far as scales
		p.LEAQ(operand.Mem{Base: rSum, Index: rScaleStep, Scale: 4}, rSum)
	}
	p.VMOVUPS(out, reg.K1, at(rDst, 0))
	p.ADDQ(p.parameter("srcStep"), rSrc)
	p.ADDQ(p.parameter("dstStep"), rDst)
	p.ADDQ(rScaleStep, rScale)
}

// amxTranspose emits the gathering of scales and sums of 16 tokens for
// amxBlocks.
func (p *panels) amxTranspose() {
	p.function("transpose", "func(dst *float32, src *float32, stride, n, nCols int)",
		"sets dst [n][16] to the transpose of nCols (1 to 16) rows of n floats, stride apart, and zeros.")
	p.gather(false)
	p.function("transposeSums", "func(dst *float32, src *int32, stride, n, nCols int)",
		"is transposeAMX of corrections, turned into the sums of quants they are made of.")
	p.gather(true)
}

// gather emits the body of either.
func (p *panels) gather(sums bool) {
	p.param("dst", rY)
	p.param("src", rX)
	p.param("stride", rTmp.As64())
	p.param("nCols", rCount)
	p.MOVQ(operand.I32(-1), rW)
	p.SHLQ(reg.CL, rW)
	p.NOTQ(rW)
	p.KMOVW(rW.As32(), reg.K1)
	p.VPBROADCASTD(rTmp.As32(), p.v(1))
	p.VPMULLD(operand.NewDataAddr(operand.NewStaticSymbol("lanes"+p.suffix), 0), p.v(1), p.v(1))
	if sums {
		p.splat(operand.U32(0xbc000000), p.v(2)) // -1/128
	}
	p.param("n", rCount)
	loop := p.label("loop")
	p.Label(loop)
	p.clear(0)
	p.KMOVW(reg.K1, reg.K2)
	m := operand.Mem{Base: rX, Index: p.v(1), Scale: 4}
	if sums {
		p.VPGATHERDD(m, reg.K2, p.v(0))
		p.VCVTDQ2PS(p.v(0), p.v(0))
		p.VMULPS(p.v(2), p.v(0), p.v(0))
	} else {
		p.VGATHERDPS(m, reg.K2, p.v(0))
	}
	p.VMOVUPS(p.v(0), at(rY, 0))
	p.ADDQ(operand.U8(64), rY)
	p.ADDQ(operand.U8(4), rX)
	p.DECQ(rCount)
	p.JNZ(operand.LabelRef(loop))
	p.VZEROUPPER()
	p.RET()
}
