package runtime

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"inferd/gguf"
	"inferd/runtime/grammar"
	"inferd/tokenizer"
)

// Options are the choices made when a model is loaded. The zero value is good
// for one session.
type Options struct {
	// NCtx is the number of tokens a session may hold; 0 means the model's own
	// context length, which is also the most that is allowed.
	NCtx int

	// KVBytes is the budget for the keys and values of all sessions and of the
	// prefix cache together; 0 means enough for one session of NCtx tokens. At
	// least one page is always kept.
	KVBytes int64

	// KVType is the element type of keys and values.
	KVType KVType

	// MaxBatch is the number of tokens a step may carry; 0 means 512. Scratch
	// memory grows with it.
	MaxBatch int

	// Threads is the number of threads a step uses; 0 means ChooseThreads.
	Threads int

	// Progress, if set, is called now and then while weights are packed, by one
	// goroutine at a time.
	Progress func(done, total int64)

	// Context, if set, ends loading with its error when it ends.
	Context context.Context
}

// KVType is the element type of the KV cache.
type KVType uint8

const (
	// KVAuto is F32 for models none of whose matrices is block-quantised, for
	// they are small and loaded to be exact, and F16 for all others.
	KVAuto KVType = iota
	KVF32
	KVF16
)

func (t KVType) String() string { return [...]string{"auto", "F32", "F16"}[t] }

// ParseKVType reads "auto", "f32" or "f16".
func ParseKVType(s string) (KVType, error) {
	for t := KVAuto; t <= KVF16; t++ {
		if strings.EqualFold(s, t.String()) {
			return t, nil
		}
	}
	return 0, &ParamError{"kv_type", s, "auto, f32 or f16"}
}

const (
	defaultMaxBatch = 512
	maxMaxBatch     = 1 << 16 // a step of more tokens gains nothing and scratch memory is linear in it
	maxThreads      = 1024
)

// check validates the options that need no model.
func (o *Options) check() error {
	switch {
	case o.NCtx < 0:
		return &ParamError{"ctx", o.NCtx, "0 (the model's own) or more"}
	case o.KVBytes < 0:
		return &ParamError{"kv_bytes", o.KVBytes, "0 (one session) or more"}
	case o.KVType > KVF16:
		return &ParamError{"kv_type", uint8(o.KVType), "auto, f32 or f16"}
	case o.MaxBatch < 0 || o.MaxBatch > maxMaxBatch:
		return &ParamError{"max_batch", o.MaxBatch, fmt.Sprintf("0 (%d) to %d", defaultMaxBatch, maxMaxBatch)}
	case o.Threads < 0 || o.Threads > maxThreads:
		return &ParamError{"threads", o.Threads, fmt.Sprintf("0 (automatic) to %d", maxThreads)}
	}
	return nil
}

// Engine is a loaded model. What it knows never changes, so any goroutine may
// use it; steps run one at a time. It lives until each of its users has called
// Close: the one that loaded it, those that called Acquire, and every session.
type Engine struct {
	info       Info
	tok        *tokenizer.Tokenizer
	model      model
	nCtx       int
	nVocab     int
	pooling    Pooling // of tokens' vectors
	readsWhole bool    // a text at once, and only to make a vector of it
	threads    ThreadChoice
	refs       atomic.Int64

	weights region
	cost    modelCost
	kv      *pagePool

	adaptable  map[string][]*linear // what adapters may change, by tensor
	nAdaptable int

	grammarVocab func() *grammar.Vocab // makes it once

	mu      sync.Mutex // guards the step in progress: cpu and its scratch memory
	cpu     *cpu
	step    step
	hasLent bool // a batch has logits in the scratch memory
}

// Load reads a model, packs its weights for the CPU's kernels and reserves
// memory for keys, values and scratch. A file that is no GGUF file is a
// *gguf.ParseError, one whose content this package cannot run a *ModelError
// with every fault found.
func Load(path string, o Options) (*Engine, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return LoadFile(f, o)
}

