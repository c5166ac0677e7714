package runtime

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"inferd/gguf"
)

// A step that decodes allocates nothing on the Go heap: not alone, not beside
// others, not when a new page is taken, and not with experts.
func TestDecodeAllocatesNothing(t *testing.T) {
	for _, name := range []string{"llama-moe", "llama-Q4_K"} {
		for _, nThreads := range []int{1, 2} {
			decodeWithoutAllocating(t, committedModel(name), nThreads)
		}
	}
}

// So it is with every architecture.
func TestDecodeOfEachArchitectureAllocatesNothing(t *testing.T) {
	for _, model := range tinyModels(t, maps.Keys(tinyDecoders)) {
		decodeWithoutAllocating(t, model, 2)
	}
}

func decodeWithoutAllocating(t *testing.T, model string, nThreads int) {
	e := load(t, model, Options{Threads: nThreads, KVBytes: 16 << 20})
	var b Batch
	defer b.Reset()
	tokens := []Token{1}
	sessions := []*Session{newSession(t, e, "a"), newSession(t, e, "b")}
	n := min(257, e.NCtx()-100)
	allLogits(t, sessions[1], randomTokens(e, n, 1), n) // as a rule long enough for segments
	step := func() {
		b.Reset()
		for _, s := range sessions {
			b.Add(s, tokens, WantLast)
		}
		if err := e.Step(&b); err != nil {
			panic(err)
		}
	}
	require.Zero(t, testing.AllocsPerRun(70, step), "%s, %d threads", model, nThreads)
	sessions = sessions[1:]
	require.Zero(t, testing.AllocsPerRun(10, step), "%s, %d threads, alone", model, nThreads)
}

func TestEngineLivesUntilItsLastUserCloses(t *testing.T) {
	defer goleak.VerifyNone(t)
	e, err := Load(committedModel("llama-tied"), Options{Threads: 2})
	require.NoError(t, err)
	s, err := e.NewSession(SessionOptions{})
	require.NoError(t, err)
	require.True(t, e.Acquire())
	e.Close()
	e.Close()

	// The session still holds it.
	allLogits(t, s, []Token{1, 2, 3}, 3)
	s.Close()
	s.Close() // does nothing
	require.False(t, e.Acquire())
	_, err = e.NewSession(SessionOptions{})
	require.ErrorIs(t, err, ErrClosed)
	require.Panics(t, e.Close)
}

// Many users load, use and unload at once; the race detector watches.
func TestConcurrentLoadAndUnload(t *testing.T) {
	defer goleak.VerifyNone(t)
	shared, err := Load(committedModel("llama-tied"), Options{Threads: 2, KVBytes: 8 << 20})
	require.NoError(t, err)
	prompt := []Token{9, 8, 7, 6, 5}
	probe, err := shared.NewSession(SessionOptions{})
	require.NoError(t, err)
	want := allLogits(t, probe, prompt, 2)
	probe.Close()

	var users sync.WaitGroup
	for i := range 6 {
		if !shared.Acquire() {
			t.Fatal("the engine is loaded")
		}
		users.Go(func() {
			defer shared.Close()
			own, err := Load(committedModel("llama-tied"), Options{Threads: 1 + i%2})
			if err != nil {
				t.Error(err)
				return
			}
			defer own.Close()
			for _, e := range []*Engine{shared, own, shared} {
				s, err := e.NewSession(SessionOptions{User: "u"})
				if err != nil {
					t.Error(err)
					return
				}
				if got := stepAll(e, s, prompt); !sameFloats(got, want[len(want)-e.nVocab:]) {
					t.Error("another answer than alone")
				}
				s.Publish()
				s.Close()
			}
		})
	}
	shared.Close()
	users.Wait()
	require.False(t, shared.Acquire())
}

// stepAll runs prompt and returns a copy of the last logits. It waits while
// others read theirs.
func stepAll(e *Engine, s *Session, prompt []Token) []float32 {
	var b Batch
	defer b.Reset()
	b.Add(s, prompt, WantLast)
	err := ErrLent
	for errors.Is(err, ErrLent) {
		goruntime.Gosched()
		err = e.Step(&b)
	}
	if err != nil {
		return nil
	}
	return append([]float32(nil), b.Entries[0].Logits...)
}

