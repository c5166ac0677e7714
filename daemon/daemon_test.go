package daemon

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	openaigo "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/stretchr/testify/require"

	"inferd/daemon/prompt"
	"inferd/daemon/store"
)

// logBuffer collects a log that several goroutines write.
type logBuffer struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// testDaemon is a daemon on a real socket.
type testDaemon struct {
	t       *testing.T
	socket  string
	model   *model
	log     *logBuffer
	stop    context.CancelFunc // as SIGTERM does
	stopped chan error         // what serve returned
}

// start serves an engine as the model "fake" until the test ends. change may
// be nil.
func start(t *testing.T, e engine, change func(*Config)) *testDaemon {
	c := DefaultConfig()
	c.Socket = socketPath(t)
	c.PrefillChunk = 16
	if change != nil {
		change(&c)
	}
	d := &testDaemon{t: t, socket: c.Socket, log: &logBuffer{}, stopped: make(chan error, 1)}
	log := slog.New(slog.NewTextHandler(d.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	m := newModel("fake", e, prompt.New(e.tokenizer(), ""), c, log)
	m.fingerprint = "fp_fake"
	d.model = m
	sockets, _, err := listen(c)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.Background())
	d.stop = stop
	fake := newDaemon(c, log)
	fake.store, fake.known = nil, fakeKnown{"fake": {Name: "fake", Named: true}}
	fake.registry.known = fake.known
	fake.registry.load = func(*store.Model, int64) (*model, error) { return m, nil }
	require.NoError(t, fake.registry.preload(ctx))
	go func() {
		defer close(d.stopped)
		err := fake.serve(ctx, sockets, &notifier{log: log})
		fake.close()
		d.stopped <- err
	}()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-d.stopped)
		require.NoFileExists(t, d.socket)
	})
	return d
}

// socketPath returns a path for a socket, short enough for sockaddr_un
// whatever the test is called.
func socketPath(t *testing.T) string {
	dir, err := os.MkdirTemp("", "inferd")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// http returns a client of the daemon.
func (d *testDaemon) http() *http.Client {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", d.socket)
	}}
	d.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// openai returns OpenAI's own client of the daemon, which tries once.
func (d *testDaemon) openai() openaigo.Client {
	return openaigo.NewClient(
		option.WithHTTPClient(d.http()),
		option.WithBaseURL("http://localhost/v1"),
		option.WithAPIKey("none needed"),
		option.WithMaxRetries(0),
	)
}

// send writes a request as curl would and leaves its connection open.
func (d *testDaemon) send(path, body string, headers ...string) net.Conn {
	c, err := net.Dial("unix", d.socket)
	require.NoError(d.t, err)
	d.t.Cleanup(func() { c.Close() })
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", path, len(body))
	for _, h := range headers {
		head += h + "\r\n"
	}
	_, err = io.WriteString(c, head+"\r\n"+body)
	require.NoError(d.t, err)
	return c
}

