package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"inferd/daemon"
	"inferd/daemon/ask"
	"inferd/daemon/demo"
	"inferd/daemon/serve"
	"inferd/kernels"
	"inferd/testdata"
)

// askDaemon starts a daemon with a model, sends a request and returns the answer.
func askDaemon(t *testing.T, model, path, body string, changes ...func(*daemon.Config)) []byte {
	c := daemon.DefaultConfig()
	c.Socket = filepath.Join(t.TempDir(), "s")
	c.Models = []string{model}
	c.LogLevel = slog.LevelError
	c.Threads = 2
	for _, change := range changes {
		change(&c)
	}
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- daemon.Run(ctx, c, nil) }()
	defer func() {
		stop()
		require.NoError(t, <-stopped)
	}()
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", c.Socket)
	}}}
	defer client.CloseIdleConnections()
	require.Eventually(t, func() bool {
		r, err := client.Get("http://inferd/health")
		if err != nil {
			return false
		}
		_ = r.Body.Close()
		return r.StatusCode == http.StatusOK
	}, time.Minute, 20*time.Millisecond)
	r, err := client.Post("http://inferd"+path, "application/json", strings.NewReader(body))
	require.NoError(t, err)
	defer r.Body.Close()
	answer, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, r.StatusCode, "%s", answer)
	return answer
}

