package kernels

import "encoding/binary"

// The super-block formats: 256 values in groups of 16 or 32, each with a scale
// (and a minimum) of few bits, which share one float16 scale (and another).
// Each group is fitted alone; then the shared scales follow from the largest of
// the groups', and each group takes of the neighbouring pairs of integers the
// one with the least error.

// shiftedGroups are the integers of a super-block with minima: value = d*scale*code
// - dmin*minimum.
type shiftedGroups struct {
	scale, minimum [16]uint8
	q              [256]uint8
}

// fit fills g for groups of n values with codes up to most and scales up to
// mostScale, and stores the shared scales at d and dmin.
func (g *shiftedGroups) fit(d, dmin []byte, x, w []float32, n, most int, mostScale float32) {
	var scales, minima [16]float32
	var topScale, topMinimum float32
	for i := range 256 / n {
		s, m := fitShifted(x[i*n:][:n], part(w, i, n), most, true)
		scales[i], minima[i] = s, -m
		topScale, topMinimum = max(topScale, s), max(topMinimum, -m)
	}
	// total is the error with these shared scales and the nearest integers.
	total := func(ds, dm float32) (sum float32) {
		for i := range 256 / n {
			s := nearestScale(scales[i], ds, 0, mostScale)
			m := nearestScale(minima[i], dm, 0, mostScale)
			sum += shiftedErr(x[i*n:][:n], part(w, i, n), ds*s, -float32(dm*m), most)
		}
		return sum
	}
	dm := putHalfAt(dmin, topMinimum/mostScale)
	ds := putHalfAt(d, bestShared(topScale, mostScale, func(ds float32) float32 { return total(ds, dm) }))
	dm = putHalfAt(dmin, bestShared(topMinimum, mostScale, func(dm float32) float32 { return total(ds, dm) }))

	for i := range 256 / n {
		xs, ws := x[i*n:][:n], part(w, i, n)
		least := float32(-1)
		for _, s := range around(nearestScale(scales[i], ds, 0, mostScale), 0, mostScale) {
			for _, m := range around(nearestScale(minima[i], dm, 0, mostScale), 0, mostScale) {
				if e := shiftedErr(xs, ws, ds*s, -float32(dm*m), most); least < 0 || e < least {
					least, g.scale[i], g.minimum[i] = e, uint8(s), uint8(m)
				}
			}
		}
		id, m := inverse(ds*float32(g.scale[i])), -float32(dm*float32(g.minimum[i]))
		for j, v := range xs {
			g.q[i*n+j] = shiftedCode(v, id, m, most)
		}
	}
}

// scaledGroups are the integers of a super-block without minima:
// value = d*scale*level.
type scaledGroups struct {
	scale [16]int8
	q     [256]uint8
}

// fit fills g for groups of n values with scales from -lowScale to lowScale-1,
// and stores the shared scale at d.
func (g *scaledGroups) fit(d []byte, l *levels, x, w []float32, n int, lowScale float32) {
	var scales [16]float32
	for i := range 256 / n {
		scales[i] = fitScale(l, x[i*n:][:n], part(w, i, n))
	}
	// The range of scales is one longer below zero: the largest goes there.
	ds := putHalfAt(d, bestShared(extreme(scales[:]), -lowScale, func(ds float32) (sum float32) {
		for i := range 256 / n {
			s := nearestScale(scales[i], ds, -lowScale, lowScale-1)
			sum += l.err(x[i*n:][:n], part(w, i, n), ds*s)
		}
		return sum
	}))
	for i := range 256 / n {
		xs, ws := x[i*n:][:n], part(w, i, n)
		least := float32(-1)
		for _, s := range around(nearestScale(scales[i], ds, -lowScale, lowScale-1), -lowScale, lowScale-1) {
			if e := l.err(xs, ws, ds*s); least < 0 || e < least {
				least, g.scale[i] = e, int8(s)
			}
		}
		l.codes(g.q[i*n:][:n], xs, ds*float32(g.scale[i]))
	}
}

// bestShared returns the shared scale with the least error of those, rounded to
// float16, that give the largest group the outermost integer or one of the
// three next to it: float16 is coarse enough for them to differ.
func bestShared(top, outermost float32, err func(float32) float32) (best float32) {
	least := float32(-1)
	for i := range 4 {
		n := outermost - float32(i)
		if outermost < 0 {
			n = outermost + float32(i)
		}
		d := float16To32(float32To16(top / n))
		if e := err(d); least < 0 || e < least {
			best, least = d, e
		}
	}
	return best
}

