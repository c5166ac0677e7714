package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"

	"inferd/kernels"
	"inferd/runtime"
)

var logitsCommand = &command{
	name:     "logits",
	synopsis: "--model FILE (--tokens 1,2,3 | --tokens-file F) [--ctx N] [--greedy K] [--lora FILE] --out FILE",
	summary:  "write a model's raw output for given token ids",
	details: `
Write the logits after each of the given tokens as float32, little endian, a
row of vocabulary size per token, and print {"rows":n,"cols":vocab}. No token is
added to those given. With --greedy, K most likely tokens are then appended one
after the other, and the line also has their ids as "greedy".

With a model that was trained for embeddings, write the one vector that it makes
of all tokens, not normalised.`,
	define: func(fs *flag.FlagSet) runFunc {
		var l logitsRun
		fs.StringVar(&l.model, "model", "", "GGUF `FILE`")
		fs.StringVar(&l.tokens, "tokens", "", "token ids, such as `1,2,3`")
		fs.StringVar(&l.tokensFile, "tokens-file", "", "read the ids from the file `F`: numbers, or a JSON array")
		fs.IntVar(&l.nCtx, "ctx", 0, "context length `N`; 0: the model's own")
		fs.IntVar(&l.nGreedy, "greedy", 0, "append `K` tokens")
		l.lora.define(fs)
		fs.StringVar(&l.out, "out", "", "write to `FILE`")
		return func(ctx context.Context, _ []string) error {
			if err := required(fs, "model", "out"); err != nil {
				return err
			}
			if given(fs, "tokens") == given(fs, "tokens-file") {
				return usagef("logits", "give one of --tokens and --tokens-file")
			}
			if l.nGreedy < 0 {
				return usagef("logits", "--greedy is %d, must be 0 or more", l.nGreedy)
			}
			return l.run(ctx)
		}
	},
}

// logitsRun is one call of inferctl logits.
type logitsRun struct {
	model, tokens, tokensFile, out string
	nCtx, nGreedy                  int
	lora                           loraFlag
}

// logitsShape is what is printed about the file written.
type logitsShape struct {
	Rows   int             `json:"rows"`
	Cols   int             `json:"cols"`
	Greedy []runtime.Token `json:"greedy,omitempty"`
}

func (l *logitsRun) run(ctx context.Context) error {
	tokens, err := l.readTokens()
	if err != nil {
		return err
	}
	e, err := loadModel(l.model, runtime.Options{NCtx: l.nCtx})
	if err != nil {
		return err
	}
	defer e.Close()
	if err := checkIDs(tokens, e.NVocab()); err != nil {
		return err
	}
	if e.Info().Pooling != "" {
		return l.embed(e, tokens)
	}
	s, err := l.lora.newSession(e)
	if err != nil {
		return err
	}
	defer s.Close()
	shape := logitsShape{Rows: len(tokens), Cols: e.NVocab()}
	err = writeFile(l.out, func(w *bufio.Writer) (err error) {
		last, err := writeLogits(ctx, w, s, tokens)
		if err == nil {
			shape.Greedy, err = greedy(ctx, s, last, l.nGreedy)
		}
		return err
	})
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(shape)
}

// embed writes the vector of tokens.
func (l *logitsRun) embed(e *runtime.Engine, tokens []runtime.Token) error {
	if l.nGreedy > 0 || len(l.lora.files) > 0 {
		return usagef("logits", "--greedy and --lora are not for a model that makes embeddings")
	}
	v, err := e.Embed(tokens)
	if err != nil {
		return err
	}
	if err := writeFile(l.out, func(w *bufio.Writer) error { return binary.Write(w, binary.LittleEndian, v) }); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(logitsShape{Rows: 1, Cols: len(v)})
}

func (l *logitsRun) readTokens() ([]runtime.Token, error) {
	var tokens []runtime.Token
	var err error
	if l.tokensFile != "" {
		tokens, err = readIDs(l.tokensFile)
	} else if tokens, err = parseIDs(l.tokens); err != nil {
		err = usagef("logits", "%v", err)
	}
	if err == nil && len(tokens) == 0 {
		err = errors.New("no token ids given")
	}
	return tokens, err
}

// writeLogits appends tokens to s, writes a row for each and returns the token
// that is most likely to follow.
func writeLogits(ctx context.Context, w *bufio.Writer, s *runtime.Session, tokens []runtime.Token) (next runtime.Token, err error) {
	p := newProgress("computing")
	defer p.end()
	nVocab := s.Engine().NVocab()
	var raw []byte
	err = feed(ctx, s, tokens, runtime.WantAll, logitsPerStep(s.Engine()), func(logits []float32) error {
		p.set(int64(s.NTokens()), int64(len(tokens)), "")
		next = runtime.Token(kernels.Argmax(logits[len(logits)-nVocab:]))
		if raw, err = binary.Append(raw[:0], binary.LittleEndian, logits); err != nil {
			return err
		}
		_, err := w.Write(raw)
		return err
	})
	return next, err
}

// greedy returns n tokens that follow in s, of which next is the first.
func greedy(ctx context.Context, s *runtime.Session, next runtime.Token, n int) ([]runtime.Token, error) {
	p := newProgress("continuing")
	defer p.end()
	var ids []runtime.Token
	for len(ids) < n {
		ids = append(ids, next)
		if len(ids) == n {
			break
		}
		p.set(int64(len(ids)), int64(n), "")
		err := feed(ctx, s, ids[len(ids)-1:], runtime.WantLast, 1, func(logits []float32) error {
			next = runtime.Token(kernels.Argmax(logits))
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("after %d greedy tokens: %w", len(ids)-1, err)
		}
	}
	return ids, nil
}
