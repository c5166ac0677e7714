package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"inferd/daemon/auth"
	"inferd/daemon/serve"
	"inferd/daemon/wire"
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

// fakeModel answers with what reply says and remembers what it was asked.
type fakeModel struct {
	name  string
	tok   *tokenizer.Tokenizer
	nCtx  int
	reply func(o runtime.GenerationOptions) string // default: "ok"
	hang  chan struct{}                            // answers wait for it before their last token, if not nil
	fail  error                                    // ends answers before their last token, if not nil
	busy  error                                    // refuses requests, if not nil
	form  serve.ReplyFormat
	info  serve.Info
	last  float32 // component of embeddings
	nDone int     // of ten tokens of prompts

	mu      sync.Mutex // guards the fields that follow
	asked   []runtime.GenerationOptions
	prompts []string
	nOpen   int
}

func (m *fakeModel) Name() string                    { return m.name }
func (m *fakeModel) Created() time.Time              { return time.Unix(1700000000, 0) }
func (m *fakeModel) NCtx() int                       { return m.nCtx }
func (m *fakeModel) NVocab() int                     { return m.tok.NVocab() }
func (m *fakeModel) Tokenizer() *tokenizer.Tokenizer { return m.tok }
func (m *fakeModel) Fingerprint() string             { return "fp_fake" }

func (m *fakeModel) Info() serve.Info {
	info := m.info
	info.Name, info.Modified, info.NCtx, info.Dim = m.name, m.Created(), m.nCtx, max(3, info.Dim)
	return info
}

func (m *fakeModel) Origin() serve.Origin {
	return serve.Origin{ModelSHA256: "model", Contract: 1, Backend: "cpu", KVType: "F32", NCtx: m.nCtx}
}

func (m *fakeModel) ReplyFormat() serve.ReplyFormat { return m.form }

func (m *fakeModel) ChatPrompt(c serve.Conversation) ([]runtime.Token, error) {
	var text strings.Builder
	text.Write(c.Tools)
	if len(c.Vars) > 0 {
		fmt.Fprint(&text, c.Vars)
	}
	for _, message := range c.Messages {
		if message.Content == "refuse me" {
			return nil, errors.New("the template refuses this")
		}
		fmt.Fprintf(&text, "%s/%s%s: %s%s\n", message.Role, message.Name, message.ToolCallID, message.Reasoning, message.Content)
		for _, call := range message.ToolCalls {
			fmt.Fprintf(&text, "%s=%s%s\n", call.ID, call.Name, call.Arguments)
		}
	}
	return m.tok.Encode(text.String(), tokenizer.EncodeOptions{AddSpecial: true}), nil
}

func (m *fakeModel) Generate(_ context.Context, prompt []runtime.Token, o runtime.GenerationOptions) (serve.Answer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.busy != nil {
		return nil, m.busy
	}
	m.asked = append(m.asked, o)
	m.prompts = append(m.prompts, string(m.tok.Decode(prompt, tokenizer.DecodeOptions{RemoveSpecial: true})))
	m.nOpen++
	text := "ok"
	if m.reply != nil {
		text = m.reply(o)
	}
	clear(prompt) // it is the model's now
	return &fakeAnswer{model: m, deltas: deltasOf(m.tok, text, o)}, nil
}

func (m *fakeModel) Score(_ context.Context, prompt []runtime.Token, nTop int) ([]runtime.Delta, error) {
	if m.busy != nil {
		return nil, m.busy
	}
	var deltas []runtime.Delta
	for _, token := range prompt[1:] {
		deltas = append(deltas, deltaOf(token, nTop))
	}
	return deltas, nil
}

// Embed gives the number of tokens, twice that, and at the end m.last.
func (m *fakeModel) Embed(_ context.Context, tokens []runtime.Token) ([]float32, error) {
	if len(tokens) > m.nCtx {
		return nil, &serve.LengthError{What: "a text", NTokens: len(tokens), Most: m.nCtx}
	}
	v := make([]float32, m.Info().Dim)
	v[0], v[1], v[len(v)-1] = float32(len(tokens)), float32(2*len(tokens)), m.last
	return v, m.busy
}

// Rerank likes documents with many letters of the query.
func (m *fakeModel) Rerank(_ context.Context, query, document string) (serve.Relevance, error) {
	n := float32(strings.Count(document, query))
	return serve.Relevance{Score: n / 10, Raw: n, NTokens: len(query) + len(document)}, m.busy
}

// deltaOf gives token t a log probability of -t/100, and a token that is
// always likelier.
func deltaOf(t runtime.Token, nTop int) runtime.Delta {
	d := runtime.Delta{Token: t, LogProb: -float32(t) / 100}
	for i := range nTop {
		d.Top = append(d.Top, runtime.TokenLogProb{Token: runtime.Token(3 + 'A' + i), LogProb: -float32(i) / 10})
	}
	return d
}

