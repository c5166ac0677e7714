package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

// task is a question of inferctl eval, and what is expected of the answer.
type task struct {
	ID        string    `json:"id"`
	System    string    `json:"system"`
	Prompt    string    `json:"prompt"`
	Messages  []message `json:"messages"`
	MaxTokens int       `json:"max_tokens"`

	Exact    *string `json:"exact"`
	Contains string  `json:"contains"`
	Regex    string  `json:"regex"`
	Judge    string  `json:"judge"`

	regex *regexp.Regexp
}

// maxTaskLine bounds a line of tasks, in bytes.
const maxTaskLine = 4 << 20

// readTasks reads a file of tasks. Errors name the line.
func readTasks(path string) ([]task, error) {
	in := os.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	var tasks []task
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxTaskLine)
	n := 0
	for lines.Scan() {
		n++
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		t, err := parseTask(line)
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", path, n, err)
		}
		if t.ID == "" {
			t.ID = fmt.Sprint(n)
		}
		tasks = append(tasks, t)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s, line %d: %w", path, n+1, err)
	}
	if len(tasks) == 0 {
		return nil, fmt.Errorf("%s: there are no tasks in it", path)
	}
	return tasks, nil
}

func parseTask(line []byte) (t task, err error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&t); err != nil {
		return t, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return t, errors.New("one task a line: there is more behind the object")
	}
	if (t.Prompt == "") == (len(t.Messages) == 0) {
		return t, errors.New(`a task has either "prompt" or "messages"`)
	}
	if t.Prompt != "" {
		t.Messages = []message{{"user", t.Prompt}}
	}
	if t.System != "" {
		t.Messages = append([]message{{"system", t.System}}, t.Messages...)
	}
	nExpected := 0
	for _, isSet := range []bool{t.Exact != nil, t.Contains != "", t.Regex != "", t.Judge != ""} {
		if isSet {
			nExpected++
		}
	}
	if nExpected > 1 {
		return t, errors.New(`a task has one of "exact", "contains", "regex" and "judge"`)
	}
	if t.MaxTokens < 0 {
		return t, fmt.Errorf(`"max_tokens" is %d, want 1 or more`, t.MaxTokens)
	}
	if t.Regex != "" {
		if t.regex, err = regexp.Compile(t.Regex); err != nil {
			return t, fmt.Errorf(`"regex": %w`, err)
		}
	}
	return t, nil
}

// score rates an answer from 0 to 1, or returns nil if nothing is expected.
func (e *evalRun) score(ctx context.Context, t task, answer string) (*float64, error) {
	is := func(ok bool) *float64 {
		s := 0.0
		if ok {
			s = 1
		}
		return &s
	}
	switch {
	case t.Exact != nil:
		return is(strings.TrimSpace(answer) == strings.TrimSpace(*t.Exact)), nil
	case t.Contains != "":
		return is(strings.Contains(strings.ToLower(answer), strings.ToLower(t.Contains))), nil
	case t.regex != nil:
		return is(t.regex.MatchString(answer)), nil
	case t.Judge != "":
		s, err := e.judge.rate(ctx, t, answer)
		return &s, err
	}
	return nil, nil
}

var ratingPattern = regexp.MustCompile(`\b(10|[0-9])\b`)

// rate asks a model how good an answer is.
func (m *evalModel) rate(ctx context.Context, t task, answer string) (float64, error) {
	question := t.Messages[len(t.Messages)-1].Content
	verdict := m.answer(ctx, task{ID: t.ID, MaxTokens: 16, Messages: []message{{"user", fmt.Sprintf(
		"Rate an answer from 0 (wrong) to 10 (right and complete). Say the number and nothing else.\n\n"+
			"Question:\n%s\n\nA right answer says:\n%s\n\nThe answer to rate:\n%s\n\nRating:", question, t.Judge, answer)}}})
	if verdict.Error != "" {
		return 0, fmt.Errorf("judge: %s", verdict.Error)
	}
	number := ratingPattern.FindString(verdict.Answer)
	if number == "" {
		return 0, fmt.Errorf("judge: %q has no number from 0 to 10 in it", verdict.Answer)
	}
	var rating float64
	_, err := fmt.Sscan(number, &rating)
	return rating / 10, err
}
