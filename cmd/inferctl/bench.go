package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"time"

	"inferd/runtime"
)

var benchCommand = &command{
	name:     "bench",
	synopsis: "--model FILE [--prompt N] [--gen N] [--depth D] [--parallel N] [--threads N] [--repeat N] [--limits] [--json]",
	summary:  "measure tokens per second in prefill and decode",
	details: `
Time how fast the model processes a prompt of N tokens in one go ("pp"), and
then how fast it goes on token by token ("tg"), behind D tokens that are in the
context already. With --parallel N, as many conversations go on side by side in
"tg", one token of each a step, and all their tokens count. Each test runs once
for warming up and then as often as --repeat says; the median counts. A length
of 0 leaves the test out.

With --limits, compare each measurement with the machine at that moment: "tg"
with a plain scan of the weights that a step reads, "pp" with as many
multiplications by the CPU's dot-product instruction at its full rate. Those of
attention are of floats, which no CPU multiplies at that rate, so that "pp" stands
a second time beside the time that the products and attention would take, each at
its own instruction's full rate.

With --json, print an object per test on a line of its own, with the median as
"tokens_per_sec", the extremes as "min" and "max", and, of --limits, the median
share as "share" and the limit as "limit" in "limit_unit", and of "pp" the second
one as "own_share".`,
	define: func(fs *flag.FlagSet) runFunc {
		var b benchRun
		fs.StringVar(&b.model, "model", "", "GGUF `FILE`")
		fs.IntVar(&b.nPrompt, "prompt", 512, "prompt tokens `N`")
		fs.IntVar(&b.nGen, "gen", 64, "generated tokens `N`")
		fs.IntVar(&b.depth, "depth", 0, "tokens `D` in the context before")
		fs.IntVar(&b.parallel, "parallel", 1, "conversations `N` that are generated side by side")
		fs.IntVar(&b.threads, "threads", 0, "threads `N`; 0: as many as the machine gives")
		fs.IntVar(&b.repeat, "repeat", 5, "measurements `N` of each test")
		fs.BoolVar(&b.limits, "limits", false, "compare with what the machine can do")
		fs.BoolVar(&b.json, "json", false, "print a JSON object per test")
		return func(ctx context.Context, _ []string) error {
			if err := required(fs, "model"); err != nil {
				return err
			}
			if b.nPrompt < 0 || b.nGen < 0 || b.depth < 0 || b.repeat < 1 || b.nPrompt+b.nGen == 0 {
				return usagef("bench", "--prompt, --gen and --depth must be 0 or more, one of the first two and --repeat 1 or more")
			}
			if b.parallel < 1 || b.parallel > maxParallel {
				return usagef("bench", "--parallel must be 1 to %d", maxParallel)
			}
			return b.run(ctx)
		}
	},
}

// maxParallel is as many tokens as a step carries.
const maxParallel = 512

// benchRun is one call of inferctl bench.
type benchRun struct {
	model                                           string
	nPrompt, nGen, depth, parallel, threads, repeat int
	limits, json                                    bool

	engine   *runtime.Engine
	sessions []*runtime.Session // each of depth tokens between tests
	tokens   []runtime.Token    // that are fed
}

// benchTest is one of the tests: its tokens are fed in steps, which take perStep
// of each session's.
type benchTest struct {
	name       string
	n, perStep int
	sessions   []*runtime.Session
	// limit does what the machine can do at best instead of the test's steps: work
	// in all, in giga-units a second.
	limit func()
	work  float64
	unit  string

	floats   func()  // the part of the work that is of floats, at best
	integers float64 // the rest's share of the work
	lastOnly bool    // the logits after the last token are wanted, of no others
}

// benchResult is one test's outcome.
type benchResult struct {
	Test         string  `json:"test"` // pp or tg
	N            int     `json:"n"`
	Depth        int     `json:"depth"`
	Parallel     int     `json:"parallel"`
	TokensPerSec float64 `json:"tokens_per_sec"` // median
	Min          float64 `json:"min"`
	Max          float64 `json:"max"`
	Threads      int     `json:"threads"`
	Share        float64 `json:"share,omitempty"` // of the limit
	Limit        float64 `json:"limit,omitempty"`
	LimitUnit    string  `json:"limit_unit,omitempty"`
	OwnShare     float64 `json:"own_share,omitempty"` // of each operation's own limit
}

func (b *benchRun) run(ctx context.Context) error {
	if err := b.load(ctx); err != nil {
		return err
	}
	defer b.engine.Close()
	defer func() {
		for _, s := range b.sessions {
			s.Close()
		}
	}()
	for _, test := range b.tests() {
		if test.n == 0 {
			continue
		}
		r, err := b.measure(ctx, &test)
		if err != nil {
			return err
		}
		if err := b.print(r); err != nil {
			return err
		}
	}
	return nil
}