// deltasOf spells text byte by byte, like a model that ends with </s>.
func deltasOf(tok *tokenizer.Tokenizer, text string, o runtime.GenerationOptions) []runtime.Delta {
	var deltas []runtime.Delta
	decoder := tokenizer.NewStreamDecoder(tok, false)
	for _, b := range []byte(text) {
		d := deltaOf(runtime.Token(b)+3, o.TopLogProbs)
		d.Text = bytes.Clone(decoder.Push(d.Token))
		deltas = append(deltas, d)
		if len(deltas) == o.MaxTokens {
			deltas[len(deltas)-1].Finished = runtime.FinishLength
			return deltas
		}
	}
	return append(deltas, runtime.Delta{Token: 2, LogProb: -1, Finished: runtime.FinishEOG})
}

type fakeAnswer struct {
	model  *fakeModel
	deltas []runtime.Delta
}

func (a *fakeAnswer) Next(ctx context.Context) (runtime.Delta, error) {
	switch len(a.deltas) {
	case 0:
		return runtime.Delta{}, io.EOF
	case 1:
		if a.model.fail != nil {
			return runtime.Delta{}, a.model.fail
		}
		if a.model.hang != nil {
			select {
			case <-a.model.hang:
			case <-ctx.Done():
				return runtime.Delta{}, ctx.Err()
			}
		}
	}
	d := a.deltas[0]
	a.deltas = a.deltas[1:]
	return d, nil
}

func (a *fakeAnswer) NReused() int { return 1 }

func (a *fakeAnswer) Progress() (done, total int) { return a.model.nDone, 10 }

func (a *fakeAnswer) Close() {
	a.model.mu.Lock()
	defer a.model.mu.Unlock()
	a.model.nOpen--
}

// fakeService is an API over fake models.
type fakeService struct {
	*wire.Router
	list        []serve.Model
	classifiers []serve.Classifier
	stopping    bool
	nFound      int // found and not released; requests run one at a time
	log         bytes.Buffer
}

func (s *fakeService) Find(_ context.Context, w serve.Want) (serve.Model, func(), error) {
	for _, m := range s.list {
		if m.Name() == w.Model {
			s.nFound++
			return m, func() { s.nFound-- }, nil
		}
	}
	return nil, nil, serve.Unknown("model", w.Model, s.Models(context.Background()))
}

func (s *fakeService) FindClassifier(_ context.Context, w serve.Want) (serve.Classifier, func(), error) {
	e := &serve.UnknownError{What: "classifier", Name: w.Model}
	for _, c := range s.classifiers {
		if c.Name() == w.Model {
			s.nFound++
			return c, func() { s.nFound-- }, nil
		}
		e.Known = append(e.Known, c.Name())
	}
	return nil, nil, e
}

func (s *fakeService) Models(context.Context) []serve.Info {
	var list []serve.Info
	for _, m := range s.list {
		list = append(list, m.Info())
	}
	return list
}

func (s *fakeService) Stopping() bool { return s.stopping }

// newService serves one model, "fake", with a context of 200 tokens.
func newService(tb testing.TB) (*fakeService, *fakeModel) {
	m := &fakeModel{name: "fake", tok: byteTokenizer(tb), nCtx: 200, nDone: 10}
	s := &fakeService{list: []serve.Model{m}}
	log := slog.New(slog.NewTextHandler(&s.log, nil))
	s.Router = wire.NewRouter(log, New(s, log))
	return s, m
}

// do sends a request as a user who may do everything.
func (s *fakeService) do(ctx context.Context, method, path, body string) *httptest.ResponseRecorder {
	ctx = auth.WithGrant(ctx, auth.Default(auth.Peer{UID: 1}))
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body)))
	if s.nFound != 0 {
		panic("a model is still held after the answer")
	}
	return w
}

// post sends body and returns the status and the decoded answer.
func (s *fakeService) post(t *testing.T, path, body string) (int, map[string]any) {
	w := s.do(t.Context(), "POST", path, body)
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	return w.Code, decode(t, w.Body.Bytes())
}

func decode(t *testing.T, text []byte) map[string]any {
	var v map[string]any
	require.NoError(t, json.Unmarshal(text, &v), "%s", text)
	return v
}

// events sends body and returns the decoded events of the answer, without
// the final [DONE], which it asserts.
func (s *fakeService) events(t *testing.T, path, body string) []map[string]any {
	w := s.do(t.Context(), "POST", path, body)
	require.Equal(t, http.StatusOK, w.Code, "%s", w.Body)
	require.Equal(t, "text/event-stream", w.Header().Get("Content-Type"))
	lines := strings.Split(strings.TrimSuffix(w.Body.String(), "\n\n"), "\n\n")
	require.Equal(t, "data: [DONE]", lines[len(lines)-1])
	var events []map[string]any
	for _, line := range lines[:len(lines)-1] {
		require.Less(t, len(line), 64<<10)
		data, ok := strings.CutPrefix(line, "data: ")
		require.True(t, ok, "%q", line)
		events = append(events, decode(t, []byte(data)))
	}
	return events
}

// at follows keys and indices into a decoded answer.
func at(t *testing.T, v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, ok := v.(map[string]any)
			require.True(t, ok, "%v has no %q", v, step)
			v = m[step]
		case int:
			l, ok := v.([]any)
			require.True(t, ok && step < len(l), "%v has no element %d", v, step)
			v = l[step]
		}
	}
	return v
}
