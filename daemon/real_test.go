package daemon

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	openaigo "github.com/openai/openai-go/v3"
	"github.com/stretchr/testify/require"

	"inferd/daemon/store"
	"inferd/daemon/transport"
	"inferd/testdata"
)

// manager plays systemd: it listens to what a service says about itself.
type manager struct {
	conn *net.UnixConn
}

func newManager(t *testing.T) *manager {
	path := socketPath(t)
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return &manager{conn}
}

// next returns the next message, "" if none comes within timeout.
func (m *manager) next(t *testing.T, timeout time.Duration) string {
	require.NoError(t, m.conn.SetReadDeadline(time.Now().Add(timeout)))
	buf := make([]byte, 4096)
	n, err := m.conn.Read(buf)
	if err != nil {
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		return ""
	}
	return string(buf[:n])
}

// waitFor returns the messages up to the one wanted.
func (m *manager) waitFor(t *testing.T, want string) (before []string) {
	for {
		got := m.next(t, 20*time.Second)
		require.NotEmpty(t, got, "never said %q, only %q", want, before)
		if got == want {
			return before
		}
		before = append(before, got)
	}
}

// run runs the whole daemon with real models until the test ends.
func run(t *testing.T, change func(*Config)) *testDaemon {
	c := DefaultConfig()
	c.Threads = 2
	c.LogLevel = slog.LevelError
	change(&c)
	return runReloading(t, c, nil)
}

// runReloading is run of a daemon that can be told to take another configuration.
func runReloading(t *testing.T, c Config, reload func() (Config, error)) *testDaemon {
	m := newManager(t)
	c.Socket = socketPath(t)
	d := &testDaemon{t: t, socket: c.Socket, stopped: make(chan error, 1)}
	ctx, stop := context.WithCancel(context.Background())
	d.stop = stop
	go func() {
		d.stopped <- Run(ctx, c, reload)
		close(d.stopped)
	}()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-d.stopped)
		m.waitFor(t, "STOPPING=1")
	})
	m.waitFor(t, "READY=1")
	return d
}

// complete returns the answer to a request body, in one piece.
func (d *testDaemon) complete(body string) (string, error) {
	c, err := net.Dial("unix", d.socket)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if _, err := fmt.Fprintf(c, "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body); err != nil {
		return "", err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var answer struct {
		Choices []struct{ Text string }
		Error   struct{ Message string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("status %d: %s", resp.StatusCode, answer.Error.Message)
	}
	var all strings.Builder
	for _, choice := range answer.Choices {
		all.WriteString(choice.Text + "\x00")
	}
	return all.String(), nil
}

// TestRealModelGivesEveryClientItsOwnAnswer asks alone, then all at once, then
// with a KV cache so small that answers are set aside and computed again.
func TestRealModelGivesEveryClientItsOwnAnswer(t *testing.T) {
	const nClients = 32
	body := func(i int) string {
		return fmt.Sprintf(`{"model":"llama-Q4_K","prompt":%q,"max_tokens":%d,"seed":%d,"n":%d}`,
			strings.Repeat("once upon a time ", i%5)+fmt.Sprint(i), 20+i, i, 1+i%3/2)
	}
	var alone []string
	for _, test := range []struct {
		name     string
		kvBudget Bytes
	}{{"roomy", 1 << 30}, {"tight", 160 << 10}} {
		t.Run(test.name, func(t *testing.T) {
			d := run(t, func(c *Config) {
				c.Models = []string{testdata.Path("models", "llama-Q4_K.gguf")}
				c.KVBudget = test.kvBudget
				c.PrefillChunk = 32
			})
			if alone == nil {
				for i := range nClients {
					text, err := d.complete(body(i))
					require.NoError(t, err)
					alone = append(alone, text)
				}
			}
			var clients sync.WaitGroup
			for i := range nClients {
				clients.Go(func() {
					if text, err := d.complete(body(i)); err != nil || text != alone[i] {
						t.Errorf("client %d: got %q, %v; alone it was %q", i, text, err, alone[i])
					}
				})
			}
			clients.Wait()
		})
	}
}

// TestGoldenStoriesOverTheSocket compares with the texts of llama2.c.
func TestGoldenStoriesOverTheSocket(t *testing.T) {
	text, err := os.ReadFile(testdata.Shared(t, "models", "golden.json"))
	require.NoError(t, err)
	var stories []struct {
		Model     string
		Prompt    string
		Tokens    []int  `json:"prompt_tokens"`
		Positions int    `json:"total_positions"`
		Text      string `json:"full_text"`
	}
	require.NoError(t, json.Unmarshal(text, &stories))
	d := run(t, func(c *Config) {
		c.Models = []string{
			testdata.Shared(t, "models", "stories260K-f32.gguf"),
			testdata.Shared(t, "models", "babyllama-tok105-f32.gguf"),
		}
	})
	nChecked := 0
	for _, story := range stories {
		model := strings.TrimSuffix(filepath.Base(story.Model), ".gguf")
		if model != "stories260K-f32" && model != "babyllama-tok105-f32" {
			continue
		}
		nChecked++
		got, err := d.complete(fmt.Sprintf(`{"model":%q,"prompt":%q,"temperature":0,"echo":true,"max_tokens":%d}`,
			model, story.Prompt, story.Positions-len(story.Tokens)+1))
		require.NoError(t, err)
		if story.Prompt == "" { // llama2.c leaves out the space of a text's first word
			got = strings.TrimPrefix(got, " ")
		}
		require.Equal(t, story.Text, strings.TrimSuffix(got, "\x00"), "%s: %q", model, story.Prompt)
	}
	require.GreaterOrEqual(t, nChecked, 5)
}

func TestServiceManagerHears(t *testing.T) {
	m := newManager(t)
	c := DefaultConfig()
	c.Socket = socketPath(t)
	c.LogLevel = slog.LevelError
	c.Models = []string{testdata.Path("models", "llama-tied.gguf")}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	stopped := make(chan error, 1)
	go func() { stopped <- Run(ctx, c, nil) }()
	require.Equal(t, []string{"EXTEND_TIMEOUT_USEC=30000000\nSTATUS=loading models"}, m.waitFor(t, "READY=1"))
	m.waitFor(t, "STATUS=llama-tied: 0 requests")
	requireNoNetwork(t)
	stop()
	require.Equal(t, []string{"STOPPING=1"}, m.waitFor(t, "STATUS=stopped"))
	require.NoError(t, <-stopped)
}

// requireNoNetwork fails if this process has a socket of the internet
// families.
func requireNoNetwork(t *testing.T) {
	inodes := map[string]string{}
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		text, err := os.ReadFile("/proc/self/net/" + table)
		if err != nil {
			continue // a kernel without this family
		}
		for line := range strings.Lines(string(text)) {
			if fields := strings.Fields(line); len(fields) > 9 {
				inodes["socket:["+fields[9]+"]"] = table
			}
		}
	}
	files, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		target, err := os.Readlink("/proc/self/fd/" + f.Name())
		if err == nil {
			require.NotContains(t, inodes, target, "a socket of the internet families")
		}
	}
}

