package runtime

import (
	"math"

	"inferd/kernels"
)

// The operations that change a tensor in place.

// change runs op on the rows of x, with y beside it, unless nothing must be
// touched.
func (c *cpu) change(x, y Tensor, op rowsOp) {
	if c.measures() {
		c.rows = rowsJob{run: c.rows.run}
		return
	}
	c.rows.out, c.rows.y = x, y
	c.each(op)
}

func (c *cpu) NormInPlace(x Tensor, n *norm) {
	if n.dim == 0 {
		return
	}
	c.rows.norm = n
	c.change(x, Tensor{}, func(j *rowsJob, from, to int) {
		x := j.out.part(from, to)
		j.norm.compute(x, x)
	})
}

func (c *cpu) AddVector(x Tensor, v []float32) {
	c.rows.weight = v
	c.change(x, Tensor{}, func(j *rowsJob, from, to int) { kernels.AddBias(j.out.part(from, to), j.weight) })
}

func (c *cpu) Activate(x Tensor, act kernels.ActivationFunc) {
	c.rows.act = act
	c.change(x, Tensor{}, func(j *rowsJob, from, to int) {
		x := j.out.part(from, to)
		kernels.Activate(x, x, j.act)
	})
}

func (c *cpu) Softcap(x Tensor, limit float32) {
	c.rows.factor = limit
	c.change(x, Tensor{}, func(j *rowsJob, from, to int) {
		x := j.out.part(from, to)
		kernels.Softcap(x, x, j.factor)
	})
}

func (c *cpu) GaussianCutoff(x Tensor, width float32) {
	c.rows.factor = width
	c.change(x, Tensor{}, func(j *rowsJob, from, to int) {
		x := j.out.part(from, to)
		kernels.GaussianCutoff(x, x, j.out.cols, j.factor)
	})
}

func (c *cpu) MatchLength(x, y Tensor) {
	c.change(x, y, func(j *rowsJob, from, to int) {
		for i := from; i < to; i++ {
			x := j.out.row(i)
			// Without a length there is nothing to give one to.
			if own := kernels.SumSquares(x); own > 0 {
				kernels.Scale(x, x, float32(math.Sqrt(float64(kernels.SumSquares(j.y.row(i))/own))))
			}
		}
	})
}

func (c *cpu) Scale(x Tensor, factor float32) {
	c.rows.factor = factor
	c.change(x, Tensor{}, func(j *rowsJob, from, to int) {
		x := j.out.part(from, to)
		kernels.Scale(x, x, j.factor)
	})
}

func (c *cpu) ScaleRows(x, factors Tensor, col int) {
	c.rows.factors, c.rows.from = factors, col
	c.change(x, Tensor{}, func(j *rowsJob, from, to int) {
		for i := from; i < to; i++ {
			x := j.out.row(i)
			kernels.Scale(x, x, j.factors.row(i)[j.from])
		}
	})
}

func (c *cpu) Add(x, y Tensor) {
	c.change(x, y, func(j *rowsJob, from, to int) {
		x := j.out.part(from, to)
		kernels.Add(x, x, j.y.part(from, to))
	})
}

func (c *cpu) Product(x, y Tensor) {
	c.change(x, y, func(j *rowsJob, from, to int) {
		x := j.out.part(from, to)
		kernels.Mul(x, x, j.y.part(from, to))
	})
}

func (c *cpu) AddScaled(x, y Tensor, factor float32) {
	c.rows.factor = factor
	c.change(x, y, func(j *rowsJob, from, to int) {
		x := j.out.part(from, to)
		kernels.AddScaled(x, x, j.y.part(from, to), j.factor)
	})
}

func (c *cpu) AddScaledRows(x, y, factors Tensor, col int) {
	c.rows.factors, c.rows.from = factors, col
	c.change(x, y, func(j *rowsJob, from, to int) {
		for i := from; i < to; i++ {
			x := j.out.row(i)
			kernels.AddScaled(x, x, j.y.row(i), j.factors.row(i)[j.from])
		}
	})
}
