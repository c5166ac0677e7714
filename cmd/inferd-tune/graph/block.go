package graph

import (
	"fmt"
	"math"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// builder makes nodes. gorgonia's constructors fail only on mismatched shapes,
// a programmer's mistake that Config.Validate leaves no room for; so the
// builder panics, by way of G.Must, and the mathematics stays readable.
type builder struct {
	Config
	g                 *G.ExprGraph
	nRows, nTok, nPos int // rows of the batch, tokens in a row, tokens in all
	params            map[string]*G.Node

	// Constants.
	mean    *G.Node // [dim, 1] all 1/dim: a product with it is the mean of a row
	onesDim *G.Node // [1, dim]
	onesPos *G.Node // [nPos, 1]
	eps     *G.Node // [nPos, 1]
	swap    *G.Node // [headDim, headDim] maps each RoPE pair (a, b) to (-b, a)
	ropeQ   rotation
	ropeK   rotation
	mask    *G.Node // [nRows·nKVHeads, groupSize·nTok, nTok], input: 0 or a large negative
}

// rotation holds RoPE tables, [nPos·heads, headDim].
type rotation struct{ cos, sin *G.Node }

func (b *builder) constant(name string, rows, cols int, at func(i, j int) float64) *G.Node {
	data := make([]float32, rows*cols)
	for i := range data {
		data[i] = float32(at(i/cols, i%cols))
	}
	return b.node(name, data, rows, cols)
}

func (b *builder) node(name string, data []float32, shape ...int) *G.Node {
	return G.NewTensor(b.g, tensor.Float32, len(shape), G.WithShape(shape...), G.WithName(name),
		G.WithValue(tensor.New(tensor.WithShape(shape...), tensor.WithBacking(data))))
}

func (b *builder) constants() {
	always := func(x float64) func(int, int) float64 { return func(int, int) float64 { return x } }
	b.mean = b.constant("mean", b.Dim, 1, always(1/float64(b.Dim)))
	b.onesDim = b.constant("ones.dim", 1, b.Dim, always(1))
	b.onesPos = b.constant("ones.pos", b.nPos, 1, always(1))
	b.eps = b.constant("eps", b.nPos, 1, always(float64(b.Eps)))
	half := b.HeadDim() / 2
	b.swap = b.constant("rope.swap", b.HeadDim(), b.HeadDim(), func(from, to int) float64 {
		partner, first := to^1, to%2 == 0
		if b.RopeNeoX {
			partner, first = (to+half)%b.HeadDim(), to < half
		}
		switch {
		case from != partner:
			return 0
		case first:
			return -1
		}
		return 1
	})
	// The 1/√headDim of the scores is folded into the query's tables.
	b.ropeQ = b.rotation("rope.q", b.NHeads, 1/math.Sqrt(float64(b.HeadDim())))
	b.ropeK = b.rotation("rope.k", b.NKVHeads, 1)
}

func (b *builder) rotation(name string, heads int, scale float64) rotation {
	half := b.HeadDim() / 2
	angle := func(i, j int) float64 {
		pair := j / 2
		if b.RopeNeoX {
			pair = j % half
		}
		pos := i / heads % b.nTok
		return float64(pos) * math.Pow(b.RopeBase, -float64(pair)/float64(half))
	}
	rows := b.nPos * heads
	return rotation{
		b.constant(name+".cos", rows, b.HeadDim(), func(i, j int) float64 { return scale * math.Cos(angle(i, j)) }),
		b.constant(name+".sin", rows, b.HeadDim(), func(i, j int) float64 { return scale * math.Sin(angle(i, j)) }),
	}
}

func mul(x, y *G.Node) *G.Node { return G.Must(G.Mul(x, y)) } // matrix product
func had(x, y *G.Node) *G.Node { return G.Must(G.HadamardProd(x, y)) }
func add(x, y *G.Node) *G.Node { return G.Must(G.Add(x, y)) }

func reshape(x *G.Node, shape ...int) *G.Node  { return G.Must(G.Reshape(x, shape)) }
func transpose(x *G.Node, axes ...int) *G.Node { return G.Must(G.Transpose(x, axes...)) }
func bmm(x, y *G.Node) *G.Node                 { return G.Must(G.BatchedMatMul(x, y)) }

// param returns the parameter of a layer.
func (b *builder) param(l int, name string) *G.Node {
	return b.params[fmt.Sprintf("blk.%d.%s.weight", l, name)]
}

// rmsNorm scales each row of x [nPos, dim] to a root mean square of 1, then
// by gain [1, dim] (arXiv:1910.07467).
func (b *builder) rmsNorm(x, gain *G.Node) *G.Node {
	meanSquare := mul(had(x, x), b.mean) // [nPos, 1]
	inv := G.Must(G.Inverse(G.Must(G.Sqrt(add(meanSquare, b.eps)))))
	return had(had(x, mul(inv, b.onesDim)), mul(b.onesPos, gain))
}

// rope rotates x [nPos, heads·headDim] (arXiv:2104.09864); the result is
// [nPos·heads, headDim].
func (b *builder) rope(x *G.Node, r rotation) *G.Node {
	x = reshape(x, x.Shape().TotalSize()/b.HeadDim(), b.HeadDim())
	return add(had(x, r.cos), had(mul(x, b.swap), r.sin))
}

// attention mixes values over earlier positions. The query heads that share a
// KV head (arXiv:2305.13245) stand one below the other in its matrix.
func (b *builder) attention(q, k, v *G.Node) *G.Node {
	kv, group, d := b.NKVHeads, b.NHeads/b.NKVHeads, b.HeadDim()
	if group == 1 {
		q = transpose(reshape(q, b.nRows, b.nTok, kv, d), 0, 2, 1, 3)
	} else {
		q = transpose(reshape(q, b.nRows, b.nTok, kv, group, d), 0, 2, 3, 1, 4)
	}
	q = reshape(q, b.nRows*kv, group*b.nTok, d)
	k = reshape(transpose(reshape(k, b.nRows, b.nTok, kv, d), 0, 2, 3, 1), b.nRows*kv, d, b.nTok)
	v = reshape(transpose(reshape(v, b.nRows, b.nTok, kv, d), 0, 2, 1, 3), b.nRows*kv, b.nTok, d)

	scores := add(bmm(q, k), b.mask) // [nRows·kv, group·nTok, nTok]
	o := bmm(G.Must(G.SoftMax(scores, 2)), v)
	if group == 1 {
		o = transpose(reshape(o, b.nRows, kv, b.nTok, d), 0, 2, 1, 3)
	} else {
		o = transpose(reshape(o, b.nRows, kv, group, b.nTok, d), 0, 3, 1, 2, 4)
	}
	return reshape(o, b.nPos, b.Dim)
}

// layer runs one layer over x [nPos, dim].
func (b *builder) layer(l int, x *G.Node) *G.Node {
	h := b.rmsNorm(x, b.param(l, "attn_norm"))
	q := b.rope(mul(h, b.param(l, "attn_q")), b.ropeQ)
	k := b.rope(mul(h, b.param(l, "attn_k")), b.ropeK)
	v := mul(h, b.param(l, "attn_v"))
	x = add(x, mul(b.attention(q, k, v), b.param(l, "attn_output")))

	h = b.rmsNorm(x, b.param(l, "ffn_norm"))
	gate := mul(h, b.param(l, "ffn_gate"))
	up := mul(h, b.param(l, "ffn_up"))
	silu := had(gate, G.Must(G.Sigmoid(gate))) // SwiGLU, arXiv:2002.05202
	return add(x, mul(had(silu, up), b.param(l, "ffn_down")))
}

// logits runs the whole model over one-hot tokens [nPos, nVocab]; hidden is
// the last layer's output after the norm, [nPos, dim].
func (b *builder) logits(tokens *G.Node) (logits, hidden *G.Node) {
	x := mul(tokens, b.params["token_embd.weight"])
	for l := range b.NLayers {
		x = b.layer(l, x)
	}
	hidden = b.rmsNorm(x, b.params["output_norm.weight"])
	if b.Tied {
		return mul(hidden, transpose(b.params["token_embd.weight"], 1, 0)), hidden
	}
	return mul(hidden, b.params["output.weight"]), hidden
}
