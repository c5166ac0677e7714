package daemon

import (
	"encoding/json"
	"fmt"
	"strings"

	"inferd/daemon/openai"
	"inferd/runtime"
	"inferd/tokenizer"
	"inferd/tokenizer/chat"
)

// chatFormat turns conversations into prompts, with the chat template in the
// model's file.
//
// A model without one gets the neutral format: the contents of the messages,
// joined by newlines, with no names of roles. Such a model was trained on
// plain text, and continues the conversation as it would continue a page.
type chatFormat struct {
	tok      *tokenizer.Tokenizer
	template *chat.Template // nil: the neutral format
	broken   error          // why the template cannot be used
}

// newChatFormat parses a template; source is empty where there is none. One
// that cannot be parsed makes prompt fail, and nothing else: completions of
// plain text need none.
func newChatFormat(tok *tokenizer.Tokenizer, source string) *chatFormat {
	f := &chatFormat{tok: tok}
	if source != "" {
		f.template, f.broken = chat.Parse(source)
	}
	return f
}

// prompt returns the tokens of a conversation, ready for the model's answer.
// Only the template's own text can make control tokens.
func (f *chatFormat) prompt(messages []openai.Message) ([]runtime.Token, error) {
	if f.broken != nil {
		return nil, fmt.Errorf("the model's chat template cannot be used: %w", f.broken)
	}
	if f.template == nil {
		return f.tok.EncodeSegments([]tokenizer.Segment{{Text: neutral(messages)}}, true), nil
	}
	segments, err := f.render(messages)
	if err != nil {
		return nil, err
	}
	tokens := f.tok.EncodeSegments(segments, false)
	if f.tok.AddsBOS() && (len(tokens) == 0 || tokens[0] != f.tok.BOS()) {
		// The template leaves the beginning to the tokenizer.
		tokens = f.tok.EncodeSegments(segments, true)
	}
	return tokens, nil
}

func neutral(messages []openai.Message) string {
	contents := make([]string, len(messages))
	for i, m := range messages {
		contents[i] = m.Content
	}
	return strings.Join(contents, "\n")
}

// templateMessage is a message as templates know it.
type templateMessage struct {
	Role    string `json:"role"`
	Name    string `json:"name,omitempty"`
	Content string `json:"content"`
}

func (f *chatFormat) render(messages []openai.Message) ([]tokenizer.Segment, error) {
	list := make([]templateMessage, len(messages))
	for i, m := range messages {
		list[i] = templateMessage(m)
		if m.Role == "developer" { // OpenAI's newer name; templates know the older one
			list[i].Role = "system"
		}
	}
	raw, err := json.Marshal(list)
	if err != nil {
		return nil, err
	}
	defer clear(raw)
	values, err := chat.Messages(raw)
	if err != nil {
		return nil, err
	}
	return f.template.Render(map[string]chat.Value{
		"messages":              values,
		"add_generation_prompt": chat.Bool(true),
		"bos_token":             f.literal(f.tok.BOS()),
		"eos_token":             f.literal(f.tok.EOS()),
		"tools":                 {},
		"documents":             {},
	}, chat.Options{})
}

// literal is a control token's name as a template may write it.
func (f *chatFormat) literal(t tokenizer.Token) chat.Value {
	return chat.Literal(string(f.tok.Piece(t, true)))
}
