package openai

import (
	"inferd/daemon/prompt"
	"inferd/daemon/serve"
	"inferd/daemon/wire"
	"inferd/runtime"
	"inferd/tokenizer"
)

// Prompts returns the prompts that a request has with a model, for tools that
// repeat it: body is that of a chat completion, a response or a completion. The
// error is a *serve.Fault where the body is no such request, else the chat
// template's.
func Prompts(body []byte, tok *tokenizer.Tokenizer, f *prompt.Format) ([][]runtime.Token, error) {
	o := wire.ParseBody(body)
	var c serve.Conversation
	switch {
	case o.Has("messages"):
		req, err := decodeChat(o)
		if err != nil {
			return nil, err
		}
		c = req.Conversation
		c.Tools = req.Raw
	case o.Has("input"):
		req, err := decodeResponse(o)
		if err != nil {
			return nil, err
		}
		c = req.Conversation
		c.Tools = req.Raw
	default:
		req, err := decodeText(o)
		if err != nil {
			return nil, err
		}
		return textTokens(req.prompts, tok), nil
	}
	tokens, err := f.Prompt(c)
	return [][]runtime.Token{tokens}, err
}

func textTokens(prompts []textPrompt, tok *tokenizer.Tokenizer) (list [][]runtime.Token) {
	for _, p := range prompts {
		tokens := p.tokens
		if tokens == nil {
			tokens = tok.Encode(p.text, tokenizer.EncodeOptions{AddSpecial: true})
		}
		list = append(list, tokens)
	}
	return list
}
