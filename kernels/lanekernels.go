package kernels

// laneKernels is what an instruction-set level supplies for the operations
// that this file, attentiontiles.go and recurrentlanes.go build from it. All vectors of a call
// have the same length unless a comment says otherwise; every length works.
type laneKernels struct {
	exp, log      func(out, x []float32)
	activate      [numActivationFuncs]func(out, x []float32)
	glu           [numActivationFuncs]func(out, gate, up []float32)
	swiGLUClamped func(out, gate, up []float32, alpha, limit float32)
	softcap       func(out, x []float32, limit, inv float32) // inv = 1/limit
	add, mul      func(out, a, b []float32)
	addScaled     func(out, a, b []float32, s float32)

	scale       func(out, x []float32, s float32)       // x·s
	scaleMul    func(out, x, w []float32, s float32)    // (x·s)·w
	scaleAdd    func(out, x, b []float32, s float32)    // x·s + b, rounded twice
	scaleMulAdd func(out, x, w, b []float32, s float32) // fma(x·s, w, b)

	sum, sumSquares, max func(x []float32) float32
	center               func(out, x []float32, m float32) float32 // out = x-m; Σ out²
	expSum               func(out, x []float32, m float32) float32 // out = e^(x-m); Σ out
	firstAbove           func(x []float32, limit float32) int      // len(x) if there is none

	// rope turns one head of 2·len(cos) elements; by pairing.
	rope [2]func(x, cos, sin []float32)

	// rmsNormRows is rmsNormGeneric with one row of weights, where dim > 0 divides
	// by 16; nil where it is made of sumSquares and scaleMul.
	rmsNormRows func(out, x, w *float32, dim, nRows int, eps float32)

	spread    func(x []float32, m float32) float32 // Σ (x-m)²
	reluAbove func(out, x []float32, cut float32)  // relu(x - cut)

	tiles attentionKernels

	fmaTo       func(acc, a, b []float32) // acc = fma(a, b, acc)
	mambaToken  func(out, u, dt, d []float32, h, a *float32, stride int, b, c []float32)
	mamba2Token func(out, u []float32, h *float32, b, c []float32, decay, step, d float32)
	deltaToken  func(out, v []float32, state *float32, q, k []float32, decay, beta float32)
}

// override puts the level's operations into i.
func (k *laneKernels) override(i *Impl) {
	i.Exp, i.Log = k.exp, k.log
	i.Activate, i.GLU = k.activateAll, k.gluAll
	i.SwiGLUClamped = k.swiGLUClamped
	i.Softcap = func(out, x []float32, limit float32) { k.softcap(out, x, limit, 1/limit) }
	i.Add, i.Mul, i.AddScaled, i.Scale = k.add, k.mul, k.addScaled, k.scale
	i.RoPE = k.ropeHeads
	i.Sum, i.SumSquares, i.Max = k.sum, k.sumSquares, k.max
	i.RMSNorm, i.L2Norm, i.LayerNorm = k.rmsNorm, k.l2Norm, k.layerNorm
	i.Softmax = k.softmax
	i.Argmax = k.argmax
	i.FirstAbove = func(x []float32, next int, limit float32) int { return next + k.firstAbove(x[next:], limit) }
	i.StoreKV = k.storeKV
	i.AttentionSegment, i.AttentionMerge = k.attentionSegment, k.attentionMerge
	i.GaussianCutoff = k.gaussianCutoff
	i.CausalConv = k.causalConv
	i.MambaScan, i.Mamba2Scan, i.DeltaScan = k.mambaScan, k.mamba2Scan, k.deltaScan
}

func (k *laneKernels) activateAll(out, x []float32, act ActivationFunc) { k.activate[act](out, x) }

func (k *laneKernels) gluAll(out, gate, up []float32, act ActivationFunc) { k.glu[act](out, gate, up) }

func (k *laneKernels) ropeHeads(x []float32, nHeads, stride int, cos, sin []float32, pairing RoPEPairing) {
	for h := range nHeads {
		k.rope[pairing](x[h*stride:], cos, sin)
	}
}

func (k *laneKernels) rmsNorm(out, x, weight []float32, dim int, eps float32) {
	if k.rmsNormRows != nil && len(weight) == dim && dim%nLanes == 0 && len(x) > 0 {
		k.rmsNormRows(&out[0], &x[0], &weight[0], dim, len(x)/dim, eps)
		return
	}
	for r := 0; r < len(x); r += dim {
		row := x[r : r+dim]
		s := 1 / sqrt32(k.sumSquares(row)/float32(dim)+eps)
		k.affine(out[r:r+dim], row, weightRow(weight, r, dim), nil, s)
	}
}

func (k *laneKernels) l2Norm(out, x []float32, dim int, eps float32) {
	for r := 0; r < len(x); r += dim {
		row := x[r : r+dim]
		k.scale(out[r:r+dim], row, 1/max(sqrt32(k.sumSquares(row)), eps))
	}
}

func (k *laneKernels) layerNorm(out, x, weight, bias []float32, dim int, eps float32) {
	for r := 0; r < len(x); r += dim {
		row, dst := x[r:r+dim], out[r:r+dim]
		ss := k.center(dst, row, k.sum(row)/float32(dim))
		s := 1 / sqrt32(ss/float32(dim)+eps)
		k.affine(dst, dst, weightRow(weight, r, dim), weightRow(bias, r, dim), s)
	}
}

// affine is x·s·w + b, where w and b may be nil.
func (k *laneKernels) affine(out, x, w, b []float32, s float32) {
	switch {
	case w == nil && b == nil:
		k.scale(out, x, s)
	case w == nil:
		k.scaleAdd(out, x, b, s)
	case b == nil:
		k.scaleMul(out, x, w, s)
	default:
		k.scaleMulAdd(out, x, w, b, s)
	}
}

func (k *laneKernels) softmax(out, x []float32) {
	k.scale(out, out, 1/k.expSum(out, x, k.max(x)))
}

// argmax looks for the largest value and then for its first place, which is
// where x first exceeds the next smaller number.
func (k *laneKernels) argmax(x []float32) int {
	m := k.max(x)
	below := nextBelow32(m)
	if below != below {
		return argmaxGeneric(x) // there is nothing but -Inf and NaN
	}
	return k.firstAbove(x, below)
}
