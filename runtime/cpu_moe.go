package runtime

import "inferd/kernels"

func (c *cpu) Route(scores Tensor, rule *routeRule) Routing {
	n := scores.rows * rule.nUsed
	r := Routing{nUsed: rule.nUsed, ids: alloc[int32](&c.arena, n), weights: alloc[float32](&c.arena, n)}
	mark := c.arena.mark()
	defer c.arena.release(mark)
	choice := alloc[float32](&c.arena, scores.cols)
	if c.measures() {
		return r
	}
	for i := range scores.rows {
		from, to := i*r.nUsed, (i+1)*r.nUsed
		rule.route(r.ids[from:to], r.weights[from:to], scores.row(i), choice)
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
		g.gather(grouped, x)
		if e.weighInput {
			g.weigh(grouped, &r)
		}
	}
	c.addGrouped(grouped, e.gate, gate)
	c.addGrouped(grouped, e.up, up)
	c.runMatMuls()
	c.GLU(gate, up, e.gating)
	c.addGrouped(gate, e.down, down)
	c.runMatMuls()
	if c.measures() {
		return y
	}
	c.rows.out, c.rows.y, c.rows.routing, c.rows.ids = y, down, r, g.place
	if e.weighInput {
		c.each(sumExperts)
	} else {
		c.each(addExperts)
	}
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

// sumExperts is addExperts where the weights are in what the experts read.
func sumExperts(j *rowsJob, from, to int) {
	n := j.routing.nUsed
	for i := from; i < to; i++ {
		sum := j.out.row(i)
		clear(sum)
		for u := i * n; u < (i+1)*n; u++ {
			kernels.Add(sum, sum, j.y.row(int(j.ids[u])))
		}
	}
}

// HeadMatMul gathers each head's rows, so that they are the rows of one product
// with the head's matrix, as those of an expert are.
func (c *cpu) HeadMatMul(x Tensor, ws []linear) Tensor {
	nHeads, nIn, nOut := len(ws), ws[0].w.NIn, ws[0].w.NOut
	y := c.tensor(x.rows, nHeads*nOut)
	mark := c.arena.mark()
	defer c.arena.release(mark)

	in := c.tensor(nHeads*x.rows, nIn) // [nHeads, nTokens, nIn]
	out := c.tensor(nHeads*x.rows, nOut)
	if !c.measures() {
		c.rows.out, c.rows.x = in, x
		c.each(gatherHeads)
	}
	a := c.activations(in, ws[0].w.Format)
	if c.measures() {
		for h := range ws {
			c.countMACs(&ws[h], x.rows)
		}
		return y
	}
	for h := range ws {
		c.matMul.add(&ws[h], a, out.x, kernels.Range{From: h * x.rows, To: (h + 1) * x.rows})
	}
	c.runMatMuls()
	c.rows.out, c.rows.x, c.rows.dim = y, out, nOut
	c.each(scatterHeads)
	return y
}

func gatherHeads(j *rowsJob, from, to int) {
	n, nTokens := j.out.cols, j.x.rows
	for i := from; i < to; i++ {
		copy(j.out.row(i), j.x.row(i % nTokens)[i/nTokens*n:])
	}
}

func scatterHeads(j *rowsJob, from, to int) {
	for i := from; i < to; i++ {
		for h := 0; h < j.out.cols/j.dim; h++ {
			copy(j.out.row(i)[h*j.dim:], j.x.row(h*j.out.rows+i))
		}
	}
}
