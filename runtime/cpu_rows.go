package runtime

import "inferd/kernels"

// The operations on rows, or on elements, that do not depend on one another.

func (c *cpu) Norm(x Tensor, n *norm) Tensor {
	if n.dim == 0 {
		return x
	}
	y := c.tensor(x.rows, x.cols)
	if c.measures() {
		return y
	}
	c.rows.x, c.rows.out, c.rows.norm = x, y, n
	c.each(func(j *rowsJob, from, to int) { j.norm.compute(j.out.part(from, to), j.x.part(from, to)) })
	return y
}

func (c *cpu) Rotation(p *rope, s *step) Rotation {
	n := p.params.NRot / 2
	r := Rotation{c.tensor(len(s.pos), n), c.tensor(len(s.pos), n), p.pairing}
	if c.measures() {
		return r
	}
	c.rows.out, c.rows.rot, c.rows.table, c.rows.step = r.cos, r, p.table, s
	c.each(func(j *rowsJob, from, to int) {
		for i := from; i < to; i++ {
			j.table.Row(j.rot.cos.row(i), j.rot.sin.row(i), int(j.step.pos[i]))
		}
	})
	return r
}

func (c *cpu) RoPE(x Tensor, headDim int, r Rotation) {
	if c.measures() {
		return
	}
	c.rows.out, c.rows.dim, c.rows.rot = x, headDim, r
	c.each(func(j *rowsJob, from, to int) {
		for i := from; i < to; i++ {
			kernels.RoPE(j.out.row(i), j.out.cols/j.dim, j.dim, j.rot.cos.row(i), j.rot.sin.row(i), j.rot.pairing)
		}
	})
}

func (c *cpu) Temperature(s *step, t *temperature) Tensor {
	y := c.tensor(len(s.pos), 1)
	if !c.measures() {
		t.compute(y.x, s.pos)
	}
	return y
}

func (c *cpu) GLU(gate, up Tensor, g gating) Tensor {
	if c.measures() {
		return gate
	}
	c.rows.out, c.rows.y, c.rows.gating = gate, up, g
	c.each(func(j *rowsJob, from, to int) { j.gating.join(j.out.part(from, to), j.y.part(from, to)) })
	return gate
}

func (c *cpu) Part(x Tensor, headDim, from, n int) Tensor {
	y := c.tensor(x.rows, x.cols/headDim*n)
	if c.measures() {
		return y
	}
	c.rows.x, c.rows.out, c.rows.dim, c.rows.from, c.rows.n = x, y, headDim, from, n
	c.each(func(j *rowsJob, from, to int) {
		x, y := j.x.part(from, to), j.out.part(from, to)
		for ; len(y) > 0; x, y = x[j.dim:], y[j.n:] {
			copy(y[:j.n], x[j.from:])
		}
	})
	return y
}

func (c *cpu) Join(x, y Tensor, nx, ny int) Tensor {
	out := c.tensor(x.rows, x.cols/nx*(nx+ny))
	if c.measures() {
		return out
	}
	c.rows.x, c.rows.y, c.rows.out, c.rows.dim, c.rows.n = x, y, out, nx, ny
	c.each(func(j *rowsJob, from, to int) {
		for i := from; i < to; i++ {
			x, y, out := j.x.row(i), j.y.row(i), j.out.row(i)
			for ; len(x) > 0; x = x[j.dim:] {
				copy(out, x[:j.dim])
				copy(out[j.dim:], y[:j.n])
				out = out[j.dim+j.n:]
				if len(y) > j.n {
					y = y[j.n:]
				}
			}
		}
	})
	return out
}

func (c *cpu) Zeros(x Tensor) Tensor {
	y := c.tensor(x.rows, x.cols)
	clear(y.x)
	return y
}

func (c *cpu) Mul(x Tensor, weight []float32) Tensor {
	y := c.tensor(x.rows, x.cols)
	if c.measures() {
		return y
	}
	c.rows.x, c.rows.out, c.rows.weight = x, y, weight
	c.each(func(j *rowsJob, from, to int) {
		for i := from; i < to; i++ {
			kernels.Mul(j.out.row(i), j.x.row(i), j.weight)
		}
	})
	return y
}
