package runtime

import (
	"inferd/kernels"
)

// cpu is the Backend of package kernels: it gives operations their memory and
// divides them among threads. One step uses it at a time.
//
// A job's arguments lie in fields of cpu, and the functions that read them are
// made once: a closure for each job would be an allocation for each job.
//
// A cpu whose arena has no memory computes nothing and measures how much
// scratch memory a step needs, and how many multiplications.
type cpu struct {
	pool      *pool
	nThread   int
	mem       region
	arena     arena
	keepBytes int      // of the arena that stay touched between steps
	scratch   [][]byte // for kernels.MatMul, one for each thread

	rows      rowsJob
	matMul    matMulJob
	attention attentionJob
	recurrent recurrentJob
	groups    groups

	macs     MACs    // of the steps that were measured
	last     *linear // the first of the last products of few tokens, which learns what follows
	step     *step   // that is computed
	adapting region  // scratch memory of adapters
}

var _ Backend = (*cpu)(nil)

// newMeasuringCPU returns a cpu that only measures.
func newMeasuringCPU(nThreads int) *cpu { return &cpu{nThread: nThreads} }

// newCPU starts nThreads threads with scratchBytes of memory, of which a step
// uses no more than keepBytes as a rule.
func newCPU(nThreads int, scratchBytes, keepBytes int64) (*cpu, error) {
	own := int64(nThreads) * kernels.MatMulScratchBytes
	mem, err := newRegion(own+scratchBytes, "scratch memory")
	if err != nil {
		return nil, err
	}
	c := &cpu{nThread: nThreads, mem: mem, pool: newPool(nThreads), keepBytes: int(keepBytes)}
	for i := range nThreads {
		c.scratch = append(c.scratch, mem.bytes[i*kernels.MatMulScratchBytes:][:kernels.MatMulScratchBytes])
	}
	c.arena.mem = mem.bytes[own:]
	c.rows.run = eachItem(c.rows.chunk)
	c.matMul.run = func(pairs kernels.Range, thread int) { c.matMul.compute(pairs, c.scratch[thread]) }
	c.attention.run = eachItem(c.attention.chunk)
	c.attention.queries = make([]kernels.Queries, nThreads)
	c.attention.pages = make([]kernels.KVPages, nThreads)
	c.recurrent.run = eachItem(c.recurrent.chunk)
	c.recurrent.rows = make([]recurrentRows, nThreads)
	return c, nil
}

// close ends the threads and frees the memory.
func (c *cpu) close() {
	c.pool.close()
	c.mem.free()
	c.adapting.free()
}

// begin frees the tensors of the step before. Where that wanted so many logits
// that it took more memory than most steps do, the system gets the rest back.
func (c *cpu) begin() {
	c.arena.release(0)
	if c.arena.peak > c.keepBytes {
		discard(c.arena.mem[c.keepBytes:])
		c.arena.peak = 0
	}
}

// measures reports whether operations must not touch any values.
func (c *cpu) measures() bool { return c.arena.mem == nil }

func (c *cpu) Mark() int        { return c.arena.mark() }
func (c *cpu) Release(mark int) { c.arena.release(mark) }

// tensor allocates a tensor with arbitrary content.
func (c *cpu) tensor(rows, cols int) Tensor {
	return Tensor{rows, cols, alloc[float32](&c.arena, rows*cols)}
}

// rowsJob is an operation on each row of a tensor, or each element, where rows
// do not depend on one another.
type rowsJob struct {
	op      rowsOp
	x, y    Tensor
	out     Tensor
	factors Tensor
	factor  float32
	weight  []float32
	w       *kernels.Matrix
	norm    *norm
	ids     []int32
	step    *step
	table   *kernels.RoPETable
	rot     Rotation
	act     kernels.ActivationFunc
	gating  gating
	acts    kernels.Activations
	routing Routing
	dim     int // of a head
	from, n int // of a head's elements, or a column
	per     int // rows in a chunk
	run     func(chunks kernels.Range, thread int)
}

// rowsOp computes rows [from, to) of a job.
type rowsOp func(j *rowsJob, from, to int)

// part returns rows [from, to) of t.
func (t Tensor) part(from, to int) []float32 { return t.x[from*t.cols : to*t.cols] }

func (j *rowsJob) chunk(chunk, _ int) {
	j.op(j, chunk*j.per, min((chunk+1)*j.per, j.out.rows))
}

// inlineElems is how many elements of cheap work cost less than waking a
// thread for them.
const inlineElems = 1 << 14

// each runs op on the rows of j.out, on all threads if that is worth it.
func (c *cpu) each(op rowsOp) {
	j := &c.rows
	j.op = op
	if j.out.rows*j.out.cols <= inlineElems || j.out.rows == 1 {
		op(j, 0, j.out.rows)
	} else {
		nChunks := min(j.out.rows, 4*c.nThread)
		j.per = (j.out.rows + nChunks - 1) / nChunks
		c.pool.run((j.out.rows+j.per-1)/j.per, j.run)
	}
	*j = rowsJob{run: j.run}
}

func (c *cpu) Embed(w *kernels.Matrix, tokens []Token) Tensor {
	y := c.tensor(len(tokens), w.NIn)
	if c.measures() {
		return y
	}
	c.rows.out, c.rows.w, c.rows.ids = y, w, tokens
	c.each(func(j *rowsJob, from, to int) {
		for r := from; r < to; r++ {
			j.w.Row(j.out.row(r), int(j.ids[r]))
		}
	})
	return y
}

func (c *cpu) Rows(x Tensor, rows []int32) Tensor {
	y := c.tensor(len(rows), x.cols)
	if c.measures() {
		return y
	}
	for i, r := range rows {
		copy(y.row(i), x.row(int(r)))
	}
	return y
}
