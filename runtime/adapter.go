package runtime

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"

	"inferd/gguf"
	"inferd/kernels"
)

// Adapter is a low-rank change of some of a model's matrices (LoRA,
// arXiv:2106.09685): for each, y grows by scale·alpha/rank·B·(A·x). The model's
// own weights stay as they are, so that sessions with different adapters, and
// with none, share an engine and its steps. It is immutable and lives until
// each of its users has closed it: the one that loaded it, and every session.
type Adapter struct {
	engine *Engine
	path   string
	id     uint64    // never that of another adapter
	parts  []lowRank // by linear.id
	mem    region
	refs   atomic.Int64
}

// lowRank is the change of one matrix; its matrices are nil where there is none.
type lowRank struct {
	down, up linear  // A [rank, nIn] and B [nOut, rank]
	factor   float32 // alpha/rank
}

// AdapterUse is an adapter at a strength: 1 is what it was trained for.
type AdapterUse struct {
	Adapter *Adapter
	Scale   float32
}

var adapterIDs atomic.Uint64

const (
	suffixA = ".lora_a"
	suffixB = ".lora_b"
)

// LoadAdapter reads a LoRA adapter for the model from a GGUF file. A file that
// does not fit is a *ModelError with every fault found.
func (e *Engine) LoadAdapter(path string) (*Adapter, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return e.LoadAdapterFile(f)
}

