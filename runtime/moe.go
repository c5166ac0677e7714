package runtime

import "inferd/kernels"

// mixture is a feed-forward network of many experts, of which a router chooses
// a few for each token, and in some models one more that all tokens share.
type mixture struct {
	dim       int
	router    linear
	route     routeRule
	experts   experts
	shared    *glu
	gateShare bool // the shared expert's output is weighted by sigmoid(shareGate(x))
	shareGate linear
}

// mixture returns a network of all the model's experts.
func (c *config) mixture(rule routeRule) *mixture {
	rule.nUsed, rule.nGroups, rule.nGroupsUsed = c.nExpertsUsed, c.nGroups, c.nGroupsUsed
	return &mixture{
		dim:   c.dim,
		route: rule,
		experts: experts{
			n: c.nExperts, dim: c.dim, ffnDim: c.expertFFNDim,
			gating: gating{act: kernels.SiLU},
		},
	}
}

// share adds an expert of width ffnDim that all tokens use; none where it is 0.
func (m *mixture) share(ffnDim int) *mixture {
	if ffnDim > 0 {
		m.shared = &glu{act: kernels.SiLU, dim: m.dim, ffnDim: ffnDim, suffix: "_shexp"}
	}
	return m
}

// shareGated is share for an expert whose output a gate weighs.
func (m *mixture) shareGated(ffnDim int) *mixture {
	m.gateShare = true
	return m.share(ffnDim)
}

func (m *mixture) bind(b *binder) {
	b.mat(&m.router, router, m.experts.n, m.dim)
	b.bias(&m.route.bias, "exp_probs_b", m.experts.n)
	m.experts.bind(b)
	if m.shared == nil {
		return
	}
	m.shared.bind(b)
	if m.gateShare {
		b.mat(&m.shareGate, "ffn_gate_inp_shexp", 1, m.dim)
	}
}

func (m *mixture) apply(b Backend, h Tensor) Tensor {
	y := b.Experts(h, b.Route(b.MatMul(h, &m.router), &m.route), &m.experts)
	if m.shared == nil {
		return y
	}
	shared := m.shared.apply(b, h)
	if m.gateShare {
		g := b.MatMul(h, &m.shareGate) // [nTokens, 1]
		b.Activate(g, kernels.Sigmoid)
		b.ScaleRows(shared, g, 0)
	}
	b.Add(y, shared)
	return y
}

// experts is a mixture of gated feed-forward networks, of which each token uses
// a few.
type experts struct {
	n, dim, ffnDim int
	gating         gating
	weighInput     bool // an expert's weight multiplies what it reads, not what it says

	gate, up, down []linear // by expert
}

// bind binds the experts' matrices of a layer.
func (e *experts) bind(b *binder) {
	if b.has("ffn_gate_up_exps.weight") {
		b.experts("ffn_gate_up_exps", e.n, e.dim, expertPart{&e.gate, e.ffnDim}, expertPart{&e.up, e.ffnDim})
	} else {
		b.experts("ffn_gate_exps", e.n, e.dim, expertPart{&e.gate, e.ffnDim})
		b.experts("ffn_up_exps", e.n, e.dim, expertPart{&e.up, e.ffnDim})
	}
	b.experts("ffn_down_exps", e.n, e.ffnDim, expertPart{&e.down, e.dim})
}

// groups lists the rows of a step by the expert they use.
type groups struct {
	rows  []int32 // [nTokens·nUsed] row of the input, grouped by expert
	place []int32 // [nTokens, nUsed] where a token's use of an expert stands in rows
	start []int32 // [nExperts+1] each expert's part of rows
}

// fill groups the rows that r routes.
func (g *groups) fill(r *Routing) {
	clear(g.start)
	for _, e := range r.ids {
		g.start[e+1]++
	}
	for e := 1; e < len(g.start); e++ {
		g.start[e] += g.start[e-1]
	}
	for i, e := range r.ids { // start[e] runs ahead to the end of its part
		g.place[i] = g.start[e]
		g.rows[g.start[e]] = int32(i / r.nUsed)
		g.start[e]++
	}
	copy(g.start[1:], g.start)
	g.start[0] = 0
}

// gather copies the rows of x in the groups' order.
func (g *groups) gather(grouped, x Tensor) {
	for i, row := range g.rows {
		copy(grouped.row(i), x.row(int(row)))
	}
}

// weigh multiplies each row of grouped by the weight of the expert it goes to.
func (g *groups) weigh(grouped Tensor, r *Routing) {
	for i, place := range g.place {
		row := grouped.row(int(place))
		kernels.Scale(row, row, r.weights[i])
	}
}
