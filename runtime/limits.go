package runtime

import (
	"inferd/kernels"
)

// StepBytes returns the bytes of packed weights that a step of one token reads; 0
// where tokens choose experts, because it depends on the tokens then.
func (e *Engine) StepBytes() int64 { return e.cost.bytes }

// MACs counts multiplications whose products are added up.
type MACs struct {
	Weights   int64 // of activations with weights; not those of experts
	Attention int64 // of queries with keys, and of what they weigh with values
}

// PromptMACs returns what n tokens behind depth others take where only the logits
// after the last are wanted: tokens that are not wanted end before the last
// layer's network.
func (e *Engine) PromptMACs(depth, n int) MACs {
	c := newMeasuringCPU(e.cpu.nThread)
	s := newStep(&pagePool{layout: e.kv.layout}, e.MaxBatch())
	for pos := depth; pos < depth+n; pos += e.MaxBatch() {
		nTokens, nRows := e.MaxBatch(), 0
		if left := depth + n - pos; left <= nTokens {
			nTokens, nRows = left, 1
		}
		s.reset()
		s.add(nil, pos, nTokens, nRows)
		e.model.forward(c, &s)
		c.arena.release(0)
	}
	return c.macs
}

// ScanWeights reads what a step of one token reads, StepBytes, and does
// nothing with it, on the threads of a step: no step can be faster.
func (e *Engine) ScanWeights() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.cpu.pool.run(len(e.cost.read), eachItem(func(i, _ int) {
		r := e.cost.read[i]
		kernels.ScanMemory(e.weights.bytes[r.from:r.to])
	}))
}

// DotPeak does MACs multiplications and additions at the full rate of the CPU's
// dot-product instruction, on the threads of a step; see kernels.DotPeak.
func (e *Engine) DotPeak(macs int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	nChunks := scanChunksPerThread * e.cpu.nThread
	e.cpu.pool.run(nChunks, eachItem(func(_, _ int) { kernels.DotPeak(2 * float64(macs) / float64(nChunks)) }))
}

// FloatPeak does as many multiplications and additions of float32 at the full
// rate of FMA, on the threads of a step; see kernels.FloatPeak.
func (e *Engine) FloatPeak(macs int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	nChunks := scanChunksPerThread * e.cpu.nThread
	e.cpu.pool.run(nChunks, eachItem(func(_, _ int) { kernels.FloatPeak(2 * float64(macs) / float64(nChunks)) }))
}

// scanChunksPerThread lets a thread that loses its CPU hold up little.
const scanChunksPerThread = 32

// byteRange is [from, to) of the weights' memory.
type byteRange struct{ from, to int64 }

// modelCost is what a step of one token reads.
type modelCost struct {
	bytes int64
	read  []byteRange // in chunks for nThreads threads
}

// cost sums up what was bound.
func (b *binder) cost(nThreads int) modelCost {
	var c modelCost
	for i := range b.items {
		it := &b.items[i]
		switch {
		case it.isExpert:
			return modelCost{}
		case it.matrix == nil || it.isTable:
			continue
		}
		n := int64(kernels.PackedBytes(it.format, it.rows, it.cols))
		c.bytes += n
		if last := len(c.read) - 1; last >= 0 && c.read[last].to == it.off {
			c.read[last].to += n
		} else {
			c.read = append(c.read, byteRange{it.off, it.off + n})
		}
	}
	c.read = divideRanges(c.read, alignUp(c.bytes/int64(scanChunksPerThread*max(1, nThreads))+1))
	return c
}

// divideRanges cuts ranges into pieces of at most n bytes.
func divideRanges(ranges []byteRange, n int64) (pieces []byteRange) {
	for _, r := range ranges {
		for from := r.from; from < r.to; from += n {
			pieces = append(pieces, byteRange{from, min(from+n, r.to)})
		}
	}
	return pieces
}
