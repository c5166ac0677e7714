// Package servetest has a serve.Service whose models are scripted, for tests of
// wire formats.
package servetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"inferd/daemon/auth"
	"inferd/daemon/serve"
	"inferd/daemon/wire"
	"inferd/runtime"
	"inferd/tokenizer"
	"inferd/tokenizer/reply"
)

// Model answers with what Reply says and remembers what it was asked. Its tokens
// are bytes.
type Model struct {
	serve.Model // nil: what no format calls

	What  serve.Info
	Tok   *tokenizer.Tokenizer
	Size  int                                      // of the context
	Reply func(o runtime.GenerationOptions) string // default: "ok"
	Fail  error                                    // ends answers before their last token, if not nil
	Busy  error                                    // refuses requests, if not nil
	Form  serve.ReplyFormat

	mu      sync.Mutex // guards the fields that follow
	asked   []runtime.GenerationOptions
	prompts []string
	nOpen   int
}

// NewModel returns a model of a name, with a context of 200 tokens.
func NewModel(tb testing.TB, name string) *Model {
	tb.Helper()
	return &Model{What: serve.Info{Name: name}, Tok: bytesTokenizer(tb), Size: 200}
}

// CallsTools makes the model write calls and reasoning as Qwen 3 does.
func (m *Model) CallsTools() {
	m.Form = serve.ReplyFormat{Format: reply.Detect("<think> <tool_call> arguments"), TakesTools: true}
}

// bytesTokenizer has a token for each byte, from 3 on, after <unk>, <s> and
// </s>; the last token is the space, which this kind of vocabulary marks.
func bytesTokenizer(tb testing.TB) *tokenizer.Tokenizer {
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
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// Name implements serve.Model.
func (m *Model) Name() string { return m.What.Name }

// NCtx implements serve.Model.
func (m *Model) NCtx() int { return m.Size }

// NVocab implements serve.Model.
func (m *Model) NVocab() int { return m.Tok.NVocab() }

// Tokenizer implements serve.Model.
func (m *Model) Tokenizer() *tokenizer.Tokenizer { return m.Tok }

// Info implements serve.Model.
func (m *Model) Info() serve.Info { return m.What }

// ReplyFormat implements serve.Model.
func (m *Model) ReplyFormat() serve.ReplyFormat { return m.Form }

// ChatPrompt implements serve.Model: a line for each variable, the tools, then a line for each message and
// each call. A message "refuse me" is an error.
func (m *Model) ChatPrompt(c serve.Conversation) ([]runtime.Token, error) {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(c.Vars)) {
		fmt.Fprintf(&text, "%s=%v\n", name, c.Vars[name])
	}
	text.Write(c.Tools)
	for _, message := range c.Messages {
		if message.Content == "refuse me" {
			return nil, errors.New("the template refuses this")
		}
		fmt.Fprintf(&text, "%s/%s%s: %s%s\n", message.Role, message.Name, message.ToolCallID, message.Reasoning, message.Content)
		for _, call := range message.ToolCalls {
			fmt.Fprintf(&text, "%s=%s%s\n", call.ID, call.Name, call.Arguments)
		}
	}
	return m.Tok.Encode(text.String(), tokenizer.EncodeOptions{AddSpecial: true}), nil
}

// Embed implements serve.Model: a vector of the number of tokens and 1.
func (m *Model) Embed(_ context.Context, tokens []runtime.Token) ([]float32, error) {
	if n := len(tokens); n == 0 || n > m.Size {
		return nil, &serve.LengthError{What: "a text", NTokens: n, Most: m.Size}
	}
	return []float32{float32(len(tokens)), 1}, m.Busy
}

// Generate implements serve.Model.
func (m *Model) Generate(_ context.Context, prompt []runtime.Token, o runtime.GenerationOptions) (serve.Answer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Busy != nil {
		return nil, m.Busy
	}
	m.asked = append(m.asked, o)
	m.prompts = append(m.prompts, string(m.Tok.Decode(prompt, tokenizer.DecodeOptions{RemoveSpecial: true})))
	m.nOpen++
	text := "ok"
	if m.Reply != nil {
		text = m.Reply(o)
	}
	clear(prompt) // it is the model's now
	return &answer{model: m, deltas: deltasOf(m.Tok, text, o)}, nil
}