func TestWatchdogIsFedByProgressOnly(t *testing.T) {
	m := newManager(t)
	t.Setenv("WATCHDOG_USEC", "40000")
	e := newFakeEngine(t)
	step, gate := gated()
	e.step = step
	d := start(t, e, nil)
	for range 3 {
		m.waitFor(t, "WATCHDOG=1") // idle is fine
	}
	c := d.send("/v1/completions", ask("x", 3, false))
	gate <- true
	require.Eventually(t, func() bool { // the step hangs: signs of life cease
		for {
			switch m.next(t, 500*time.Millisecond) {
			case "":
				return true
			case "WATCHDOG=1":
				return false
			}
		}
	}, 20*time.Second, time.Millisecond)
	require.Contains(t, d.log.String(), "no progress")
	close(gate)
	m.waitFor(t, "WATCHDOG=1")
	_, body := d.receive(c)
	require.Equal(t, e.solo("x", 3), textOf(t, body))
}

func TestRunRefusesWhatCannotWork(t *testing.T) {
	tied := testdata.Path("models", "llama-tied.gguf")
	taken, err := transport.Listen(socketPath(t), transport.ProgramsMode)
	require.NoError(t, err)
	defer taken.Close()
	noModel := filepath.Join(t.TempDir(), "no.gguf")
	require.NoError(t, os.WriteFile(noModel, []byte("GGUF\x00\x00\x00\x00 but not really"), 0o600))
	for want, change := range map[string]func(*Config){
		"no model to serve":  func(c *Config) { c.Models, c.ModelsDir = nil, "" },
		"no such file":       func(c *Config) { c.Models = []string{tied, "/nowhere.gguf"} },
		"have the same name": func(c *Config) { c.Models = []string{tied, tied} },
		"no.gguf":            func(c *Config) { c.Models = []string{noModel} },
		"kv-budget holds":    func(c *Config) { c.NCtx, c.KVBudget = 128, 1<<10 },
		"in use":             func(c *Config) { c.Socket = taken.Addr().String() },
	} {
		c := DefaultConfig()
		c.Socket = socketPath(t)
		c.LogLevel = slog.LevelError
		c.Models = []string{tied}
		change(&c)
		require.ErrorContains(t, Run(t.Context(), c, nil), want)
		if want != "in use" {
			require.NoFileExists(t, c.Socket)
		}
	}
}

