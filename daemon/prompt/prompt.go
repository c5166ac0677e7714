// Package prompt turns conversations into prompts, as the daemon does, so that
// tools can repeat it.
package prompt

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"inferd/daemon/serve"
	"inferd/runtime"
	"inferd/tokenizer"
	"inferd/tokenizer/chat"
	"inferd/tokenizer/reply"
)

// Format turns conversations into prompts, with the chat template in the
// model's file.
//
// A model without one gets the neutral format: the contents of the messages,
// joined by newlines, with no names of roles. Such a model was trained on
// plain text, and continues the conversation as it would continue a page.
type Format struct {
	tok      *tokenizer.Tokenizer
	template *chat.Template // nil: the neutral format

	Broken error             // why the template cannot be used, nil if it can
	Reply  serve.ReplyFormat // how a model with this template answers

	// Now is what templates take for the time; nil is time.Now.
	Now func() time.Time
}

// New parses a template; source is empty where there is none. One
// that cannot be parsed makes Prompt fail, and nothing else: completions of
// plain text need none.
func New(tok *tokenizer.Tokenizer, source string) *Format {
	f := &Format{tok: tok}
	if source != "" {
		f.template, f.Broken = chat.Parse(source)
	}
	f.Reply.Format = reply.Detect(source)
	f.Reply.Marks = controlTokens(tok, f.Reply.Format.Marks())
	f.Reply.TakesTools = f.template != nil && f.template.Reads("tools") && f.Reply.HasCalls()
	return f
}

// controlTokens returns the tokens of these names that add no text.
func controlTokens(tok *tokenizer.Tokenizer, names []string) (tokens []runtime.Token) {
	for t := range runtime.Token(tok.NVocab()) {
		if len(tok.Piece(t, false)) == 0 && slices.Contains(names, string(tok.Piece(t, true))) {
			tokens = append(tokens, t)
		}
	}
	return tokens
}

// Prompt returns the tokens of a conversation, ready for the model's answer.
// Only the template's own text can make control tokens.
func (f *Format) Prompt(c serve.Conversation) ([]runtime.Token, error) {
	if f.Broken != nil {
		return nil, fmt.Errorf("the model's chat template cannot be used: %w", f.Broken)
	}
	if f.template == nil {
		text, err := neutral(c.Messages)
		return f.tok.EncodeSegments([]tokenizer.Segment{{Text: text}}, true), err
	}
	return f.render(c)
}

func neutral(messages []serve.Message) (string, error) {
	contents := make([]string, len(messages))
	for i, m := range messages {
		if len(m.ToolCalls) > 0 {
			return "", errors.New("the model has no chat template, so it cannot be told of calls of tools")
		}
		contents[i] = m.Content
	}
	return strings.Join(contents, "\n"), nil
}

// templateMessage is a message as templates know it.
type templateMessage struct {
	Role       string         `json:"role"`
	Name       string         `json:"name,omitempty"`
	Content    string         `json:"content"`
	Reasoning  string         `json:"reasoning_content,omitempty"`
	ToolCalls  []templateCall `json:"tool_calls,omitempty"`
	ToolCallID string         `json:"tool_call_id,omitempty"`
}

type templateCall struct {
	ID       string           `json:"id"`
	Type     string           `json:"type"`
	Function templateFunction `json:"function"`
}

type templateFunction struct {
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"`
}

// render runs the template. Most write the arguments of earlier calls as JSON
// themselves, and get an object; the few that join them to text get JSON.
func (f *Format) render(c serve.Conversation) ([]runtime.Token, error) {
	tokens, err := f.renderCalls(c, false)
	if e, ok := errors.AsType[*chat.RenderError](err); ok && !e.Raised && hasCalls(c) {
		if again, err := f.renderCalls(c, true); err == nil {
			return again, nil
		}
	}
	return tokens, err
}

func hasCalls(c serve.Conversation) bool {
	return slices.ContainsFunc(c.Messages, func(m serve.Message) bool { return len(m.ToolCalls) > 0 })
}

func (f *Format) renderCalls(c serve.Conversation, asText bool) ([]runtime.Token, error) {
	raw, err := encodeMessages(c.Messages, asText)
	if err != nil {
		return nil, err
	}
	defer clear(raw)
	messages, err := chat.Messages(raw)
	if err != nil {
		return nil, err
	}
	var tools chat.Value
	if c.Tools != nil {
		if tools, err = chat.JSON(c.Tools); err != nil {
			return nil, err
		}
	}
	vars, err := variables(c.Vars)
	if err != nil {
		return nil, err
	}
	vars["messages"], vars["tools"] = messages, tools
	return f.template.Prompt(f.tok, vars, chat.Options{Now: f.Now})
}

// variables are what a request tells the template beside the conversation. None
// of it counts as the template's own text.
func variables(vars map[string]any) (map[string]chat.Value, error) {
	out := map[string]chat.Value{}
	for name, v := range vars {
		raw, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("variable %q: %w", name, err)
		}
		if out[name], err = chat.JSON(raw); err != nil {
			return nil, fmt.Errorf("variable %q: %w", name, err)
		}
	}
	return out, nil
}

// encodeMessages writes messages as a JSON array for templates.
func encodeMessages(messages []serve.Message, asText bool) ([]byte, error) {
	list := make([]templateMessage, len(messages))
	for i, m := range messages {
		list[i] = templateMessage{Role: m.Role, Name: m.Name, Content: m.Content, Reasoning: m.Reasoning, ToolCallID: m.ToolCallID}
		if m.Role == "developer" { // OpenAI's newer name; templates know the older one
			list[i].Role = "system"
		}
		for _, c := range m.ToolCalls {
			arguments := c.Arguments
			if asText {
				text, err := json.Marshal(string(arguments))
				if err != nil {
					return nil, err
				}
				arguments = text
			}
			list[i].ToolCalls = append(list[i].ToolCalls, templateCall{c.ID, "function", templateFunction{c.Name, arguments}})
		}
	}
	return json.Marshal(list)
}