// Asked returns the options of the last request and its prompt.
func (m *Model) Asked(tb testing.TB) (runtime.GenerationOptions, string) {
	tb.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.asked) == 0 {
		tb.Fatal("nothing was asked")
	}
	return m.asked[len(m.asked)-1], m.prompts[len(m.prompts)-1]
}

// deltasOf spells text byte by byte, like a model that ends with </s>. Token t
// has a log probability of -t/100.
func deltasOf(tok *tokenizer.Tokenizer, text string, o runtime.GenerationOptions) []runtime.Delta {
	var deltas []runtime.Delta
	decoder := tokenizer.NewStreamDecoder(tok, false)
	stops := runtime.NewStopMatcher(o.Stop)
	for _, b := range []byte(text) {
		d := runtime.Delta{Token: runtime.Token(b) + 3, LogProb: -float32(b) / 100}
		for i := range o.TopLogProbs {
			d.Top = append(d.Top, runtime.TokenLogProb{Token: runtime.Token(3 + 'A' + i), LogProb: -float32(i) / 10})
		}
		d.Text = bytes.Clone(stops.Push(decoder.Push(d.Token)))
		deltas = append(deltas, d)
		last := &deltas[len(deltas)-1]
		if stops.Stopped() {
			last.Finished, last.Stop = runtime.FinishStop, stops.Stop()
			return deltas
		}
		if len(deltas) == o.MaxTokens {
			last.Finished = runtime.FinishLength
			last.Text = append(last.Text, stops.Flush()...)
			return deltas
		}
	}
	return append(deltas, runtime.Delta{Token: 2, Text: bytes.Clone(stops.Flush()), LogProb: -1, Finished: runtime.FinishEOG})
}

type answer struct {
	model  *Model
	deltas []runtime.Delta
}

func (a *answer) Next(context.Context) (runtime.Delta, error) {
	switch len(a.deltas) {
	case 0:
		return runtime.Delta{}, io.EOF
	case 1:
		if a.model.Fail != nil {
			return runtime.Delta{}, a.model.Fail
		}
	}
	d := a.deltas[0]
	a.deltas = a.deltas[1:]
	return d, nil
}

func (a *answer) NReused() int { return 1 }

func (a *answer) Progress() (done, total int) { return 1, 1 }

func (a *answer) Close() {
	a.model.mu.Lock()
	defer a.model.mu.Unlock()
	a.model.nOpen--
}

// Service is a format over scripted models.
type Service struct {
	*wire.Router
	List  []*Model
	Wants []serve.Want // what was looked for
	Log   bytes.Buffer

	tb     testing.TB
	nFound int // found and not released; requests run one at a time
}

var _ serve.Service = (*Service)(nil)

// NewService serves models in a format. When the test ends, nothing may be
// left open.
func NewService(tb testing.TB, format func(serve.Service, *slog.Logger) wire.Format, models ...*Model) *Service {
	s := &Service{List: models, tb: tb}
	log := slog.New(slog.NewTextHandler(&s.Log, nil))
	s.Router = wire.NewRouter(log, format(s, log))
	tb.Cleanup(func() {
		for _, m := range models {
			if m.nOpen != 0 {
				tb.Errorf("model %q: %d answers are left open", m.Name(), m.nOpen)
			}
		}
		if s.nFound != 0 {
			tb.Errorf("%d models are not released", s.nFound)
		}
	})
	return s
}

// Find implements serve.Service.
func (s *Service) Find(ctx context.Context, w serve.Want) (serve.Model, func(), error) {
	s.Wants = append(s.Wants, w)
	for _, m := range s.List {
		if m.Name() == w.Model {
			s.nFound++
			return m, func() { s.nFound-- }, nil
		}
	}
	return nil, nil, serve.Unknown("model", w.Model, s.Models(ctx))
}

// FindClassifier implements serve.Service.
func (s *Service) FindClassifier(_ context.Context, w serve.Want) (serve.Classifier, func(), error) {
	return nil, nil, serve.Unknown("classifier", w.Model, nil)
}

// Models implements serve.Service.
func (s *Service) Models(context.Context) (list []serve.Info) {
	for _, m := range s.List {
		list = append(list, m.What)
	}
	return list
}

// Stopping implements serve.Service.
func (s *Service) Stopping() bool { return false }

// Do sends a request as a user who may do everything.
func (s *Service) Do(method, path, body string) *httptest.ResponseRecorder {
	ctx := auth.WithGrant(context.Background(), auth.Default(auth.Peer{UID: 1}))
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body)))
	return w
}
