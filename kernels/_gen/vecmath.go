package main

import "math"

// The functions of exp.go, log.go, tanh.go, gelu.go and activation.go over
// vectors. Each names its reference and does the same roundings in the same
// order. Arguments are overwritten where a comment says so.

// Constants of the references; the test of every function against its
// reference keeps them equal.
const (
	log2E      = 0x1.715476p+0
	ln2Hi      = 0x1.62e43p-1
	ln2Lo      = -0x1.05c61p-29
	roundMagic = 0x1.8p+23
	expMax     = 89
	expMin     = -104
	tanhMax    = 10
	geluScale  = 0x1.988454p+0
	geluCubic  = 0.044715
	normT      = 0x1.333334p-2
	normMax    = 16
	signBit    = 1 << 31
	sqrtHalf   = 0x3f3504f3
)

var (
	expm1Poly = []float64{0x1.6ab168p-10, 0x1.122c88p-7, 0x1.55579ep-5, 0x1.5554aap-3, 0x1.fffffep-2}
	logPoly   = []float64{0x1.31e0d8p-2, 0x1.995ed4p-2, 0x1.55557ap-1}
	log1pPoly = []float64{0x1.f08b0cp-3, 0x1.b72bb6p-3, 0x1.250510p-2, 0x1.9996d8p-2, 0x1.555558p-1}
	normPoly  = []float64{-0x1.51fbb2p-6, 0x1.cca924p-4, -0x1.d38894p-3, 0x1.88fc64p-3, -0x1.45af76p-4,
		0x1.8a107cp-4, 0x1.410262p-4, 0x1.c38a88p-4, 0x1.e9c398p-4, 0x1.ea3cap-4}
)

// polynomial is Horner's rule; the coefficients start with the highest.
func (a program) polynomial(x vec, c []float64) vec {
	q := a.splat(a.constant(c[0]))
	for _, c := range c[1:] {
		a.horner(q, x, a.constant(c))
	}
	return q
}

// reduceLn2 is reduceLn2: it turns x into r, and returns n as a float and t,
// whose bits hold n as an integer.
func (a program) reduceLn2(x vec) (n, t vec) {
	t = a.splat(a.constant(roundMagic))
	a.fma(t, x, a.constant(log2E))
	n = a.vec()
	a.sub(n, t, a.constant(roundMagic))
	a.fnma(x, n, a.constant(ln2Hi))
	a.fnma(x, n, a.constant(ln2Lo))
	return n, t
}

// expm1 is expm1Poly of r.
func (a program) expm1(r vec) vec {
	q := a.polynomial(r, expm1Poly)
	sq := a.vec()
	a.mul(sq, r, r)
	a.horner(q, sq, r)
	return q
}

// exp is exp32; it overwrites x.
func (a program) exp(x vec) vec {
	limit := a.splat(a.constant(expMin))
	a.max(x, limit, x)
	limit = a.splat(a.constant(expMax))
	a.min(x, limit, x)
	n, t := a.reduceLn2(x)
	y := a.expm1(x)
	a.add(y, y, a.constant(1))
	if a.scale(y, n) { // one rounding, as the two exact factors have
		return y
	}
	a.isub(t, t, a.constant(roundMagic))
	half := a.vec()
	a.shift(half, t, -1)
	a.isub(t, t, half)
	a.pow2(half)
	a.mul(y, y, half)
	a.pow2(t)
	a.mul(y, y, t)
	return y
}

// pow2 turns the integers n into 2^n.
func (a program) pow2(n vec) {
	a.iadd(n, n, a.bits(127))
	a.shift(n, n, 23)
}

// tanh is tanh32; it keeps x.
func (a program) tanh(x vec) vec {
	w := a.vec()
	a.and(w, x, a.bits(signBit-1))
	limit := a.splat(a.constant(tanhMax))
	a.min(w, limit, w)
	a.add(w, w, w)
	_, s := a.reduceLn2(w)
	a.isub(s, s, a.constant(roundMagic))
	a.pow2(s)
	p := a.expm1(w)
	m := a.vec()
	a.sub(m, s, a.constant(1))
	a.fma(m, p, s)
	a.add(p, m, a.constant(2))
	a.div(m, m, p)
	a.and(p, x, a.bits(signBit))
	a.or(m, m, p)
	return m
}

// sigmoidParts is sigmoidParts32; it keeps x.
func (a program) sigmoidParts(x vec) (num, den vec) {
	w := a.vec()
	a.or(w, x, a.bits(signBit))
	num = a.exp(w)
	den = a.vec()
	a.add(den, num, a.constant(1))
	one := a.splat(a.constant(1))
	a.selectNegative(num, x, num, one)
	return num, den
}

