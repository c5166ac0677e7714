package daemon

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"inferd/daemon/auth"
	"inferd/daemon/sched"
	"inferd/daemon/store"
	"inferd/runtime"
	"inferd/testdata"
	"inferd/tokenizer"
)

var timing = flag.Duration("timing", 10*time.Second, "how long TestMeasureTiming lasts")

var measureModel = flag.String("measure", "", "GGUF file to measure the scheduler with; its figures are no test")

// bench is a scheduler before a real engine, to be timed.
type bench struct {
	t      *testing.T
	engine *countingEngine
	sched  *sched.Scheduler
	text   []runtime.Token // a long English text
}

func newBenches(t *testing.T, options ...sched.Options) []bench {
	if *measureModel == "" {
		t.Skip("measures only with -measure MODEL")
	}
	e, err := runtime.Load(*measureModel, runtime.Options{NCtx: 8192, KVBytes: 2 << 30, MaxBatch: 192})
	if err != nil { // models with short contexts
		e, err = runtime.Load(*measureModel, runtime.Options{KVBytes: 1 << 30, MaxBatch: 192})
	}
	require.NoError(t, err)
	t.Cleanup(e.Close)
	text, err := os.ReadFile(testdata.Shared(t, "text", "GrimmsFairyTales.txt"))
	require.NoError(t, err)
	shared := &runtimeEngine{Engine: e, turn: new(sync.Mutex)} // their steps follow one another
	var all []bench
	for _, o := range options {
		engine := &countingEngine{runtimeEngine: shared}
		kv := e.KV()
		o.QueueSize, o.NPages, o.PageTokens, o.NCtx = 100, kv.NPages, kv.PageTokens, engine.nCtx()
		b := bench{t, engine, sched.New(engine, o), e.Tokenizer().Encode(string(text[:100_000]), tokenizer.EncodeOptions{})}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { b.sched.Run(ctx) })
		t.Cleanup(func() { stop(); running.Wait() })
		all = append(all, b)
	}
	return all
}

// scripted is a sched.Writer whose answer is fixed, whatever the model says. The
// work of the model is the same.
type scripted struct {
	answer []runtime.Token
	times  []time.Time   // of each token
	begun  chan struct{} // closed with the first one
	ended  chan error
}

func (w *scripted) Prompt([]float32) {}

func (w *scripted) Next([]float32) (runtime.Token, bool, error) {
	if w.times = append(w.times, time.Now()); len(w.times) == 1 {
		close(w.begun)
	}
	return w.answer[len(w.times)-1], len(w.times) < len(w.answer), nil
}

func (w *scripted) End(err error) { w.ended <- err }

// ask submits a prompt whose answer is given; without an answer it is a text whose
// vector is wanted.
func (b bench) ask(user auth.User, prompt, answer []runtime.Token) *scripted {
	isText := answer == nil
	if isText {
		answer = []runtime.Token{1}
	}
	w := &scripted{answer: answer, begun: make(chan struct{}), ended: make(chan error, 1)}
	require.NoError(b.t, b.sched.Submit(b.t.Context(), sched.Request{
		User:   user,
		Prompt: slices.Clone(prompt),
		Vector: isText,
		Begin: func(s sched.Session) (sched.Writer, error) {
			s.Reuse(prompt)
			return w, nil
		},
		Failed: w.End,
	}))
	return w
}

// perToken is the time of a decode step, the first token left out.
func (w *scripted) perToken(t *testing.T) time.Duration {
	require.NoError(t, <-w.ended)
	return w.times[len(w.times)-1].Sub(w.times[0]) / time.Duration(len(w.times)-1)
}

func median(d []float64) float64 {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}

// TestMeasureGuesses compares decode speed with and without guesses, in turns:
// on an answer that copies its prompt but for every twentieth token, and on one
// that goes on telling.
func TestMeasureGuesses(t *testing.T) {
	both := newBenches(t, sched.Options{MaxRunning: 8, PrefillChunk: 128}, sched.Options{MaxRunning: 8, PrefillChunk: 128, Speculate: true})
	n := min(100, both[0].engine.nCtx()/3)
	for _, kind := range []string{"copy", "prose"} {
		var ratios []float64
		for _, b := range both {
			b.engine.nSteps, b.engine.nRows = 0, 0
		}
		started := time.Now()
		round := 0
		for ; round < 5 || time.Since(started) < 10*time.Second; round++ {
			at := round * 1000 % (len(both[0].text) - 3*n)
			prompt, answer := both[0].text[at:][:n], slices.Clone(both[0].text[at+n:][:n])
			if kind == "copy" {
				copy(answer, prompt)
				for i := 19; i < n; i += 20 {
					answer[i] = both[0].text[at+2*n+i]
				}
			}
			var times [2]time.Duration
			for i := range both {
				i = (i + round) % 2
				times[i] = both[i].ask(1, prompt, answer).perToken(t)
			}
			ratios = append(ratios, float64(times[0])/float64(times[1]))
		}
		with, without := both[1].engine, both[0].engine
		slices.Sort(ratios)
		fmt.Printf("%s: %.3f times the decode speed, quartiles %.2f to %.2f of %d rounds; %.3f of the steps, %.3f of the tokens in them\n",
			kind, median(ratios), ratios[round/4], ratios[3*round/4], round,
			float64(with.nSteps)/float64(without.nSteps), float64(with.nRows)/float64(without.nRows))
	}
}

