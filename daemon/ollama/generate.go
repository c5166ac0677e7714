package ollama

import (
	"context"

	"inferd/daemon/ask"
	"inferd/daemon/serve"
	"inferd/daemon/wire"
	"inferd/runtime"
	"inferd/tokenizer"
)

// decodeGenerate reads the body of POST /api/generate.
func decodeGenerate(o *wire.Object) (*request, error) {
	r := readRequest(o)
	r.Param = "prompt"
	prompt, _ := o.Str("prompt")
	system, _ := o.Str("system")
	raw := o.Bool("raw", false)
	if raw && system != "" {
		o.Fail("invalid_value", "system", "has no place in a raw prompt")
	}
	o.Unsupported("suffix", `""`)
	o.Unsupported("template", `""`)
	o.Unsupported("context")
	o.Unsupported("images")
	switch {
	case prompt == "":
	case raw:
		r.text = prompt
	default:
		if system != "" {
			r.Messages = append(r.Messages, serve.Message{Role: "system", Content: system})
		}
		r.Messages = append(r.Messages, serve.Message{Role: "user", Content: prompt})
	}
	return r, o.Close()
}

// begin starts the answer to a request that asks for one.
func (a *api) begin(ctx context.Context, req *request, m serve.Model) (_ *ask.Answers, err error) {
	if req.text == "" {
		return req.Begin(ctx, m, &a.grammars)
	}
	if req.Generation.Grammar, err = a.grammars.Of(ctx, req.Format); err != nil {
		return nil, err
	}
	if err := req.Generation.Validate(m.NVocab()); err != nil {
		return nil, err
	}
	prompt := m.Tokenizer().Encode(req.text, tokenizer.EncodeOptions{AddSpecial: true})
	defer clear(prompt)
	if len(prompt) >= m.NCtx() {
		return nil, ask.TooLong(m, "prompt", len(prompt))
	}
	return ask.Begin(ctx, m, [][]runtime.Token{prompt}, &req.Params)
}