// nearestScale returns the integer in [lo, hi] whose multiple of d is nearest to v.
func nearestScale(v, d, lo, hi float32) float32 {
	return min(max(roundHalfUp(float32(v*inverse(d))), lo), hi)
}

// around returns an integer and those beside it, within [lo, hi].
func around(n, lo, hi float32) [3]float32 {
	return [3]float32{n, max(n-1, lo), min(n+1, hi)}
}

// part returns the importance of group i of n values.
func part(w []float32, i, n int) []float32 {
	if w == nil {
		return nil
	}
	return w[i*n:][:n]
}

// roundHalfUp rounds v, of magnitude below 2^22, to an integer.
func roundHalfUp(v float32) float32 {
	i := float32(int(v))
	switch f := v - i; {
	case f >= 0.5:
		return i + 1
	case f < -0.5:
		return i - 1
	}
	return i
}

func encodeQ2_K(b []byte, x, w []float32) {
	var g shiftedGroups
	g.fit(b[80:], b[82:], x, w, 16, 3, 15)
	for s := range 16 {
		b[s] = g.scale[s] | g.minimum[s]<<4
	}
	putCrumbs(b[16:80], &g.q)
}

func encodeQ3_K(b []byte, x, w []float32) {
	var g scaledGroups
	g.fit(b[108:], &levels3, x, w, 16, 32)
	high, scales := b[:32], b[96:108]
	clear(high)
	clear(scales)
	for k, c := range g.q {
		high[k%32] |= c >> 2 << (k / 32)
	}
	putCrumbs(b[32:96], &g.q)
	for s, v := range g.scale {
		c := uint8(v + 32)
		scales[s%8] |= c & 15 << (s / 8 * 4)
		scales[8+s%4] |= c >> 4 << (s / 4 * 2)
	}
}

func encodeQ4_K(b []byte, x, w []float32) {
	var g shiftedGroups
	g.fit(b, b[2:], x, w, 32, 15, 63)
	putScaleMinK(b[4:16], &g)
	putNibblesK(b[16:], &g.q)
}

func encodeQ5_K(b []byte, x, w []float32) {
	var g shiftedGroups
	g.fit(b, b[2:], x, w, 32, 31, 63)
	putScaleMinK(b[4:16], &g)
	clear(b[16:48])
	for k, c := range g.q {
		b[16+k%32] |= c >> 4 << (k / 32)
	}
	putNibblesK(b[48:], &g.q)
}

// putScaleMinK stores what scaleMinK reads.
func putScaleMinK(b []byte, g *shiftedGroups) {
	for s := range 4 {
		high, highMin := g.scale[s+4], g.minimum[s+4]
		b[s] = g.scale[s] | high>>4<<6
		b[s+4] = g.minimum[s] | highMin>>4<<6
		b[s+8] = high&15 | highMin<<4
	}
}

// putNibblesK stores the low nibbles of 256 codes, pairs 32 values apart.
func putNibblesK(b []byte, q *[256]uint8) {
	for i := range b {
		k := i/32*64 + i%32
		b[i] = q[k]&15 | q[k+32]<<4
	}
}

func encodeQ6_K(b []byte, x, w []float32) {
	var g scaledGroups
	g.fit(b[208:], &levels6, x, w, 16, 128)
	for i := range 128 {
		k := i/64*128 + i%64
		b[i] = g.q[k]&15 | g.q[k+64]<<4
	}
	for k := range g.q {
		g.q[k] >>= 4
	}
	putCrumbs(b[128:192], &g.q)
	for s, v := range g.scale {
		b[192+s] = byte(v)
	}
}

func encodeIQ4_XS(b []byte, x, w []float32) {
	var g scaledGroups
	g.fit(b, &levelsIQ4, x, w, 32, 32)
	var high uint16
	clear(b[4:8])
	for s, v := range g.scale[:8] {
		c := uint8(v + 32)
		b[4+s/2] |= c & 15 << (s % 2 * 4)
		high |= uint16(c>>4) << (2 * s)
	}
	binary.LittleEndian.PutUint16(b[2:], high)
	for s := range 8 {
		putNibbles(b[8+s*16:][:16], g.q[s*32:][:32])
	}
}