// receive reads a whole answer.
func (d *testDaemon) receive(c net.Conn) (*http.Response, string) {
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(d.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(d.t, err)
	return resp, string(body)
}

// ask returns the body of a greedy completion request.
func ask(prompt string, n int, stream bool) string {
	body, err := json.Marshal(map[string]any{"model": "fake", "prompt": prompt, "max_tokens": n, "temperature": 0, "stream": stream})
	if err != nil {
		panic(err)
	}
	return string(body)
}

// textOf returns the text of the first choice of a completion.
func textOf(t *testing.T, body string) string {
	var c struct{ Choices []struct{ Text string } }
	require.NoError(t, json.Unmarshal([]byte(body), &c), "%s", body)
	require.NotEmpty(t, c.Choices, "%s", body)
	return c.Choices[0].Text
}

func errorCode(t *testing.T, body string) string {
	var e struct{ Error struct{ Code string } }
	require.NoError(t, json.Unmarshal([]byte(body), &e), "%s", body)
	return e.Error.Code
}

func TestOpenAIClient(t *testing.T) {
	e := newFakeEngine(t)
	d := start(t, e, nil)
	client := d.openai()
	params := openaigo.ChatCompletionNewParams{
		Model:       "fake",
		Messages:    []openaigo.ChatCompletionMessageParamUnion{openaigo.SystemMessage("be brief"), openaigo.UserMessage("hello")},
		Temperature: openaigo.Float(0),
		MaxTokens:   openaigo.Int(20),
	}
	want := e.solo("be brief\nhello", 20)

	whole, err := client.Chat.Completions.New(t.Context(), params)
	require.NoError(t, err)
	require.Equal(t, want, whole.Choices[0].Message.Content)
	require.Equal(t, "length", whole.Choices[0].FinishReason)
	require.EqualValues(t, 20, whole.Usage.CompletionTokens)
	require.EqualValues(t, 15, whole.Usage.PromptTokens)
	require.Contains(t, whole.RawJSON(), `"system_fingerprint":"fp_fake"`)

	params.StreamOptions = openaigo.ChatCompletionStreamOptionsParam{IncludeUsage: openaigo.Bool(true)}
	params.N = openaigo.Int(2)
	stream := client.Chat.Completions.NewStreaming(t.Context(), params)
	var sum openaigo.ChatCompletionAccumulator
	for stream.Next() {
		require.True(t, sum.AddChunk(stream.Current()))
	}
	require.NoError(t, stream.Err())
	require.Len(t, sum.Choices, 2)
	for _, choice := range sum.Choices {
		require.Equal(t, want, choice.Message.Content)
		require.EqualValues(t, "assistant", choice.Message.Role)
	}
	require.EqualValues(t, 40, sum.Usage.CompletionTokens)

	models, err := client.Models.List(t.Context())
	require.NoError(t, err)
	require.Equal(t, "fake", models.Data[0].ID)

	_, err = client.Chat.Completions.New(t.Context(), openaigo.ChatCompletionNewParams{Model: "none", Messages: params.Messages})
	apiErr, ok := errors.AsType[*openaigo.Error](err)
	require.True(t, ok, err)
	require.Equal(t, http.StatusNotFound, apiErr.StatusCode)
	require.Equal(t, "model_not_found", apiErr.Code)
}

func TestManyClientsAtOnceEachGetTheirAnswer(t *testing.T) {
	e := newFakeEngine(t)
	d := start(t, e, func(c *Config) { c.MaxRunning = 8 })
	var clients sync.WaitGroup
	for i := range 32 {
		clients.Go(func() {
			prompt := fmt.Sprintf("client %d asks %s", i, strings.Repeat("a lot ", i))
			c, err := net.Dial("unix", d.socket)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			body := ask(prompt, 10+i, false)
			fmt.Fprintf(c, "POST /v1/completions HTTP/1.0\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			answer, err := io.ReadAll(c)
			if err != nil {
				t.Error(err)
				return
			}
			_, got, _ := strings.Cut(string(answer), "\r\n\r\n")
			if want := fmt.Sprintf("%q", e.solo(prompt, 10+i)); !strings.Contains(got, want) {
				t.Errorf("client %d: got %s, want %s", i, got, want)
			}
		})
	}
	clients.Wait()
	require.Less(t, e.nSteps, 32*20, "answers shared steps")
}

func TestEchoWithLogProbs(t *testing.T) {
	d := start(t, newFakeEngine(t), nil)
	_, body := d.receive(d.send("/v1/completions", `{"model":"fake","prompt":"abcdefghijklmnopqrstuvwxyz","max_tokens":0,"echo":true,"logprobs":1}`))
	var c struct {
		Choices []struct {
			LogProbs struct {
				Tokens  []string
				Token   []*float64           `json:"token_logprobs"`
				Top     []map[string]float64 `json:"top_logprobs"`
				Offsets []int                `json:"text_offset"`
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(body), &c), "%s", body)
	l := c.Choices[0].LogProbs
	require.Len(t, l.Tokens, 27)
	require.Nil(t, l.Token[0])
	likely := -0.0314 // one logit of 9 among 260
	nLikely := 0
	for i := 1; i < 27; i++ {
		require.Equal(t, string(rune('a'+i-1)), l.Tokens[i])
		for _, p := range l.Top[i] {
			if p > -1 {
				require.InDelta(t, likely, p, 0.001)
				nLikely++
			}
		}
	}
	require.Equal(t, 26, nLikely, "each place has its favourite")
}

// gated returns a step function that waits for a token before each step, and
// the tokens.
func gated() (func() error, chan bool) {
	gate := make(chan bool)
	return func() error { <-gate; return nil }, gate
}

func TestVanishedClientFreesItsSessionByTheNextStep(t *testing.T) {
	e := newFakeEngine(t)
	step, gate := gated()
	e.step = step
	d := start(t, e, nil)
	for _, prompt := range []string{"x", strings.Repeat("long ", 300)} { // in its answer, in its prompt
		c := d.send("/v1/completions", ask(prompt, 100, true))
		for range 3 {
			gate <- true
		}
		require.Equal(t, 1, e.nSessions())
		require.NoError(t, c.Close())
		// The server learns of it a moment later; until then a step may pass.
		require.Eventually(t, func() bool {
			select {
			case gate <- true:
			default:
			}
			return e.nSessions() == 0
		}, 10*time.Second, time.Millisecond)
		require.Less(t, e.nSteps, 80)
	}
	close(gate)
	require.Eventually(t, func() bool { return strings.Count(d.log.String(), "outcome=cancelled") == 2 }, 10*time.Second, time.Millisecond)
}

func TestDeafClientIsDroppedAndHarmsNobody(t *testing.T) {
	e := newFakeEngine(t)
	e.context = 1 << 20
	d := start(t, e, func(c *Config) { c.WriteTimeout = 100 * time.Millisecond })
	d.send("/v1/completions", ask("x", 1<<19, true)) // its answer fills every buffer
	_, body := d.receive(d.send("/v1/completions", ask("other", 5, false)))
	require.Equal(t, e.solo("other", 5), textOf(t, body))
	require.Eventually(t, func() bool { return e.nSessions() == 0 }, 20*time.Second, 5*time.Millisecond)
	require.Less(t, e.nSteps, 1<<18)
}

func TestFullQueueIs429(t *testing.T) {
	e := newFakeEngine(t)
	step, gate := gated()
	e.step = step
	d := start(t, e, func(c *Config) { c.MaxRunning, c.QueueSize = 1, 1 })
	first := d.send("/v1/completions", ask("a", 2, false))
	gate <- true // it runs
	second := d.send("/v1/completions", ask("b", 2, false))
	require.Eventually(t, func() bool { return d.model.sched.NRequests() == 2 }, 10*time.Second, time.Millisecond)
	resp, body := d.receive(d.send("/v1/completions", ask("c", 2, false)))
	require.Equal(t, http.StatusTooManyRequests, resp.StatusCode)
	require.Equal(t, "1", resp.Header.Get("Retry-After"))
	require.Equal(t, "queue_full", errorCode(t, body))
	close(gate)
	_, body = d.receive(first)
	require.Equal(t, e.solo("a", 2), textOf(t, body))
	_, body = d.receive(second)
	require.Equal(t, e.solo("b", 2), textOf(t, body))
}

func TestDrainFinishesWhatRunsAndRefusesTheRest(t *testing.T) {
	e := newFakeEngine(t)
	step, gate := gated()
	e.step = step
	d := start(t, e, nil)
	running := d.send("/v1/completions", ask("a", 20, true))
	gate <- true
	kept := d.send("/health", "") // a connection that is open before
	resp, _ := d.receive(kept)
	require.Equal(t, http.StatusMethodNotAllowed, resp.StatusCode)

	d.stop()
	require.Eventually(t, func() bool { return strings.Contains(d.log.String(), "msg=stopping") }, 10*time.Second, time.Millisecond)
	resp, body := d.receive(d.send("/v1/completions", ask("late", 2, false)))
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	require.Equal(t, "stopping", errorCode(t, body))
	health, err := d.http().Get("http://x/health")
	require.NoError(t, err)
	health.Body.Close()
	require.Equal(t, http.StatusServiceUnavailable, health.StatusCode)

	close(gate)
	_, body = d.receive(running)
	require.Contains(t, body, "data: [DONE]")
	require.Equal(t, 20, strings.Count(body, `"text":"`)-strings.Count(body, `"text":""`))
	require.NoError(t, <-d.stopped)
}

func TestDrainTimeoutCutsAnswersOffWithAnError(t *testing.T) {
	e := newFakeEngine(t)
	e.step = func() error { time.Sleep(time.Millisecond); return nil }
	e.context = 1 << 20
	d := start(t, e, func(c *Config) { c.DrainTimeout = 50 * time.Millisecond })
	running := d.send("/v1/completions", ask("a", 1<<19, true))
	require.Eventually(t, func() bool { return e.nSessions() == 1 }, 10*time.Second, time.Millisecond)
	d.stop()
	_, body := d.receive(running)
	require.Contains(t, body, `"code":"stopping"`)
	require.NotContains(t, body, "[DONE]")
	require.NoError(t, <-d.stopped)
	require.Zero(t, e.nSessions())
}

func TestAnswerTimeoutEndsAnswersAndThoseWhoWait(t *testing.T) {
	e := newFakeEngine(t)
	e.step = func() error { time.Sleep(time.Millisecond); return nil }
	e.context = 1 << 20
	d := start(t, e, func(c *Config) { c.AnswerTimeout, c.MaxRunning = 300*time.Millisecond, 1 })
	running := d.send("/v1/completions", ask("a", 1<<19, true))
	require.Eventually(t, func() bool { return e.nSessions() == 1 }, 10*time.Second, time.Millisecond)
	waiting := d.send("/v1/completions", ask("b", 1<<19, false))
	_, body := d.receive(running)
	require.Contains(t, body, `"code":"timeout"`)
	require.NotContains(t, body, "[DONE]")
	resp, body := d.receive(waiting)
	require.Equal(t, http.StatusGatewayTimeout, resp.StatusCode)
	require.Equal(t, "timeout", errorCode(t, body))
	require.Eventually(t, func() bool { return e.nSessions() == 0 }, 10*time.Second, time.Millisecond)
}

func TestRequestsThatAreRefused(t *testing.T) {
	d := start(t, newFakeEngine(t), func(c *Config) { c.MaxBody = 2000 })
	for _, test := range []struct {
		body, header, code string
		status             int
	}{
		{ask("x", 1, false), "Origin: http://localhost", "forbidden", http.StatusForbidden},
		{ask("x", 1, false), "Referer: http://localhost", "forbidden", http.StatusForbidden},
		{ask(strings.Repeat("x", 2000), 1, false), "", "request_too_large", http.StatusRequestEntityTooLarge},
		{`{"model":"fake","prompt":"x","best_off":1}`, "", "unknown_parameter", http.StatusBadRequest},
		{`{"model":"fake","prompt":"x","temperature":"hot"}`, "", "invalid_type", http.StatusBadRequest},
		{ask("x", 1, false), "Content-Encoding: gzip", "unsupported_media_type", http.StatusUnsupportedMediaType},
	} {
		var headers []string
		if test.header != "" {
			headers = append(headers, test.header)
		}
		resp, body := d.receive(d.send("/v1/completions", test.body, headers...))
		require.Equal(t, test.status, resp.StatusCode, "%s", body)
		require.Equal(t, test.code, errorCode(t, body))
		require.NotEmpty(t, resp.Header.Get("X-Request-Id"))
	}
}

func TestPromptOverTheContext(t *testing.T) {
	e := newFakeEngine(t)
	e.context = 100
	d := start(t, e, nil)
	resp, body := d.receive(d.send("/v1/completions", ask(strings.Repeat("x", 150), 1, false)))
	require.Equal(t, http.StatusBadRequest, resp.StatusCode)
	require.Equal(t, "context_length_exceeded", errorCode(t, body))
	require.Contains(t, body, "is 100 tokens, but the prompt has 151 tokens")

	_, body = d.receive(d.send("/v1/completions", ask(strings.Repeat("x", 90), 50, false)))
	require.Len(t, textOf(t, body), 9, "the answer ends where the context does")
	require.Contains(t, body, `"finish_reason":"length"`)
}

func TestBrokenStepIsAnInternalError(t *testing.T) {
	e := newFakeEngine(t)
	e.step = func() error { return errors.New("detail for the log") }
	d := start(t, e, nil)
	resp, body := d.receive(d.send("/v1/completions", ask("x", 1, false)))
	require.Equal(t, http.StatusInternalServerError, resp.StatusCode)
	require.NotContains(t, body, "detail")
	require.Contains(t, d.log.String(), "detail for the log")
	require.Contains(t, d.log.String(), "outcome=error")
}

// TestLogHoldsNoContent sends canaries every way there is and looks for them,
// and for the answers, in the log.
func TestLogHoldsNoContent(t *testing.T) {
	e := newFakeEngine(t)
	e.context = 300
	d := start(t, e, nil)
	const canary = "CANARY-7291"
	for _, request := range []struct{ path, body, header string }{
		{"/v1/completions", ask(canary, 30, false), "X: " + canary},
		{"/v1/completions", ask(canary, 30, true), "X-Request-Id: " + canary},
		{"/v1/completions", ask(strings.Repeat(canary, 100), 30, true), ""},
		{"/v1/completions", `{"model":"` + canary + `","prompt":"x"}`, ""},
		{"/v1/completions", `{"` + canary + `":1}`, ""},
		{"/v1/completions", `{"prompt":"` + canary, ""},
		{"/v1/" + canary, "{}", ""},
		{"/v1/chat/completions?q=" + canary, `{"model":"fake","max_tokens":9,"messages":[{"role":"user","content":"` + canary + `"}]}`, "Origin: " + canary},
		{"/v1/chat/completions?q=" + canary, `{"model":"fake","max_tokens":9,"messages":[{"role":"user","content":"` + canary + `"}]}`, "Cookie: " + canary},
	} {
		headers := []string{"Connection: close"}
		if request.header != "" {
			headers = append(headers, request.header)
		}
		d.receive(d.send(request.path, request.body, headers...))
	}
	d.stop()
	require.NoError(t, <-d.stopped)
	log := d.log.String()
	require.NotContains(t, log, canary)
	require.NotContains(t, log, e.solo(canary, 30)[:8])
	require.Contains(t, log, "n_generated=30", "what happened is there")
}
