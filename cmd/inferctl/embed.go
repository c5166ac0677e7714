package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"inferd/runtime"
	"inferd/tokenizer"
)

var embedCommand = &command{
	name:     "embed",
	synopsis: "--model FILE [--file F] [--ctx N] [--normalize]",
	summary:  "turn lines of text into vectors",
	details: `
Read lines of text from standard input, or from the file F, and print for each
the vector that the model makes of it as a JSON array. The tokens that a text
begins and ends with are added. Vectors are pooled as the model was trained, or
are the mean over all tokens where it was trained for something else; that of a
cross-encoder is the score of the text.`,
	define: func(fs *flag.FlagSet) runFunc {
		var r embedRun
		fs.StringVar(&r.model, "model", "", "GGUF `FILE`")
		fs.StringVar(&r.file, "file", "", "read from the file `F`")
		fs.IntVar(&r.nCtx, "ctx", 0, "most tokens `N` of a line; 0: the model's own")
		fs.BoolVar(&r.normalize, "normalize", false, "give every vector the length one")
		return func(ctx context.Context, _ []string) error {
			if err := required(fs, "model"); err != nil {
				return err
			}
			return r.run(ctx)
		}
	},
}

// embedRun is one call of inferctl embed.
type embedRun struct {
	model, file string
	nCtx        int
	normalize   bool
}

func (r *embedRun) run(ctx context.Context) error {
	in := os.Stdin
	if r.file != "" {
		f, err := os.Open(r.file)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	e, err := loadModel(r.model, runtime.Options{NCtx: r.nCtx})
	if err != nil {
		return err
	}
	defer e.Close()
	return r.embedLines(ctx, e, in)
}

// embedLines answers each line of in by a line, which is written out whenever
// no more input waits.
func (r *embedRun) embedLines(ctx context.Context, e *runtime.Engine, in io.Reader) error {
	lines, w := bufio.NewReaderSize(in, 1<<16), bufio.NewWriter(os.Stdout)
	defer w.Flush()
	for number := 1; ; number++ {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return w.Flush()
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		text, err := r.embedLine(e, line)
		if err != nil {
			return fmt.Errorf("input line %d: %w", number, err)
		}
		if _, err := w.Write(append(text, '\n')); err != nil {
			return err
		}
		if lines.Buffered() == 0 {
			if err := w.Flush(); err != nil {
				return err
			}
		}
	}
}

// embedLine returns the vector of a text as JSON.
func (r *embedRun) embedLine(e *runtime.Engine, line []byte) ([]byte, error) {
	v, err := e.Embed(e.Tokenizer().AppendEncode(nil, line, tokenizer.EncodeOptions{AddSpecial: true}))
	if err != nil {
		return nil, err
	}
	if r.normalize {
		runtime.Normalize(v)
	}
	text, err := json.Marshal(v)
	if _, isNaN := errors.AsType[*json.UnsupportedValueError](err); isNaN {
		return nil, errors.New("the model's output is not a number")
	}
	return text, err
}
