package runtime

import "inferd/kernels"

// matMulJob is any number of matrix products that run as one job. Their panels
// are numbered one after another and handed out in chunks.
type matMulJob struct {
	tasks  []matMulTask
	panels int   // of all tasks
	ends   []int // of each chunk's panels, which begin where the last one's end
	run    func(chunk, thread int)
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

// chunk computes one chunk's panels, which may be of several tasks.
func (j *matMulJob) chunk(chunk int, scratch []byte) {
	from, to := 0, j.ends[chunk]
	if chunk > 0 {
		from = j.ends[chunk-1]
	}
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

// inlineMACs is how many multiplications cost less than waking a thread.
const inlineMACs = 1 << 15

// Chunks shrink towards the end of a job: large ones first, because each begins
// a stream from memory anew, small ones last, because at the end the others wait
// for whoever has one. A thread that loses its CPU for a while holds up a
// firstShare-th of a thread's share at most.
const (
	firstShare = 4
	lastShare  = 64
)

// divide cuts the job's panels into chunks for nThreads threads. They are even
// numbers of panels where that is possible: the kernels take two at a time.
func (j *matMulJob) divide(nThreads int) {
	j.ends = j.ends[:0]
	least := max(2, j.panels/(lastShare*nThreads)&^1)
	for from := 0; from < j.panels; {
		from = min(j.panels, from+max(least, (j.panels-from)/(firstShare*nThreads)&^1))
		j.ends = append(j.ends, from)
	}
}

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
	if macs <= inlineMACs || c.nThread == 1 {
		j.ends = append(j.ends[:0], j.panels)
	} else {
		j.divide(c.nThread)
	}
	c.pool.run(len(j.ends), j.run)
	clear(j.tasks)
	j.tasks, j.panels = j.tasks[:0], 0
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
		if !c.measures() {
			c.matMul.add(w, a, ys[i].x, kernels.Range{To: x.rows})
		}
	}
	c.runMatMuls()
	for i, w := range ws {
		if w != nil && w.id > 0 && c.step != nil && c.step.adapted {
			c.adapt(x, w, ys[i])
		}
	}
	return ys[0], ys[1], ys[2]
}
