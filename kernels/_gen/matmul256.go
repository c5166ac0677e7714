package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The products of the levels avx2 and avxvnni: a panel's word is two registers,
// its halves. There are 16 registers, so that tiles are one panel wide and hold
// up to 3 columns. Rows past the matrix's end are written like others: callers
// give a buffer for them.
//
// AVX-VNNI multiplies unsigned by signed bytes into int32 lanes at once. AVX2
// multiplies into pairs of int16, which saturate: values up to 15 leave room for
// 8 words before the pairs are added, larger ones for fewer, and bytes above 128
// go as a magnitude and a sign.

// panels256 is a 256-bit level.
type panels256 struct {
	*panels
	vnni bool
}

// emitMatMul256 emits the products of a 256-bit level.
func emitMatMul256(c *build.Context, suffix string, vnni bool) {
	q := &panels256{&panels{Context: c, suffix: suffix}, vnni}
	seen := map[string]bool{}
	for _, f := range blockFormats {
		q.gemvBlocks(f)
		q.tileBlocks(f)
		if name := q.blockVariant(f); !seen[name] {
			seen[name] = true
			q.gemmBlocks(f)
		}
	}
	q.gemvBlocks(nvfp4)
	for _, f := range superFormats {
		q.gemvSupers(f)
		q.tileSupers(f)
		if name := q.superVariant(f); !seen[name] {
			seen[name] = true
			q.gemmSupers(f)
		}
	}
	if !vnni {
		q.gemmFloats("F32", 4)
		q.gemmFloats("F16", 2)
		q.gemmFloats("BF16", 2)
		q.quantize32()
		q.quantize256()
		q.orderTable()
	}
	q.limits()
	q.finish()
}

// signed reports whether a format's values go as magnitude and sign.
func (q *panels256) signed(f *panelFormat) bool { return !q.vnni && f.largest > 128 }

// offset is what the words of a format in registers have on top of the values.
func (q *panels256) offset(f *panelFormat) int {
	if q.signed(f) {
		return 0
	}
	return f.offset
}

// wordsPerSum is the number of words whose products an int16 holds, up to the
// 8 of a group.
func (q *panels256) wordsPerSum(f *panelFormat) int {
	if q.signed(f) {
		return 1
	}
	return min(8, 32767/(2*127*f.largest))
}

// tileOffset is what the words of a tile have on top of the values. The dot
// product of AVX-VNNI takes any, so that one GEMM serves all.
func (q *panels256) tileOffset(f *panelFormat) int {
	if q.vnni {
		return 128
	}
	return q.offset(f)
}

// blockVariant is the name of the GEMM of a format of 32-value activations.
func (q *panels256) blockVariant(f *panelFormat) string {
	name := "gemmBlocks"
	switch {
	case q.vnni:
	case q.signed(f):
		name += "Signed"
	case q.wordsPerSum(f) == 8:
		name += fmt.Sprintf("Small%d", f.offset)
	default:
		name += fmt.Sprint(f.offset)
	}
	if f.hasMin {
		name += "Min"
	}
	return name
}

// word emits a word's half in w, and in magnitude its absolute value if signed.
func (q *panels256) word(f *panelFormat, at operand.Mem, j, g int, w, magnitude, tmp reg.VecPhysical) {
	f.word(q.panels, at, j, g, w, tmp)
	if q.signed(f) {
		q.VPXOR(q.byteConstant(0x80), w, w)
		q.VPABSB(w, magnitude)
	}
}

// product emits dst = the products of a word and activations, pairs added, as
// int16. dst may be x.
func (q *panels256) product(f *panelFormat, w, magnitude, x, dst reg.VecPhysical) {
	if q.signed(f) {
		q.VPSIGNB(w, x, dst)
		q.VPMADDUBSW(dst, magnitude, dst)
		return
	}
	q.VPMADDUBSW(x, w, dst)
}

// ones is a vector of int16 ones.
func (q *panels256) ones() operand.Mem { return q.wordConstant(0x00010001) }

func (q *panels256) clear(n int) { q.VPXOR(q.v(n), q.v(n), q.v(n)) }

// blockScales loads 8 scales at m as float32.
func (q *panels256) blockScales(f *panelFormat, m operand.Mem, v reg.VecPhysical) {
	q.panels.blockScales(f, m, v)
}

// startSum starts an integer sum with what takes the offset off.
func (q *panels256) startSum(offset int, corr operand.Mem, sum reg.VecPhysical) {
	if offset == 0 {
		q.VPXOR(sum, sum, sum)
		return
	}
	q.VPBROADCASTD(corr, sum)
	if shift := 7 - log2(offset); shift > 0 {
		q.VPSRAD(operand.U8(shift), sum, sum)
	}
}

// gemvBlocks emits the product of a panel of 32-value groups with 1 or 2
// tokens: step32 over the lanes.
//
//	0-1   integer sums of a half, 2-3 sums of int16
//	4-7   outputs: half h, column c in 4+2h+c
//	8-11  word, magnitude, activations, temporary
//	12-13 scales
func (q *panels256) gemvBlocks(f *panelFormat) {
	q.function("gemv"+f.name, fmt.Sprintf(gemvSignature, "sums *byte"),
		fmt.Sprintf("sets nCols (1 or 2) columns of 16 outputs from a panel of %s.", f.name))
	q.gemvParams()
	q.param("sums", rSum)
	q.param("nIn", rScaleStep)
	q.SHRQ(operand.U8(3), rScaleStep)
	q.param("w", rW)
	q.constants(f, 15)
	q.forColumns(1, 2, func(cols int) {
		q.aheadOf(f.bytewise() && q.vnni && cols == 1)
		for i := range 4 {
			q.clear(4 + i)
		}
		q.forPairs(f, func(head, body, group int) {
			q.fetchPair(f, group, cols)
			q.gemvBlock(f, cols, head, body, group)
		}, func(n int) { q.nextBlocks(f, n) })
		for c := range cols {
			for h := range 2 {
				q.VMOVUPS(q.v(4+2*h+c), column(rY, rY, rLdy, c, 32*h))
			}
		}
	})
}

