package runtime

import (
	"context"
	"sync/atomic"

	"inferd/kernels"
)

// packChunkBytes is about how much of a file one thread reads at a time: little
// enough to stay in its cache between reading and packing.
const packChunkBytes = 1 << 18

// packChunk is a range of panels of one item.
type packChunk struct {
	item     int
	from, to int // rows
}

// pack reads every tensor into mem in the kernels' layout, on all threads of p.
// The file's pages are let go as soon as a tensor is done, so that the weights
// are in memory once, not twice. It gives up when ctx, which may be nil, ends.
func (b *binder) pack(ctx context.Context, mem []byte, p *pool, progress func(done, total int64)) error {
	chunks, left := b.packChunks()
	var total, done int64
	for _, t := range b.file.Tensors() {
		total += t.Bytes
	}
	var finished atomic.Int64
	var failed atomic.Pointer[error]
	bufs := make([][]byte, p.nThreads)
	p.run(len(chunks), eachItem(func(chunk, thread int) {
		if failed.Load() != nil {
			return
		}
		if ctx != nil && ctx.Err() != nil {
			err := ctx.Err()
			failed.CompareAndSwap(nil, &err)
			return
		}
		c := chunks[chunk]
		it := &b.items[c.item]
		n := it.format.RowBytes(it.cols) * (c.to - c.from)
		if len(bufs[thread]) < n {
			bufs[thread] = make([]byte, n)
		}
		if err := b.packRows(mem, it, c, bufs[thread][:n]); err != nil {
			failed.CompareAndSwap(nil, &err)
			return
		}
		if left[it.info.Name].Add(-1) == 0 {
			b.file.Release(it.info)
		}
		finished.Add(int64(n))
		// Only the caller's thread reports, so calls never overlap.
		if now := finished.Load(); thread == 0 && progress != nil && now != done {
			done = now
			progress(done, total)
		}
	}))
	if err := failed.Load(); err != nil {
		return *err
	}
	if progress != nil {
		progress(total, total)
	}
	return nil
}

// packChunks divides all items, and counts the chunks of each tensor.
func (b *binder) packChunks() (chunks []packChunk, left map[string]*atomic.Int32) {
	left = map[string]*atomic.Int32{}
	for i := range b.items {
		it := &b.items[i]
		step := max(1, packChunkBytes/max(1, it.format.RowBytes(it.cols)))
		step = (step + kernels.PanelRows - 1) / kernels.PanelRows * kernels.PanelRows
		for from := 0; from < it.rows; from += step {
			chunks = append(chunks, packChunk{i, from, min(from+step, it.rows)})
			if left[it.info.Name] == nil {
				left[it.info.Name] = new(atomic.Int32)
			}
			left[it.info.Name].Add(1)
		}
	}
	return chunks, left
}

// packRows reads the rows of a chunk through buf and packs them.
func (b *binder) packRows(mem []byte, it *packItem, c packChunk, buf []byte) error {
	rowBytes := int64(it.format.RowBytes(it.cols))
	if err := b.file.ReadTensor(buf, it.info, it.from+int64(c.from)*rowBytes); err != nil {
		return err
	}
	if it.vector != nil {
		kernels.Dequantize(cast[float32](mem[it.off:][:4*it.cols]), it.format, buf)
		return nil
	}
	first := kernels.PackedBytes(it.format, c.from, it.cols)
	part := kernels.Matrix{
		Format: it.format,
		NOut:   c.to - c.from,
		NIn:    it.cols,
		Panels: mem[it.off+int64(first):][:kernels.PackedBytes(it.format, c.to-c.from, it.cols)],
	}
	kernels.Pack(part, buf, kernels.Range{From: 0, To: part.NPanels()})
	return nil
}

// attach points the architecture's weights at their places in mem.
func (b *binder) attach(mem []byte) {
	for i := range b.items {
		it := &b.items[i]
		if it.vector != nil {
			*it.vector = cast[float32](mem[it.off:][:4*it.cols])
			continue
		}
		it.matrix.Panels = mem[it.off:][:kernels.PackedBytes(it.format, it.rows, it.cols)]
	}
}