// TestMeasurePrefix compares the times to the first token of two requests that
// share a long prefix.
func TestMeasurePrefix(t *testing.T) {
	b := newBenches(t, sched.Options{MaxRunning: 8, PrefillChunk: 128})[0]
	n := min(2000, b.engine.nCtx()*9/10)
	var ratios []float64
	for round := range 3 {
		var times [2]time.Duration
		for i := range times {
			prompt := append(slices.Clone(b.text[round*4000:][:n]), b.text[40+i*20:][:10]...)
			started := time.Now()
			w := b.ask(1, prompt, []runtime.Token{1})
			require.NoError(t, <-w.ended)
			times[i] = w.times[0].Sub(started)
		}
		ratios = append(ratios, float64(times[1])/float64(times[0]))
	}
	fmt.Printf("prefix of %d tokens: the second request takes %.1f %% of the first (median)\n", n, 100*median(ratios))
}

// TestMeasureTiming lets one user time prompts, half of which another user has
// just sent, for as long as -timing says, and tells how well the times tell them
// apart: 0.5 is not at all. Known and fresh ones come in pairs in random order, so
// that what changes on the machine meanwhile meets both.
func TestMeasureTiming(t *testing.T) {
	b := newBenches(t, sched.Options{MaxRunning: 8, PrefillChunk: 128})[0]
	random := rand.New(rand.NewPCG(1, 2))
	n := min(130, b.engine.nCtx()*9/10) // two pages and a little
	times := map[bool][]float64{}       // by whether they were known
	began := time.Now()
	for i := 0; time.Since(began) < *timing; i++ {
		text := b.text[(i*97)%(len(b.text)-n):][:n-2]
		known := random.IntN(2) == 0
		for k := range 2 {
			prompt := append([]runtime.Token{runtime.Token(i % 200), runtime.Token(2*(i/200%100) + k)}, text...)
			other := slices.Clone(prompt)
			if known != (k == 0) {
				other[0] = runtime.Token(200 + i%50) // which nobody asks for
			}
			require.NoError(t, <-b.ask(1, other, []runtime.Token{1}).ended)
			started := time.Now()
			w := b.ask(2, prompt, []runtime.Token{1})
			require.NoError(t, <-w.ended)
			times[other[0] == prompt[0]] = append(times[other[0] == prompt[0]], w.times[0].Sub(started).Seconds())
		}
	}
	auc, margin := separation(times[true], times[false])
	fmt.Printf("timing between users: AUC %.3f ± %.3f (95 %%) of %d known and %d fresh prompts, medians %.3f and %.3f ms\n",
		auc, margin, len(times[true]), len(times[false]), 1e3*median(times[true]), 1e3*median(times[false]))
}

// separation returns how often a value of one sample is below one of the other, ties
// counting half, with the half width of its 95 % interval (Hanley and McNeil 1982).
func separation(low, high []float64) (auc, margin float64) {
	for _, x := range low {
		for _, y := range high {
			switch {
			case x < y:
				auc++
			case x == y:
				auc += 0.5
			}
		}
	}
	n, m := float64(len(low)), float64(len(high))
	auc /= n * m
	q1, q2 := auc/(2-auc), 2*auc*auc/(1+auc)
	variance := (auc*(1-auc) + (n-1)*(q1-auc*auc) + (m-1)*(q2-auc*auc)) / (n * m)
	return auc, 1.96 * math.Sqrt(variance)
}

