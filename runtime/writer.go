package runtime

import (
	"errors"
	"fmt"

	"inferd/runtime/grammar"
	"inferd/tokenizer"
)

// FinishReason says why a generation ended.
type FinishReason uint8

const (
	NotFinished   FinishReason = iota
	FinishEOG                  // the model ended its text, or its grammar did
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
	IgnoreEOG bool     // go on after an end-of-generation token, for benchmarks; not with a grammar

	// Grammar, if set, is the language that the answer is a text of. Tokens
	// that lead out of it are left out before one is chosen, and the answer ends
	// where nothing can follow it. An answer that is cut (FinishStop, FinishLength,
	// FinishContext) is the beginning of such a text.
	Grammar *grammar.Grammar

	// Show lists control tokens that the text names, where others add nothing.
	Show []Token

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
	if o.IgnoreEOG && o.Grammar != nil {
		return &ParamError{"ignore_eos", true, "false where a grammar decides when the answer ends"}
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
	Token    Token          // the token generated; NoToken while the prompt is processed
	Text     []byte         // that became certain with it; whole characters
	LogProb  float32        // of Token, in the distribution the model gave (if asked for)
	Top      []TokenLogProb // the most likely tokens there (if asked for)
	Finished FinishReason
	Stop     string // the stop string that was seen, where Finished is FinishStop
}

// Writer makes an answer's text out of logits: a sampler, a stream decoder and a
// stop matcher. It knows nothing of sessions and steps; Generation brings both
// together. It belongs to one goroutine.
//
// An answer ends with an end-of-generation token of the vocabulary, and with
// its BOS token too: models that were trained on documents separated by BOS
// begin another document with it. The token that ends an answer adds no text.
type Writer struct {
	tok      *tokenizer.Tokenizer
	options  GenerationOptions
	sampler  *Sampler
	grammar  *constraint // nil unless asked for
	logProbs *LogProbs   // nil unless asked for
	stream   *tokenizer.StreamDecoder
	stops    *StopMatcher
	nLeft    int // tokens that the context has room for
	nOut     int
	finished FinishReason
	text     []byte // of the current delta
}

// errPrompt is returned for a prompt without a token, on which no distribution
// can be computed.
var errPrompt = errors.New("runtime: the prompt has no tokens")

// NewWriter prepares an answer to prompt, of which only the penalties take
// notice. A prompt that leaves no room for an answer is a *ContextError, a bad
// parameter a *ParamError.
func (e *Engine) NewWriter(prompt []Token, o GenerationOptions) (*Writer, error) {
	if err := o.Validate(e.nVocab); err != nil {
		return nil, err
	}
	if len(prompt) == 0 {
		return nil, errPrompt
	}
	if len(prompt) >= e.nCtx {
		return nil, &ContextError{NTokens: len(prompt) + 1, NCtx: e.nCtx}
	}
	sampler, err := NewSampler(o.Sampling, e.nVocab)
	if err != nil {
		return nil, err
	}
	sampler.Prompt(prompt)
	w := &Writer{
		tok:     e.tok,
		options: o,
		sampler: sampler,
		stream:  tokenizer.NewStreamDecoder(e.tok, false),
		stops:   NewStopMatcher(o.Stop),
		nLeft:   e.nCtx - len(prompt),
	}
	w.stream.Show(o.Show)
	if o.LogProbs {
		w.logProbs = NewLogProbs(e.nVocab, o.TopLogProbs)
	}
	if o.Grammar != nil {
		matcher, err := o.Grammar.NewMatcher(e.GrammarVocab())
		if err != nil {
			return nil, err
		}
		w.grammar = &constraint{matcher, e.tok}
	}
	return w, nil
}

// Next takes the logits after the last token, which it overwrites, and returns
// the token that follows with the text it adds. The delta's slices are valid
// until the next call. It fails where the logits or the grammar allow no token.
func (w *Writer) Next(logits []float32) (Delta, error) {
	if w.logProbs != nil {
		w.logProbs.Set(logits)
	}
	t, final, err := w.choose(logits)
	if err != nil {
		return Delta{Token: tokenizer.NoToken}, err
	}
	d := Delta{Token: t}
	if w.logProbs != nil {
		d.LogProb, d.Top = w.logProbs.Of(t), w.logProbs.Top()
	}
	w.nOut++
	w.nLeft--
	w.text = w.text[:0]
	w.extend(t, final)
	d.Text, d.Finished, d.Stop = w.text, w.finished, w.stops.Stop()
	return d, nil
}

// choose samples a token. It reports whether the grammar lets nothing follow it.
func (w *Writer) choose(logits []float32) (t Token, final bool, err error) {
	if w.grammar != nil {
		if err := w.grammar.mask(logits); err != nil {
			return 0, false, err
		}
	}
	if t, err = w.sampler.Sample(logits); err != nil || w.grammar == nil {
		return t, false, err
	}
	final, err = w.grammar.accept(t)
	return t, final, err
}

// extend adds a token's text to the delta and decides whether the answer ends;
// final says that it does.
func (w *Writer) extend(t Token, final bool) {
	if w.ends(t) {
		w.finished = FinishEOG
	} else {
		w.text = append(w.text, w.stops.Push(w.stream.Push(t))...)
		switch {
		case w.stops.Stopped():
			w.finished = FinishStop
			return
		case final:
			w.finished = FinishEOG
		case w.options.MaxTokens > 0 && w.nOut >= w.options.MaxTokens:
			w.finished = FinishLength
		case w.nLeft <= 0:
			w.finished = FinishContext
		default:
			return
		}
	}
	// The text ends here: nothing that is held back can become anything else.
	w.text = append(w.text, w.stops.Push(w.stream.Flush())...)
	if w.stops.Stopped() {
		w.finished = FinishStop
		return
	}
	w.text = append(w.text, w.stops.Flush()...)
}

// ends reports whether a token ends the answer.
func (w *Writer) ends(t Token) bool {
	return !w.options.IgnoreEOG && endsText(w.tok, t)
}

// NGenerated returns the number of tokens generated, the one that ended the
// answer included.
func (w *Writer) NGenerated() int { return w.nOut }

// Finished returns why the answer has ended, or NotFinished.
func (w *Writer) Finished() FinishReason { return w.finished }

// Close clears what the writer knows of the prompt and the answer. No other
// method may be called afterwards.
func (w *Writer) Close() {
	clear(w.text[:cap(w.text)])
	w.stops.wipe()
	w.sampler.wipe()
	if w.logProbs != nil {
		w.logProbs.wipe()
	}
}
