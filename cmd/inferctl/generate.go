package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"os"

	"inferd/runtime"
	"inferd/tokenizer"
)

var generateCommand = &command{
	name:     "generate",
	synopsis: "--model FILE --prompt P [--max-tokens N] [--temperature T] [--seed N] [--lora FILE]",
	summary:  "continue a text with a model file, without a daemon",
	details: `
Load the model and print the continuation of the prompt as it is made. The
prompt is not repeated, no chat template is applied, and the names of control
tokens in it are plain text. It ends where the model ends its text, after N
tokens or when the context is full. The same seed gives the same text on every
machine.`,
	define: func(fs *flag.FlagSet) runFunc {
		var g generateRun
		fs.StringVar(&g.model, "model", "", "GGUF `FILE`")
		fs.StringVar(&g.prompt, "prompt", "", "text `P` to continue; may be empty")
		fs.IntVar(&g.maxTokens, "max-tokens", 0, "stop after `N` tokens; 0: when the context is full")
		fs.Float64Var(&g.temperature, "temperature", 1, "randomness `T`: 0 always takes the most likely token, 1 draws as the model predicts")
		g.lora.define(fs)
		fs.Uint64Var(&g.seed, "seed", 0, "seed `N` of the random draws; default: another one each time")
		return func(ctx context.Context, _ []string) error {
			if err := required(fs, "model", "prompt"); err != nil {
				return err
			}
			if !given(fs, "seed") {
				g.seed = randomSeed()
			}
			return g.run(ctx)
		}
	},
}

// generateRun is one call of inferctl generate.
type generateRun struct {
	model, prompt string
	maxTokens     int
	temperature   float64
	seed          uint64
	lora          loraFlag
}

func (g *generateRun) run(ctx context.Context) error {
	o := runtime.GenerationOptions{Sampling: runtime.DefaultSampling(), MaxTokens: g.maxTokens}
	o.Sampling.Temperature = float32(g.temperature)
	o.Sampling.Seed = g.seed
	e, err := loadModel(g.model, runtime.Options{})
	if err != nil {
		return err
	}
	defer e.Close()
	s, err := g.lora.newSession(e)
	if err != nil {
		return err
	}
	defer s.Close()
	prompt, err := promptTokens(e.Tokenizer(), g.prompt)
	if err != nil {
		return err
	}
	answer, err := runtime.NewGeneration(s, prompt, o)
	if p, ok := errors.AsType[*runtime.ParamError](err); ok {
		return usagef("", "%v", p)
	}
	if err != nil {
		return err
	}
	defer answer.Close()
	return g.print(ctx, answer)
}

// print writes the answer's text as it comes. A terminal gets a newline at the
// end and no control characters; anything else gets the model's bytes.
func (g *generateRun) print(ctx context.Context, answer *runtime.Generation) error {
	onTerminal := isTerminal(os.Stdout)
	t := answer.Session().Engine().Tokenizer()
	begins := g.prompt == ""
	err := answer.Run(ctx, func(d runtime.Delta) error {
		text := d.Text
		if begins && len(text) > 0 {
			begins = false
			text = withoutPrefixSpace(t, d.Token, text)
		}
		if onTerminal {
			text = []byte(terminalSafe(string(text)))
		}
		_, err := os.Stdout.Write(text)
		return err
	})
	if onTerminal {
		fmt.Println()
	}
	return err
}

// withoutPrefixSpace returns the text of a token that begins a text, without the
// space that some vocabularies put before every text.
func withoutPrefixSpace(t *tokenizer.Tokenizer, token tokenizer.Token, text []byte) []byte {
	alone := t.Decode([]tokenizer.Token{token}, tokenizer.DecodeOptions{})
	if len(alone) < len(t.Piece(token, false)) {
		return bytes.TrimPrefix(text, []byte(" "))
	}
	return text
}

// promptTokens encodes a prompt. Where that gives no token at all, the model is
// shown the token that texts begin with.
func promptTokens(t *tokenizer.Tokenizer, prompt string) ([]tokenizer.Token, error) {
	ids := t.Encode(prompt, tokenizer.EncodeOptions{AddSpecial: true})
	if len(ids) > 0 {
		return ids, nil
	}
	for _, id := range []tokenizer.Token{t.BOS(), t.EOS()} {
		if id != tokenizer.NoToken {
			return []tokenizer.Token{id}, nil
		}
	}
	return nil, withHint(errors.New("the prompt has no tokens"), "this vocabulary has no token to begin with; give a longer prompt")
}

func randomSeed() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:])
}