// gemvParams loads what both kinds of GEMV take.
func (q *panels256) gemvParams() {
	q.param("y", rY)
	q.param("ldy", rLdy)
	q.SHLQ(operand.U8(2), rLdy)
	q.param("xq", rX)
	q.param("dx", rScale)
	q.param("xStride", rQuantStep)
}

// gemvBlock emits one block, as the AVX-512 one does.
func (q *panels256) gemvBlock(f *panelFormat, cols, head, body, group int) {
	if f.sub == 16 {
		q.gemvHalves(f, cols, head, body, group)
		return
	}
	x, tmp := q.v(10), q.v(11)
	for h := range 2 {
		for j := range f.groups() {
			disp := 4 * (group + j)
			for c := range cols {
				q.startSum(q.offset(f), column(rSum, rSum, rScaleStep, c, disp), q.v(c))
			}
			n := q.wordsPerSum(f)
			for g := range 8 {
				q.word(f, at(rW, body+32*h), j, g, q.v(8), q.v(9), tmp)
				for c := range cols {
					q.VPBROADCASTD(column(rX, rX, rQuantStep, c, 32*(group+j)+4*g), x)
					q.dot(f, g, n, 8, q.v(8), q.v(9), x, q.v(2+c), q.v(c), q.ones())
				}
			}
			q.blockScales(f, at(rW, head+h*f.scale.bytes()/2), q.v(12))
			if f.hasMin {
				q.blockScales(f, at(rW, head+f.scale.bytes()+h*f.scale.bytes()/2), q.v(13))
			}
			for c := range cols {
				sum, out := q.v(c), q.v(4+2*h+c)
				q.VBROADCASTSS(column(rScale, rScale, rScaleStep, c, disp), x)
				q.VMULPS(x, q.v(12), tmp)
				q.VCVTDQ2PS(sum, sum)
				q.VFMADD231PS(tmp, sum, out)
				if f.hasMin { // -Σxq is corr/128, so subtract
					q.VMULPS(x, q.v(13), tmp)
					q.VPBROADCASTD(column(rSum, rSum, rScaleStep, c, disp), x)
					q.VPSRAD(operand.U8(7), x, x)
					q.VCVTDQ2PS(x, x)
					q.VFNMADD231PS(tmp, x, out)
				}
			}
		}
	}
}

// gemvHalves is gemvBlock where each 16 values have a scale; see that of
// AVX-512.
//
//	13-14 offset times the sum of the activations, 15 the table
func (q *panels256) gemvHalves(f *panelFormat, cols, head, body, group int) {
	x, tmp := q.v(10), q.v(11)
	offset := q.byteConstant(f.offset)
	for h := range 2 {
		for i := range 2 * f.groups() {
			for c := range cols {
				q.clear(c)
				q.clear(13 + c)
			}
			for g := range 4 {
				q.word(f, at(rW, body+32*h), i/2, i%2*4+g, q.v(8), nil, tmp)
				for c := range cols {
					m := column(rX, rX, rQuantStep, c, 32*group+16*i+4*g)
					q.VMOVDQU(offset, q.v(9))
					q.VPBROADCASTD(m, x)
					q.dot(f, 0, 1, 1, q.v(9), nil, x, q.v(2+c), q.v(13+c), q.ones())
					q.VPBROADCASTD(m, x)
					q.dot(f, g, 4, 4, q.v(8), nil, x, q.v(2+c), q.v(c), q.ones())
				}
			}
			q.blockScales(f, at(rW, head+i*f.scale.bytes()+h*f.scale.bytes()/2), q.v(12))
			for c := range cols {
				q.VPSUBD(q.v(13+c), q.v(c), q.v(c))
				q.VBROADCASTSS(column(rScale, rScale, rScaleStep, c, 4*(group+i/2)), x)
				q.VMULPS(x, q.v(12), tmp)
				q.VCVTDQ2PS(q.v(c), q.v(c))
				q.VFMADD231PS(tmp, q.v(c), q.v(4+2*h+c))
			}
		}
	}
}

// dot adds word g of `words` to sum. AVX2 collects n words at a time in pairs,
// an int16 register, and then multiplies the pairs by scales: ones, or those of
// a sub-block. x is overwritten.
func (q *panels256) dot(f *panelFormat, g, n, words int, w, magnitude, x, pairs, sum reg.VecPhysical, scales operand.Op) {
	if q.vnni {
		q.vexDotBytes(x, w, sum)
		return
	}
	last := g%n == n-1 || g == words-1
	switch {
	case g%n == 0 && last:
		q.product(f, w, magnitude, x, x)
		pairs = x
	case g%n == 0:
		q.product(f, w, magnitude, x, pairs)
	default:
		q.product(f, w, magnitude, x, x)
		q.VPADDW(x, pairs, pairs)
	}
	if last {
		q.VPMADDWD(scales, pairs, pairs)
		q.VPADDD(pairs, sum, sum)
	}
}
