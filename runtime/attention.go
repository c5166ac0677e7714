package runtime

import (
	"math"

	"inferd/kernels"
)

// attention is a mixer: heads of queries look at the keys of the positions
// before them and take from their values. Several query heads may share the
// keys and values of one (arXiv:2305.13245).
type attention struct {
	kernels.Attention // what scores are made of, and which positions are seen

	dim               int
	layer             int // whose keys and values are read: its own, or an earlier one's
	ownKV             bool
	nKVHeads          int
	headDim, headDimV int

	rope          int  // the model's encoding of positions, or noRope
	qNorm, kNorm  norm // before positions are encoded
	lastNorm      norm // of each head's queries and keys, after it
	vNorm         norm
	temperature   *temperature
	hasSinks      bool
	gated         bool // each head's queries come with gates of its output, as wide
	valuesAreKeys bool // before their norm; there is no matrix for values

	wq, wk, wv, wo linear
}

// noRope is the encoding of a layer that does not know positions.
const noRope = -1

// attention returns layer i's attention, over the whole context, with the
// model's first encoding of positions.
func (c *config) attention(i int) *attention {
	return &attention{
		Attention: kernels.Attention{NHeads: c.heads[i], Scale: inverseSqrt(c.headDim), Causal: c.isCausal},
		dim:       c.dim,
		layer:     i,
		ownKV:     true,
		nKVHeads:  c.kvHeads[i],
		headDim:   c.headDim,
		headDimV:  c.headDimV,
	}
}

// inverseSqrt is the scale of scores that are sums of n products.
func inverseSqrt(n int) float32 { return float32(1 / math.Sqrt(float64(n))) }

// normHeads gives each head's queries and keys a norm.
func (a *attention) normHeads(c *config) *attention {
	a.qNorm, a.kNorm = c.norm("attn_q_norm", a.headDim), c.norm("attn_k_norm", a.headDim)
	return a
}

// normEachHead gives each head's queries and keys a norm with weights of its
// own, where the file has them.
func (a *attention) normEachHead(c *config) *attention {
	a.normHeads(c)
	a.qNorm.nRows, a.kNorm.nRows = a.NHeads, a.nKVHeads
	a.qNorm.optional, a.kNorm.optional = true, true
	return a
}

// normProjections gives all heads' queries, and all their keys, one norm.
func (a *attention) normProjections(c *config) *attention {
	a.qNorm = c.norm("attn_q_norm", a.NHeads*a.headDim)
	a.kNorm = c.norm("attn_k_norm", a.nKVHeads*a.headDim)
	return a
}

func (a *attention) bind(b *binder) {
	nQ, nK, nV := a.NHeads*a.headDim, a.nKVHeads*a.headDim, a.nKVHeads*a.headDimV
	if a.gated {
		nQ *= 2
	}
	switch {
	case b.has("attn_qkv.weight"):
		b.parts("attn_qkv", a.dim, part{&a.wq, nQ}, part{&a.wk, nK}, part{&a.wv, nV})
	case !a.ownKV:
		b.mat(&a.wq, "attn_q", nQ, a.dim)
		b.unused("attn_k", "attn_v", "attn_k_norm") // some files have them
	case a.valuesAreKeys:
		b.mat(&a.wq, "attn_q", nQ, a.dim)
		b.mat(&a.wk, "attn_k", nK, a.dim)
	default:
		b.mat(&a.wq, "attn_q", nQ, a.dim)
		b.mat(&a.wk, "attn_k", nK, a.dim)
		b.mat(&a.wv, "attn_v", nV, a.dim)
	}
	a.qNorm.bind(b)
	if a.ownKV {
		a.kNorm.bind(b)
	}
	if a.hasSinks {
		b.vec(&a.Sinks, "attn_sinks", a.NHeads)
	}
	b.mat(&a.wo, "attn_output", a.dim, a.NHeads*a.headDimV)
}

func (a *attention) kvSpec() kvSpec {
	if !a.ownKV {
		return kvSpec{}
	}
	return kvSpec{nKVHeads: a.nKVHeads, kDim: a.headDim, vDim: a.headDimV}
}

func (a *attention) apply(b Backend, h Tensor, s *step) Tensor {
	var q, k, v Tensor // [nTokens, nHeads or nKVHeads, headDim]
	narrows := s.narrows()
	switch {
	case !a.ownKV:
	case narrows && a.valuesAreKeys:
		k = b.MatMul(h, &a.wk)
		v = k
	case narrows:
		k, v = b.MatMul2(h, &a.wk, &a.wv)
	case a.valuesAreKeys:
		q, k = b.MatMul2(h, &a.wq, &a.wk)
		v = k
	default:
		q, k, v = b.MatMul3(h, &a.wq, &a.wk, &a.wv)
	}
	if a.ownKV {
		b.StoreKV(s, a.layer, a.place(b, k, &a.kNorm, s), b.Norm(v, &a.vNorm))
	}
	if narrows {
		s.narrow(b)
		if h = s.pick(b, h); h.rows == 0 {
			return h
		}
	}
	if narrows || !a.ownKV {
		q = b.MatMul(h, &a.wq)
	}
	var gate Tensor
	if a.gated {
		q, gate = b.Part(q, 2*a.headDim, 0, a.headDim), b.Part(q, 2*a.headDim, a.headDim, a.headDim)
	}
	q = a.place(b, q, &a.qNorm, s)
	if a.temperature != nil {
		b.ScaleRows(q, b.Temperature(s, a.temperature), 0)
	}
	out := b.Attention(q, s, a.layer, &a.Attention)
	if a.gated {
		out = b.GLU(gate, out, gating{act: kernels.Sigmoid})
	}
	return b.MatMul(out, &a.wo)
}

// place tells queries or keys where they stand.
func (a *attention) place(b Backend, x Tensor, n *norm, s *step) Tensor {
	x = b.Norm(x, n)
	if a.rope != noRope {
		b.RoPE(x, a.headDim, s.rotations[a.rope])
	}
	return b.Norm(x, &a.lastNorm)
}
