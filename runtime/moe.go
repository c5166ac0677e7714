package runtime

import "inferd/kernels"

// routeRule says how a router's scores become a choice of experts.
type routeRule struct {
	nUsed int  // experts chosen for each token
	norm  bool // the chosen experts' weights are divided by their sum
}

// minWeightSum keeps the division by the sum of weights finite; it is the least
// normal float16, as in the engine these models are compared with.
const minWeightSum = 0x1p-14

// Routing is the choice of experts for each token of a step.
type Routing struct {
	nUsed   int
	ids     []int32   // [nTokens, nUsed] ascending for each token
	weights []float32 // [nTokens, nUsed]
}

// experts is a mixture of gated feed-forward networks, of which each token uses
// a few.
type experts struct {
	gate, up, down []linear // by expert
	act            kernels.ActivationFunc
}

// bind binds the experts' matrices of a layer.
func (e *experts) bind(b *binder, c *config) {
	b.experts(&e.gate, "ffn_gate_exps", c.nExperts, c.expertFFNDim, c.dim)
	b.experts(&e.up, "ffn_up_exps", c.nExperts, c.expertFFNDim, c.dim)
	b.experts(&e.down, "ffn_down_exps", c.nExperts, c.dim, c.expertFFNDim)
}

// route chooses the experts of one token. It overwrites scores with the
// probabilities of all experts.
func (r *routeRule) route(ids []int32, weights, scores []float32) {
	kernels.Softmax(scores, scores)
	n := kernels.TopK(ids, scores)
	for ; n < len(ids); n++ { // scores that are no numbers: any choice will do
		ids[n] = int32(n)
	}
	sortIDs(ids)
	sum := float32(0)
	for i, id := range ids {
		weights[i] = scores[id]
		sum += weights[i]
	}
	if r.norm {
		sum = max(sum, minWeightSum)
		for i := range weights {
			weights[i] /= sum
		}
	}
}

// sortIDs sorts a handful of ids in place.
func sortIDs(ids []int32) {
	for i := 1; i < len(ids); i++ {
		for j := i; j > 0 && ids[j] < ids[j-1]; j-- {
			ids[j], ids[j-1] = ids[j-1], ids[j]
		}
	}
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
