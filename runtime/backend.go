package runtime

import "inferd/kernels"

// Tensor is a matrix of activations [rows, cols] in a backend's scratch memory,
// valid until the backend releases it. What it holds is the backend's business;
// architectures only pass it on.
type Tensor struct {
	rows, cols int
	x          []float32 // nil while a backend only measures
}

// row returns row i.
func (t Tensor) row(i int) []float32 { return t.x[i*t.cols : (i+1)*t.cols : (i+1)*t.cols] }

// Backend computes the operations that architectures are written in. Each
// returns a new tensor unless it says otherwise. A backend fuses and divides
// work as it likes, as long as its bits do not depend on it.
//
// Several matrices that take the same input are one call, because their input
// is prepared once and one round of threads does them all.
type Backend interface {
	// Embed looks up the rows of w that tokens name.
	Embed(w *kernels.Matrix, tokens []Token) Tensor
	// Rows picks rows of x.
	Rows(x Tensor, rows []int32) Tensor

	// MatMul computes x·Wᵀ + bias.
	MatMul(x Tensor, w *linear) Tensor
	MatMul2(x Tensor, w0, w1 *linear) (Tensor, Tensor)
	MatMul3(x Tensor, w0, w1, w2 *linear) (Tensor, Tensor, Tensor)

	// HeadMatMul multiplies each head of x by a matrix of its own.
	HeadMatMul(x Tensor, ws []linear) Tensor

	// Norm normalises x; where n is no norm it returns x itself.
	Norm(x Tensor, n *norm) Tensor
	// Rotation returns the cosines and sines of the step's positions.
	Rotation(r *rope, s *step) Rotation
	// RoPE turns each head of x in place.
	RoPE(x Tensor, headDim int, r Rotation)
	// Temperature returns the factors of the step's positions, [nTokens, 1].
	Temperature(s *step, t *temperature) Tensor

	// StoreKV appends the keys and values of the step's tokens to their
	// sessions' layer.
	StoreKV(s *step, layer int, k, v Tensor)
	// Attention reads the sessions' layer, this step's tokens included.
	Attention(q Tensor, s *step, layer int, a *kernels.Attention) Tensor

	// Recur runs an operation with a state through the sessions' tokens, from
	// their states on.
	Recur(s *step, layer int, r recurrence, in recurrentInput) Tensor

	// Experts runs the experts that r chose for each row of x and adds up their
	// outputs, by their weights and in ascending order of experts.
	Experts(x Tensor, r Routing, e *experts) Tensor
	// Route chooses experts from a router's scores, which it overwrites.
	Route(scores Tensor, rule *routeRule) Routing

	// GLU joins the halves of a gated network in gate's memory.
	GLU(gate, up Tensor, g gating) Tensor
	// Part copies the elements [from, from+n) of each head of x.
	Part(x Tensor, headDim, from, n int) Tensor
	// Join puts each head of y, of ny elements, behind that of x, of nx. Where y
	// has a single head, it goes behind all.
	Join(x, y Tensor, nx, ny int) Tensor
	// Mul multiplies each row of x by weight.
	Mul(x Tensor, weight []float32) Tensor
	// Zeros returns a tensor as large as x.
	Zeros(x Tensor) Tensor

	// These change x in place.
	NormInPlace(x Tensor, n *norm)
	AddVector(x Tensor, v []float32) // to each row
	Activate(x Tensor, act kernels.ActivationFunc)
	Softcap(x Tensor, limit float32)
	GaussianCutoff(x Tensor, width float32) // see kernels.GaussianCutoff
	MatchLength(x, y Tensor)                // gives each row of x the length of y's
	Scale(x Tensor, factor float32)
	ScaleRows(x, factors Tensor, col int) // row i by factors[i, col]
	Add(x, y Tensor)
	Product(x, y Tensor)
	AddScaled(x, y Tensor, factor float32)
	AddScaledRows(x, y, factors Tensor, col int)

	// Mark and Release bracket scratch memory: Release frees every tensor made
	// since Mark.
	Mark() int
	Release(mark int)
}

// Rotation is the turn of each of a step's tokens under one rotary encoding.
type Rotation struct {
	cos, sin Tensor // [nTokens, nRot/2]
	pairing  kernels.RoPEPairing
}
