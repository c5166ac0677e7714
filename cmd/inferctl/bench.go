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
	synopsis: "--model FILE [--prompt N] [--gen N] [--depth D] [--threads N] [--repeat N] [--json]",
	summary:  "measure tokens per second in prefill and decode",
	details: `
Time how fast the model processes a prompt of N tokens in one go ("pp"), and
then how fast it goes on token by token ("tg"), behind D tokens that are in the
context already. Each test runs once for warming up and then as often as
--repeat says; the median counts. A length of 0 leaves the test out.

With --json, print an object per test on a line of its own, with the median as
"tokens_per_sec" and the extremes as "min" and "max".`,
	define: func(fs *flag.FlagSet) runFunc {
		var b benchRun
		fs.StringVar(&b.model, "model", "", "GGUF `FILE`")
		fs.IntVar(&b.nPrompt, "prompt", 512, "prompt tokens `N`")
		fs.IntVar(&b.nGen, "gen", 64, "generated tokens `N`")
		fs.IntVar(&b.depth, "depth", 0, "tokens `D` in the context before")
		fs.IntVar(&b.threads, "threads", 0, "threads `N`; 0: as many as the machine gives")
		fs.IntVar(&b.repeat, "repeat", 5, "measurements `N` of each test")
		fs.BoolVar(&b.json, "json", false, "print a JSON object per test")
		return func(ctx context.Context, _ []string) error {
			if err := required(fs, "model"); err != nil {
				return err
			}
			if b.nPrompt < 0 || b.nGen < 0 || b.depth < 0 || b.repeat < 1 || b.nPrompt+b.nGen == 0 {
				return usagef("bench", "--prompt, --gen and --depth must be 0 or more, one of the first two and --repeat 1 or more")
			}
			return b.run(ctx)
		}
	},
}

// benchRun is one call of inferctl bench.
type benchRun struct {
	model                                 string
	nPrompt, nGen, depth, threads, repeat int
	json                                  bool
}

// benchResult is one test's outcome.
type benchResult struct {
	Test         string  `json:"test"` // pp or tg
	N            int     `json:"n"`
	Depth        int     `json:"depth"`
	TokensPerSec float64 `json:"tokens_per_sec"` // median
	Min          float64 `json:"min"`
	Max          float64 `json:"max"`
	Threads      int     `json:"threads"`
}

func (b *benchRun) run(ctx context.Context) error {
	e, err := loadModel(b.model, runtime.Options{
		NCtx:    b.depth + max(b.nPrompt, b.nGen),
		Threads: b.threads,
	})
	if err != nil {
		return err
	}
	defer e.Close()
	s, err := e.NewSession(runtime.SessionOptions{})
	if err != nil {
		return err
	}
	defer s.Close()
	// Which tokens does not matter for the time; all in use is the worst case.
	tokens := make([]runtime.Token, b.depth+max(b.nPrompt, b.nGen))
	for i := range tokens {
		tokens[i] = runtime.Token(i * 7919 % e.NVocab())
	}
	if err := feed(ctx, s, tokens[:b.depth], runtime.WantNone, e.MaxBatch(), nil); err != nil {
		return err
	}
	for _, test := range []struct {
		name       string
		n, perStep int
	}{{"pp", b.nPrompt, e.MaxBatch()}, {"tg", b.nGen, 1}} {
		if test.n == 0 {
			continue
		}
		rates, err := b.measure(ctx, s, tokens[b.depth:b.depth+test.n], test.perStep)
		if err != nil {
			return err
		}
		if err := b.print(newBenchResult(test.name, test.n, b.depth, e.Threads().N, rates)); err != nil {
			return err
		}
	}
	return nil
}

// measure returns the tokens per second of each repetition, behind what s holds.
func (b *benchRun) measure(ctx context.Context, s *runtime.Session, tokens []runtime.Token, perStep int) ([]float64, error) {
	p := newProgress("measuring")
	defer p.end()
	var rates []float64
	for i := range b.repeat + 1 {
		n := len(tokens)
		if i == 0 && perStep == 1 {
			n = 1 // a token warms up as well as many
		}
		start := time.Now()
		if err := feed(ctx, s, tokens[:n], runtime.WantLast, perStep, nil); err != nil {
			return nil, err
		}
		if i > 0 {
			rates = append(rates, float64(n)/time.Since(start).Seconds())
		}
		s.Rewind(b.depth)
		p.set(int64(i+1), int64(b.repeat+1), "")
	}
	return rates, nil
}

func newBenchResult(test string, n, depth, threads int, rates []float64) benchResult {
	slices.Sort(rates)
	middle := len(rates) / 2
	median := rates[middle]
	if len(rates)%2 == 0 {
		median = (rates[middle-1] + median) / 2
	}
	return benchResult{test, n, depth, median, rates[0], rates[len(rates)-1], threads}
}

func (b *benchRun) print(r benchResult) error {
	if b.json {
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	_, err := fmt.Printf("%s %5d  depth %5d  %9.2f tokens/s  (%.2f to %.2f, %s)\n",
		r.Test, r.N, r.Depth, r.TokensPerSec, r.Min, r.Max, plural(r.Threads, "thread"))
	return err
}