// Nothing can overwrite logits before they are given back.
func TestLogitsAreLent(t *testing.T) {
	e := load(t, committedModel("llama-tied"), Options{KVBytes: 8 << 20})
	var b, other Batch
	b.Add(newSession(t, e, ""), []Token{1, 2, 3}, WantAll)
	require.NoError(t, e.Step(&b))
	want := slices.Clone(b.Entries[0].Logits)

	waiting := newSession(t, e, "")
	other.Add(waiting, []Token{4}, WantLast)
	require.ErrorIs(t, e.Step(&other), ErrLent)
	require.Zero(t, waiting.NTokens())
	_, err := e.Embed([]Token{5, 6})
	require.ErrorIs(t, err, ErrLent)
	require.Equal(t, want, b.Entries[0].Logits)

	b.Reset()
	require.NoError(t, e.Step(&other))
	other.Reset()
	_, err = e.Embed([]Token{5, 6})
	require.NoError(t, err)

	b.Add(waiting, []Token{5}, WantNone)
	require.NoError(t, e.Step(&b))
	other.Add(newSession(t, e, ""), []Token{4}, WantLast)
	require.NoError(t, e.Step(&other), "a batch without logits holds nothing up")
	other.Reset()
}

func sameFloats(a, b []float32) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestStepRefusesWithoutChange(t *testing.T) {
	e := load(t, committedModel("llama-tied"), Options{NCtx: 100, MaxBatch: 40, KVBytes: 1})
	other := load(t, committedModel("llama-tied"), Options{NCtx: 100})
	s, full := newSession(t, e, ""), newSession(t, e, "")
	closed := newSession(t, e, "")
	closed.Close()
	for _, c := range []struct {
		name    string
		entries []Entry
		message string
		is      error
	}{
		{"too many tokens", []Entry{{Session: s, Tokens: make([]Token, 41)}}, "41 tokens, at most 40", nil},
		{"no tokens", []Entry{{Session: s}}, "entry 0: no tokens", nil},
		{"twice", []Entry{{Session: s, Tokens: []Token{1}}, {Session: s, Tokens: []Token{1}}}, "entries 0 and 1: the same session", nil},
		{"negative token", []Entry{{Session: s, Tokens: []Token{-1}}}, "token -1 of a vocabulary of 288", nil},
		{"token over the vocabulary", []Entry{{Session: s, Tokens: []Token{288}}}, "token 288", nil},
		{"another engine's", []Entry{{Session: newSession(t, other, ""), Tokens: []Token{1}}}, "another engine", nil},
		{"closed", []Entry{{Session: closed, Tokens: []Token{1}}}, "closed", ErrClosed},
		{"no page for the second", []Entry{{Session: s, Tokens: []Token{1}}, {Session: full, Tokens: []Token{1}}}, "no free page", ErrKVFull},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := e.Step(&Batch{Entries: c.entries})
			require.ErrorContains(t, err, c.message)
			if c.is != nil {
				require.ErrorIs(t, err, c.is)
			}
			require.Zero(t, s.NTokens())
		})
	}
	want := allLogits(t, newSession(t, other, ""), []Token{3, 4}, 2)
	requireSameBits(t, want, allLogits(t, s, []Token{3, 4}, 2), "a step after refused ones")
}

func TestContextOverflow(t *testing.T) {
	e := load(t, committedModel("llama-tied"), Options{NCtx: 70})
	s := newSession(t, e, "")
	allLogits(t, s, randomTokens(e, 70, 1), 64)
	err := e.Step(&Batch{Entries: []Entry{{Session: s, Tokens: []Token{1}}}})
	require.ErrorIs(t, err, ErrContextFull)
	require.ErrorContains(t, err, "71 tokens do not fit into a context of 70")
	require.Equal(t, 70, s.NTokens())
}

