package runtime

import (
	"fmt"
	"slices"
	"sync/atomic"

	"inferd/gguf"
	"inferd/kernels"
)

// linear is y = W·x + b. The bias may be nil.
type linear struct {
	w    *kernels.Matrix // [nOut, nIn]; shared where embeddings are tied
	bias []float32       // [nOut]
}

// binder connects an architecture's weights to a file's tensors. Binding names
// every tensor once and notes each that is missing, misshapen, of a type that
// cannot be used, or left over; nothing is read. Packing then reads them all.
//
// This is the one place where the file's order of dimensions, fastest first, is
// turned round, and where the file's types become the kernels' formats.
type binder struct {
	*bindings
	prefix string // put before the names, such as "blk.3."
}

// bindings is what all layers' binders share.
type bindings struct {
	file   *gguf.File
	bound  map[string]bool
	faults []Fault
	items  []packItem
	bytes  int64 // of the packed weights
}

// packItem is one tensor, or one expert's part of one, and where it goes.
type packItem struct {
	info   gguf.TensorInfo
	from   int64 // of the part in the tensor, in bytes
	format kernels.Format
	rows   int // nOut of a matrix, 1 of a vector
	cols   int
	off    int64 // in the weights' memory

	matrix *kernels.Matrix
	vector *[]float32 // one of the two
}

func newBinder(f *gguf.File) *binder {
	return &binder{bindings: &bindings{file: f, bound: map[string]bool{}}}
}

// layer returns a binder for the tensors of block i.
func (b *binder) layer(i int) *binder {
	return &binder{b.bindings, fmt.Sprintf("blk.%d.", i)}
}

// formats maps the file's tensor types to the kernels' formats by their common
// names.
var formats = func() map[string]kernels.Format {
	m := map[string]kernels.Format{}
	for _, f := range kernels.Formats() {
		m[f.String()] = f
	}
	return m
}()

// fault notes what is wrong with a tensor.
func (b *binder) fault(name, format string, args ...any) {
	b.faults = append(b.faults, Fault{Tensor: name, Reason: fmt.Sprintf(format, args...)})
}

// has reports whether the file has a tensor.
func (b *binder) has(name string) bool {
	_, ok := b.file.Tensor(b.prefix + name)
	return ok
}

// lookup finds a tensor of the given shape, slowest dimension first, and the
// format of its values. It notes a fault and reports false where there is none.
func (b *binder) lookup(name string, shape ...int) (gguf.TensorInfo, kernels.Format, bool) {
	name = b.prefix + name
	info, ok := b.file.Tensor(name)
	b.bound[name] = true
	if !ok {
		b.fault(name, "is missing, needs %v", shape)
		return info, 0, false
	}
	dims := slices.Clone(info.Dims)
	slices.Reverse(dims)
	for len(dims) > len(shape) && dims[0] == 1 { // [1, n] is a vector as well
		dims = dims[1:]
	}
	if !slices.Equal(dims, shape) {
		b.fault(name, "is %v, needs %v", dims, shape)
		return info, 0, false
	}
	format, ok := formats[info.Type.String()]
	if !ok {
		b.fault(name, "is of type %v, which no weights have", info.Type)
		return info, 0, false
	}
	return info, format, true
}

// vec binds the vector name.weight of n values, converted to float32.
func (b *binder) vec(dst *[]float32, name string, n int) { b.values(dst, name+".weight", n) }

// optVec is vec for a vector that may be absent; dst stays nil then.
func (b *binder) optVec(dst *[]float32, name string, n int) {
	if b.has(name + ".weight") {
		b.vec(dst, name, n)
	}
}

// bias binds the vector name.bias where the file has it.
func (b *binder) bias(dst *[]float32, name string, n int) {
	if b.has(name + ".bias") {
		b.values(dst, name+".bias", n)
	}
}

// values binds a vector by its full name.
func (b *binder) values(dst *[]float32, name string, n int) {
	if info, format, ok := b.lookup(name, n); ok {
		b.addVector(dst, info, 0, format, n)
	}
}