// TestMeasureFlood asks a daemon for answers as one user, first alone, then while
// another user has 64 requests in at all times, and compares the times to the
// first token. It takes root to be two users.
func TestMeasureFlood(t *testing.T) {
	if *measureModel == "" {
		t.Skip("measures only with -measure MODEL")
	}
	needRoot(t)
	story, err := os.ReadFile(testdata.Shared(t, "text", "GrimmsFairyTales.txt"))
	require.NoError(t, err)
	d := run(t, func(c *Config) { c.Models = []string{*measureModel} })
	require.NoError(t, os.Chmod(d.socket, 0o666))
	body := func(i, nTokens int) string {
		text := strings.ToValidUTF8(string(story[2000+40*(i%2000):][:500]), "")
		raw, err := json.Marshal(map[string]any{"model": store.NameOf(*measureModel), "prompt": text,
			"max_tokens": nTokens, "ignore_eos": true, "stream": true})
		require.NoError(t, err)
		return string(raw)
	}
	firstTokens := func(from int) (times []float64) { // of prompts that are not cached
		for i := range 200 {
			took, err := firstTokenAs(d.socket, firstUID, body(from+i, 10))
			require.NoError(t, err)
			times = append(times, took.Seconds())
			time.Sleep(time.Duration(i%7) * time.Millisecond)
		}
		slices.Sort(times)
		return times
	}
	idle := firstTokens(0)
	var stop atomic.Bool
	var flood sync.WaitGroup
	for k := range 64 {
		flood.Go(func() {
			for i := 3000 + k; !stop.Load(); i += 64 {
				if _, err := firstTokenAs(d.socket, firstUID+1, body(i, 50)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	time.Sleep(2 * time.Second)
	busy := firstTokens(200)
	stop.Store(true)
	flood.Wait()
	fmt.Printf("time to the first token beside a flood: median %.2f ms, idle %.2f; p99 %.2f ms, idle %.2f: %.2f times\n",
		1e3*busy[100], 1e3*idle[100], 1e3*busy[197], 1e3*idle[197], busy[197]/idle[197])
}

// firstTokenAs streams an answer as a user, to its end, and returns when its first
// token came.
func firstTokenAs(socket string, uid int, body string) (time.Duration, error) {
	c, err := dialAs(socket, uid)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	began := time.Now()
	fmt.Fprintf(c, "POST /v1/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	lines := bufio.NewScanner(c)
	var first time.Duration
	var last string
	for lines.Scan() {
		last = lines.Text()
		if first == 0 && strings.Contains(lines.Text(), `"text":"`) {
			first = time.Since(began)
		}
	}
	if first == 0 {
		return 0, fmt.Errorf("no token came, but %s", last)
	}
	return first, nil
}

// TestMeasureGap streams an answer while a long prompt is computed, and while a
// long text becomes a vector.
func TestMeasureGap(t *testing.T) {
	b := newBenches(t, sched.Options{MaxRunning: 8, PrefillChunk: 128})[0]
	n := min(4096, b.engine.nCtx()*9/10)
	for kind, answer := range map[string][]runtime.Token{"prompt": {1}, "text": nil} {
		stream := b.ask(1, b.text[:20], b.text[:min(2000, b.engine.nCtx()-30)])
		<-stream.begun
		began := time.Now()
		w := b.ask(2, b.text[1000:][:n], answer)
		require.NoError(t, <-w.ended)
		ended := time.Now()
		require.NoError(t, <-stream.ended)
		var gaps []float64
		for i := 1; i < len(stream.times); i++ {
			if at := stream.times[i-1]; at.After(began) && stream.times[i].Before(ended) {
				gaps = append(gaps, stream.times[i].Sub(at).Seconds())
			}
		}
		require.NotEmpty(t, gaps)
		fmt.Printf("%s of %d tokens in %v: %d steps beside it, median gap %.3f s, worst %.3f s, ratio %.2f\n",
			kind, n, ended.Sub(began), len(gaps), median(gaps), slices.Max(gaps), slices.Max(gaps)/median(gaps))
	}
}

// TestMeasureBatch compares the speed of 8 answers at once with that of one.
func TestMeasureBatch(t *testing.T) {
	b := newBenches(t, sched.Options{MaxRunning: 8, PrefillChunk: 128})[0]
	n := min(60, b.engine.nCtx()/3)
	var ratios []float64
	for range 3 {
		one := b.ask(1, b.text[:20], b.text[100:][:n]).perToken(t)
		var all []*scripted
		for u := range auth.User(8) {
			all = append(all, b.ask(u, b.text[:20+u], b.text[100:][:n]))
		}
		var first, last time.Time
		for _, w := range all {
			require.NoError(t, <-w.ended)
			if w.times[0].After(first) { // from when all are decoding
				first = w.times[0]
			}
			last = w.times[n-1]
		}
		ratios = append(ratios, 8*float64(one)*float64(n-1)/float64(last.Sub(first)))
	}
	fmt.Printf("8 answers at once: %.2f times the tokens per second of one\n", median(ratios))
}
