package runtime

import "inferd/kernels"

// matMulJob is any number of matrix products that run as one job. Their panels
// are numbered one after another and handed out in pairs: the kernels take two
// at a time.
type matMulJob struct {
	tasks  []matMulTask
	panels int // of all tasks
	run    func(pairs kernels.Range, thread int)
}

// matMulTask is y = scale·x·Wᵀ + bias for some rows of x.
type matMulTask struct {
	w     *linear
	x     kernels.Activations
	y     []float32 // [x.NTokens, w.NOut]
	rows  kernels.Range
	first int // number of its first panel in the job
}

// add appends a product.
func (j *matMulJob) add(w *linear, x kernels.Activations, y []float32, rows kernels.Range) {
	j.tasks = append(j.tasks, matMulTask{w, x, y, rows, j.panels})
	j.panels += w.w.NPanels()
}

// compute computes some pairs of panels, which may be of several tasks.
func (j *matMulJob) compute(pairs kernels.Range, scratch []byte) {
	from, to := 2*pairs.From, min(2*pairs.To, j.panels)
	for i := range j.tasks {
		t := &j.tasks[i]
		p := kernels.Range{From: max(from-t.first, 0), To: min(to-t.first, t.w.w.NPanels())}
		if p.From < p.To {
			t.compute(p, scratch)
		}
	}
}

// compute fills the columns of y that belong to some panels.
func (t *matMulTask) compute(p kernels.Range, scratch []byte) {
	kernels.MatMul(t.y, *t.w.w, t.x, p, t.rows, scratch)
	if t.w.scale == nil && t.w.bias == nil {
		return
	}
	nOut := t.w.w.NOut
	from, to := p.From*kernels.PanelRows, min(p.To*kernels.PanelRows, nOut)
	for r := t.rows.From; r < t.rows.To; r++ {
		y := t.y[r*nOut+from : r*nOut+to]
		if t.w.scale != nil {
			kernels.Scale(y, y, t.w.scale[0])
		}
		if t.w.bias != nil {
			kernels.Add(y, y, t.w.bias[from:to])
		}
	}
}

// countMACs counts a product with n rows of activations.
func (c *cpu) countMACs(w *linear, n int) {
	c.macs.Weights += int64(w.w.NOut) * int64(w.w.NIn) * int64(n)
}

// inlineMACs is how many multiplications cost less than waking a thread.
const inlineMACs = 1 << 15

// runMatMuls runs the products that were added.
func (c *cpu) runMatMuls() {
	j := &c.matMul
	if c.measures() {
		return
	}
	macs := 0
	for i := range j.tasks {
		t := &j.tasks[i]
		macs += t.w.w.NOut * t.w.w.NIn * (t.rows.To - t.rows.From)
	}
	if all := (kernels.Range{To: (j.panels + 1) / 2}); macs <= inlineMACs {
		j.run(all, 0)
	} else {
		c.pool.run(all.To, j.run)
	}
	clear(j.tasks)
	j.tasks, j.panels = j.tasks[:0], 0
}

// foresee prepares for what follows the products of w and others that were added:
// in a step of few tokens threads that wait ask for the weights that they will
// read next. What follows is what followed in the first such step.
func (c *cpu) foresee(w *linear, nTokens int) {
	if c.measures() {
		return
	}
	if nTokens > streamTokens {
		c.last = nil
		c.pool.next.Store(nil)
		return
	}
	if c.last != nil && c.last.next == nil {
		c.last.next = c.matMul.readAhead(c.nThread, kernels.PrefetchBytes())
	}
	c.last = w
	c.pool.next.Store(w.next)
}

// streamTokens is up to how many tokens products wait for memory.
const streamTokens = 8

// readAhead returns the first nBytes of what each thread reads.
func (j *matMulJob) readAhead(nThreads, nBytes int) *readAhead {
	ahead := make(readAhead, nThreads)
	for thread := range ahead {
		first := 2 * shareOf((j.panels+1)/2, thread, nThreads).From
		for i := range j.tasks {
			t := &j.tasks[i]
			if n := t.w.w.NPanels(); first >= t.first && first < t.first+n {
				b := t.w.w.Panels[(first-t.first)*(len(t.w.w.Panels)/n):]
				ahead[thread] = b[:min(len(b), nBytes)]
			}
		}
	}
	return &ahead
}

// activations prepares x for weights of a format: quantised where the format
// wants that.
func (c *cpu) activations(x Tensor, f kernels.Format) kernels.Activations {
	kind := f.Activation()
	if kind == kernels.ActF32 {
		if c.measures() {
			return kernels.Activations{Kind: kind}
		}
		return kernels.FloatActivations(x.x, x.rows, x.cols)
	}
	buf := alloc[byte](&c.arena, kernels.ActivationBytes(kind, x.rows, x.cols))
	if c.measures() {
		return kernels.Activations{Kind: kind}
	}
	a := kernels.NewActivations(kind, x.rows, x.cols, buf)
	c.rows.x, c.rows.out, c.rows.acts = x, x, a
	c.each(func(j *rowsJob, from, to int) {
		kernels.Quantize(j.acts, j.x.x, kernels.Range{From: from, To: to})
	})
	return a
}

func (c *cpu) MatMul(x Tensor, w *linear) Tensor {
	y, _, _ := c.matMuls(x, w, nil, nil)
	return y
}

func (c *cpu) MatMul2(x Tensor, w0, w1 *linear) (Tensor, Tensor) {
	y0, y1, _ := c.matMuls(x, w0, w1, nil)
	return y0, y1
}

func (c *cpu) MatMul3(x Tensor, w0, w1, w2 *linear) (Tensor, Tensor, Tensor) {
	return c.matMuls(x, w0, w1, w2)
}

// matMuls multiplies x by up to three matrices in one job. x is quantised once
// for each kind of activations that they want, as a rule once.
func (c *cpu) matMuls(x Tensor, w0, w1, w2 *linear) (y0, y1, y2 Tensor) {
	var done [3]kernels.Activations
	ws := [3]*linear{w0, w1, w2}
	var ys [3]Tensor
	for i, w := range ws {
		if w == nil {
			continue
		}
		ys[i] = c.tensor(x.rows, w.w.NOut)
	}
	for i, w := range ws {
		if w == nil {
			continue
		}
		a, known := kernels.Activations{}, false
		for k := range i {
			if done[k].Kind == w.w.Format.Activation() {
				a, known = done[k], true
			}
		}
		if !known {
			a = c.activations(x, w.w.Format)
		}
		done[i] = a
		if c.measures() {
			c.countMACs(w, x.rows)
		} else {
			c.matMul.add(w, a, ys[i].x, kernels.Range{To: x.rows})
		}
	}
	c.foresee(w0, x.rows)
	c.runMatMuls()
	for i, w := range ws {
		if w != nil && w.id > 0 && c.step != nil && c.step.adapted {
			c.adapt(x, w, ys[i])
		}
	}
	return ys[0], ys[1], ys[2]
}
