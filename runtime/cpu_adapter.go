package runtime

import (
	"slices"

	"inferd/kernels"
)

// adaptRows is how many rows are adapted at a time: enough to share the reading
// of an adapter's weights, few enough to keep what is added in a small memory.
const adaptRows = 64

// reserveAdapting makes room for adapters of a rank and a width of output. A
// step that runs meanwhile is waited for.
func (e *Engine) reserveAdapting(rank, nOut int) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	need := alignUp(4*adaptRows*rank) + alignUp(4*adaptRows*nOut)
	old := e.cpu.adapting
	if need <= len(old.bytes) {
		return nil
	}
	mem, err := newRegion(int64(need), "adapters' scratch memory")
	if err != nil {
		return err
	}
	old.free()
	e.cpu.adapting = mem
	return nil
}

// adapt adds to y = x·Wᵀ what the adapters of the step's sessions change in it.
// Rows of neighbouring sessions with the same adapters are one product; a row's
// bits do not depend on its neighbours.
func (c *cpu) adapt(x Tensor, w *linear, y Tensor) {
	s := c.step
	picked := x.rows != len(s.tokens) // the rows whose logits are wanted
	if picked && x.rows != len(s.rows) {
		panic("runtime: adapted rows are not a step's")
	}
	for i := 0; i < len(s.runs); {
		uses := s.runs[i].adapters()
		rows := s.runs[i].rows(picked)
		for i++; i < len(s.runs) && slices.Equal(uses, s.runs[i].adapters()); i++ {
			rows.To = s.runs[i].rows(picked).To
		}
		for _, u := range uses {
			if p := &u.Adapter.parts[w.id]; p.down.w != nil {
				c.addLowRank(x, p, u.Scale, y, rows)
			}
		}
	}
}

// addLowRank adds scale·factor·B·(A·x) to some rows of y.
func (c *cpu) addLowRank(x Tensor, p *lowRank, scale float32, y Tensor, rows kernels.Range) {
	rank, nOut := p.down.w.NOut, p.up.w.NOut
	scratch := arena{mem: c.adapting.bytes}
	low := alloc[float32](&scratch, adaptRows*rank)
	change := alloc[float32](&scratch, adaptRows*nOut)
	for from := rows.From; from < rows.To; from += adaptRows {
		to := min(from+adaptRows, rows.To)
		all := kernels.Range{To: to - from}
		c.matMul.add(&p.down, kernels.FloatActivations(x.part(from, to), all.To, x.cols), low[:all.To*rank], all)
		c.runMatMuls()
		c.matMul.add(&p.up, kernels.FloatActivations(low[:all.To*rank], all.To, rank), change[:all.To*nOut], all)
		c.runMatMuls()
		sum := y.part(from, to)
		kernels.AddScaled(sum, sum, change[:all.To*nOut], float32(scale*p.factor))
	}
}
