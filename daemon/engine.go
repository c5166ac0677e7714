package daemon

import (
	"fmt"
	"strconv"
	"sync"

	"inferd/daemon/sched"
	"inferd/gguf"
	"inferd/runtime"
	"inferd/tokenizer"
)

// engine is a loaded model as the daemon uses it. *runtimeEngine is the real
// one; tests of the daemon stand in for it.
type engine interface {
	sched.Model

	// prepare does what an answer needs before begin and takes long.
	prepare(runtime.GenerationOptions)

	// begin prepares the answer to a prompt in a new session.
	begin(sched.Session, []runtime.Token, runtime.GenerationOptions) (generation, error)

	tokenizer() *tokenizer.Tokenizer
	nCtx() int // tokens that a session may hold; the KV budget has room for them
	nVocab() int
	dim() int
	pooling() string // as runtime.Info tells it
	memory() runtime.Memory
	kv() runtime.KVStats

	// embed returns the pooled vector of a text. Like a step, it overwrites
	// the logits of the step before, and must not be called during one.
	embed([]runtime.Token) ([]float32, error)

	// shed gives up cached prompts and returns their bytes.
	shed() int64
	close()
}

// generation makes one answer out of logits. It belongs to the scheduler's
// goroutine.
type generation interface {
	Accept(logits []float32) (runtime.Delta, error)
	NReused() int
	Close()
}

var (
	_ engine        = (*runtimeEngine)(nil)
	_ generation    = (*runtime.Generation)(nil)
	_ sched.Session = (*runtime.Session)(nil)
)

// runtimeEngine lets sched drive a runtime.Engine. Its step belongs to one
// goroutine.
type runtimeEngine struct {
	*runtime.Engine
	turn  *sync.Mutex // held during a step: models take turns at the CPUs
	batch runtime.Batch
}

// NewSession implements sched.Model. The user's name keeps cached prompts of
// different users apart.
func (e *runtimeEngine) NewSession(r *sched.Request) (sched.Session, error) {
	return e.Engine.NewSession(runtime.SessionOptions{
		User:      strconv.FormatUint(uint64(r.User), 10),
		Adapters:  r.Adapters,
		KVReserve: r.Share.KVReserve,
	})
}

// Step implements sched.Model.
func (e *runtimeEngine) Step(entries []sched.Entry) error {
	e.turn.Lock()
	defer e.turn.Unlock()
	e.batch.Reset()
	for _, entry := range entries {
		e.batch.Add(entry.Session.(*runtime.Session), entry.Tokens, entry.Want)
	}
	if err := e.Engine.Step(&e.batch); err != nil {
		return err
	}
	for i := range entries {
		entries[i].Logits = e.batch.Entries[i].Logits
	}
	return nil
}

// prepare makes the vocabulary for grammars here and now, not when the
// scheduler needs it and all answers wait.
func (e *runtimeEngine) prepare(o runtime.GenerationOptions) {
	if o.Grammar != nil {
		e.GrammarVocab()
	}
}

func (e *runtimeEngine) begin(s sched.Session, prompt []runtime.Token, o runtime.GenerationOptions) (generation, error) {
	return runtime.NewGeneration(s.(*runtime.Session), prompt, o)
}

func (e *runtimeEngine) tokenizer() *tokenizer.Tokenizer { return e.Tokenizer() }

func (e *runtimeEngine) nCtx() int {
	kv := e.KV()
	return min(e.NCtx(), kv.NPages*kv.PageTokens)
}

func (e *runtimeEngine) nVocab() int            { return e.NVocab() }
func (e *runtimeEngine) dim() int               { return e.Info().Dim }
func (e *runtimeEngine) kv() runtime.KVStats    { return e.KV() }
func (e *runtimeEngine) pooling() string        { return e.Info().Pooling }
func (e *runtimeEngine) memory() runtime.Memory { return e.Info().Memory }
func (e *runtimeEngine) embed(t []runtime.Token) ([]float32, error) {
	e.turn.Lock()
	defer e.turn.Unlock()
	e.batch.Reset() // its logits have been read
	return e.Embed(t)
}
func (e *runtimeEngine) shed() int64 { return e.Shed() }
func (e *runtimeEngine) close()      { e.Engine.Close() }

// plan is how the configuration wants models to be loaded.
func (c *Config) plan() runtime.Options {
	kvType, _ := runtime.ParseKVType(c.KVType) // the setting has been checked
	return runtime.Options{
		NCtx:     c.NCtx,
		KVBytes:  int64(c.KVBudget),
		KVType:   kvType,
		MaxBatch: max(c.MaxRunning+c.PrefillChunk, sched.MaxRows),
		Threads:  c.Threads,
	}
}

// loadEngine loads a model's file as o says.
func loadEngine(f *gguf.File, o runtime.Options, turn *sync.Mutex) (*runtimeEngine, error) {
	e, err := runtime.LoadFile(f, o)
	if err != nil {
		return nil, err
	}
	r := &runtimeEngine{Engine: e, turn: turn}
	if have := r.nCtx(); have < o.NCtx {
		r.close()
		return nil, fmt.Errorf("model %q: n-ctx is %d tokens, but kv-budget holds %d", f.Path(), o.NCtx, have)
	}
	return r, nil
}
