package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"

	"inferd/runtime"
	"inferd/tokenizer"
)

var perplexityCommand = &command{
	name:     "perplexity",
	synopsis: "--model FILE --file F [--ctx N] [--chunks N] [--lora FILE] [--json]",
	summary:  "measure how well a model predicts a text",
	details: `
Cut the text of F into chunks of the context length and score the second half of
each, as llama.cpp's llama-perplexity does, so that the figures compare. If the
model's vocabulary asks for a BOS token, each chunk's first token is replaced by
it. Lower is better.

With --json, print {"ppl":…,"stderr":…,"tokens":…,"chunks":…}: the perplexity,
its standard error, and how many tokens in how many chunks were scored.`,
	define: func(fs *flag.FlagSet) runFunc {
		var p perplexityRun
		fs.StringVar(&p.model, "model", "", "GGUF `FILE`")
		fs.StringVar(&p.file, "file", "", "text file `F`")
		fs.IntVar(&p.nCtx, "ctx", 512, "tokens `N` in a chunk")
		fs.IntVar(&p.nChunks, "chunks", 0, "use only the first `N` chunks; 0: all")
		p.lora.define(fs)
		fs.BoolVar(&p.json, "json", false, "print one JSON object")
		return func(ctx context.Context, _ []string) error {
			if err := required(fs, "model", "file"); err != nil {
				return err
			}
			if p.nCtx < 4 || p.nChunks < 0 {
				return usagef("perplexity", "--ctx must be 4 or more and --chunks 0 or more")
			}
			return p.run(ctx)
		}
	},
}

// perplexityRun is one call of inferctl perplexity.
type perplexityRun struct {
	model, file   string
	nCtx, nChunks int
	json          bool
	lora          loraFlag

	nScored int
	sum     float64 // of -log p(token)
	squares float64 // of their squares
}

func (p *perplexityRun) run(ctx context.Context) error {
	text, err := os.ReadFile(p.file)
	if err != nil {
		return err
	}
	e, err := loadModel(p.model, runtime.Options{NCtx: p.nCtx})
	if err != nil {
		return err
	}
	defer e.Close()
	t := e.Tokenizer()
	tokens := t.AppendEncode(nil, text, tokenizer.EncodeOptions{AddSpecial: true})
	nChunks := len(tokens) / p.nCtx
	if p.nChunks > 0 {
		nChunks = min(nChunks, p.nChunks)
	}
	if nChunks == 0 {
		return withHint(fmt.Errorf("%s has %d tokens, a chunk has %d", p.file, len(tokens), p.nCtx), "use a longer text or a smaller --ctx")
	}
	s, err := p.lora.newSession(e)
	if err != nil {
		return err
	}
	defer s.Close()
	bar := newProgress("scoring")
	defer bar.end()
	for i := range nChunks {
		chunk := tokens[i*p.nCtx : (i+1)*p.nCtx]
		if t.AddsBOS() {
			chunk[0] = t.BOS()
		}
		s.Rewind(0)
		if err := p.score(ctx, s, chunk); err != nil {
			return err
		}
		bar.set(int64(i+1), int64(nChunks), fmt.Sprintf("perplexity %.4f", p.perplexity()))
	}
	bar.end()
	return p.print(nChunks)
}

// score adds up how well the second half of a chunk is predicted: the logits
// at positions n/2 to n-2, each against the token that follows.
func (p *perplexityRun) score(ctx context.Context, s *runtime.Session, chunk []runtime.Token) error {
	e := s.Engine()
	first := len(chunk) / 2
	if err := feed(ctx, s, chunk[:first], runtime.WantNone, e.MaxBatch(), nil); err != nil {
		return err
	}
	targets := chunk[first+1:]
	return feed(ctx, s, chunk[first:len(chunk)-1], runtime.WantAll, logitsPerStep(e), func(logits []float32) error {
		for nVocab := e.NVocab(); len(logits) > 0; logits, targets = logits[nVocab:], targets[1:] {
			nll := negLogProb(logits[:nVocab], targets[0])
			p.sum += nll
			p.squares += nll * nll
			p.nScored++
		}
		return nil
	})
}

// negLogProb returns -log softmax(logits)[token].
func negLogProb(logits []float32, token runtime.Token) float64 {
	most := math.Inf(-1)
	for _, x := range logits {
		most = max(most, float64(x))
	}
	sum := 0.0
	for _, x := range logits {
		sum += math.Exp(float64(x) - most)
	}
	return math.Log(sum) + most - float64(logits[token])
}

func (p *perplexityRun) perplexity() float64 { return math.Exp(p.sum / float64(p.nScored)) }

// stdErr is the standard error of the perplexity: that of the mean logarithm,
// carried over by the exponential's slope.
func (p *perplexityRun) stdErr() float64 {
	n := float64(p.nScored)
	mean := p.sum / n
	variance := max(0, p.squares/n-mean*mean)
	return math.Sqrt(variance/(n-1)) * p.perplexity()
}

func (p *perplexityRun) print(nChunks int) error {
	if math.IsNaN(p.sum) {
		return fmt.Errorf("the model's output is not a number")
	}
	if !p.json {
		_, err := fmt.Printf("%.4f ± %.4f over %s in %s\n", p.perplexity(), p.stdErr(), plural(p.nScored, "token"), plural(nChunks, "chunk"))
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(struct {
		PPL    float64 `json:"ppl"`
		StdErr float64 `json:"stderr"`
		Tokens int     `json:"tokens"`
		Chunks int     `json:"chunks"`
	}{p.perplexity(), p.stdErr(), p.nScored, nChunks})
}
