package daemon

import (
	"fmt"
	"strconv"
	"sync"
	"time"

	"inferd/daemon/auth"
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
	readsWhole() bool // as runtime.Engine.ReadsWhole tells it
	memory() runtime.Memory
	kv() runtime.KVStats
	kvCached() map[string]int // pages, by the name that NewSession gives a user

	// shed gives up cached prompts and returns their bytes.
	shed() int64

	// forget clears the cached prompts that nobody has used for a time.
	forget(unused time.Duration)
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
	_ sched.Session = reading{}
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
	if r.Vector {
		text, err := e.NewReading()
		return reading{text}, err
	}
	return e.Engine.NewSession(runtime.SessionOptions{
		User:      userName(r.User),
		Adapters:  r.Adapters,
		KVReserve: r.Share.KVReserve,
	})
}

// userName is what the runtime, metrics and logs call a user.
func userName(u auth.User) string { return strconv.FormatUint(uint64(u), 10) }

// reading is a text whose vector is wanted, as sched sees it. Nothing of it is
// cached.
type reading struct{ *runtime.Reading }

func (reading) Reuse([]runtime.Token) int { return 0 }
func (reading) Publish()                  {}

// Rewind implements sched.Session, which shortens no text but to nothing.
func (r reading) Rewind(int) { r.Reset() }

// step appends tokens; of the text's last ones the result is the vector.
func (r reading) step(entry *sched.Entry) (err error) {
	if err = r.Append(entry.Tokens); err == nil && entry.Want == runtime.WantLast {
		entry.Logits, err = r.Vector()
	}
	return err
}

// Step implements sched.Model. Texts come first, one by one: each overwrites the
// logits of what was before.
func (e *runtimeEngine) Step(entries []sched.Entry) error {
	e.turn.Lock()
	defer e.turn.Unlock()
	e.batch.Reset()
	for i, entry := range entries {
		if text, ok := entry.Session.(reading); ok {
			if err := text.step(&entries[i]); err != nil {
				return err
			}
			continue
		}
		e.batch.Add(entry.Session.(*runtime.Session), entry.Tokens, entry.Want)
	}
	if len(e.batch.Entries) == 0 {
		return nil
	}
	if err := e.Engine.Step(&e.batch); err != nil {
		return err
	}
	answers := e.batch.Entries
	for i, entry := range entries {
		if _, ok := entry.Session.(reading); !ok {
			entries[i].Logits, answers = answers[0].Logits, answers[1:]
		}
	}
	return nil
}

// Rest implements sched.Model.
func (e *runtimeEngine) Rest() {
	e.turn.Lock()
	defer e.turn.Unlock()
	e.batch.Reset()
	e.Engine.Rest()
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

func (e *runtimeEngine) nVocab() int                 { return e.NVocab() }
func (e *runtimeEngine) dim() int                    { return e.Info().Dim }
func (e *runtimeEngine) kv() runtime.KVStats         { return e.KV() }
func (e *runtimeEngine) kvCached() map[string]int    { return e.KVCached() }
func (e *runtimeEngine) readsWhole() bool            { return e.ReadsWhole() }
func (e *runtimeEngine) memory() runtime.Memory      { return e.Info().Memory }
func (e *runtimeEngine) shed() int64                 { return e.Shed() }
func (e *runtimeEngine) forget(unused time.Duration) { e.Forget(unused) }
func (e *runtimeEngine) close()                      { e.Engine.Close() }

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
