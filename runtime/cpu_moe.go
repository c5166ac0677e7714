package runtime

import "inferd/kernels"

func (c *cpu) Route(scores Tensor, rule *routeRule) Routing {
	n := scores.rows * rule.nUsed
	r := Routing{nUsed: rule.nUsed, ids: alloc[int32](&c.arena, n), weights: alloc[float32](&c.arena, n)}
	if c.measures() {
		return r
	}
	for i := range scores.rows {
		from, to := i*r.nUsed, (i+1)*r.nUsed
		rule.route(r.ids[from:to], r.weights[from:to], scores.row(i))
	}
	return r
}

// Experts gathers the rows of x by the expert they use, so that an expert's
// weights are read once for all of them and those of idle experts not at all.
// The grouping leaves no trace in the bits: a row's products do not depend on
// its neighbours, and each token adds its experts' outputs in the same order.
func (c *cpu) Experts(x Tensor, r Routing, e *experts) Tensor {
	y := c.tensor(x.rows, x.cols)
	mark := c.arena.mark()
	defer c.arena.release(mark)

	nUses := x.rows * r.nUsed
	g := &c.groups
	g.rows = alloc[int32](&c.arena, nUses)
	g.place = alloc[int32](&c.arena, nUses)
	g.start = alloc[int32](&c.arena, len(e.down)+1)
	grouped := c.tensor(nUses, x.cols) // [nUses, dim]
	gate := c.tensor(nUses, e.gate[0].w.NOut)
	up := c.tensor(nUses, e.up[0].w.NOut)
	down := c.tensor(nUses, x.cols)
	if !c.measures() {
		g.fill(&r)
		for i, row := range g.rows {
			copy(grouped.row(i), x.row(int(row)))
		}
	}
	c.addGrouped(grouped, e.gate, gate)
	c.addGrouped(grouped, e.up, up)
	c.runMatMuls()
	c.GLU(gate, up, e.act)
	c.addGrouped(gate, e.down, down)
	c.runMatMuls()
	if c.measures() {
		return y
	}
	c.rows.out, c.rows.y, c.rows.routing, c.rows.ids = y, down, r, g.place
	c.each(addExperts)
	return y
}

// addGrouped adds to the next job the product of each group's rows of x with
// its expert's matrix.
func (c *cpu) addGrouped(x Tensor, ws []linear, y Tensor) {
	a := c.activations(x, ws[0].w.Format)
	if c.measures() {
		return
	}
	for i := range ws {
		if rows := (kernels.Range{From: int(c.groups.start[i]), To: int(c.groups.start[i+1])}); rows.From < rows.To {
			c.matMul.add(&ws[i], a, y.x, rows)
		}
	}
}

// addExperts sums up each token's experts, weighted, in ascending order.
func addExperts(j *rowsJob, from, to int) {
	n := j.routing.nUsed
	for i := from; i < to; i++ {
		sum := j.out.row(i)
		clear(sum)
		for u := i * n; u < (i+1)*n; u++ {
			kernels.AddScaled(sum, sum, j.y.row(int(j.ids[u])), j.routing.weights[u])
		}
	}
}