func (a program) sigmoid(x vec) vec {
	num, den := a.sigmoidParts(x)
	a.div(num, num, den)
	return num
}

func (a program) silu(x vec) vec {
	num, den := a.sigmoidParts(x)
	a.mul(num, x, num)
	a.div(num, num, den)
	return num
}

// gelu is gelu32.
func (a program) gelu(x vec) vec {
	c := a.vec()
	a.mul(c, x, x)
	a.mul(c, c, a.constant(geluCubic))
	a.horner(c, x, x)
	a.mul(c, c, a.constant(geluScale))
	c = a.sigmoid(c)
	a.mul(c, x, c)
	return c
}

// geluErf is geluErf32.
func (a program) geluErf(x vec) vec {
	w := a.vec()
	a.and(w, x, a.bits(signBit-1))
	tail := a.normTail(w)
	rest := a.splat(a.constant(1))
	a.sub(rest, rest, tail)
	a.selectNegative(tail, x, tail, rest)
	a.mul(tail, x, tail)
	return tail
}

// normTail is normTail32; it overwrites x.
func (a program) normTail(x vec) vec {
	limit := a.splat(a.constant(normMax))
	a.min(x, limit, x)
	t := a.splat(a.constant(normT))
	a.horner(t, x, a.constant(1))
	one := a.splat(a.constant(1))
	a.div(t, one, t)
	q := a.polynomial(t, normPoly)
	a.mul(q, q, t)
	hi := a.vec()
	a.mul(hi, x, x)
	lo := a.vec()
	a.sub(lo, a.zero(), hi)
	a.fma(lo, x, x)
	a.mul(hi, hi, a.constant(-0.5))
	e := a.exp(hi)
	a.mul(lo, lo, a.constant(-0.5))
	a.horner(lo, e, e)
	a.mul(lo, lo, q)
	return lo
}

// softplus is softplus32.
func (a program) softplus(x vec) vec {
	w := a.vec()
	a.or(w, x, a.bits(signBit))
	y := a.exp(w)
	s := a.vec()
	a.add(s, y, a.constant(2))
	a.div(s, y, s)
	l := a.atanhTwice(s, log1pPoly)
	m := a.relu(x)
	a.add(m, m, l)
	return m
}

// atanhTwice is 2·atanh s as log32 and log1pExp32 compute it.
func (a program) atanhTwice(s vec, poly []float64) vec {
	z := a.vec()
	a.mul(z, s, s)
	q := a.polynomial(z, poly)
	a.mul(z, s, z)
	a.add(s, s, s)
	a.horner(q, z, s)
	return q
}

// log is log32.
func (a program) log(x vec) vec {
	// Scale subnormals, and everything else that is below them.
	small := a.compare(less, x, a.splat(a.constant(0x1p-126)))
	scaled := a.vec()
	a.mul(scaled, x, a.constant(0x1p23))
	w := a.vec()
	a.choose(w, small, scaled, x)
	e := a.zero()
	a.choose(e, small, a.splat(a.bits(uint32(0xffffffff-23+1))), e)

	a.isub(w, w, a.bits(sqrtHalf))
	t := a.vec()
	a.shift(t, w, -23)
	a.iadd(e, e, t)
	a.and(w, w, a.bits(0x7fffff))
	a.iadd(w, w, a.bits(sqrtHalf))
	a.sub(w, w, a.constant(1))
	a.add(t, w, a.constant(2))
	a.div(w, w, t)
	l := a.atanhTwice(w, logPoly)
	a.fromInt(e)
	a.fma(l, e, a.constant(ln2Lo))
	a.fma(l, e, a.constant(ln2Hi))

	zero := a.zero()
	a.choose(l, a.compare(equal, x, a.splat(a.constant(math.Inf(1)))), x, l)
	a.choose(l, a.compare(equal, x, zero), a.splat(a.constant(math.Inf(-1))), l)
	a.choose(l, a.compare(isNaN, x, x), x, l)
	a.choose(l, a.compare(less, x, zero), a.splat(a.bits(0x7fc00000)), l)
	return l
}

// relu is relu32: max gives its second operand for NaN and for two zeros.
func (a program) relu(x vec) vec {
	d := a.zero()
	a.max(d, d, x)
	return d
}

func (a program) reluSquared(x vec) vec {
	d := a.relu(x)
	a.mul(d, d, d)
	return d
}
