package runtime

import "inferd/kernels"

// recurrentJob holds the arguments of Recur.
type recurrentJob struct {
	r      recurrence
	shape  *recurrentShape
	step   *step
	layer  int
	in     recurrentInput
	out    Tensor
	nParts int // that a run is divided into
	per    int // units in a part
	run    func(chunks kernels.Range, thread int)

	rows []recurrentRows // by thread: kernels' arguments, kept off the heap
}

// Recur divides the work by sessions and units. Each part goes through its
// session's tokens page by page and leaves copies of the state where pages end
// that have a checkpoint.
func (c *cpu) Recur(s *step, layer int, r recurrence, in recurrentInput) Tensor {
	shape := r.shape()
	out := c.tensor(in[0].t.rows, shape.width)
	if c.measures() {
		return out
	}
	j := &c.recurrent
	j.r, j.shape, j.step, j.layer, j.in, j.out = r, shape, s, layer, in, out
	j.nParts, j.per = 1, shape.units
	if out.rows*max(shape.width, shape.stateLen()) <= inlineElems {
		for i := range s.runs {
			j.chunk(i, 0)
		}
	} else {
		j.nParts = max(1, min(shape.units/shape.grain, 4*c.nThread))
		j.per = (shape.units + j.nParts - 1) / j.nParts
		j.per = (j.per + shape.grain - 1) / shape.grain * shape.grain
		j.nParts = (shape.units + j.per - 1) / j.per
		c.pool.run(len(s.runs)*j.nParts, j.run)
	}
	clear(j.rows)
	*j = recurrentJob{run: j.run, rows: j.rows}
	return out
}

// chunk goes through a run's tokens with some of the units.
func (j *recurrentJob) chunk(chunk, thread int) {
	r := &j.step.runs[chunk/j.nParts]
	part := chunk % j.nParts
	units := kernels.Range{From: part * j.per, To: min((part+1)*j.per, j.shape.units)}
	kv := j.step.kv
	state := j.state(kv, r.session.state)
	rows := &j.rows[thread]
	for pos := r.pos; pos < r.pos+r.n; {
		page := pos / pageTokens
		next := min((page+1)*pageTokens, r.pos+r.n)
		from, to := r.first+pos-r.pos, r.first+next-r.pos
		for i := range j.in {
			if in := &j.in[i]; in.t.cols > 0 {
				rows[i] = kernels.Rows{X: in.t.x[from*in.t.cols+in.from : to*in.t.cols], Stride: in.t.cols}
			}
		}
		j.r.scan(j.out.part(from, to), state, rows, units)
		if next%pageTokens == 0 {
			// Checkpoints of a step's pages change in no other place meanwhile.
			if id := kv.states.ofPage[r.session.pages[page]]; id != noState {
				j.shape.copyUnits(j.state(kv, id), state, units)
			}
		}
		pos = next
	}
}

// state returns the operation's part of a state.
func (j *recurrentJob) state(kv *pagePool, id stateID) []float32 {
	return kv.states.values(id)[kv.layout.states[j.layer]+j.shape.from:][:j.shape.stateLen()]
}

// copyUnits copies some units of a state.
func (s *recurrentShape) copyUnits(dst, src []float32, units kernels.Range) {
	from, to := units.From*s.unitLen, units.To*s.unitLen
	for row := range s.rows {
		at := row * s.units * s.unitLen
		copy(dst[at+from:at+to], src[at+from:at+to])
	}
}
