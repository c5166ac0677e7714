package gguf

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"sort"
	"strings"
)

// TensorInfo describes one tensor.
type TensorInfo struct {
	Name   string
	Type   Type
	part   uint16
	Dims   []int // up to 4, as in the file: fastest first; shared, not to be changed
	Offset int64 // of the first byte in the file (of a split set: in its part)
	Bytes  int64 // 0 if the type is not known
}

// Elements returns the number of elements: the product of Dims.
func (t TensorInfo) Elements() int {
	n := 1
	for _, d := range t.Dims {
		n *= d
	}
	return n
}

// setSize sets Dims and Bytes, the one place where both are computed.
func (t *TensorInfo) setSize(dims []uint64) error {
	elements, nBytes, ok := tensorSize(dims, t.Type)
	if !ok || elements > math.MaxInt {
		return fmt.Errorf("dimensions %d of %s overflow", dims, t.Type)
	}
	t.Dims = make([]int, len(dims))
	for i, d := range dims {
		t.Dims[i] = int(d)
	}
	if !t.Type.Known() {
		return nil
	}
	row := uint64(1)
	if len(dims) > 0 {
		row = dims[0]
	}
	if row%uint64(t.Type.BlockLen()) != 0 {
		return fmt.Errorf("rows of %d elements are no multiple of the %d in a block of %s", row, t.Type.BlockLen(), t.Type)
	}
	t.Bytes = int64(nBytes)
	return nil
}

// placeTensors makes offsets absolute and checks that every tensor lies in the
// file and that none overlap. starts says where the descriptions begin.
func (p *part) placeTensors(dataStart uint64, starts []int32) error {
	size := uint64(len(p.mapped))
	for i := range p.tensors {
		t := &p.tensors[i]
		start, ok := checkedAdd(dataStart, uint64(t.Offset))
		if !ok || !within(size, start, uint64(t.Bytes)) {
			return p.fail("tensor "+quote(t.Name), int64(starts[i]),
				"needs %d bytes at offset %d of the tensor data, which has %d: %w", t.Bytes, t.Offset, size-dataStart, errTruncated)
		}
		t.Offset = int64(start)
	}
	order := ascending(len(p.tensors))
	slices.SortStableFunc(order, func(i, j int32) int {
		return int(min(1, max(-1, p.tensors[i].Offset-p.tensors[j].Offset)))
	})
	for k := 1; k < len(order); k++ {
		a, b := p.tensors[order[k-1]], p.tensors[order[k]]
		if end := a.Offset + a.Bytes; end > b.Offset {
			return p.fail("tensor "+quote(b.Name), int64(starts[order[k]]),
				"begins at byte %d, inside tensor %s, which ends at %d", b.Offset, quote(a.Name), end)
		}
	}
	return nil
}

// within reports whether n bytes at off lie in a range of size bytes.
func within(size, off, n uint64) bool { return off <= size && n <= size-off }

// Tensors returns all tensors in the order of the file, of a split set part
// after part.
func (f *File) Tensors() []TensorInfo {
	out := make([]TensorInfo, 0, len(f.order))
	for i := range f.parts {
		out = append(out, f.parts[i].tensors...)
	}
	return out
}

// Tensor returns the tensor with the given name.
func (f *File) Tensor(name string) (TensorInfo, bool) {
	i, ok := sort.Find(len(f.order), func(i int) int {
		return strings.Compare(name, f.at(f.order[i]).Name)
	})
	if !ok {
		return TensorInfo{}, false
	}
	return *f.at(f.order[i]), true
}

// tensorRef names a tensor by its part and its place in that part's index.
type tensorRef struct{ part, index int32 }

func (f *File) at(r tensorRef) *TensorInfo { return &f.parts[r.part].tensors[r.index] }

// indexTensors sorts the tensors of all parts by name and refuses duplicates.
func (f *File) indexTensors() error {
	n := 0
	for i := range f.parts {
		n += len(f.parts[i].tensors)
	}
	f.order = make([]tensorRef, 0, n)
	for i := range f.parts {
		for j := range f.parts[i].tensors {
			f.parts[i].tensors[j].part = uint16(i)
			f.order = append(f.order, tensorRef{int32(i), int32(j)})
		}
	}
	slices.SortStableFunc(f.order, func(a, b tensorRef) int { return strings.Compare(f.at(a).Name, f.at(b).Name) })
	for k := 1; k < n; k++ {
		if a, b := f.at(f.order[k-1]), f.at(f.order[k]); a.Name == b.Name {
			return f.parts[b.part].fail("tensor "+quote(b.Name), b.Offset, "appears twice, first at byte %d of %s", a.Offset, f.parts[a.part].path)
		}
	}
	return nil
}

// TensorBytes returns a view of the tensor's bytes in the read-only mapping.
// It is valid until Close; see the package documentation for what happens if
// the file shrinks. The error is ErrUnknownType for a type that is not known,
// and os.ErrClosed after Close.
func (f *File) TensorBytes(t TensorInfo) ([]byte, error) {
	p, err := f.check(t, 0, t.Bytes)
	if err != nil {
		return nil, err
	}
	end := t.Offset + t.Bytes
	return p.mapped[t.Offset:end:end], nil
}

// ReadTensor fills dst with the tensor's bytes from byte off on, by reading
// the file. Unlike a view it gives an error, not a fault, when the file has
// shrunk or the disk fails.
func (f *File) ReadTensor(dst []byte, t TensorInfo, off int64) error {
	p, err := f.check(t, off, int64(len(dst)))
	if err != nil {
		return err
	}
	if _, err := p.file.ReadAt(dst, t.Offset+off); err == io.EOF {
		return p.fail("tensor "+quote(t.Name), t.Offset, "%w", errShrunk)
	} else if err != nil {
		return fmt.Errorf("gguf: tensor %s: %w", quote(t.Name), err)
	}
	return nil
}

// Release tells the system that the tensor's pages are not needed soon, so
// that they do not count as this process's memory. Views stay valid: using one
// again reads the pages again.
func (f *File) Release(t TensorInfo) {
	if p, err := f.check(t, 0, t.Bytes); err == nil {
		release(p.mapped, int(t.Offset), int(t.Bytes))
	}
}

// check returns the part that holds n bytes from byte off of tensor t on. All
// access to tensor data passes here, and t may be anything: it need not come
// from f.
func (f *File) check(t TensorInfo, off, n int64) (*part, error) {
	switch {
	case f.closed:
		return nil, fmt.Errorf("gguf: tensor %s: %w", quote(t.Name), os.ErrClosed)
	case !t.Type.Known():
		return nil, fmt.Errorf("gguf: %s: tensor %s has %s: %w", f.Path(), quote(t.Name), t.Type, ErrUnknownType)
	case int(t.part) >= len(f.parts):
		return nil, fmt.Errorf("gguf: tensor %s: is in part %d, the set has %d", quote(t.Name), t.part+1, len(f.parts))
	}
	p := &f.parts[t.part]
	if t.Offset < 0 || t.Bytes < 0 || !within(uint64(len(p.mapped)), uint64(t.Offset), uint64(t.Bytes)) {
		return nil, fmt.Errorf("gguf: %s: tensor %s: %d bytes at %d are outside the file's %d", p.path, quote(t.Name), t.Bytes, t.Offset, len(p.mapped))
	}
	if off < 0 || n < 0 || !within(uint64(t.Bytes), uint64(off), uint64(n)) {
		return nil, fmt.Errorf("gguf: tensor %s: %d bytes at %d are outside its %d bytes", quote(t.Name), n, off, t.Bytes)
	}
	return p, nil
}