// load loads the model, with room for all sessions, and fills these.
func (b *benchRun) load(ctx context.Context) error {
	o := runtime.Options{NCtx: b.depth + max(b.nPrompt, b.nGen), Threads: b.threads}
	info, err := runtime.Inspect(b.model, o)
	if err != nil {
		return fileError(err)
	}
	o.KVBytes = int64(b.parallel) * info.Memory.KVBytes
	if b.engine, err = loadModel(b.model, o); err != nil {
		return err
	}
	// Which tokens does not matter for the time; all in use is the worst case.
	b.tokens = make([]runtime.Token, o.NCtx)
	for i := range b.tokens {
		b.tokens[i] = runtime.Token(i * 7919 % b.engine.NVocab())
	}
	for range b.parallel {
		s, err := b.engine.NewSession(runtime.SessionOptions{})
		if err == nil {
			b.sessions = append(b.sessions, s)
			err = feed(ctx, s, b.tokens[:b.depth], runtime.WantNone, b.engine.MaxBatch(), nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *benchRun) tests() []benchTest {
	pp := benchTest{name: "pp", n: b.nPrompt, perStep: b.engine.MaxBatch(), sessions: b.sessions[:1], lastOnly: true}
	tg := benchTest{name: "tg", n: b.nGen, perStep: 1, sessions: b.sessions}
	if bytes := b.engine.StepBytes(); b.limits && bytes > 0 {
		macs := b.engine.PromptMACs(b.depth, pp.n)
		all := macs.Weights + macs.Attention
		pp.work, pp.unit = float64(2*all), "Gop/s"
		pp.limit = func() { b.engine.DotPeak(all) }
		pp.floats = func() { b.engine.FloatPeak(macs.Attention) }
		pp.integers = float64(macs.Weights) / float64(all)
		tg.work, tg.unit = float64(bytes)*float64(tg.n), "GB/s"
		tg.limit = func() {
			for range tg.n {
				b.engine.ScanWeights()
			}
		}
	}
	return []benchTest{pp, tg}
}

// measure repeats a test behind what its sessions hold.
func (b *benchRun) measure(ctx context.Context, t *benchTest) (benchResult, error) {
	p := newProgress("measuring")
	defer p.end()
	var rates, shares, limits, ownShares []float64
	for i := range b.repeat + 1 {
		n := t.n
		if i == 0 && t.perStep == 1 {
			n = 1 // a token warms up as well as many
		}
		start := time.Now()
		if err := b.steps(ctx, t, n); err != nil {
			return benchResult{}, err
		}
		took := time.Since(start)
		for _, s := range t.sessions {
			s.Rewind(b.depth)
		}
		p.set(int64(i+1), int64(b.repeat+1), "")
		if i == 0 {
			continue
		}
		rates = append(rates, float64(n*len(t.sessions))/took.Seconds())
		if t.limit != nil {
			start := time.Now()
			t.limit()
			least := time.Since(start)
			shares = append(shares, float64(least)/float64(took))
			limits = append(limits, t.work/1e9/least.Seconds())
			if t.floats != nil {
				t.floats()
				floats := time.Since(start) - least
				ownShares = append(ownShares, (t.integers*float64(least)+float64(floats))/float64(took))
			}
		}
	}
	r := benchResult{Test: t.name, N: t.n, Depth: b.depth, Parallel: len(t.sessions), Threads: b.engine.Threads().N}
	r.TokensPerSec, r.Min, r.Max = median(rates), slices.Min(rates), slices.Max(rates)
	if t.limit != nil {
		r.Share, r.Limit, r.LimitUnit = median(shares), median(limits), t.unit
		if t.floats != nil {
			r.OwnShare = median(ownShares)
		}
	}
	return r, nil
}

// steps appends n tokens to each of the test's sessions.
func (b *benchRun) steps(ctx context.Context, t *benchTest, n int) error {
	if len(t.sessions) == 1 {
		s, tokens := t.sessions[0], b.tokens[b.depth:b.depth+n]
		if t.lastOnly {
			before := max(0, n-1) / t.perStep * t.perStep
			if err := feed(ctx, s, tokens[:before], runtime.WantNone, t.perStep, nil); err != nil {
				return err
			}
			tokens = tokens[before:]
		}
		return feed(ctx, s, tokens, runtime.WantLast, t.perStep, nil)
	}
	var batch runtime.Batch
	defer batch.Reset()
	for i := range n {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		batch.Reset()
		for _, s := range t.sessions {
			batch.Add(s, b.tokens[b.depth+i:][:1], runtime.WantLast)
		}
		if err := b.engine.Step(&batch); err != nil {
			return err
		}
	}
	return nil
}

// median sorts x, which is not empty.
func median(x []float64) float64 {
	slices.Sort(x)
	middle := len(x) / 2
	if len(x)%2 == 0 {
		return (x[middle-1] + x[middle]) / 2
	}
	return x[middle]
}

func (b *benchRun) print(r benchResult) error {
	if b.json {
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	limit := ""
	if r.LimitUnit != "" {
		limit = fmt.Sprintf("  %.0f %% of %.1f %s", 100*r.Share, r.Limit, r.LimitUnit)
	}
	if r.OwnShare > 0 {
		limit += fmt.Sprintf(", %.0f %% of what each operation can do", 100*r.OwnShare)
	}
	side := ""
	if r.Parallel > 1 {
		side = fmt.Sprintf("  parallel %d", r.Parallel)
	}
	_, err := fmt.Printf("%s %5d  depth %5d%s  %9.2f tokens/s  (%.2f to %.2f, %s)%s\n",
		r.Test, r.N, r.Depth, side, r.TokensPerSec, r.Min, r.Max, plural(r.Threads, "thread"), limit)
	return err
}