func tempFile(t *testing.T, name, text string) string {
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// TestReceiptsReplayAtEveryLevel: what one set of kernels answers, every other
// answers again, token for token.
func TestReceiptsReplayAtEveryLevel(t *testing.T) {
	demoPath, err := demo.Write(t.TempDir())
	require.NoError(t, err)
	kQuant := testdata.Path("models", "llama-Q4_K.gguf")
	name := func(path string) string { return strings.TrimSuffix(filepath.Base(path), ".gguf") }
	const question = "When does the library open?"
	for _, test := range []struct{ model, path, body, prompt string }{
		{demoPath, "/v1/chat/completions", `"messages":[{"role":"user","content":"` + question + `"}],"n":2,"seed":7,"max_tokens":24`, ""},
		{demoPath, "/v1/chat/completions", `"messages":[{"role":"user","content":"hi"}],"response_format":{"type":"json_object"},"max_tokens":16,"logit_bias":{"5":-1}`, ""},
		{demoPath, "/v1/responses", `"input":"` + question + `","instructions":"Be brief.","max_output_tokens":16`, ""},
		{demoPath, "/v1/completions", `"prompt":["a","b"],"temperature":0.8,"top_p":0.9,"repeat_penalty":1.1,"max_tokens":8`, ""},
		{kQuant, "/v1/completions", `"prompt":"Once upon a time","max_tokens":24,"seed":-3`, "Once upon a time\n"},
	} {
		body := `{"model":"` + name(test.model) + `","receipt":true,` + test.body + `}`
		answer := askDaemon(t, test.model, test.path, body)
		receipt := tempFile(t, "answer.json", string(answer))
		promptFile := tempFile(t, "prompt", body)
		if test.prompt != "" {
			promptFile = tempFile(t, "prompt", test.prompt)
		}
		for _, level := range kernels.Implementations() {
			t.Setenv("INFERD_KERNELS", level)
			out, errOut, code := inferctl("", "replay", receipt, "--prompt-file", promptFile, "--model", test.model)
			require.Equal(t, exitOK, code, "%s at %s: %s", test.body, level, errOut)
			require.Regexp(t, `^identical: \d+ tokens in \d answers, computed with `+level+`\n$`, out)
		}
	}
}

// TestReplaySaysWhatDiffers, be it one token or what the answer was made of.
func TestReplaySaysWhatDiffers(t *testing.T) {
	model := testdata.Path("models", "llama-Q4_K.gguf")
	var answer struct{ Receipt map[string]any }
	require.NoError(t, json.Unmarshal(askDaemon(t, model, "/v1/completions", `{"model":"llama-Q4_K","prompt":"Once","max_tokens":4,"receipt":true}`), &answer))
	promptFile := tempFile(t, "prompt", "Once")
	replay := func(change func(receipt map[string]any), prompt string) string {
		text, err := json.Marshal(answer.Receipt)
		require.NoError(t, err)
		var receipt map[string]any
		require.NoError(t, json.Unmarshal(text, &receipt))
		change(receipt)
		text, err = json.Marshal(receipt)
		require.NoError(t, err)
		out, errOut, code := inferctl("", "replay", tempFile(t, "receipt.json", string(text)), "--prompt-file", prompt, "--model", model)
		if code == exitOK {
			return out
		}
		require.Equal(t, exitFailure, code)
		require.Empty(t, out)
		return errOut
	}
	answerOf := func(r map[string]any) map[string]any { return r["answers"].([]any)[0].(map[string]any) }
	require.Contains(t, replay(func(map[string]any) {}, promptFile), "identical: 4 tokens in 1 answers")
	for want, change := range map[string]func(map[string]any){
		`differs: answer 0, token 2: expected 5 "`: func(r map[string]any) { answerOf(r)["tokens"].([]any)[2] = 5 },
		`expected 100000 "", got`:                  func(r map[string]any) { answerOf(r)["tokens"].([]any)[0] = 100000 },
		`ends after 3 tokens in the receipt`:       func(r map[string]any) { answerOf(r)["tokens"] = answerOf(r)["tokens"].([]any)[:3] },
		`ends with "length" here`:                  func(r map[string]any) { answerOf(r)["finish"] = "eog" },
		`its sha256 is`:                            func(r map[string]any) { r["model_sha256"] = strings.Repeat("0", 64) },
		`made with version 99 of the arithmetic`:   func(r map[string]any) { r["contract"] = 99 },
		`made on "vulkan"`:                         func(r map[string]any) { r["backend"] = "vulkan" },
		`receipt has 1 adapters`:                   func(r map[string]any) { r["adapters"] = []any{map[string]any{"name": "x"}} },
		`version 2, this program reads 1`:          func(r map[string]any) { r["version"] = 2 },
		`prompt 7 of 1`:                            func(r map[string]any) { answerOf(r)["prompt"] = 7 },
		`format "poem" is not known`:               func(r map[string]any) { r["format"] = map[string]any{"kind": "poem"} },
		`0 prompts and 0 answers`: func(r map[string]any) {
			delete(r, "prompts")
			delete(r, "answers")
		},
	} {
		require.Contains(t, replay(change, promptFile), want)
	}
	require.Contains(t, replay(func(map[string]any) {}, tempFile(t, "prompt", "Twice")), "not the prompt of")
	_, errOut, code := inferctl("", "replay", tempFile(t, "receipt.json", "[1"), "--prompt-file", promptFile)
	require.Equal(t, exitFailure, code)
	require.Contains(t, errOut, "receipt")
}

// TestReceiptsNameAdapters and their scales, whichever format chose them, and
// replaying uses both.
func TestReceiptsNameAdapters(t *testing.T) {
	shared := testdata.Shared(t, "models")
	lora := filepath.Join(shared, "stories260K-shakespeare-lora-r8-f32.gguf")
	dir := t.TempDir()
	model := filepath.Join(dir, "stories.gguf")
	for from, to := range map[string]string{filepath.Join(shared, "stories260K-f32.gguf"): model, lora: filepath.Join(dir, "shakespeare.gguf")} {
		text, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(to, text, 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "stories.toml"), []byte("[adapters]\nshakespeare = {file = \"shakespeare.gguf\"}\n"), 0o600))
	const body = `{"model":"stories","prompt":"Once upon a time","max_tokens":12,"temperature":0,"receipt":true,"adapter":{"name":"shakespeare","scale":0.5}}`
	answer := askDaemon(t, model, "/v1/completions", body)
	var got struct{ Receipt ask.Receipt }
	require.NoError(t, json.Unmarshal(answer, &got))
	text, err := os.ReadFile(lora)
	require.NoError(t, err)
	require.Equal(t, []serve.AdapterOrigin{{Name: "shakespeare", SHA256: fmt.Sprintf("%x", sha256.Sum256(text)), Scale: 0.5}}, got.Receipt.Adapters)

	receipt, promptFile := tempFile(t, "answer.json", string(answer)), tempFile(t, "prompt", body)
	_, errOut, code := inferctl("", "replay", receipt, "--prompt-file", promptFile, "--model", model, "--lora", lora)
	require.Equal(t, exitOK, code, errOut)
	_, errOut, code = inferctl("", "replay", receipt, "--prompt-file", promptFile, "--model", model)
	require.NotEqual(t, exitOK, code)
	require.Contains(t, errOut, "the receipt has 1 adapters, 0 are given")
	otherScale := strings.Replace(string(answer), `"scale":0.5`, `"scale":3`, 1)
	_, errOut, code = inferctl("", "replay", tempFile(t, "other.json", otherScale), "--prompt-file", promptFile, "--model", model, "--lora", lora)
	require.NotEqual(t, exitOK, code, "the scale counts")
	require.Contains(t, errOut, "differs")
}
