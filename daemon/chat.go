package daemon

import (
	"inferd/daemon/prompt"
	"inferd/daemon/serve"
	"inferd/runtime"
	"inferd/tokenizer"
)

// chatFormat is a model's way to read conversations.
type chatFormat struct {
	tok    *tokenizer.Tokenizer
	format *prompt.Format
	broken error // why the template cannot be used
	reply  serve.ReplyFormat
}

func newChatFormat(tok *tokenizer.Tokenizer, source string) *chatFormat {
	f := prompt.New(tok, source)
	return &chatFormat{tok, f, f.Broken, f.Reply}
}

func (f *chatFormat) prompt(c serve.Conversation) ([]runtime.Token, error) { return f.format.Prompt(c) }