// LoadAdapterFile is LoadAdapter of a file that is open. It may be closed
// afterwards.
func (e *Engine) LoadAdapterFile(f *gguf.File) (*Adapter, error) {
	l := adapterLoader{file: f, engine: e}
	l.check()
	pairs := l.pairs()
	if len(l.faults) > 0 {
		return nil, &ModelError{Path: f.Path(), Faults: l.faults}
	}
	if !e.Acquire() {
		return nil, fmt.Errorf("load adapter: %w", ErrClosed)
	}
	a := &Adapter{engine: e, path: f.Path(), id: adapterIDs.Add(1), parts: make([]lowRank, e.nAdaptable+1)}
	a.refs.Store(1)
	if err := l.fill(a, pairs); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

// Path returns the file that the adapter was read from.
func (a *Adapter) Path() string { return a.path }

// acquire adds a user. It reports false if the adapter has none left.
func (a *Adapter) acquire() bool {
	for {
		n := a.refs.Load()
		if n <= 0 {
			return false
		}
		if a.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Close ends one use of the adapter; the last one frees its memory. Each use
// must be closed once: it panics when called more often.
func (a *Adapter) Close() {
	switch n := a.refs.Add(-1); {
	case n < 0:
		panic("runtime: Adapter closed more often than used")
	case n == 0:
		a.mem.free()
		a.engine.Close()
	}
}

// checkAdapters finds what no session can have.
func (e *Engine) checkAdapters(uses []AdapterUse) error {
	for _, u := range uses {
		switch {
		case u.Adapter == nil || u.Adapter.engine != e:
			return fmt.Errorf("an adapter of another engine")
		case !(math.Abs(float64(u.Scale)) <= math.MaxFloat32):
			return &ParamError{"adapter_scale", u.Scale, "a finite number"}
		}
	}
	return nil
}

// adapterKey tells sessions apart whose keys and values adapters made
// different. It is empty without adapters.
func adapterKey(uses []AdapterUse) string {
	var b []byte
	for _, u := range uses {
		b = binary.LittleEndian.AppendUint64(b, u.Adapter.id)
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(u.Scale))
	}
	return string(b)
}

// adapterLoader connects a file's tensors to a model's matrices.
type adapterLoader struct {
	file   *gguf.File
	engine *Engine
	alpha  float64
	faults []Fault
}

// adapterPair is the change of one tensor of the model, which may be several
// matrices one below the other.
type adapterPair struct {
	a, b     gguf.TensorInfo
	matrices []*linear
}

// check reads the metadata.
func (l *adapterLoader) check() {
	want := func(key, value string) {
		if got, err := l.file.String(key); err != nil || got != value {
			l.faults = append(l.faults, Fault{Key: key, Reason: fmt.Sprintf("is %q, needs %q", got, value)})
		}
	}
	want("general.type", "adapter")
	want("adapter.type", "lora")
	want("general.architecture", l.engine.info.Architecture)
	if _, isActivated := l.file.KeyValue("adapter.alora.invocation_tokens"); isActivated {
		l.faults = append(l.faults, Fault{Key: "adapter.alora.invocation_tokens", Reason: "is there, but adapters that begin inside a text cannot be used"})
	}
	var err error
	if l.alpha, err = l.file.Float("adapter.lora.alpha"); err != nil || math.IsNaN(l.alpha) || math.IsInf(l.alpha, 0) {
		l.faults = append(l.faults, Fault{Key: "adapter.lora.alpha", Reason: "must be a finite number"})
	}
}

func (l *adapterLoader) fault(name, format string, args ...any) {
	l.faults = append(l.faults, Fault{Tensor: name, Reason: fmt.Sprintf(format, args...)})
}

// pairs finds both matrices of every change, and what they change.
func (l *adapterLoader) pairs() (pairs []adapterPair) {
	tensors := l.file.Tensors()
	if len(tensors) == 0 {
		l.faults = append(l.faults, Fault{Reason: "has no tensors"})
	}
	for _, t := range tensors {
		if base, isB := strings.CutSuffix(t.Name, suffixB); isB {
			if _, ok := l.file.Tensor(base + suffixA); !ok {
				l.fault(t.Name, "comes without %q", base+suffixA)
			}
			continue
		}
		base, isA := strings.CutSuffix(t.Name, suffixA)
		if !isA {
			l.fault(t.Name, "must end in %s or %s", suffixA, suffixB)
			continue
		}
		b, ok := l.file.Tensor(base + suffixB)
		if !ok {
			l.fault(t.Name, "comes without %q", base+suffixB)
			continue
		}
		p := adapterPair{t, b, l.engine.adaptable[base]}
		if len(p.matrices) == 0 {
			l.fault(t.Name, "belongs to no matrix of the model that can be adapted")
			continue
		}
		l.checkShapes(&p)
		pairs = append(pairs, p)
	}
	return pairs
}

func (l *adapterLoader) checkShapes(p *adapterPair) {
	nIn, nOut := p.matrices[0].w.NIn, 0
	for _, m := range p.matrices {
		nOut += m.w.NOut
	}
	for _, t := range []gguf.TensorInfo{p.a, p.b} {
		if _, ok := formats[t.Type.String()]; !ok {
			l.fault(t.Name, "is of type %v, which no weights have", t.Type)
		}
		if len(t.Dims) != 2 {
			l.fault(t.Name, "has %d dimensions, needs 2", len(t.Dims))
			return
		}
	}
	if p.a.Dims[0] != nIn {
		l.fault(p.a.Name, "has rows of %d, needs %d", p.a.Dims[0], nIn)
	}
	if rank := p.a.Dims[1]; !slices.Equal(p.b.Dims, []int{rank, nOut}) {
		l.fault(p.b.Name, "is %v, needs %v", []int{p.b.Dims[1], p.b.Dims[0]}, []int{nOut, rank})
	}
}

// fill packs the changes into a's memory.
func (l *adapterLoader) fill(a *Adapter, pairs []adapterPair) (err error) {
	size, rank, nOut := 0, 0, 0
	packed := func(nOut, nIn int) int { return alignUp(kernels.PackedBytes(kernels.F32, nOut, nIn)) }
	for _, p := range pairs {
		size += packed(p.a.Dims[1], p.a.Dims[0])
		rank = max(rank, p.a.Dims[1])
		for _, m := range p.matrices {
			size += packed(m.w.NOut, p.a.Dims[1])
			nOut = max(nOut, m.w.NOut)
		}
	}
	if a.mem, err = newRegion(int64(size), "an adapter"); err != nil {
		return err
	}
	mem := a.mem.bytes
	pack := func(nOut, nIn int, rows []byte) *kernels.Matrix {
		m := &kernels.Matrix{Format: kernels.F32, NOut: nOut, NIn: nIn, Panels: mem[:kernels.PackedBytes(kernels.F32, nOut, nIn)]}
		mem = mem[packed(nOut, nIn):]
		kernels.Pack(*m, rows, kernels.Range{To: m.NPanels()})
		return m
	}
	for _, p := range pairs {
		down, err := l.read(p.a)
		if err != nil {
			return err
		}
		up, err := l.read(p.b)
		if err != nil {
			return err
		}
		rank := p.a.Dims[1]
		factor := float32(1)
		if l.alpha != 0 {
			factor = float32(l.alpha / float64(rank))
		}
		shared := pack(rank, p.a.Dims[0], down)
		for _, m := range p.matrices {
			n := 4 * rank * m.w.NOut
			a.parts[m.id] = lowRank{linear{w: shared}, linear{w: pack(m.w.NOut, rank, up[:n])}, factor}
			up = up[n:]
		}
	}
	return a.engine.reserveAdapting(rank, nOut)
}

// read returns a tensor's values as float32 in the file's order.
func (l *adapterLoader) read(t gguf.TensorInfo) ([]byte, error) {
	raw := make([]byte, t.Bytes)
	if err := l.file.ReadTensor(raw, t, 0); err != nil {
		return nil, err
	}
	values := make([]float32, t.Dims[0]*t.Dims[1])
	kernels.Dequantize(values, formats[t.Type.String()], raw)
	for _, v := range values {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return nil, &ModelError{Path: l.file.Path(), Faults: []Fault{{Tensor: t.Name, Reason: "holds a value that is not finite"}}}
		}
	}
	return binary.Append(nil, binary.LittleEndian, values)
}
