package openai

import (
	"net/http"
	"strings"

	"inferd/daemon/serve"
	"inferd/daemon/wire"
	"inferd/runtime"
	"inferd/tokenizer"
)

// tokenizeRequest is the body of POST /v1/tokenize, with the members of
// llama.cpp's and vLLM's: a text, or a conversation.
type tokenizeRequest struct {
	request
	chat       *chatRequest // nil for a text
	text       string
	options    tokenizer.EncodeOptions
	withPieces bool
}

func decodeTokenize(o *wire.Object) (*tokenizeRequest, error) {
	r := &tokenizeRequest{withPieces: o.Bool("return_token_strs", false)}
	if o.Has("messages") {
		var err error
		if r.chat, err = decodeChat(o); err == nil {
			r.request = r.chat.request
		}
		return r, err
	}
	r.request = readRequest(o)
	if o.Has("content") && o.Has("prompt") {
		o.Fail("invalid_value", "content", "and \"prompt\" are the same, send one of them")
	}
	text, isPrompt := o.Str("prompt")
	if !isPrompt {
		o.Require("content")
		text, _ = o.Str("content")
	}
	r.text = text
	r.options.AddSpecial = o.Bool("add_special", true)
	r.options.AddSpecial = o.Bool("add_special_tokens", r.options.AddSpecial) // vLLM's name
	// What a text spells does not become control tokens in requests for answers
	// either, but here the client may ask what it would be.
	r.options.ParseSpecial = o.Bool("parse_special", false)
	return r, o.Close()
}

// tokenize serves POST /v1/tokenize.
func (a *api) tokenize(w http.ResponseWriter, _ *http.Request, req *tokenizeRequest, m serve.Model) error {
	var tokens []runtime.Token
	if req.chat == nil {
		tokens = m.Tokenizer().Encode(req.text, req.options)
	} else {
		var err error
		if tokens, err = req.chat.Render(m); err != nil {
			return err
		}
	}
	defer clear(tokens)
	wire.WriteJSON(w, http.StatusOK, tokenList(m, tokens, req.withPieces))
	return nil
}

// tokenized is a text as tokens.
type tokenized struct {
	Tokens      []runtime.Token `json:"tokens"`
	Count       int             `json:"count"`
	MaxModelLen int             `json:"max_model_len"`
	Pieces      []string        `json:"token_strs,omitempty"`
}

func tokenList(m serve.Model, tokens []runtime.Token, withPieces bool) tokenized {
	t := tokenized{Tokens: tokens, Count: len(tokens), MaxModelLen: m.NCtx()}
	if t.Tokens == nil {
		t.Tokens = []runtime.Token{}
	}
	if withPieces {
		t.Pieces = make([]string, len(tokens))
		for i, token := range tokens {
			t.Pieces[i] = pieceName(m.Tokenizer().Piece(token, true))
		}
	}
	return t
}

// detokenizeRequest is the body of POST /v1/detokenize.
type detokenizeRequest struct {
	request
	tokens  []runtime.Token
	options tokenizer.DecodeOptions
}

func decodeDetokenize(o *wire.Object) (*detokenizeRequest, error) {
	r := &detokenizeRequest{request: readRequest(o)}
	o.Require("tokens")
	if value := o.Take("tokens"); value != nil {
		ok := wire.TypeOf(value) == "an array"
		if ok {
			r.tokens, ok = readTokens(value)
		}
		if !ok {
			o.Fail("invalid_type", "tokens", "must be an array of token ids")
		}
	}
	r.options.ShowSpecial = o.Bool("show_special", false)
	return r, o.Close()
}

// detokenize serves POST /v1/detokenize. Bytes that are no whole characters
// become U+FFFD.
func (a *api) detokenize(w http.ResponseWriter, _ *http.Request, req *detokenizeRequest, m serve.Model) error {
	if err := checkTokens(m, "tokens", req.tokens); err != nil {
		return err
	}
	text := strings.ToValidUTF8(string(m.Tokenizer().Decode(req.tokens, req.options)), "\uFFFD")
	wire.WriteJSON(w, http.StatusOK, map[string]string{"content": text, "prompt": text}) // llama.cpp's name, and vLLM's
	return nil
}

// prompted answers with the prompt of a request for a chat completion, whose
// other parameters are checked and have no effect.
func prompted(tell func(serve.Model, []runtime.Token) any) func(http.ResponseWriter, *http.Request, *chatRequest, serve.Model) error {
	return func(w http.ResponseWriter, _ *http.Request, req *chatRequest, m serve.Model) error {
		tokens, err := req.Render(m)
		if err != nil {
			return err
		}
		defer clear(tokens)
		wire.WriteJSON(w, http.StatusOK, tell(m, tokens))
		return nil
	}
}

// tellText is the answer of POST /v1/apply-template: a prompt as text.
func tellText(m serve.Model, prompt []runtime.Token) any {
	text := m.Tokenizer().Decode(prompt, tokenizer.DecodeOptions{ShowSpecial: true})
	return map[string]string{"prompt": strings.ToValidUTF8(string(text), "\uFFFD")}
}

// tellCount is the answer of POST /v1/chat/completions/input_tokens: how many
// tokens a prompt has.
func tellCount(_ serve.Model, prompt []runtime.Token) any {
	return map[string]any{"object": "response.input_tokens", "input_tokens": len(prompt)}
}
