package runtime

import (
	"fmt"
	"math"

	"inferd/gguf"
	"inferd/kernels"
	"inferd/tokenizer"
)

// plan is a model that has been checked in full, and the memory it will take,
// before anything of size is allocated.
type plan struct {
	info    Info
	config  config
	tok     *tokenizer.Tokenizer
	model   model
	binder  *binder
	threads ThreadChoice

	nCtx         int
	nPages       int
	kvLayout     kvLayout
	maxBatch     int
	scratchBytes int64 // of a step that wants all logits
	usedBytes    int64 // of a step that wants one row: what a server touches
}

// defaultNCtx bounds the context where nobody asked for one: keys and values of
// the longest contexts that models allow would take more memory than most
// machines have.
const defaultNCtx = 1 << 15

// defaultWholeNCtx is the same for models that read all of a text in one step,
// whose scratch memory grows with it.
const defaultWholeNCtx = 1 << 13

// ctxRounding is what contexts are commonly rounded up to.
const ctxRounding = 256

// newPlan checks a file and plans its loading. All that is wrong with it is in
// one *ModelError.
func newPlan(f *gguf.File, o Options) (*plan, error) {
	p := &plan{info: describe(f)}
	h := &hparams{file: f, arch: p.info.Architecture}
	construct, ok := archs[h.arch]
	if !ok {
		return p, p.refuse(f, []Fault{{Key: "general.architecture", Reason: fmt.Sprintf("is %q, must be one of %q", h.arch, Architectures())}})
	}
	nVocab := 1
	if p.tok = newTokenizer(h); p.tok != nil {
		nVocab = p.tok.NVocab()
	}
	p.model, p.config = construct(h, nVocab)
	if p.config.pooling == PoolingRank && p.model.outputTail() == nil {
		h.fault(h.key("pooling_type"), "is %d, which no model of this architecture has", PoolingRank)
	}
	if len(h.faults) > 0 {
		return p, p.refuse(f, h.faults)
	}
	p.binder = newBinder(f)
	p.model.bind(p.binder)
	p.binder.finish()
	if len(p.binder.faults) > 0 {
		return p, p.refuse(f, p.binder.faults)
	}
	p.info.setConfig(&p.config, p.tok)
	if err := p.size(o); err != nil {
		return p, err
	}
	return p, nil
}

// refuse returns the error for a model with faults.
func (p *plan) refuse(f *gguf.File, faults []Fault) error {
	return &ModelError{Path: f.Path(), Faults: faults}
}

// size plans the memory.
func (p *plan) size(o Options) error {
	p.nCtx = o.NCtx
	if p.nCtx == 0 {
		p.nCtx = min(p.config.nCtxTrain, defaultNCtx)
		if p.config.readsWhole() {
			p.nCtx = min(p.nCtx, defaultWholeNCtx)
		}
	}
	// Tools that round contexts up, as llama.cpp does, name one a little longer
	// than the model's.
	if p.nCtx > (p.config.nCtxTrain+ctxRounding-1)/ctxRounding*ctxRounding {
		return &ParamError{"ctx", p.nCtx, fmt.Sprintf("at most the model's %d", p.config.nCtxTrain)}
	}
	if m, ok := p.model.(interface{ learnedPositions() bool }); ok && m.learnedPositions() {
		p.nCtx = min(p.nCtx, p.config.nCtxTrain) // there is no row for a later position
	}
	if p.threads = (ThreadChoice{o.Threads, "as configured"}); o.Threads == 0 {
		p.threads = ChooseThreads()
	}
	if p.maxBatch = o.MaxBatch; p.maxBatch == 0 {
		p.maxBatch = defaultMaxBatch
	}
	if p.config.readsWhole() {
		p.nCtx = min(p.nCtx, maxMaxBatch)
		p.maxBatch = p.nCtx // it reads all of a text at once
	}
	p.kvLayout = newKVLayout(p.model.kvSpecs(), p.kvFormat(o.KVType))
	if err := p.divide(o.KVBytes); err != nil {
		return err
	}
	p.scratchBytes = max(p.measureScratch(p.maxBatch), p.measureScratch(max(1, p.maxBatch-1)))
	p.usedBytes = p.measureScratch(1)
	p.info.Memory = Memory{
		WeightBytes:  p.binder.packedBytes(),
		KVBytes:      int64(p.nPages)*int64(p.kvLayout.pageBytes) + int64(p.kvLayout.nStates)*p.kvLayout.stateBytes(),
		ScratchBytes: p.usedBytes + int64(p.threads.N)*kernels.MatMulScratchBytes,
		NCtx:         p.nCtx,
		KVPageBytes:  p.kvLayout.pageBytes,
		KVPageTokens: pageTokens,
		KVType:       p.kvFormat(o.KVType).String(),
		StateBytes:   int(p.kvLayout.stateBytes()),
	}
	return nil
}

// divide divides the budget into pages and recurrent states: half of it is for
// states, if the model has any, but no more of either than can be of use with
// the other.
func (p *plan) divide(budget int64) error {
	l := &p.kvLayout
	p.nPages = pagesFor(p.nCtx)
	if l.stateLen > 0 {
		l.nStates = 1 + defaultCheckpoints
	}
	if budget > 0 && !p.config.readsWhole() { // which keeps nothing beyond a text
		most := int64(maxPages)
		if l.stateLen > 0 {
			l.nStates = int(min(max(1, budget/2/l.stateBytes()), maxPages))
			budget -= int64(l.nStates) * l.stateBytes()
			most = min(most, int64(l.nStates)*int64(p.nPages))
		}
		p.nPages = int(min(max(1, budget/int64(l.pageBytes)), most))
		l.nStates = min(l.nStates, 2*p.nPages)
	}
	if int64(p.nPages) > math.MaxInt64/2/int64(l.pageBytes) || int64(l.nStates) > math.MaxInt64/2/max(1, l.stateBytes()) {
		return fmt.Errorf("runtime: KV cache of %d pages of %d bytes cannot be addressed", p.nPages, l.pageBytes)
	}
	return nil
}

// defaultCheckpoints is how many copies of a state there are by default beside
// the one session's own.
const defaultCheckpoints = 8

// maxPages bounds the bookkeeping of a KV budget: 2^24 pages are 2^30 tokens.
const maxPages = 1 << 24

// kvFormat settles the element type of keys and values.
func (p *plan) kvFormat(t KVType) kernels.Format {
	keeps := !p.config.readsWhole() // else nothing is saved
	if t == KVF32 || t == KVAuto && !(keeps && p.binder.hasBlockFormat()) {
		return kernels.F32
	}
	return kernels.F16
}

// measureScratch returns the scratch memory of the worst steps: one prompt that
// fills the batch, nRows rows of whose logits are wanted (one row less than all
// narrows the last layer, which copies rows), and decoding at the
// end of the context for few enough sessions that attention is divided by
// segments.
func (p *plan) measureScratch(nRows int) int64 {
	kv := &pagePool{layout: p.kvLayout}
	s := newStep(kv, p.maxBatch)
	c := newMeasuringCPU(p.threads.N)
	s.add(nil, 0, p.maxBatch, nRows)
	s.wantsVectors = p.config.readsWhole()
	p.model.forward(c, &s)
	if t := p.model.outputTail(); t != nil {
		c.arena.release(0)
		t.apply(c, c.tensor(1, p.config.dim))
	}

	s.reset()
	c.arena.release(0)
	for range min(p.maxBatch, 2*p.threads.N) {
		s.add(nil, p.nCtx-1, 1, 1)
		p.model.forward(c, &s)
		c.arena.release(0)
	}
	return int64(c.arena.peak)
}
