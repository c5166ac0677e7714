package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"inferd/daemon/sched"
	"inferd/daemon/store"
	"inferd/runtime"
	"inferd/tokenizer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// byteTokenizer has a token for each byte, from 3 on, after <unk>, <s> and
// </s>; the last token is the space, which this kind of vocabulary marks.
func byteTokenizer(tb testing.TB) *tokenizer.Tokenizer {
	v := tokenizer.Vocab{
		Model:  "llama",
		Tokens: []string{"<unk>", "<s>", "</s>"},
		Types:  []tokenizer.TokenType{tokenizer.Unknown, tokenizer.Control, tokenizer.Control},
		Scores: make([]float32, 3+256+1),
	}
	for b := range 256 {
		v.Tokens = append(v.Tokens, fmt.Sprintf("<0x%02X>", b))
		v.Types = append(v.Types, tokenizer.Byte)
	}
	v.Tokens = append(v.Tokens, "▁")
	v.Types = append(v.Types, tokenizer.Normal)
	no, unk, bos, eos := false, tokenizer.Token(0), tokenizer.Token(1), tokenizer.Token(2)
	v.AddSpacePrefix, v.UNK, v.BOS, v.EOS = &no, &unk, &bos, &eos
	t, err := tokenizer.New(v)
	require.NoError(tb, err)
	return t
}

// fakeEngine is a model whose next token is a letter that depends on the whole
// timeline, so that any mix-up shows.
type fakeEngine struct {
	tok     *tokenizer.Tokenizer
	context int
	step    func() error // called first in each step, may be nil
	next    func([]runtime.Token) runtime.Token

	mu       sync.Mutex // guards the fields that follow
	sessions []*fakeSession
	nSteps   int
	closed   bool
	cached   int64 // bytes that shed gives up
}

var _ engine = (*fakeEngine)(nil)

func newFakeEngine(tb testing.TB) *fakeEngine {
	return &fakeEngine{tok: byteTokenizer(tb), context: 2000, next: letterAfter}
}

// letterAfter is the fake model.
func letterAfter(tokens []runtime.Token) runtime.Token {
	h := fnv.New32a()
	for _, t := range tokens {
		h.Write([]byte{byte(t), byte(t >> 8)})
	}
	return runtime.Token(3 + 'a' + h.Sum32()%26)
}

// solo is the answer of n letters to a prompt that has the model for itself.
func (e *fakeEngine) solo(prompt string, n int) string {
	tokens := e.tok.Encode(prompt, tokenizer.EncodeOptions{AddSpecial: true})
	var answer []byte
	for range n {
		token := letterAfter(tokens)
		tokens = append(tokens, token)
		answer = append(answer, byte(token-3))
	}
	return string(answer)
}

func (e *fakeEngine) NewSession(r *sched.Request) (sched.Session, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := &fakeSession{engine: e, vector: r.Vector}
	e.sessions = append(e.sessions, s)
	return s, nil
}

func (e *fakeEngine) Step(entries []sched.Entry) error {
	if e.step != nil {
		if err := e.step(); err != nil {
			return err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.nSteps++
	for i, entry := range entries {
		s := entry.Session.(*fakeSession)
		if s.vector {
			s.tokens = append(s.tokens, entry.Tokens...)
			entries[i].Logits = []float32{float32(len(s.tokens))}
			continue
		}
		for k, token := range entry.Tokens {
			s.tokens = append(s.tokens, token)
			if entry.Want == runtime.WantAll || entry.Want == runtime.WantLast && k == len(entry.Tokens)-1 {
				row := make([]float32, e.nVocab())
				row[e.next(s.tokens)] = 9
				entries[i].Logits = append(entries[i].Logits, row...)
			}
		}
	}
	return nil
}

func (e *fakeEngine) nSessions() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.sessions)
}

func (e *fakeEngine) prepare(runtime.GenerationOptions) {}

func (e *fakeEngine) begin(_ sched.Session, prompt []runtime.Token, o runtime.GenerationOptions) (generation, error) {
	sampler, err := runtime.NewSampler(o.Sampling, e.nVocab())
	if err != nil {
		return nil, err
	}
	sampler.Prompt(prompt)
	return &fakeGeneration{engine: e, options: o, sampler: sampler}, nil
}

func (e *fakeEngine) tokenizer() *tokenizer.Tokenizer { return e.tok }
func (e *fakeEngine) nCtx() int                       { return e.context }
func (e *fakeEngine) nVocab() int                     { return e.tok.NVocab() }
func (e *fakeEngine) dim() int                        { return 1 }
func (e *fakeEngine) readsWhole() bool                { return false }
func (e *fakeEngine) memory() runtime.Memory {
	return runtime.Memory{KVType: "F32", NCtx: e.context}
}

func (e *fakeEngine) kv() runtime.KVStats {
	return runtime.KVStats{PageTokens: 64, NPages: 64 + e.context/64}
}

func (e *fakeEngine) kvCached() map[string]int { return nil }

func (e *fakeEngine) shed() int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := e.cached
	e.cached = 0
	return n
}

func (e *fakeEngine) Rest() {}

func (e *fakeEngine) forget(time.Duration) {}

func (e *fakeEngine) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
}

type fakeSession struct {
	engine *fakeEngine
	vector bool // the step's result is the text's length
	tokens []runtime.Token
}

func (s *fakeSession) NTokens() int              { return len(s.tokens) }
func (s *fakeSession) Reuse([]runtime.Token) int { return 0 }
func (s *fakeSession) Publish()                  {}
func (s *fakeSession) Rewind(n int)              { s.tokens = s.tokens[:n] }

func (s *fakeSession) Close() {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	s.engine.sessions = slices.DeleteFunc(s.engine.sessions, func(other *fakeSession) bool { return other == s })
}

// fakeGeneration samples like a real one; its tokens are letters.
type fakeGeneration struct {
	engine  *fakeEngine
	options runtime.GenerationOptions
	sampler *runtime.Sampler
	nOut    int
	text    []byte
}

func (g *fakeGeneration) Accept(logits []float32) (runtime.Delta, error) {
	if len(logits) != g.engine.nVocab() {
		return runtime.Delta{}, errors.New("want one row of logits")
	}
	token, err := g.sampler.Sample(logits)
	if err != nil {
		return runtime.Delta{}, err
	}
	g.nOut++
	g.text = append(g.text[:0], g.engine.tok.Piece(token, false)...) // overwritten, like the real one's
	d := runtime.Delta{Token: token, Text: g.text, LogProb: -0.5}
	for _, stop := range g.options.Stop {
		if bytes.Contains(g.text, []byte(stop)) {
			d.Text, d.Finished = nil, runtime.FinishStop
		}
	}
	if g.nOut == g.options.MaxTokens {
		d.Finished = runtime.FinishLength
	}
	return d, nil
}

func (g *fakeGeneration) NReused() int { return 0 }
func (g *fakeGeneration) Close()       { clear(g.text[:cap(g.text)]) }

// fakeKnown are models that need no files.
type fakeKnown map[string]*store.Model

var _ knownModels = fakeKnown(nil)

func (k fakeKnown) Find(name string) (store.Entry, bool) {
	v, ok := k[name]
	return store.Entry{Name: name, Model: v}, ok
}

func (k fakeKnown) Entries() (list []store.Entry) {
	for _, name := range slices.Sorted(maps.Keys(k)) {
		list = append(list, store.Entry{Name: name, Model: k[name]})
	}
	return list
}

func (k fakeKnown) Poke() {}
