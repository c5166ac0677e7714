package runtime

import (
	"fmt"
	"slices"
	"strings"

	"inferd/gguf"
	"inferd/kernels"
)

// linear is y = scale·W·x + b. Scale and bias may be nil.
type linear struct {
	w     *kernels.Matrix // [nOut, nIn]; shared where embeddings are tied
	scale []float32       // [1], multiplies W·x; nil but with some formats' files
	bias  []float32       // [nOut]
	id    int             // by which adapters know it; 0: it cannot be adapted
	next  *readAhead      // of the products that follow this one's in a step, once they have
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

	adaptable  map[string][]*linear // by tensor, in the order of its rows
	nAdaptable int
}

// packItem is one tensor, or one expert's part of one, and where it goes.
type packItem struct {
	info   gguf.TensorInfo
	from   int64 // of the part in the tensor, in bytes
	format kernels.Format
	rows   int // nOut of a matrix, 1 of a vector
	cols   int
	off    int64 // in the weights' memory

	matrix   *kernels.Matrix
	vector   *[]float32 // one of the two
	isTable  bool       // a matrix whose rows are looked up, and that nothing is multiplied by
	isExpert bool       // a matrix that only some tokens meet
}

func newBinder(f *gguf.File) *binder {
	return &binder{bindings: &bindings{file: f, bound: map[string]bool{}, adaptable: map[string][]*linear{}}}
}

// layer returns a binder for the tensors of block i.
func (b *binder) layer(i int) *binder {
	return &binder{b.bindings, layerTensor(i, "")}
}

