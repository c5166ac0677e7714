package runtime

import (
	"context"
	"errors"
	"fmt"

	"inferd/tokenizer"
)

// FinishReason says why a generation ended.
type FinishReason uint8

const (
	NotFinished   FinishReason = iota
	FinishEOG                  // the model ended its text
	FinishStop                 // a stop string was complete
	FinishLength               // MaxTokens were generated
	FinishContext              // the context is full
)

func (r FinishReason) String() string {
	return [...]string{"", "eog", "stop", "length", "context"}[r]
}

// GenerationOptions are the parameters of one answer.
type GenerationOptions struct {
	Sampling  SamplingParams
	Stop      []string // the text ends before the first of these
	MaxTokens int      // 0: until the context is full
	IgnoreEOG bool     // go on after an end-of-generation token, for benchmarks

	// LogProbs asks for the log probability of each token generated, and of the
	// TopLogProbs most likely tokens at its place.
	LogProbs    bool
	TopLogProbs int
}

// Limits on the parts of a request that cost memory or time in each step.
const (
	maxStops       = 64
	maxStopBytes   = 4096
	maxTopLogProbs = 100
)

// Validate returns a *ParamError for the first parameter outside its range.
func (o *GenerationOptions) Validate(nVocab int) error {
	if err := o.Sampling.Validate(nVocab); err != nil {
		return err
	}
	if o.MaxTokens < 0 {
		return &ParamError{"max_tokens", o.MaxTokens, "0 (until the context is full) or more"}
	}
	if o.TopLogProbs < 0 || o.TopLogProbs > maxTopLogProbs {
		return &ParamError{"top_logprobs", o.TopLogProbs, fmt.Sprintf("0 to %d", maxTopLogProbs)}
	}
	if len(o.Stop) > maxStops {
		return &ParamError{"stop", fmt.Sprintf("%d strings", len(o.Stop)), fmt.Sprintf("at most %d strings", maxStops)}
	}
	for _, s := range o.Stop {
		if len(s) > maxStopBytes {
			return &ParamError{"stop", fmt.Sprintf("a string of %d bytes", len(s)), fmt.Sprintf("at most %d bytes each", maxStopBytes)}
		}
	}
	return nil
}

// Delta is what one token adds to an answer.
type Delta struct {
	Token    Token // the token generated; NoToken while the prompt is processed
	Text     []byte
	LogProb  float32        // of Token, in the distribution the model gave (if asked for)
	Top      []TokenLogProb // the most likely tokens there (if asked for)
	Finished FinishReason
}

// Generation is one answer in the making: a session, a sampler, a stream
// decoder and a stop matcher. It does not run steps; whoever owns the session
// carries its tokens in batches:
//
//	for !done {
//		tokens, want := g.Next(chunk)
//		i := batch.Add(session, tokens, want)
//		… Step …
//		delta, err := g.Accept(batch.Entries[i].Logits)
//	}
//
// An answer ends with an end-of-generation token of the vocabulary, and with
// its BOS token too: models that were trained on documents separated by BOS
// begin another document with it. The token that ends an answer adds no text.
type Generation struct {
	session  *Session
	options  GenerationOptions
	sampler  *Sampler
	logProbs *LogProbs // nil unless asked for
	stream   *tokenizer.StreamDecoder
	stops    *StopMatcher
	prompt   []Token // not yet carried
	next     [1]Token
	nPrompt  int
	nReused  int
	nOut     int
	finished FinishReason
	text     []byte // of the current delta
	closed   bool
}

// errPrompt is returned for a prompt without a token, on which no distribution
// can be computed.
var errPrompt = errors.New("runtime: the prompt has no tokens")

// NewGeneration prepares an answer to prompt, which is appended to s after what
// s holds already; an empty session first takes what it can from the prefix
// cache. The session stays the caller's to close. A prompt that leaves no room
// for an answer is a *ContextError, a bad parameter a *ParamError.
func NewGeneration(s *Session, prompt []Token, o GenerationOptions) (*Generation, error) {
	e := s.engine
	if err := o.Validate(e.nVocab); err != nil {
		return nil, err
	}
	if len(prompt) == 0 {
		return nil, errPrompt
	}
	if n := s.nTokens + len(prompt); n >= e.nCtx {
		return nil, &ContextError{NTokens: n + 1, NCtx: e.nCtx}
	}
	sampler, err := NewSampler(o.Sampling, e.nVocab)
	if err != nil {
		return nil, err
	}
	g := &Generation{
		session: s,
		options: o,
		sampler: sampler,
		stream:  tokenizer.NewStreamDecoder(e.tok, false),
		stops:   NewStopMatcher(o.Stop),
		nPrompt: s.nTokens + len(prompt),
	}
	if o.LogProbs {
		g.logProbs = NewLogProbs(e.nVocab, o.TopLogProbs)
	}
	sampler.Prompt(s.AppendTokens(nil))
	sampler.Prompt(prompt)
	g.nReused = s.Reuse(prompt)
	g.prompt = append(g.prompt, prompt[g.nReused:]...)
	return g, nil
}

