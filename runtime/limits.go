package runtime

import (
	"inferd/kernels"
)

// StepCost is the least work that steps are made of, for comparing what a
// machine does with what it can do.
type StepCost struct {
	// Bytes is of the packed weights that a step of one token reads.
	Bytes int64
	// MACs is the multiplications with weights that each token of a prompt
	// needs. The output matrix, which one token of a prompt meets, is left out,
	// and so is attention.
	MACs int64
}

// StepCost returns the cost of the model's steps; the zero value where tokens
// choose experts, because it depends on the tokens then.
func (e *Engine) StepCost() StepCost { return e.cost.StepCost }

// ScanWeights reads what a step of one token reads, StepCost().Bytes, and does
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

// AttentionMACs returns the multiplications of queries with keys and of weights
// with values that n tokens behind depth others need in layers of attention
// over all earlier positions, a window or a chunk of them; other mixers count
// nothing.
func (e *Engine) AttentionMACs(depth, n int) (macs int64) {
	d, ok := e.model.(*decoder)
	if !ok {
		return 0
	}
	for i := range d.layers {
		a, ok := d.layers[i].mixer.(*attention)
		if !ok {
			continue
		}
		for pos := depth; pos < depth+n; pos++ {
			seen := pos + 1
			if a.Window > 0 {
				seen = min(seen, a.Window)
			}
			if a.Chunk > 0 {
				seen = min(seen, pos%a.Chunk+1)
			}
			macs += int64(seen) * int64(a.NHeads) * int64(a.headDim+a.headDimV)
		}
	}
	return macs
}

// scanChunksPerThread lets a thread that loses its CPU hold up little.
const scanChunksPerThread = 32

// byteRange is [from, to) of the weights' memory.
type byteRange struct{ from, to int64 }

// modelCost is a StepCost and where its bytes lie.
type modelCost struct {
	StepCost
	read []byteRange // in chunks for nThreads threads
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
		case !it.isOutput:
			c.MACs += int64(it.rows) * int64(it.cols)
		}
		n := int64(kernels.PackedBytes(it.format, it.rows, it.cols))
		c.Bytes += n
		if last := len(c.read) - 1; last >= 0 && c.read[last].to == it.off {
			c.read[last].to += n
		} else {
			c.read = append(c.read, byteRange{it.off, it.off + n})
		}
	}
	c.read = divideRanges(c.read, alignUp(c.Bytes/int64(scanChunksPerThread*max(1, nThreads))+1))
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
