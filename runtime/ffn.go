package runtime

import "inferd/kernels"

// glu is a gated feed-forward network: down(act(gate(x))·up(x)) (arXiv:2002.05202).
type glu struct {
	act    kernels.ActivationFunc
	dim    int
	ffnDim int
	suffix string // of its tensors' names
	fused  bool   // ffn_up holds the rows of gate, then of up

	gate, up, down linear
}

// glu returns layer i's network.
func (c *config) glu(i int, act kernels.ActivationFunc) *glu {
	return &glu{act: act, dim: c.dim, ffnDim: c.ffnDims[i]}
}

// fusedGLU returns layer i's network with gate and up in one matrix.
func (c *config) fusedGLU(i int, act kernels.ActivationFunc) *glu {
	return &glu{act: act, dim: c.dim, ffnDim: c.ffnDims[i], fused: true}
}

func (g *glu) bind(b *binder) {
	if g.fused {
		b.parts("ffn_up"+g.suffix, g.dim, part{&g.gate, g.ffnDim}, part{&g.up, g.ffnDim})
	} else {
		b.mat(&g.gate, "ffn_gate"+g.suffix, g.ffnDim, g.dim)
		b.mat(&g.up, "ffn_up"+g.suffix, g.ffnDim, g.dim)
	}
	b.mat(&g.down, "ffn_down"+g.suffix, g.dim, g.ffnDim)
}

func (g *glu) apply(b Backend, h Tensor) Tensor {
	gate, up := b.MatMul2(h, &g.gate, &g.up)
	return b.MatMul(b.GLU(gate, up, gating{act: g.act}), &g.down)
}

// mlp is a plain feed-forward network: down(gelu(up(x))).
type mlp struct {
	dim, ffnDim int
	up, down    linear
}

// mlp returns layer i's network.
func (c *config) mlp(i int) *mlp { return &mlp{dim: c.dim, ffnDim: c.ffnDims[i]} }

func (m *mlp) bind(b *binder) {
	b.mat(&m.up, "ffn_up", m.ffnDim, m.dim)
	b.mat(&m.down, "ffn_down", m.dim, m.ffnDim)
}

func (m *mlp) apply(b Backend, h Tensor) Tensor {
	h = b.MatMul(h, &m.up)
	b.Activate(h, kernels.GELU)
	return b.MatMul(h, &m.down)
}

// gating says how the two halves of a gated network are joined: act(gate)·up,
// or gpt-oss's clamped form where limit is set.
type gating struct {
	act          kernels.ActivationFunc
	alpha, limit float32
}

// join computes both halves' product in gate's place.
func (g *gating) join(gate, up []float32) {
	if g.limit > 0 {
		kernels.SwiGLUClamped(gate, gate, up, g.alpha, g.limit)
		return
	}
	kernels.GLU(gate, gate, up, g.act)
}
