package runtime

import "inferd/kernels"

// norm normalises activations: by their root mean square (arXiv:1910.07467), or
// by mean and variance (arXiv:1607.06450). The zero norm leaves them as they
// are.
type norm struct {
	name     string // of its tensors; "" where it has none
	dim      int    // elements normalised together; they divide a row of activations
	nRows    int    // rows of weights: one for all, or one for each head
	eps      float32
	isLayer  bool // by mean and variance
	isLength bool // to the length one; eps bounds what they are divided by
	optional bool // the file may lack it, and then there is none

	weight, bias []float32 // [nRows, dim] or nil
}

// The keys that tell which kind of norm an architecture has.
const (
	rmsNormEps   = "attention.layer_norm_rms_epsilon"
	layerNormEps = "attention.layer_norm_epsilon"
)

// norm returns a norm of the model's kind over dim elements.
func (c *config) norm(name string, dim int) norm {
	return norm{name: name, dim: dim, nRows: 1, eps: c.normEps, isLayer: c.isLayerNorm}
}

// plainNorm returns a norm of the model's kind that has no weights.
func (c *config) plainNorm(dim int) norm { return c.norm("", dim) }

func (n *norm) bind(b *binder) {
	if n.name == "" {
		return
	}
	if n.optional && !b.has(n.name+".weight") {
		*n = norm{}
		return
	}
	b.rows(&n.weight, n.name+".weight", n.nRows, n.dim)
	if n.isLayer && b.has(n.name+".bias") {
		b.rows(&n.bias, n.name+".bias", n.nRows, n.dim)
	}
}

// compute normalises whole rows of activations.
func (n *norm) compute(out, x []float32) {
	switch {
	case n.isLayer:
		kernels.LayerNorm(out, x, n.weight, n.bias, n.dim, n.eps)
	case n.isLength:
		kernels.L2Norm(out, x, n.dim, n.eps)
	default:
		kernels.RMSNorm(out, x, n.weight, n.dim, n.eps)
	}
}