func TestOptionsAreChecked(t *testing.T) {
	path := committedModel("llama-tied")
	for param, o := range map[string]Options{
		"ctx":       {NCtx: 513}, // the model has 512
		"kv_bytes":  {KVBytes: -1},
		"kv_type":   {KVType: 7},
		"max_batch": {MaxBatch: 1 << 20},
		"threads":   {Threads: -1},
	} {
		_, err := Load(path, o)
		var p *ParamError
		require.ErrorAs(t, err, &p, param)
		require.Equal(t, param, p.Param)
		_, err = Inspect(path, o)
		require.ErrorAs(t, err, &p, param)
	}
	_, err := Load(path, Options{NCtx: -1})
	require.EqualError(t, err, "runtime: ctx is -1, must be 0 (the model's own) or more")
}

func TestParseKVType(t *testing.T) {
	for _, want := range []KVType{KVAuto, KVF32, KVF16} {
		got, err := ParseKVType(want.String())
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := ParseKVType("q8")
	require.ErrorContains(t, err, "kv_type is q8, must be auto, f32 or f16")
}

func TestLoadErrors(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "absent.gguf"), Options{})
	require.ErrorIs(t, err, os.ErrNotExist)

	path := filepath.Join(t.TempDir(), "not.gguf")
	require.NoError(t, os.WriteFile(path, []byte("something else entirely"), 0o600))
	_, err = Load(path, Options{})
	var parse *gguf.ParseError
	require.ErrorAs(t, err, &parse)
}

func TestInspect(t *testing.T) {
	info, err := Inspect(committedModel("llama-moe"), Options{NCtx: 128})
	require.NoError(t, err)
	require.Empty(t, info.Problem)
	require.Equal(t, "llama", info.Architecture)
	require.Equal(t, "F16", info.Quantisation)
	require.Equal(t, [...]int{64, 2, 4, 2, 16, 4, 2, 512, 320},
		[...]int{info.Dim, info.NLayers, info.NHeads, info.NKVHeads, info.HeadDim, info.NExperts, info.NExpertsUsed, info.NCtxTrain, info.NVocab})
	require.Equal(t, "F32", info.Memory.KVType, "floats only")
	require.Equal(t, 128, info.Memory.NCtx)
	require.EqualValues(t, 2*info.Memory.KVPageBytes, info.Memory.KVBytes)

	// What was planned is what loading takes.
	e := load(t, committedModel("llama-moe"), Options{NCtx: 128})
	require.Equal(t, info.Memory.WeightBytes, int64(len(e.weights.bytes)))
	require.Equal(t, info.Memory.KVBytes, int64(len(e.kv.mem.bytes)))
	require.Equal(t, info, e.Info())

	info, err = Inspect(committedModel("llama-Q4_K"), Options{})
	require.NoError(t, err)
	require.Equal(t, "Q4_K", info.Quantisation)
	require.Equal(t, "F16", info.Memory.KVType, "block-quantised")
}

func TestLoadEndsWithItsContext(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	end()
	_, err := Load(committedModel("llama-Q4_K"), Options{Context: ctx})
	require.ErrorIs(t, err, context.Canceled)
}

// The progress of a load ends at its total and never goes back.
func TestLoadProgress(t *testing.T) {
	last, calls := int64(-1), 0
	load(t, committedModel("llama-Q4_K"), Options{Progress: func(done, total int64) {
		require.GreaterOrEqual(t, done, last)
		require.LessOrEqual(t, done, total)
		last = done
		calls++
		if done == total {
			last = total
		}
	}})
	require.Positive(t, calls)
	require.Positive(t, last)
}

// TestRestClears: nothing of a step stays in the memory it was computed in, save
// while somebody reads its logits.
func TestRestClears(t *testing.T) {
	e := load(t, committedModel("llama-tied"), Options{NCtx: 100})
	isClear := func() bool {
		return !slices.ContainsFunc(e.cpu.arena.mem, func(b byte) bool { return b != 0 })
	}
	var b Batch
	s := newSession(t, e, "")
	b.Add(s, []Token{1, 2, 3}, WantAll)
	require.NoError(t, e.Step(&b))
	want := slices.Clone(b.Entries[0].Logits)
	e.Rest()
	requireSameBits(t, want, b.Entries[0].Logits, "lent logits")
	b.Reset()
	require.False(t, isClear())
	e.Rest()
	require.True(t, isClear())
	requireSameBits(t, want, allLogits(t, newSession(t, e, ""), []Token{1, 2, 3}, 3), "after a rest")
}
