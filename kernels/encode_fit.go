package kernels

// Fits find the scale of a block that minimises the weighted square error. For
// given codes the best scale is a least-squares solution, and for a given scale
// the best codes are the nearest ones; so a fit tries a range of first scales
// and then lets the two take turns. Weights w may be nil: all equal.
//
// Each product is converted before it is added to, so that no compiler fuses
// the two and a model is quantised to the same bytes everywhere.

// levels are the values that a format's codes stand for, in ascending order,
// before they are scaled.
type levels struct {
	values []float32
	lowest float32

	// nearest holds the code nearest to (h+lowest*2)/2 … +1/2 at h: all
	// midpoints between levels are multiples of 1/2.
	nearest []uint8
}

var (
	levels3   = uniformLevels(4)
	levels4   = uniformLevels(8)
	levels5   = uniformLevels(16)
	levels6   = uniformLevels(32)
	levelsIQ4 = makeLevels(iq4Values[:])
)

// uniformLevels returns -n … n-1.
func uniformLevels(n int) levels {
	values := make([]int8, 2*n)
	for i := range values {
		values[i] = int8(i - n)
	}
	return makeLevels(values)
}

func makeLevels(values []int8) levels {
	l := levels{lowest: float32(values[0])}
	for _, v := range values {
		l.values = append(l.values, float32(v))
	}
	code := 0
	for h := 2 * int(values[0]); h < 2*int(values[len(values)-1]); h++ {
		// The half step [h/2, h/2 + 1/2) belongs to the next level once it
		// begins at the midpoint or later.
		if code+1 < len(values) && h >= int(values[code])+int(values[code+1]) {
			code++
		}
		l.nearest = append(l.nearest, uint8(code))
	}
	return l
}

// code returns the code of the level nearest to v.
func (l *levels) code(v float32) uint8 {
	h := (v - l.lowest) * 2
	switch {
	case !(h > 0):
		return 0
	case h >= float32(len(l.nearest)):
		return uint8(len(l.values) - 1)
	}
	return l.nearest[int(h)]
}

// codes sets q to the codes nearest to x at scale d.
func (l *levels) codes(q []uint8, x []float32, d float32) {
	id := inverse(d)
	for j, v := range x {
		q[j] = l.code(float32(v * id))
	}
}

// err returns the weighted square error of x at scale d with nearest codes.
func (l *levels) err(x, w []float32, d float32) (sum float32) {
	id := inverse(d)
	for j, v := range x {
		e := v - float32(d*l.values[l.code(float32(v*id))])
		sum += float32(weight(w, j) * float32(e*e))
	}
	return sum
}

// refit returns the best scale for the codes that are nearest at scale 1/id,
// and the share of the square sum of x that it explains.
func (l *levels) refit(x, w []float32, id float32) (d, gain float32) {
	var xl, ll float32
	for j, v := range x {
		level := l.values[l.code(float32(v*id))]
		wl := float32(weight(w, j) * level)
		xl += float32(wl * v)
		ll += float32(wl * level)
	}
	if ll == 0 {
		return 0, 0
	}
	d = xl / ll
	return d, d * xl
}

func weight(w []float32, j int) float32 {
	if w == nil {
		return 1
	}
	return w[j]
}

// fitScale returns the scale, of either sign, that fits x best.
func fitScale(l *levels, x, w []float32) (best float32) {
	top := extreme(x)
	if abs32(top) < leastFitted {
		return 0
	}
	var most float32
	try := func(id float32) {
		if d, gain := l.refit(x, w, id); gain > most*clearly {
			best, most = d, gain
		}
	}
	// The largest value goes to either end of the levels or a little beside.
	ends := [...]float32{l.values[0], l.values[len(l.values)-1]}
	for _, end := range ends {
		for i := range 15 {
			try(end * (1 + float32(float32(alternating(i))*l.fineness())) / top)
		}
	}
	for range 4 {
		before := most
		try(inverse(best))
		if most == before {
			break
		}
	}
	return best
}

// clearly is how much better a fit must be than an earlier one: below it lie
// rounding errors, and the first scales, which come first, are often exact.
const clearly = 1 + 1e-6

// alternating turns 0, 1, 2, 3, 4, … into 0, 1, -1, 2, -2, ….
func alternating(i int) int {
	if i%2 == 0 {
		return -i / 2
	}
	return i/2 + 1
}

// leastFitted is the magnitude below which a block is taken for zero: a
// float16 scale cannot hold a scale for it, and 1/x would overflow.
const leastFitted = 1e-15

// fineness is the step of first scales that moves the outermost value by an
// eighth of the distance to its neighbour.
func (l *levels) fineness() float32 {
	return (l.values[1] - l.values[0]) / -l.lowest / 8
}

// fitShifted returns scale d ≥ 0 and offset m that fit x best with codes from 0
// to most: x ≈ d*code + m. With down set, m is not positive.
func fitShifted(x, w []float32, most int, down bool) (d, m float32) {
	lo, hi := bounds(x)
	if down {
		lo = min(lo, 0)
	}
	if hi-lo < leastFitted {
		return 0, lo
	}
	least := -1.0
	try := func(id, offset float32) {
		if td, tm, e := refitShifted(x, w, id, offset, most, down); least < 0 || e*clearly < least {
			d, m, least = td, tm, e
		}
	}
	for i := range 17 {
		try((float32(most)+float32(float32(alternating(i))*0.125))/(hi-lo), lo)
	}
	for range 4 {
		before := least
		try(inverse(d), m)
		if least == before {
			break
		}
	}
	return d, m
}

// shiftedCode returns the code nearest to v at scale 1/id and offset m.
func shiftedCode(v, id, m float32, most int) uint8 {
	c := float32((v-m)*id) + 0.5
	switch {
	case !(c > 0):
		return 0
	case c >= float32(most):
		return uint8(most)
	}
	return uint8(c)
}

// refitShifted returns the best scale and offset for the codes that are
// nearest at scale 1/id and offset m, and the error with these codes.
func refitShifted(x, w []float32, id, m float32, most int, down bool) (float32, float32, float64) {
	var sw, sx, sxx, sc, scc, scx float64 // sums of w, w*x, w*x*x, w*c, …
	for j, v := range x {
		c, v, wj := float64(shiftedCode(v, id, m, most)), float64(v), float64(weight(w, j))
		wc, wx := float64(wj*c), float64(wj*v)
		sw += wj
		sx += wx
		sxx += float64(wx * v)
		sc += wc
		scc += float64(wc * c)
		scx += float64(wc * v)
	}
	d, offset := float64(inverse(id)), float64(m)
	if det := float64(sw*scc) - float64(sc*sc); det > 0 {
		d = (float64(sw*scx) - float64(sx*sc)) / det
		offset = (float64(scc*sx) - float64(sc*scx)) / det
		if down && offset > 0 {
			d, offset = scx/scc, 0
		}
	}
	d = max(d, 0)
	// The square of x - d*c - offset, multiplied out.
	err := sxx - float64(d*(float64(2*scx)-float64(d*scc))) -
		float64(offset*(float64(2*(sx-float64(d*sc)))-float64(offset*sw)))
	return float32(d), float32(offset), max(err, 0)
}

// shiftedErr returns the weighted square error of x at scale d and offset m.
func shiftedErr(x, w []float32, d, m float32, most int) (sum float32) {
	id := inverse(d)
	for j, v := range x {
		e := v - float32(d*float32(shiftedCode(v, id, m, most))) - m
		sum += float32(weight(w, j) * float32(e*e))
	}
	return sum
}
