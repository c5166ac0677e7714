package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"inferd/gguf"
	"inferd/tokenizer"
	"inferd/tokenizer/chat"
)

// layout turns what somebody says into a model's tokens, as the daemon does.
type layout struct {
	template *chat.Template // nil: the model has none, and takes plain text
}

func readLayout(path string) (*layout, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	source, err := f.String("tokenizer.chat_template")
	if errors.Is(err, gguf.ErrNoKey) {
		return &layout{}, nil
	}
	if err != nil {
		return nil, err
	}
	t, err := chat.Parse(source)
	if err != nil {
		return nil, fmt.Errorf("%s: chat template: %w", path, err)
	}
	return &layout{t}, nil
}

// tokens lays text out as the only message of a conversation, up to where the
// answer begins.
func (l *layout) tokens(words *tokenizer.Tokenizer, text string) ([]tokenizer.Token, error) {
	if l.template == nil {
		return words.EncodeSegments([]tokenizer.Segment{{Text: text}}, true), nil
	}
	raw, err := json.Marshal([]map[string]string{{"role": "user", "content": text}})
	if err != nil {
		return nil, err
	}
	messages, err := chat.Messages(raw)
	if err != nil {
		return nil, err
	}
	return l.template.Prompt(words, map[string]chat.Value{"messages": messages}, chat.Options{})
}
