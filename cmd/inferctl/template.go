package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"inferd/gguf"
	chattemplate "inferd/tokenizer/chat"
)

var templateCommand = &command{
	name:     "template",
	synopsis: "(--template FILE | --model FILE) --messages FILE [--tools FILE] [--no-generation-prompt] [--var NAME=JSON]...",
	summary:  "render a chat template over a conversation",
	details: `
Render a conversation with a chat template, from a file of its own or from a
model's metadata, and print the prompt and nothing else, not even a newline at
its end. The messages are a JSON array of message objects; the tools an array
of tool definitions.

bos_token and eos_token are the model's, or <s> and </s> with --template.
--var sets any variable to a JSON value, these included.

The exit code is 3 when the template refuses the conversation, by calling
raise_exception or by an error in it. INFERD_TEMPLATE_NOW, as in
2026-01-15T09:30:05, fixes the time that strftime_now sees.`,
	define: func(fs *flag.FlagSet) runFunc {
		r := templateRun{vars: map[string]chattemplate.Value{}}
		fs.StringVar(&r.template, "template", "", "`file` with the template's source")
		fs.StringVar(&r.model, "model", "", "model `file` whose template is used")
		fs.StringVar(&r.messages, "messages", "", "`file` with the messages")
		fs.StringVar(&r.tools, "tools", "", "`file` with the tools")
		fs.BoolVar(&r.noGenerationPrompt, "no-generation-prompt", false, "do not begin the model's answer")
		fs.Func("var", "set a variable, `NAME=JSON`; may be repeated", r.setVar)
		return func(context.Context, []string) error {
			if err := required(fs, "messages"); err != nil {
				return err
			}
			if (r.template == "") == (r.model == "") {
				return usagef("template", "give one of --template and --model")
			}
			return r.run()
		}
	},
}

// templateRun is one call of inferctl template.
type templateRun struct {
	template, model, messages, tools string
	noGenerationPrompt               bool
	vars                             map[string]chattemplate.Value // from --var
}

func (r *templateRun) setVar(s string) error {
	name, raw, ok := strings.Cut(s, "=")
	if !ok || name == "" {
		return fmt.Errorf("%q is not NAME=JSON", s)
	}
	v, err := chattemplate.JSON([]byte(raw))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	r.vars[name] = v
	return nil
}

func (r *templateRun) run() error {
	vars := map[string]chattemplate.Value{
		"bos_token": chattemplate.Literal("<s>"), "eos_token": chattemplate.Literal("</s>"),
		"tools": {}, "documents": {}, "add_generation_prompt": chattemplate.Bool(!r.noGenerationPrompt),
	}
	source, err := r.source(vars)
	if err != nil {
		return err
	}
	raw, err := os.ReadFile(r.messages)
	if err != nil {
		return err
	}
	if vars["messages"], err = chattemplate.Messages(raw); err != nil {
		return fmt.Errorf("%s: %w", r.messages, err)
	}
	if r.tools != "" {
		if raw, err = os.ReadFile(r.tools); err != nil {
			return err
		}
		if vars["tools"], err = chattemplate.JSON(raw); err != nil {
			return fmt.Errorf("%s: %w", r.tools, err)
		}
	}
	for name, v := range r.vars {
		vars[name] = v
	}
	now, err := templateClock(os.Getenv("INFERD_TEMPLATE_NOW"))
	if err != nil {
		return err
	}
	t, err := chattemplate.Parse(source)
	if err != nil {
		return &refusedError{err}
	}
	segments, err := t.Render(vars, chattemplate.Options{Now: now})
	if err != nil {
		return &refusedError{err}
	}
	var out bytes.Buffer
	for _, s := range segments {
		out.WriteString(s.Text)
	}
	_, err = os.Stdout.Write(out.Bytes())
	return err
}

// source returns the template's text; a model also sets its own tokens.
func (r *templateRun) source(vars map[string]chattemplate.Value) (string, error) {
	if r.template != "" {
		raw, err := os.ReadFile(r.template)
		return string(raw), err
	}
	f, err := gguf.Open(r.model)
	if err != nil {
		return "", fileError(err)
	}
	defer f.Close()
	source, err := f.String("tokenizer.chat_template")
	if errors.Is(err, gguf.ErrNoKey) {
		return "", fmt.Errorf("%s has no chat template", r.model)
	}
	if err != nil {
		return "", fileError(err)
	}
	pieces, err := f.Strings("tokenizer.ggml.tokens")
	if err != nil {
		return "", fileError(err)
	}
	for name, key := range map[string]string{"bos_token": "tokenizer.ggml.bos_token_id", "eos_token": "tokenizer.ggml.eos_token_id"} {
		id, err := f.Uint(key)
		switch {
		case errors.Is(err, gguf.ErrNoKey):
			vars[name] = chattemplate.Literal("")
		case err != nil:
			return "", fileError(err)
		case id < uint64(len(pieces)):
			vars[name] = chattemplate.Literal(pieces[id])
		}
	}
	return source, nil
}

// templateClock parses the fixed time of INFERD_TEMPLATE_NOW; empty is none.
func templateClock(s string) (func() time.Time, error) {
	if s == "" {
		return nil, nil
	}
	t, err := time.Parse("2006-01-02T15:04:05", s)
	if err != nil {
		return nil, fmt.Errorf("INFERD_TEMPLATE_NOW=%q: expected a time as in 2026-01-15T09:30:05", s)
	}
	return func() time.Time { return t }, nil
}

// refusedError is a template that refused its input; the process exits with 3.
type refusedError struct{ error }

func (e *refusedError) Unwrap() error { return e.error }