// NPrompt returns the number of tokens before the answer.
func (g *Generation) NPrompt() int { return g.nPrompt }

// NReused returns how many of them came from the prefix cache.
func (g *Generation) NReused() int { return g.nReused }

// NGenerated returns the number of tokens generated, the one that ended the
// answer included.
func (g *Generation) NGenerated() int { return g.nOut }

// NPending returns how many tokens are waiting to be carried by steps.
func (g *Generation) NPending() int {
	if g.finished != NotFinished {
		return 0
	}
	return max(1, len(g.prompt))
}

// Finished returns why the generation has ended, or NotFinished.
func (g *Generation) Finished() FinishReason { return g.finished }

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
// the prompt, else one row, which it overwrites. The delta's slices are valid
// until the next call. It fails where the logits allow no token.
func (g *Generation) Accept(logits []float32) (Delta, error) {
	left := max(0, g.nPrompt-g.session.nTokens)
	done := max(0, len(g.prompt)-left)
	clear(g.prompt[:done])
	g.prompt = g.prompt[done:]
	d := Delta{Token: tokenizer.NoToken}
	if len(logits) == 0 {
		return d, nil
	}
	if g.logProbs != nil {
		g.logProbs.Set(logits)
	}
	t, err := g.sampler.Sample(logits)
	if err != nil {
		return d, err
	}
	if d.Token = t; g.logProbs != nil {
		d.LogProb, d.Top = g.logProbs.Of(t), g.logProbs.Top()
	}
	g.next[0] = t
	g.nOut++
	g.text = g.text[:0]
	g.extend(t)
	d.Text, d.Finished = g.text, g.finished
	return d, nil
}

// extend adds a token's text to the delta and decides whether the answer ends.
func (g *Generation) extend(t Token) {
	if g.ends(t) {
		g.finished = FinishEOG
	} else {
		g.text = append(g.text, g.stops.Push(g.stream.Push(t))...)
		switch {
		case g.stops.Stopped():
			g.finished = FinishStop
			return
		case g.options.MaxTokens > 0 && g.nOut >= g.options.MaxTokens:
			g.finished = FinishLength
		case g.session.nTokens >= g.session.engine.nCtx:
			g.finished = FinishContext
		default:
			return
		}
	}
	// The text ends here: nothing that is held back can become anything else.
	g.text = append(g.text, g.stops.Push(g.stream.Flush())...)
	if g.stops.Stopped() {
		g.finished = FinishStop
		return
	}
	g.text = append(g.text, g.stops.Flush()...)
}

// ends reports whether a token ends the answer.
func (g *Generation) ends(t Token) bool {
	tok := g.session.engine.tok
	return !g.options.IgnoreEOG && (tok.IsEOG(t) || t == tok.BOS())
}

// Run carries the generation to its end with steps of its own and calls emit
// for each delta that has a token. It stops between steps when ctx is done.
func (g *Generation) Run(ctx context.Context, emit func(Delta) error) error {
	var b Batch
	for g.finished == NotFinished {
		if err := ctx.Err(); err != nil {
			return err
		}
		b.Reset()
		tokens, want := g.Next(g.session.engine.MaxBatch())
		b.Add(g.session, tokens, want)
		if err := g.session.engine.Step(&b); err != nil {
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

// Close clears what the generation knows of the prompt and the answer. A second
// call does nothing; no other method may be called afterwards.
func (g *Generation) Close() {
	if g.closed {
		return
	}
	g.closed = true
	clear(g.prompt[:cap(g.prompt)])
	clear(g.text[:cap(g.text)])
	g.next[0] = 0
	g.stops.wipe()
	g.sampler.wipe()
	if g.logProbs != nil {
		g.logProbs.wipe()
	}
}