// mat binds the matrix name.weight [nOut, nIn] and, where the file has it, the
// vector name.bias.
func (b *binder) mat(dst *linear, name string, nOut, nIn int) {
	dst.w = &kernels.Matrix{NOut: nOut, NIn: nIn}
	if info, format, ok := b.lookup(name+".weight", nOut, nIn); ok {
		b.addMatrix(dst.w, info, 0, format)
	}
	b.bias(&dst.bias, name, nOut)
}

// matOr is mat for a matrix that is another's where the file does not have it,
// as the output is the embeddings' where both are tied. The shared matrix is
// packed once.
func (b *binder) matOr(dst *linear, name string, other *linear) {
	if b.has(name + ".weight") {
		b.mat(dst, name, other.w.NOut, other.w.NIn)
		return
	}
	dst.w = other.w
	b.bias(&dst.bias, name, other.w.NOut)
}

// experts binds the matrices name.weight [n, nOut, nIn], one for each of n
// experts, and, where the file has them, the vectors name.bias [n, nOut].
func (b *binder) experts(dst *[]linear, name string, n, nOut, nIn int) {
	*dst = make([]linear, n)
	for i := range *dst {
		(*dst)[i].w = &kernels.Matrix{NOut: nOut, NIn: nIn}
	}
	if info, format, ok := b.lookup(name+".weight", n, nOut, nIn); ok {
		for i := range *dst {
			b.addMatrix((*dst)[i].w, info, int64(i)*info.Bytes/int64(n), format)
		}
	}
	if !b.has(name + ".bias") {
		return
	}
	if info, format, ok := b.lookup(name+".bias", n, nOut); ok {
		for i := range *dst {
			b.addVector(&(*dst)[i].bias, info, int64(i)*info.Bytes/int64(n), format, nOut)
		}
	}
}

func (b *binder) addVector(dst *[]float32, info gguf.TensorInfo, from int64, format kernels.Format, n int) {
	b.add(packItem{info: info, from: from, format: format, rows: 1, cols: n, vector: dst}, 4*n)
}

func (b *binder) addMatrix(dst *kernels.Matrix, info gguf.TensorInfo, from int64, format kernels.Format) {
	if !packable(format) {
		b.fault(info.Name, "is of type %v, which cannot be computed with yet", info.Type)
		return
	}
	dst.Format = format
	b.add(packItem{info: info, from: from, format: format, rows: dst.NOut, cols: dst.NIn, matrix: dst},
		kernels.PackedBytes(format, dst.NOut, dst.NIn))
}

// packable reports whether the kernels multiply by a format.
func packable(f kernels.Format) bool {
	return kernels.PackedBytes(f, kernels.PanelRows, f.BlockLen()) > 0
}

// add gives an item its place in the weights' memory.
func (b *binder) add(it packItem, nBytes int) {
	it.off = b.bytes
	b.bytes += alignUp(int64(nBytes))
	b.items = append(b.items, it)
}

// finish notes the tensors that nothing has bound.
func (b *binder) finish() {
	for _, t := range b.file.Tensors() {
		if !b.bound[t.Name] {
			b.fault(t.Name, "is not part of this architecture")
		}
	}
}

// packedBytes is the size of the memory that pack fills.
func (b *binder) packedBytes() int64 { return b.bytes }

// hasBlockFormat reports whether any matrix is block-quantised.
func (b *binder) hasBlockFormat() bool {
	return slices.ContainsFunc(b.items, func(it packItem) bool {
		return it.matrix != nil && it.format.BlockLen() > 1
	})
}

// packChunkBytes is about how much of a file one thread reads at a time: little
// enough to stay in its cache between reading and packing.
const packChunkBytes = 1 << 20

// packChunk is a range of panels of one item.
type packChunk struct {
	item     int
	from, to int // rows
}

// pack reads every tensor into mem in the kernels' layout, on all threads of p.
// The file's pages are let go as soon as a tensor is done, so that the weights
// are in memory once, not twice.
func (b *binder) pack(mem []byte, p *pool, progress func(done, total int64)) error {
	chunks, left := b.packChunks()
	var total, done int64
	for _, t := range b.file.Tensors() {
		total += t.Bytes
	}
	var finished atomic.Int64
	var failed atomic.Pointer[error]
	bufs := make([][]byte, p.nThreads)
	p.run(len(chunks), func(chunk, thread int) {
		if failed.Load() != nil {
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
	})
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
