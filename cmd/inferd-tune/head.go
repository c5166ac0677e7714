package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"inferd/cmd/inferd-tune/corpus"
	"inferd/cmd/inferd-tune/head"
	"inferd/gguf"
	"inferd/runtime"
)

var headCommand = command{
	name:    "head",
	summary: "Train a classifier head on the embeddings of a model",
	define: func(fs *flag.FlagSet) runFunc {
		model := fs.String("model", "", "GGUF `file` of the model, which stays as it is")
		data := fs.String("data", "", "JSON lines `file`, each line {\"text\": …, \"label\": …}")
		path := fs.String("out", "", "GGUF `file` to write")
		name := fs.String("name", "intents", "general.name of the head")
		threshold := fs.Float64("threshold", 0.5, "`probability` below which a text gets no label")
		var o head.Options
		fs.Uint64Var(&o.Seed, "seed", 1, "seed of the choice of held-out examples")
		fs.Float64Var(&o.HeldOut, "held-out", 0.25, "`share` of the examples to judge by")
		return func(ctx context.Context, out io.Writer) error {
			if err := required("model", *model, "data", *data, "out", *path); err != nil {
				return err
			}
			if !(*threshold >= 0 && *threshold <= 1) {
				return usagef("--threshold %v is not between 0 and 1", *threshold)
			}
			if !(o.HeldOut > 0 && o.HeldOut < 1) {
				return usagef("--held-out %v is not between 0 and 1", o.HeldOut)
			}
			file := head.File{Name: *name, Threshold: float32(*threshold)}
			return runHead(ctx, *model, *data, *path, file, o, out)
		}
	},
}

func runHead(ctx context.Context, model, data, path string, file head.File, o head.Options, out io.Writer) error {
	set, _, err := readLines[corpus.Labelled](data)
	if err != nil {
		return err
	}
	if file.BaseSHA256, err = modelSHA256(model); err != nil {
		return err
	}
	layout, err := readLayout(model)
	if err != nil {
		return err
	}
	engine, err := runtime.Load(model, runtime.Options{})
	if err != nil {
		return err
	}
	defer engine.Close()
	file.BaseName = engine.Info().Name
	examples, err := embed(ctx, engine, layout, set)
	if err != nil {
		return err
	}
	m, err := head.Train(examples, o)
	if err != nil {
		return err
	}
	m.Print(out)
	if err := m.Write(path, file); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s: for the model of sha256 %s\n", path, file.BaseSHA256)
	return nil
}

func embed(ctx context.Context, engine *runtime.Engine, l *layout, set []corpus.Labelled) ([]head.Example, error) {
	var examples []head.Example
	for i, x := range set {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		tokens, err := l.tokens(engine.Tokenizer(), x.Text)
		if err != nil {
			return nil, fmt.Errorf("example %d: %w", i+1, err)
		}
		embedding, err := engine.Embed(tokens)
		if err != nil {
			return nil, fmt.Errorf("example %d: %w", i+1, err)
		}
		examples = append(examples, head.Example{Embedding: embedding, Label: x.Label})
	}
	return examples, nil
}

// modelSHA256 is the sum of a model's parts one after another, by which the
// daemon knows a model too.
func modelSHA256(path string) (string, error) {
	f, err := gguf.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	for _, part := range f.Paths() {
		p, err := os.Open(part)
		if err != nil {
			return "", err
		}
		_, err = io.Copy(h, p)
		if err := errors.Join(err, p.Close()); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
