package ask

import (
	"context"

	"inferd/daemon/serve"
	"inferd/runtime"
	"inferd/tokenizer"
	"inferd/tokenizer/reply"
)

// Chat is a conversation that wants an answer.
type Chat struct {
	Params
	Tools
	serve.Conversation // its tools are those of Tools

	// Param is the request's member that the conversation comes from, for
	// faults.
	Param string
}

// Prompt returns the prompt of the conversation, which fits into the model's
// context and leaves room for a token.
func (c *Chat) Prompt(m serve.Model) ([]runtime.Token, error) {
	prompt, err := c.Render(m)
	if err == nil && len(prompt) >= m.NCtx() {
		clear(prompt)
		return nil, TooLong(m, c.Param, len(prompt))
	}
	return prompt, err
}

// Render returns the prompt of the conversation, however long it is.
func (c *Chat) Render(m serve.Model) ([]runtime.Token, error) {
	c.Conversation.Tools = c.Raw
	prompt, err := m.ChatPrompt(c.Conversation)
	if err != nil {
		return nil, serve.Invalid("invalid_value", c.Param, "%v", err)
	}
	if len(prompt) == 0 {
		return nil, serve.Invalid("invalid_value", c.Param, "%q make an empty prompt", c.Param)
	}
	return prompt, nil
}

// Begin turns the conversation into tokens and starts the answers, which end
// with ctx. Its errors are faults of the client, or the model's.
func (c *Chat) Begin(ctx context.Context, m serve.Model, g *Grammars) (*Answers, error) {
	var err error
	if c.Format, err = c.format(m, c.Format); err != nil {
		return nil, err
	}
	if c.Generation.Grammar, err = g.Of(ctx, c.Format); err != nil {
		return nil, err
	}
	if err := c.Generation.Validate(m.NVocab()); err != nil {
		return nil, err
	}
	prompt, err := c.Prompt(m)
	if err != nil {
		return nil, err
	}
	defer clear(prompt)
	parts := c.readAs(m, prompt)
	return beginAnswers(ctx, m, [][]runtime.Token{prompt}, &c.Params, parts)
}

// nPromptEnd is how many tokens of a prompt's end may say that the answer
// begins inside a section of reasoning.
const nPromptEnd = 16

// readAs decides how answers are read: as the model's format says, if they may
// have reasoning or calls in them, else as they are. An answer whose form is
// given has neither, unless it must be a call.
func (c *Chat) readAs(m serve.Model, prompt []runtime.Token) []parts {
	f := m.ReplyFormat()
	isPlain := f.Format == nil || !f.HasReasoning() && c.List == nil
	all := make([]parts, c.N)
	if isPlain || c.Generation.Grammar != nil && !c.Forced {
		return all
	}
	c.Generation.Show = f.Marks
	end := m.Tokenizer().Decode(prompt[max(0, len(prompt)-nPromptEnd):], tokenizer.DecodeOptions{ShowSpecial: true})
	if c.Forced { // the call comes at once
		end = nil
	}
	for i := range all {
		all[i] = parts{
			parser: f.NewParser(reply.Options{Tools: c.List, Prompt: string(end)}),
			single: c.Single,
		}
	}
	return all
}
