package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/daemon"
	"inferd/daemon/audit"
	"inferd/daemon/demo"
	"inferd/runtime"
)

// TestAuditProves asks a daemon with a key, and proves by the line that it logs
// what was asked and answered.
func TestAuditProves(t *testing.T) {
	model, err := demo.Write(t.TempDir())
	require.NoError(t, err)
	key := filepath.Join(t.TempDir(), "key")
	require.NoError(t, dispatch(t.Context(), []string{"audit", "key", key}))
	log := filepath.Join(t.TempDir(), "log")
	body := `{"model":"demo","messages":[{"role":"user","content":"When does the library open?"}],"temperature":0}`
	answer := answerTo(t, model, body, key, log)
	logged, err := os.ReadFile(log)
	require.NoError(t, err)
	line := regexp.MustCompile(`(?m)^.*msg=answer.*$`).FindString(string(logged))
	require.NotEmpty(t, line, string(logged))
	record := tempFile(t, "record", line)

	prove := func(args ...string) error {
		return dispatch(t.Context(), append([]string{"audit", "prove", record, "--key", key}, args...))
	}
	request, text := tempFile(t, "request", body), tempFile(t, "answer", answer+"\n")
	require.NoError(t, prove("--model", model, "--prompt-file", request, "--answer-file", text))
	require.ErrorContains(t, prove("--answer-file", tempFile(t, "other", answer+"!")), "not proven")
	require.ErrorContains(t, prove("--model", model, "--prompt-file", tempFile(t, "other", "When does it close?")), "not proven")
	require.ErrorContains(t, prove(), "want --prompt-file")

	journal := regexp.MustCompile(`(\w+)=("[^"]*"|\S+)`).ReplaceAllStringFunc(line, func(field string) string {
		m := regexp.MustCompile(`(\w+)="?([^"]*)"?`).FindStringSubmatch(field)
		return fmt.Sprintf(`"INFERD_%s":%q,`, m[1], m[2])
	})
	record = tempFile(t, "journal", "{"+journal+"}")
	require.NoError(t, prove("--answer-file", text), "as JSON")
	record = tempFile(t, "none", "level=INFO msg=answer id=1 user=2 model=demo")
	require.ErrorContains(t, prove("--answer-file", text), `"prompt_mac"`)

	k, err := audit.ReadKey(key)
	require.NoError(t, err)
	vector := audit.Record{ID: "req_1", User: "5", Model: "my own"}
	k.Prompt(&vector, []runtime.Token{5, 7})
	record = tempFile(t, "vector", "msg=answer id=req_1 user=5 model=\"my own\" outcome=vector prompt_mac="+vector.PromptMAC)
	require.NoError(t, prove("--model", model, "--prompt-file", tempFile(t, "tokens", "[5,7]")))
	require.ErrorContains(t, prove("--answer-file", text), `"answer_mac"`)
}

// answerTo asks a daemon that logs to a file and has a key.
func answerTo(t *testing.T, model, body, key, log string) string {
	f, err := os.Create(log)
	require.NoError(t, err)
	defer f.Close()
	stderr := os.Stderr
	os.Stderr = f
	defer func() { os.Stderr = stderr }()
	var answer struct {
		Choices []struct{ Message struct{ Content string } }
	}
	require.NoError(t, json.Unmarshal(askDaemon(t, model, "/v1/chat/completions", body, func(c *daemon.Config) {
		c.LogLevel = slog.LevelInfo
		c.AuditKey, err = audit.ReadKey(key)
		require.NoError(t, err)
	}), &answer))
	return answer.Choices[0].Message.Content
}
