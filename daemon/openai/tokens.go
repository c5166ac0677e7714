package openai

import (
	"net/http"
	"strings"

	"inferd/daemon/serve"
	"inferd/daemon/wire"
	"inferd/runtime"
	"inferd/tokenizer"
)

// tokenize serves POST /v1/tokenize, with the members of llama.cpp's and vLLM's:
// a text, or the messages of a conversation, become tokens.
func (a *api) tokenize(w http.ResponseWriter, r *http.Request) error {
	o, done, err := wire.ParseRequest(r)
	if err != nil {
		return err
	}
	defer done()
	if o.Has("messages") {
		withPieces := o.Bool("return_token_strs", false)
		return a.withPrompt(r, o, func(m serve.Model, tokens []runtime.Token) {
			wire.WriteJSON(w, http.StatusOK, tokenList(m, tokens, withPieces))
		})
	}
	req := readRequest(o)
	if o.Has("content") && o.Has("prompt") {
		o.Fail("invalid_value", "content", "and \"prompt\" are the same, send one of them")
	}
	text, isPrompt := o.Str("prompt")
	if !isPrompt {
		o.Require("content")
		text, _ = o.Str("content")
	}
	options := tokenizer.EncodeOptions{
		AddSpecial: o.Bool("add_special", true),
		// What a text spells does not become control tokens in requests for
		// answers either, but here the client may ask what it would be.
		ParseSpecial: o.Bool("parse_special", false),
	}
	options.AddSpecial = o.Bool("add_special_tokens", options.AddSpecial) // vLLM's name
	withPieces := o.Bool("return_token_strs", false)
	if err := o.Close(); err != nil {
		return err
	}
	m, release, err := a.find(r, &req)
	if err != nil {
		return err
	}
	defer release()
	tokens := m.Tokenizer().Encode(text, options)
	defer clear(tokens)
	wire.WriteJSON(w, http.StatusOK, tokenList(m, tokens, withPieces))
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

// detokenize serves POST /v1/detokenize. Bytes that are no whole characters
// become U+FFFD.
func (a *api) detokenize(w http.ResponseWriter, r *http.Request) error {
	o, done, err := wire.ParseRequest(r)
	if err != nil {
		return err
	}
	defer done()
	req := readRequest(o)
	o.Require("tokens")
	var tokens []runtime.Token
	if value := o.Take("tokens"); value != nil {
		ok := wire.TypeOf(value) == "an array"
		if ok {
			tokens, ok = readTokens(value)
		}
		if !ok {
			o.Fail("invalid_type", "tokens", "must be an array of token ids")
		}
	}
	options := tokenizer.DecodeOptions{ShowSpecial: o.Bool("show_special", false)}
	if err := o.Close(); err != nil {
		return err
	}
	m, release, err := a.find(r, &req)
	if err != nil {
		return err
	}
	defer release()
	if err := checkTokens(m, "tokens", tokens); err != nil {
		return err
	}
	text := strings.ToValidUTF8(string(m.Tokenizer().Decode(tokens, options)), "\uFFFD")
	wire.WriteJSON(w, http.StatusOK, map[string]string{"content": text, "prompt": text}) // llama.cpp's name, and vLLM's
	return nil
}

// applyTemplate serves POST /v1/apply-template: the prompt that a request for a
// chat completion would have.
func (a *api) applyTemplate(w http.ResponseWriter, r *http.Request) error {
	o, done, err := wire.ParseRequest(r)
	if err != nil {
		return err
	}
	defer done()
	return a.withPrompt(r, o, func(m serve.Model, tokens []runtime.Token) {
		text := m.Tokenizer().Decode(tokens, tokenizer.DecodeOptions{ShowSpecial: true})
		wire.WriteJSON(w, http.StatusOK, map[string]string{"prompt": strings.ToValidUTF8(string(text), "\uFFFD")})
	})
}

// inputTokens serves POST /v1/chat/completions/input_tokens: how many tokens the
// prompt of a request for a chat completion would have.
func (a *api) inputTokens(w http.ResponseWriter, r *http.Request) error {
	o, done, err := wire.ParseRequest(r)
	if err != nil {
		return err
	}
	defer done()
	return a.withPrompt(r, o, func(_ serve.Model, tokens []runtime.Token) {
		wire.WriteJSON(w, http.StatusOK, map[string]any{"object": "response.input_tokens", "input_tokens": len(tokens)})
	})
}

// withPrompt answers with the prompt of a request for a chat completion, whose
// other parameters are checked and have no effect.
func (a *api) withPrompt(r *http.Request, o *wire.Object, answer func(serve.Model, []runtime.Token)) error {
	req, err := decodeChat(o)
	if err != nil {
		return err
	}
	m, release, err := a.find(r, &req.request)
	if err != nil {
		return err
	}
	defer release()
	tokens, err := req.Render(m)
	if err != nil {
		return err
	}
	defer clear(tokens)
	answer(m, tokens)
	return nil
}