// layerTensor is the full name of one of block i's tensors.
func layerTensor(i int, name string) string { return fmt.Sprintf("blk.%d.%s", i, name) }

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
	for len(dims) < len(shape) && shape[len(shape)-len(dims)-1] == 1 { // and a vector a matrix of one row
		dims = append([]int{1}, dims...)
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

// rows binds a vector by its full name, or nRows of them, [nRows, n].
func (b *binder) rows(dst *[]float32, name string, nRows, n int) {
	if nRows == 1 {
		b.values(dst, name, n)
		return
	}
	if info, format, ok := b.lookup(name, nRows, n); ok {
		b.addVector(dst, info, 0, format, nRows*n)
	}
}

// mat binds the matrix name.weight [nOut, nIn] and, where the file has it, the
// vector name.bias.
func (b *binder) mat(dst *linear, name string, nOut, nIn int) {
	dst.w = &kernels.Matrix{NOut: nOut, NIn: nIn}
	if info, format, ok := b.lookup(name+".weight", nOut, nIn); ok {
		b.addMatrix(dst.w, info, 0, format)
		b.adapt(dst, info.Name)
	}
	b.scales(name, 1, dst)
	b.bias(&dst.bias, name, nOut)
}

// scales binds the n factors name.scale, one for each of as many parts of some
// matrices, where the file has them: formats whose own scales have a small range
// come with such. What activations were divided by for other machines'
// arithmetic is of no use here.
func (b *binder) scales(name string, n int, matrices ...*linear) {
	if name == tokenTable || name == router || !b.has(name+".scale") { // these two have none, or another kind
		return
	}
	b.bound[b.prefix+name+".input_scale"] = true
	info, format, ok := b.lookup(name+".scale", n)
	switch {
	case !ok:
		return
	case format != kernels.F32:
		b.fault(info.Name, "is of type %v, must be F32", info.Type)
		return
	}
	for i, m := range matrices {
		b.addVector(&m.scale, info, int64(4*(i*n/len(matrices))), kernels.F32, 1)
	}
}

const (
	tokenTable = "token_embd"   // the embeddings of the vocabulary
	router     = "ffn_gate_inp" // what scores experts
)

// adapt lets adapters change the product with a matrix. Embeddings are looked
// up, so that those of a file that ties the output to them stay as they are.
func (b *binder) adapt(dst *linear, tensor string) {
	if tensor == tokenTable+".weight" {
		return
	}
	b.nAdaptable++
	dst.id = b.nAdaptable
	b.adaptable[tensor] = append(b.adaptable[tensor], dst)
}

// matRows is mat for a matrix of as many rows as the file has, which it returns.
func (b *binder) matRows(dst *linear, name string, nIn int) int {
	nOut := 1
	if info, ok := b.file.Tensor(b.prefix + name + ".weight"); ok && len(info.Dims) > 1 {
		nOut = info.Dims[1]
	}
	b.mat(dst, name, nOut, nIn)
	return nOut
}

// firstRow binds the first row of the matrix name.weight, of however many rows.
func (b *binder) firstRow(dst *[]float32, name string, n int) {
	nRows := 1
	if info, ok := b.file.Tensor(b.prefix + name + ".weight"); ok && len(info.Dims) > 1 {
		nRows = info.Dims[1]
	}
	if info, format, ok := b.lookup(name+".weight", nRows, n); ok {
		b.addVector(dst, info, 0, format, n)
	}
}

// table is mat for a matrix whose rows are only looked up.
func (b *binder) table(dst *linear, name string, nRows, nCols int) {
	n := len(b.items)
	b.mat(dst, name, nRows, nCols)
	delete(b.adaptable, b.prefix+name+".weight")
	for i := range b.items[n:] {
		b.items[n+i].isTable = true
	}
}

// matOr is mat for a matrix that is another's where the file does not have it,
// as the output is the embeddings' where both are tied. The shared matrix is
// packed once.
func (b *binder) matOr(dst *linear, name string, other *linear) {
	if b.has(name + ".weight") {
		b.markTable(other.w)
		b.mat(dst, name, other.w.NOut, other.w.NIn)
	} else {
		dst.w = other.w
		b.bias(&dst.bias, name, other.w.NOut)
	}
}

// markTable notes that rows of a matrix are looked up and nothing is multiplied by
// it.
func (b *binder) markTable(w *kernels.Matrix) {
	for i := range b.items {
		if b.items[i].matrix == w {
			b.items[i].isTable = true
		}
	}
}

// part is a range of rows of a matrix that holds several.
type part struct {
	dst  *linear
	nOut int
}

// parts binds the matrix name.weight [sum of nOut, nIn] and, where the file has
// it, the vector name.bias as several, one below the other: what a file has in
// one matrix, such as queries, keys and values, is as good as separate.
func (b *binder) parts(name string, nIn int, parts ...part) {
	nOut := 0
	for _, p := range parts {
		p.dst.w = &kernels.Matrix{NOut: p.nOut, NIn: nIn}
		nOut += p.nOut
	}
	if info, format, ok := b.lookup(name+".weight", nOut, nIn); ok {
		from := int64(0)
		for _, p := range parts {
			b.addMatrix(p.dst.w, info, from, format)
			b.adapt(p.dst, info.Name)
			from += int64(p.nOut) * info.Bytes / int64(nOut)
		}
	}
	for _, p := range parts {
		b.scales(name, 1, p.dst)
	}
	if !b.has(name + ".bias") {
		return
	}
	if info, format, ok := b.lookup(name+".bias", nOut); ok {
		from := int64(0)
		for _, p := range parts {
			b.addVector(&p.dst.bias, info, from, format, p.nOut)
			from += int64(p.nOut) * info.Bytes / int64(nOut)
		}
	}
}

// expertPart is a range of rows of each expert's matrix.
type expertPart struct {
	dst  *[]linear
	nOut int
}

// experts binds the matrices name.weight [n, sum of nOut, nIn], one for each of
// n experts, or several, one below the other, and, where the file has them, the
// vectors name.bias [n, sum of nOut].
func (b *binder) experts(name string, n, nIn int, parts ...expertPart) {
	nOut := 0
	for _, p := range parts {
		*p.dst = make([]linear, n)
		for i := range *p.dst {
			(*p.dst)[i].w = &kernels.Matrix{NOut: p.nOut, NIn: nIn}
		}
		nOut += p.nOut
	}
	first := len(b.items)
	if info, format, ok := b.lookup(name+".weight", n, nOut, nIn); ok {
		b.eachExpertPart(info, n, nOut, parts, func(l *linear, from int64) { b.addMatrix(l.w, info, from, format) })
		for i := range b.items[first:] {
			b.items[first+i].isExpert = true
		}
	}
	var all []*linear
	for i := range n {
		for _, p := range parts {
			all = append(all, &(*p.dst)[i])
		}
	}
	b.scales(name, n, all...)
	if !b.has(name + ".bias") {
		return
	}
	if info, format, ok := b.lookup(name+".bias", n, nOut); ok {
		b.eachExpertPart(info, n, nOut, parts, func(l *linear, from int64) {
			b.addVector(&l.bias, info, from, format, l.w.NOut)
		})
	}
}

// eachExpertPart calls bind with where in a tensor [n, nOut, …] each part begins.
func (b *binder) eachExpertPart(info gguf.TensorInfo, n, nOut int, parts []expertPart, bind func(l *linear, from int64)) {
	from, rowBytes := int64(0), info.Bytes/int64(n*nOut)
	for i := range n {
		for _, p := range parts {
			bind(&(*p.dst)[i], from)
			from += int64(p.nOut) * rowBytes
		}
	}
}

// unused marks tensors that some files have and nothing needs.
func (b *binder) unused(names ...string) {
	for _, name := range names {
		b.bound[b.prefix+name+".weight"] = true
		b.bound[b.prefix+name+".bias"] = true
	}
}

// ignore is unused for all tensors whose names begin with prefix.
func (b *binder) ignore(prefix string) {
	for _, t := range b.file.Tensors() {
		if strings.HasPrefix(t.Name, prefix) {
			b.bound[t.Name] = true
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

// hasBlockFormat reports whether any matrix that something is multiplied by is
// block-quantised.
func (b *binder) hasBlockFormat() bool {
	return slices.ContainsFunc(b.items, func(it packItem) bool {
		return it.matrix != nil && !it.isTable && it.format.BlockLen() > 1
	})
}