// LoadFile is Load of a file that is open. It may be closed afterwards.
func LoadFile(f *gguf.File, o Options) (*Engine, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	p, err := newPlan(f, o)
	if err != nil {
		return nil, err
	}
	e := &Engine{
		info:       p.info,
		tok:        p.tok,
		model:      p.model,
		nCtx:       p.nCtx,
		nVocab:     p.config.nVocab,
		pooling:    p.config.tokenPooling(),
		readsWhole: p.config.readsWhole(),
		threads:    p.threads,
	}
	e.grammarVocab = sync.OnceValue(func() *grammar.Vocab { return newGrammarVocab(e.tok, e.nVocab) })
	e.refs.Store(1)
	e.step = newStep(nil, p.maxBatch)
	if err := e.allocate(p, o); err != nil {
		e.free()
		return nil, err
	}
	if err := e.fill(p, o); err != nil {
		e.free()
		return nil, err
	}
	return e, nil
}

// allocate reserves what p has planned.
func (e *Engine) allocate(p *plan, o Options) (err error) {
	if e.weights, err = newRegion(p.binder.packedBytes(), "weights"); err != nil {
		return err
	}
	if e.kv, err = newPagePool(p.kvLayout, p.nPages); err != nil {
		return err
	}
	e.step.kv = e.kv
	if e.cpu, err = newCPU(e.threads.N, p.scratchBytes, p.usedBytes); err != nil {
		return err
	}
	e.cpu.step = &e.step
	return nil
}

// fill packs the weights into their memory and readies the model.
func (e *Engine) fill(p *plan, o Options) error {
	if err := p.binder.pack(o.Context, e.weights.bytes, e.cpu.pool, o.Progress); err != nil {
		return err
	}
	p.binder.attach(e.weights.bytes)
	e.cost = p.binder.cost(e.threads.N)
	e.adaptable, e.nAdaptable = p.binder.adaptable, p.binder.nAdaptable
	if err := e.model.ready(e.nCtx); err != nil {
		return &ModelError{Path: p.info.Path, Faults: []Fault{{Reason: err.Error()}}}
	}
	return nil
}

// Acquire adds a user to the engine. It reports false if the engine has none
// left, and so is being unloaded.
func (e *Engine) Acquire() bool {
	for {
		n := e.refs.Load()
		if n <= 0 {
			return false
		}
		if e.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Close ends one use of the engine; the last one unloads it. Each use must be
// closed once: it panics when called more often.
func (e *Engine) Close() {
	switch n := e.refs.Add(-1); {
	case n < 0:
		panic("runtime: Engine closed more often than used")
	case n == 0:
		e.free()
	}
}

// free gives all memory back and ends the threads.
func (e *Engine) free() {
	if e.cpu != nil {
		e.cpu.close()
	}
	if e.kv != nil {
		e.kv.close()
	}
	e.weights.free()
}

// Tokenizer returns the model's tokenizer.
func (e *Engine) Tokenizer() *tokenizer.Tokenizer { return e.tok }

// Info describes the model.
func (e *Engine) Info() Info { return e.info }

// NCtx returns the number of tokens a session may hold.
func (e *Engine) NCtx() int { return e.nCtx }

// NVocab returns the number of tokens of the vocabulary, the length of a row of
// logits.
func (e *Engine) NVocab() int { return e.nVocab }

// MaxBatch returns the number of tokens a step may carry.
func (e *Engine) MaxBatch() int { return e.step.maxBatch() }

// Threads returns how many threads a step uses, and why.
func (e *Engine) Threads() ThreadChoice { return e.threads }

// KV returns the state of the KV budget.
func (e *Engine) KV() KVStats { return e.kv.stats() }

// Step computes b: each entry's tokens are appended to its session, and the
// logits it wants are set. Where it returns an error nothing has changed:
// ErrKVFull for lack of pages, a *ContextError for lack of context, ErrLent
// where another batch still has logits, and errors that a correct caller never
// sees for a malformed batch.
func (e *Engine) Step(b *Batch) error {
	b.giveBack()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.hasLent {
		return fmt.Errorf("runtime: step: %w", ErrLent)
	}
	return e.stepLocked(b)
}

// errNoTokens is returned for an entry that would do nothing.
var errNoTokens = errors.New("no tokens")
