package main

import "fmt"

// sumsBytes is the size of a super-block's sums of activations: 16 of 16
// values, then 8 of 32.
const sumsBytes = 48

// gemvSupers emits the product of a panel of super-blocks with the columns of
// a tile: step256 over the lanes. The outputs wait in the frame.
func (a *neon) gemvSupers(f *panelFormat) {
	a.f = f
	a.function("gemv"+f.name, fmt.Sprintf("sets nCols (%s) columns of 16 outputs from a panel of %s.", a.columnCounts(), f.name),
		128, gemvParams("*int16")...)
	a.ins("MOVD $acc-128(SP), %s", gAcc)
	a.forVariants(nColsParam, func() {
		a.start(6, sumsBytes/4)
		a.movi(a.tmp(), 0)
		for i := range a.cols * a.nv {
			a.storeQ(a.tmp(), gAcc, 16*i)
		}
		a.forBlocks(a.superBlock)
		for c := range a.cols {
			for v := range a.nv {
				a.loadQ(gAcc, 16*(c*a.nv+v), a.tmp())
				a.storeQ(a.tmp(), gY, 16*v)
			}
			a.ins("ADD %s, %s", gLdy, gY)
		}
	})
}

// superBlock emits one block: its chunks in a loop, then the scales.
func (a *neon) superBlock() {
	f := a.f
	for c := range a.cols {
		for v := range a.nv {
			a.movi(a.acc(c, v), 0)
		}
	}
	chunks, loop := f.groups()/f.chunk, a.label("chunk")
	a.ins("ADD $%d, %s, %s", a.subAt(), gHead, gSub)
	if chunks > 1 {
		a.ins("MOVD $%d, %s", chunks, gChunks)
		a.at(loop)
	}
	for j := range f.chunk {
		a.superGroup(j)
	}
	a.ins("ADD $%d, %s", 64*f.chunkWords, gW)
	a.ins("ADD $%d, %s", a.subBytes()*f.chunk, gSub)
	for c := range a.cols {
		a.ins("ADD $%d, %s", 32*f.chunk, gX(c))
	}
	sumStep := 0 // the sums of the chunk
	if a.offset() != 0 && chunks > 1 {
		sumStep = 2 * f.chunk
		if f.sub == 16 {
			sumStep *= 2
		}
		for c := range a.cols {
			a.ins("ADD $%d, %s", sumStep, gSum(c))
		}
	}
	if chunks > 1 {
		a.ins("SUBS $1, %s", gChunks)
		a.ins("BNE %s", loop)
	}
	if sumStep > 0 {
		for c := range a.cols {
			a.ins("SUB $%d, %s", sumStep*chunks, gSum(c))
		}
	}
	a.superScales()
	for c := range a.cols {
		a.ins("ADD $4, %s", gScale(c))
		a.ins("ADD $%d, %s", sumsBytes, gSum(c))
	}
}

// subAt is where the scales of the sub-blocks lie in the head.
func (a *neon) subAt() int {
	if a.f.hasMin {
		return 2 * a.f.scale.bytes()
	}
	return a.f.scale.bytes()
}

// subBytes is the size of the sub-block scales of a group.
func (a *neon) subBytes() int {
	if a.f.sub == 0 {
		return 0
	}
	return 16 * 32 / a.f.sub
}

// superGroup emits group j of the chunk: the sums of its sub-blocks times their
// scales.
func (a *neon) superGroup(j int) {
	if a.f.sub == 16 {
		for half := range 2 {
			a.products32(j, ascending[4*half:4*half+4], func(c int) bool { return a.startFromSums(c, 2*(2*j+half)) })
			a.addScaled(2*j + half)
		}
		return
	}
	a.products32(j, nil, func(c int) bool { return a.startFromSums(c, 32+2*j) })
	a.addScaled(j)
}

