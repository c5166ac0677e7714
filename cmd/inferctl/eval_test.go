package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// evalServer answers chat requests with what say makes of model and last message.
func evalServer(t *testing.T, say func(model, question string) string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var req chatRequest
		body, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(body, &req); err != nil || r.URL.Path != "/v1/chat/completions" || !req.Stream {
			http.Error(w, "bad request", http.StatusBadRequest)
			return
		}
		answer := say(req.Model, req.Messages[len(req.Messages)-1].Content)
		if answer == "fail" {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, `{"error":{"message":"it broke"}}`)
			return
		}
		for _, word := range strings.SplitAfter(answer, " ") {
			text, _ := json.Marshal(word)
			fmt.Fprintf(w, "data: {\"choices\":[{\"delta\":{\"content\":%s}}]}\n\n", text)
		}
		fmt.Fprintf(w, "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n")
		fmt.Fprintf(w, "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":%d}}\n\ndata: [DONE]\n\n", len(strings.Fields(answer)))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

const evalTasks = `{"id": "exact", "prompt": "a", "exact": " the answer\n"}
{"prompt": "b", "contains": "ANSWER", "max_tokens": 5}

{"messages": [{"role": "user", "content": "c"}], "regex": "^the .*r$", "system": "be brief"}
{"prompt": "d", "judge": "that it is the answer"}
{"prompt": "e"}
`

func TestEval(t *testing.T) {
	url := evalServer(t, func(model, question string) string {
		switch {
		case strings.Contains(question, "Rate an answer"):
			if strings.Contains(question, "The answer to rate:\nthe answer") {
				return "I say 10."
			}
			return "3"
		case model == "good":
			return "the answer"
		case question == "c":
			return "fail"
		}
		return "something else"
	})
	out, stderr, code := inferctl(evalTasks, "eval", "--file", "-", "--endpoint", url+"/v1",
		"--model", "good", "--model", "bad@"+url, "--judge", "wise", "--json")
	require.Zero(t, code, stderr)
	require.Empty(t, stderr, "nothing leaves this machine")

	scores := map[string]any{}
	var summaries []evalSummary
	for line := range strings.Lines(out) {
		var both struct {
			evalResult
			Summary *evalSummary `json:"summary"`
		}
		require.NoError(t, json.Unmarshal([]byte(line), &both))
		if both.Summary != nil {
			summaries = append(summaries, *both.Summary)
			continue
		}
		name := strings.TrimSuffix(both.Model, "@"+url) + " " + both.Task
		switch {
		case both.Error != "":
			scores[name] = both.Error
		case both.Score == nil:
			scores[name] = nil
		default:
			scores[name] = *both.Score
		}
	}
	require.Equal(t, map[string]any{
		"good exact": 1.0, "good 2": 1.0, "good 4": 1.0, "good 5": 1.0, "good 6": nil,
		"bad exact": 0.0, "bad 2": 0.0, "bad 4": url + " answers 500: it broke", "bad 5": 0.3, "bad 6": nil,
	}, scores)
	require.Len(t, summaries, 2)
	require.Equal(t, 1.0, *summaries[0].Score)
	require.InDelta(t, 0.1, *summaries[1].Score, 1e-9)
	require.Equal(t, 1, summaries[1].NErrors)
	require.Equal(t, 10, summaries[0].NGenerated)
}

func TestEvalTable(t *testing.T) {
	url := evalServer(t, func(_, _ string) string { return "yes" })
	out, stderr, code := inferctl(`{"prompt": "a", "exact": "yes"}`, "eval", "--file", "-", "--model", "m@"+url)
	require.Zero(t, code, stderr)
	require.Regexp(t, `(?m)^ +m@http.* 1 +0 +100\.0 % +\d+ ms`, out)
}

func TestEvalFaults(t *testing.T) {
	for input, want := range map[string]string{
		"":                                       "there are no tasks",
		"{":                                      "-, line 1: ",
		"\n{}":                                   `-, line 2: a task has either "prompt" or "messages"`,
		`{"promt":"a"}`:                          `unknown field "promt"`,
		`{"prompt":"a","exact":"b","regex":"c"}`: "a task has one of",
		`{"prompt":"a","regex":"("}`:             `"regex": error parsing regexp`,
		`{"prompt":"a","max_tokens":-1}`:         `"max_tokens" is -1`,
		`{"prompt":"a"}{"prompt":"b"}`:           "one task a line",
		`{"prompt":"a","judge":"b"}`:             "name one with --judge",
	} {
		_, stderr, code := inferctl(input, "eval", "--file", "-", "--model", "m")
		require.NotZero(t, code, input)
		require.Contains(t, stderr, want, input)
	}
	for _, server := range []string{"http://example.com/v1", "ftp://127.0.0.1", "nonsense"} {
		_, stderr, code := inferctl(`{"prompt":"a"}`, "eval", "--file", "-", "--model", "m", "--endpoint", server)
		require.Equal(t, exitUsage, code)
		require.Contains(t, stderr, "want an https URL")
	}
}

func TestQuantile(t *testing.T) {
	values := []time.Duration{5, 1, 4, 2, 3}
	require.EqualValues(t, 3, quantile(values, 0.5))
	require.EqualValues(t, 5, quantile(values, 0.95))
	require.EqualValues(t, 1, quantile(values, 0))
	require.Zero(t, quantile(nil, 0.5))
}
