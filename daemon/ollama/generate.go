package ollama

import (
	"context"
	"net/http"
	"time"

	"inferd/daemon/ask"
	"inferd/daemon/serve"
	"inferd/daemon/wire"
	"inferd/runtime"
	"inferd/tokenizer"
)

// generate serves POST /api/generate.
func (a *api) generate(w http.ResponseWriter, r *http.Request) error {
	start := time.Now()
	o, done, err := wire.ParseRequest(r)
	if err != nil {
		return err
	}
	defer done()
	req := readRequest(o)
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
	if err := o.Close(); err != nil {
		return err
	}
	ans := &answer{start: start}
	if raw && prompt != "" {
		return a.continueText(w, r, &req, prompt, ans)
	}
	c := &ask.Chat{Params: req.Params, Param: "prompt"}
	c.Vars = req.think.vars()
	if system != "" && prompt != "" {
		c.Messages = append(c.Messages, serve.Message{Role: "system", Content: system})
	}
	if prompt != "" {
		c.Messages = append(c.Messages, serve.Message{Role: "user", Content: prompt})
	}
	return a.converse(w, r, &req, c, ans)
}

// continueText answers with what follows a text.
func (a *api) continueText(w http.ResponseWriter, r *http.Request, req *request, text string, ans *answer) error {
	m, err := a.find(r, req.model, req.keepAlive)
	if err != nil {
		return err
	}
	defer m.release()
	ans.model, ans.scored = m, req.Generation.LogProbs
	answers, err := a.beginText(r.Context(), req, req.cap(m.Model), text)
	if err != nil {
		return err
	}
	defer answers.Close()
	return a.send(w, r, answers, ans, req.stream)
}

func (a *api) beginText(ctx context.Context, req *request, m serve.Model, text string) (_ *ask.Answers, err error) {
	if req.Generation.Grammar, err = a.grammars.Of(ctx, req.Format); err != nil {
		return nil, err
	}
	if err := req.Generation.Validate(m.NVocab()); err != nil {
		return nil, err
	}
	prompt := m.Tokenizer().Encode(text, tokenizer.EncodeOptions{AddSpecial: true})
	defer clear(prompt)
	if len(prompt) >= m.NCtx() {
		return nil, ask.TooLong(m, "prompt", len(prompt))
	}
	return ask.Begin(ctx, m, [][]runtime.Token{prompt}, &req.Params)
}
