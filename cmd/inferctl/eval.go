package main

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"
)

var evalCommand = &command{
	name:     "eval",
	synopsis: "--file F --model M [--model M...] [--endpoint URL] [--judge M] [--json]",
	summary:  "compare models on tasks of your own",
	details: `
Put the same tasks to several models and compare how right and how fast they
are. A task is a line of JSON in --file:

  {"id": "hours", "prompt": "When does the library open?", "contains": "nine"}

with "prompt", or "messages" as in the chat protocol, and one of

  "exact"     the answer is this text, blanks around it aside
  "contains"  the answer has this text in it, capitals aside
  "regex"     the answer matches (Go's syntax, RE2)
  "judge"     what a good answer says; the model of --judge rates it from 0 to 10

or none, if only the speed counts. "system" and "max_tokens" may be added.

A model is one that the daemon serves, or NAME@URL at another server that speaks
the OpenAI protocol; --endpoint is the server of those without a URL. Tasks that
go to another machine leave this one: the command says so before the first. The
access token of other servers is taken from OPENAI_API_KEY.

Models answer one task at a time, at temperature 0 and with a fixed seed. The
first task is put once more before, so that loading a model is not measured.`,
	define: func(fs *flag.FlagSet) runFunc {
		e := &evalRun{}
		fs.StringVar(&e.file, "file", "", "JSON lines `FILE` of tasks, - for standard input")
		fs.Func("model", "`NAME` or NAME@URL of a model; repeatable", func(s string) error {
			e.names = append(e.names, s)
			return nil
		})
		fs.StringVar(&e.endpoint, "endpoint", "", "`URL` of another server than the daemon")
		fs.StringVar(&e.socket, "socket", "", "Unix socket `PATH` of the daemon; default: the user's own, else the system's")
		fs.StringVar(&e.judgeName, "judge", "", "`NAME` or NAME@URL of the model that rates answers")
		fs.BoolVar(&e.json, "json", false, "print a JSON object per answer, and one per model at the end")
		return func(ctx context.Context, _ []string) error {
			if err := required(fs, "file", "model"); err != nil {
				return err
			}
			return e.run(ctx)
		}
	},
}

// evalRun is one call of inferctl eval.
type evalRun struct {
	file, endpoint, socket, judgeName string
	names                             []string
	json                              bool
	judge                             *evalModel // nil if nobody rates
}

// evalModel is a model and where it answers.
type evalModel struct {
	label  string // as the user wrote it
	name   string
	client *client
}

func (e *evalRun) run(ctx context.Context) error {
	tasks, err := readTasks(e.file)
	if err != nil {
		return err
	}
	var models []*evalModel
	for _, name := range e.names {
		m, err := e.model(name)
		if err != nil {
			return err
		}
		models = append(models, m)
	}
	if e.judgeName != "" {
		if e.judge, err = e.model(e.judgeName); err != nil {
			return err
		}
	}
	for i, t := range tasks {
		if t.Judge != "" && e.judge == nil {
			return usagef("eval", "task %d is for a judge: name one with --judge", i+1)
		}
	}
	e.warnRemote(models)
	var summaries []evalSummary
	for _, m := range models {
		results, err := e.ask(ctx, m, tasks)
		if err != nil {
			return err
		}
		summaries = append(summaries, summarize(m.label, results))
	}
	return e.report(summaries)
}

// model finds out where a model answers.
func (e *evalRun) model(label string) (*evalModel, error) {
	name, at, _ := strings.Cut(label, "@")
	at = cmp.Or(at, e.endpoint)
	if at == "" {
		return &evalModel{label, name, newClient(e.socket)}, nil
	}
	u, err := url.Parse(at)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !isLocalHost(u.Host)) {
		return nil, usagef("eval", "server %q: want an https URL, or http on this machine", at)
	}
	return &evalModel{label, name, newRemote(at, os.Getenv("OPENAI_API_KEY"))}, nil
}

// warnRemote says which tasks leave this machine before they do.
func (e *evalRun) warnRemote(models []*evalModel) {
	if e.judge != nil {
		models = append(models[:len(models):len(models)], e.judge)
	}
	for _, m := range models {
		if u, _ := url.Parse(m.client.base); m.client.socket == "" && !isLocalHost(u.Host) {
			fmt.Fprintf(os.Stderr, "inferctl: tasks for %s leave this machine for %s\n", m.name, u.Host)
		}
	}
}

// evalResult is a model's answer to a task.
type evalResult struct {
	Model      string        `json:"model"`
	Task       string        `json:"task"`
	Answer     string        `json:"answer"`
	Score      *float64      `json:"score"` // 0 to 1; null if nothing was expected or the request failed
	Error      string        `json:"error,omitempty"`
	Finish     string        `json:"finish_reason"`
	NPrompt    int           `json:"prompt_tokens"`
	NGenerated int           `json:"completion_tokens"`
	FirstToken time.Duration `json:"first_token_ns"`
	Latency    time.Duration `json:"latency_ns"`
}

// ask puts all tasks to a model. A task that fails is a result too; only an end
// of the whole command is an error.
func (e *evalRun) ask(ctx context.Context, m *evalModel, tasks []task) ([]evalResult, error) {
	bar := newProgress(m.label)
	defer bar.end()
	m.answer(ctx, tasks[0]) // loads the model
	results := make([]evalResult, 0, len(tasks))
	for i, t := range tasks {
		r := m.answer(ctx, t)
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		if r.Error == "" {
			score, err := e.score(ctx, t, r.Answer)
			if err != nil {
				r.Error = err.Error()
			}
			r.Score = score
		}
		results = append(results, r)
		bar.set(int64(i+1), int64(len(tasks)), "")
		if e.json {
			bar.end()
			if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
				return nil, err
			}
		}
	}
	return results, nil
}

// answer asks once.
func (m *evalModel) answer(ctx context.Context, t task) evalResult {
	r := evalResult{Model: m.label, Task: t.ID}
	seed := int64(1)
	req := chatRequest{
		Model: m.name, Messages: t.Messages, MaxTokens: t.MaxTokens, Seed: &seed,
		StreamOptions: map[string]any{"include_usage": true},
	}
	var text strings.Builder
	start := time.Now()
	end, err := m.client.chat(ctx, req, func(piece string) error {
		if r.FirstToken == 0 && piece != "" {
			r.FirstToken = time.Since(start)
		}
		text.WriteString(piece)
		return nil
	})
	r.Latency = time.Since(start)
	r.Answer, r.Finish = text.String(), end.finish
	r.NPrompt, r.NGenerated = end.usage.PromptTokens, end.usage.CompletionTokens
	if err != nil {
		r.Error = err.Error()
	}
	return r
}
