package runtime

import (
	"context"

	"inferd/tokenizer"
)

// Generation is one answer in the making: a session and a writer. It does not
// run steps of its own unless Run is called; whoever owns the session carries
// its tokens in batches:
//
//	for g.Finished() == runtime.NotFinished {
//		tokens, want := g.Next(chunk)
//		i := batch.Add(session, tokens, want)
//		… Step …
//		delta, err := g.Accept(batch.Entries[i].Logits)
//	}
type Generation struct {
	writer  *Writer
	session *Session
	prompt  []Token // not yet carried
	nPrompt int
	nReused int
	next    [1]Token
}

// NewGeneration prepares an answer to prompt, which is appended to s after what
// s holds already; an empty session first takes what it can from the prefix
// cache. The session stays the caller's to close. Errors are those of
// NewWriter.
func NewGeneration(s *Session, prompt []Token, o GenerationOptions) (*Generation, error) {
	if len(prompt) == 0 {
		return nil, errPrompt
	}
	whole := append(s.AppendTokens(nil), prompt...)
	w, err := s.engine.NewWriter(whole, o)
	if err != nil {
		clear(whole)
		return nil, err
	}
	g := &Generation{writer: w, session: s, nPrompt: len(whole)}
	g.nReused = s.Reuse(prompt)
	g.prompt = whole[s.nTokens:]
	clear(whole[:s.nTokens])
	return g, nil
}

// NPrompt returns the number of tokens before the answer.
func (g *Generation) NPrompt() int { return g.nPrompt }

// NReused returns how many of them came from the prefix cache.
func (g *Generation) NReused() int { return g.nReused }

// NGenerated returns the number of tokens generated, the one that ended the
// answer included.
func (g *Generation) NGenerated() int { return g.writer.NGenerated() }

// Finished returns why the answer has ended, or NotFinished.
func (g *Generation) Finished() FinishReason { return g.writer.Finished() }

// Session returns the session the answer is made in.
func (g *Generation) Session() *Session { return g.session }

// Next returns what the next step must carry: up to limit tokens of the prompt,
// or the token generated last. Each call must be followed by a step and Accept,
// or by Next again if the step failed.
func (g *Generation) Next(limit int) ([]Token, Want) {
	if len(g.prompt) == 0 {
		return g.next[:], WantLast
	}
	n := min(max(1, limit), len(g.prompt))
	if n == len(g.prompt) {
		return g.prompt, WantLast
	}
	return g.prompt[:n], WantNone
}

// Accept takes the logits of the step that carried Next's tokens: none inside
// the prompt, where the delta has no token, else the one row for Writer.Next.
func (g *Generation) Accept(logits []float32) (Delta, error) {
	left := max(0, g.nPrompt-g.session.nTokens)
	done := max(0, len(g.prompt)-left) // 0 while a session that was rewound catches up
	clear(g.prompt[:done])
	g.prompt = g.prompt[done:]
	if len(logits) == 0 {
		return Delta{Token: tokenizer.NoToken}, nil
	}
	d, err := g.writer.Next(logits)
	g.next[0] = d.Token
	return d, err
}

// Run carries the generation to its end with steps of its own and calls emit
// for each delta that has a token. It stops between steps when ctx is done.
func (g *Generation) Run(ctx context.Context, emit func(Delta) error) error {
	e := g.session.engine
	var b Batch
	defer b.Reset()
	for g.Finished() == NotFinished {
		if err := ctx.Err(); err != nil {
			return err
		}
		b.Reset()
		tokens, want := g.Next(e.MaxBatch())
		b.Add(g.session, tokens, want)
		if err := e.Step(&b); err != nil {
			return err
		}
		d, err := g.Accept(b.Entries[0].Logits)
		if err != nil {
			return err
		}
		if d.Token == tokenizer.NoToken {
			continue
		}
		if err := emit(d); err != nil {
			return err
		}
	}
	return nil
}

// Close clears what the generation knows of the prompt and the answer. No other
// method may be called afterwards.
func (g *Generation) Close() {
	clear(g.prompt)
	g.next[0] = 0
	g.writer.Close()
}