// startFromSums sets gTmp to minus the offset times the sum at disp.
func (a *neon) startFromSums(c, disp int) bool {
	o := a.offset()
	if o == 0 {
		return false
	}
	shift := 0
	for ; o > 1; o >>= 1 {
		shift++
	}
	a.ins("MOVH %d(%s), %s", disp, gSum(c), gTmp)
	a.ins("NEG %s<<%d, %s", gTmp, shift, gTmp)
	return true
}

// addScaled adds the sums times the scales of sub-block s of the chunk.
func (a *neon) addScaled(s int) {
	t := a.tmp()
	for v := range a.nv {
		if a.f.sub != 0 {
			a.loadD(gSub, s/2*32+8*v, t)
			a.subScale(s, t)
		}
		for c := range a.cols {
			if a.f.sub == 0 {
				a.add(a.acc(c, v), a.acc(c, v), a.sum(c, v))
			} else {
				a.mla(a.acc(c, v), a.sum(c, v), t)
			}
		}
	}
}

// subScale widens the scales of sub-block s from their pairs: bytes without a
// sign where there are minima.
func (a *neon) subScale(s int, t vreg) {
	switch {
	case a.f.hasMin && s%2 == 0:
		a.evenBytes(t)
		a.uxtl(t, t)
	case a.f.hasMin:
		a.ushr(h4, t, t, 8)
		a.uxtl(t, t)
	case s%2 == 0:
		a.shl(h4, t, t, 8)
		a.sshr(h4, t, t, 8)
		a.sxtl(t, t)
	default:
		a.sshr(h4, t, t, 8)
		a.sxtl(t, t)
	}
}

// superScales adds the block's integer sums to the outputs: the scales of four
// rows times those of the activations, then the minima.
func (a *neon) superScales() {
	a.comment("scales")
	for c := range a.cols {
		a.loadS(gScale(c), 0, a.x(c, 0))
	}
	if a.f.hasMin {
		a.loadSums()
	}
	d, t := a.w(0), a.tmp()
	for v := range a.nv {
		a.scale(0, v, d)
		for c := range a.cols {
			y := a.x(c, 1)
			a.loadQ(gAcc, 16*(c*a.nv+v), y)
			a.fmulElement(t, d, a.x(c, 0), 0)
			a.scvtf(a.acc(c, v), a.acc(c, v))
			a.fmla(y, a.acc(c, v), t)
		}
		if a.f.hasMin {
			a.subtractMinima(v)
		}
		for c := range a.cols {
			a.storeQ(a.x(c, 1), gAcc, 16*(c*a.nv+v))
		}
	}
}

// loadSums loads the columns' sums over the sub-blocks to registers 0 to 7.
func (a *neon) loadSums() {
	for c := range a.cols {
		if a.f.sub == 16 {
			a.loadPair(gSum(c), 0, vreg(2*c), vreg(2*c+1))
		} else {
			a.loadQ(gSum(c), 32, vreg(2*c))
		}
	}
}

// subtractMinima takes the sums of the activations times the minima off x(c, 1).
func (a *neon) subtractMinima(v int) {
	even, odd, t := a.w(0), a.w(1), a.tmp()
	for c := range a.cols {
		a.movi(a.acc(c, v), 0)
	}
	n := 256 / a.f.sub
	for s := 0; s < n; s += 2 {
		a.loadD(gHead, a.subAt()+16*n+s/2*32+8*v, even)
		a.ushr(h4, odd, even, 8)
		a.evenBytes(even)
		for c := range a.cols {
			sums := vreg(2*c + s/8)
			a.smlalHalf(a.acc(c, v), even, sums, s%8)
			a.smlalHalf(a.acc(c, v), odd, sums, s%8+1)
		}
	}
	a.scale(a.f.scale.bytes(), v, even)
	for c := range a.cols {
		a.fmulElement(t, even, a.x(c, 0), 0)
		a.scvtf(a.acc(c, v), a.acc(c, v))
		a.fmls(a.x(c, 1), a.acc(c, v), t)
	}
}
