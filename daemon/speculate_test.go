package daemon

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"inferd/daemon/auth"
	"inferd/daemon/sched"
	"inferd/runtime"
	"inferd/runtime/grammar"
	"inferd/testdata"
	"inferd/tokenizer"
)

// countingEngine is a real engine that counts what it is told to do.
type countingEngine struct {
	*runtimeEngine
	nSteps, nRows int
}

func (e *countingEngine) Step(entries []sched.Entry) error {
	e.nSteps++
	for _, entry := range entries {
		e.nRows += len(entry.Tokens)
	}
	return e.runtimeEngine.Step(entries)
}

// deltas is a sched.Writer that keeps all that a generation gives.
type deltas struct {
	generation generation
	list       []runtime.Delta
	ended      chan error
}

func (w *deltas) Prompt([]float32) {}

func (w *deltas) Next(logits []float32) (runtime.Token, bool, error) {
	d, err := w.generation.Accept(logits)
	d.Text, d.Top = slices.Clone(d.Text), slices.Clone(d.Top)
	w.list = append(w.list, d)
	return d.Token, d.Finished == runtime.NotFinished, err
}

func (w *deltas) End(err error) {
	if w.generation != nil {
		w.generation.Close()
	}
	w.ended <- err
}

// TestGuessesChangeNoBit makes answers of all kinds with and without guesses,
// alone and all at once, and compares tokens, texts and probabilities.
func TestGuessesChangeNoBit(t *testing.T) {
	e := loadCounting(t, testdata.Path("models", "llama-Q4_K.gguf"))
	tok := e.tokenizer()
	// A text that repeats itself, so that there is something to guess.
	prompt := tok.Encode("the cat and the dog and the cat and the dog and the cat", tokenizer.EncodeOptions{AddSpecial: true})
	all := answerKinds(t)
	var want [][]runtime.Delta
	for _, test := range []struct {
		name      string
		speculate bool
		together  bool
	}{{"plain", false, false}, {"guessing", true, false}, {"guessing together", true, true}} {
		e.nSteps, e.nRows = 0, 0
		got := answersOf(t, e, prompt, all, test.speculate, test.together)
		if want == nil {
			want = got
			continue
		}
		for i := range all {
			require.Equal(t, want[i], got[i], "%s: %+v", test.name, all[i])
		}
		nTokens := 0
		for _, list := range got {
			nTokens += len(list)
		}
		if !test.together {
			require.Greater(t, e.nRows-len(all)*(len(prompt)-1), nTokens, "some guesses were wrong")
			require.Less(t, e.nSteps, nTokens, "some were right")
		}
	}
}

func loadCounting(t *testing.T, path string) *countingEngine {
	engine, err := runtime.Load(path, runtime.Options{NCtx: 512, KVBytes: 64 << 20, MaxBatch: 64, Threads: 2})
	require.NoError(t, err)
	t.Cleanup(engine.Close)
	return &countingEngine{runtimeEngine: &runtimeEngine{Engine: engine, turn: new(sync.Mutex)}}
}

// answerKinds lists answers that differ in all that chooses a token.
func answerKinds(t *testing.T) []runtime.GenerationOptions {
	plain := runtime.GenerationOptions{Sampling: runtime.Greedy(), MaxTokens: 120, IgnoreEOG: true}
	kinds := []runtime.GenerationOptions{plain}
	add := func(change func(*runtime.GenerationOptions)) {
		o := plain
		change(&o)
		kinds = append(kinds, o)
	}
	for seed := range uint64(3) {
		add(func(o *runtime.GenerationOptions) {
			o.Sampling.Temperature, o.Sampling.Seed = 0.2+float32(seed)/4, seed
		})
	}
	add(func(o *runtime.GenerationOptions) { o.Sampling.Temperature, o.Sampling.TopP = 0.5, 0.8 })
	add(func(o *runtime.GenerationOptions) { o.Sampling.Temperature, o.Sampling.TopK = 0.5, 3 })
	add(func(o *runtime.GenerationOptions) { o.Sampling.RepeatPenalty, o.Sampling.RepeatLastN = 1.05, 20 })
	add(func(o *runtime.GenerationOptions) {
		o.Sampling.PresencePenalty, o.Sampling.FrequencyPenalty = 0.1, 0.01
	})
	add(func(o *runtime.GenerationOptions) { o.LogProbs, o.TopLogProbs = true, 3 })
	add(func(o *runtime.GenerationOptions) { o.Stop = []string{"a", "e", "o"} })
	g, err := grammar.CompileRegex(`(the |cat |dog |and )+`)
	require.NoError(t, err)
	add(func(o *runtime.GenerationOptions) { o.Grammar, o.IgnoreEOG = g, false })
	return kinds
}

// answersOf returns the answers that a scheduler makes.
func answersOf(t *testing.T, e engine, prompt []runtime.Token, kinds []runtime.GenerationOptions, speculate, together bool) [][]runtime.Delta {
	kv := e.kv()
	// Steps take the same time whatever they compute, so that each guess pays.
	var ticks atomic.Int64
	s := sched.New(e, sched.Options{
		Now:       func() time.Time { return time.UnixMilli(ticks.Add(1)) },
		QueueSize: len(kinds), MaxRunning: 16, PrefillChunk: 32,
		NPages: kv.NPages, PageTokens: kv.PageTokens, NCtx: e.nCtx(), Speculate: speculate,
	})
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { s.Run(ctx) })
	defer running.Wait()
	defer stop()
	all := make([][]runtime.Delta, len(kinds))
	writers := make([]*deltas, len(kinds))
	for i, o := range kinds {
		writers[i] = submitDeltas(t, s, e, prompt, o)
		if !together {
			require.NoError(t, <-writers[i].ended)
		}
	}
	for i, w := range writers {
		if together {
			require.NoError(t, <-w.ended)
		}
		all[i] = w.list
	}
	return all
}

func submitDeltas(t *testing.T, s *sched.Scheduler, e engine, prompt []runtime.Token, o runtime.GenerationOptions) *deltas {
	e.prepare(o)
	w := &deltas{ended: make(chan error, 1)}
	prompt = slices.Clone(prompt)
	require.NoError(t, s.Submit(t.Context(), sched.Request{
		User:   auth.User(1),
		Prompt: prompt,
		Begin: func(session sched.Session) (_ sched.Writer, err error) {
			w.generation, err = e.begin(session, prompt, o)
			return w, err
		},
		Failed: w.End,
	}))
	return w
}