func TestModelNames(t *testing.T) {
	for path, want := range map[string]string{
		"/models/llama-3.2-1B-Q4_0.gguf":      "llama-3.2-1B-Q4_0",
		"/models/big-00001-of-00003.gguf":     "big",
		"plain":                               "plain",
		"v1.5.bin":                            "v1.5.bin",
		"/models/00001-of-00003-chapter.gguf": "00001-of-00003-chapter",
	} {
		require.Equal(t, want, store.NameOf(path))
	}
}

// TestConversationsReuseWhatIsCached sends a prompt of more than a page twice.
func TestConversationsReuseWhatIsCached(t *testing.T) {
	d := run(t, func(c *Config) { c.Models = []string{testdata.Path("models", "llama-tied.gguf")} })
	client := d.openai()
	var texts []string
	for _, again := range []int64{0, 1} {
		answer, err := client.Chat.Completions.New(t.Context(), openaigo.ChatCompletionNewParams{
			Model:       "llama-tied",
			Messages:    []openaigo.ChatCompletionMessageParamUnion{openaigo.UserMessage(strings.Repeat("ab, ", 50))},
			Temperature: openaigo.Float(0),
			MaxTokens:   openaigo.Int(20),
		})
		require.NoError(t, err)
		require.Greater(t, answer.Usage.PromptTokens, int64(64))
		require.Equal(t, again*(answer.Usage.PromptTokens/64*64), answer.Usage.PromptTokensDetails.CachedTokens,
			"full pages of 64 tokens")
		texts = append(texts, answer.Choices[0].Message.Content)
	}
	require.Equal(t, texts[0], texts[1])
}

// TestScoresAreTheLogProbabilitiesOfGeneration generates a text, then asks
// what the model thinks of it as a prompt: the same numbers, to the bit,
// though they were computed in one chunk and not token by token.
func TestScoresAreTheLogProbabilitiesOfGeneration(t *testing.T) {
	d := run(t, func(c *Config) { c.Models = []string{testdata.Path("models", "llama-yarn.gguf")} })
	type logProbs struct {
		Tokens []string
		Token  []*float32           `json:"token_logprobs"`
		Top    []map[string]float32 `json:"top_logprobs"`
	}
	ask := func(body string) (text string, l logProbs) {
		_, answer := d.receive(d.send("/v1/completions", body))
		var c struct {
			Choices []struct {
				Text     string
				LogProbs logProbs
			}
		}
		require.NoError(t, json.Unmarshal([]byte(answer), &c), answer)
		require.NotEmpty(t, c.Choices, answer)
		return c.Choices[0].Text, c.Choices[0].LogProbs
	}
	prompt := []int{1, 40, 41, 42}
	ids := func(tokens []int) string {
		text, err := json.Marshal(tokens)
		require.NoError(t, err)
		return string(text)
	}
	// With a bias of 100, the model says what we want, so that the ids of its
	// answer are known; log probabilities are those without it.
	var want []*float32
	for token := 50; token < 55; token++ {
		_, l := ask(fmt.Sprintf(`{"model":"llama-yarn","prompt":%s,"max_tokens":1,"temperature":0,"logprobs":2,"logit_bias":{"%d":100}}`, ids(prompt), token))
		require.Len(t, l.Token, 1)
		want = append(want, l.Token[0])
		prompt = append(prompt, token)
	}
	_, l := ask(fmt.Sprintf(`{"model":"llama-yarn","prompt":%s,"max_tokens":0,"echo":true,"logprobs":2}`, ids(prompt)))
	require.Equal(t, want, l.Token[4:])
	require.Nil(t, l.Token[0])
}

func TestCurl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	e := newFakeEngine(t)
	d := start(t, e, nil)
	out, err := exec.CommandContext(t.Context(), curl, "--silent", "--no-buffer", "--unix-socket", d.socket,
		"http://localhost/v1/chat/completions", "--data",
		`{"model":"fake","messages":[{"role":"user","content":"hi"}],"temperature":0,"max_tokens":5,"stream":true}`).Output()
	require.NoError(t, err)
	var text strings.Builder
	for _, piece := range regexp.MustCompile(`"content":"([a-z])"`).FindAllStringSubmatch(string(out), -1) {
		text.WriteString(piece[1])
	}
	require.Equal(t, e.solo("hi", 5), text.String())
	require.True(t, strings.HasSuffix(string(out), "data: [DONE]\n\n"))
}
