package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"inferd/runtime"
	"inferd/tokenizer"
)

var tokenizeCommand = &command{
	name:     "tokenize",
	synopsis: "--model FILE [--add-special] [--parse-special] [--file F] [--jsonl]",
	summary:  "turn text into token ids",
	details: `
Read text from standard input, or from the file F, and print the ids of its
tokens as one JSON array. The text is taken byte for byte, a final newline
included.

With --jsonl each input line is an object with the text as "text", or in
hexadecimal as "hex", and optionally "add_special" and "parse_special", which
default to the flags; each output line is an array.`,
	define: func(fs *flag.FlagSet) runFunc {
		model := fs.String("model", "", "GGUF `FILE` with the vocabulary")
		file := fs.String("file", "", "read from the file `F`")
		lines := fs.Bool("jsonl", false, "read a JSON object from each line")
		var o tokenizer.EncodeOptions
		fs.BoolVar(&o.AddSpecial, "add-special", false, "add the tokens that a text begins and ends with, such as BOS")
		fs.BoolVar(&o.ParseSpecial, "parse-special", false, "read the names of control tokens in the text as these tokens")
		return func(context.Context, []string) error {
			if err := required(fs, "model"); err != nil {
				return err
			}
			in := os.Stdin
			if *file != "" {
				f, err := os.Open(*file)
				if err != nil {
					return err
				}
				defer f.Close()
				in = f
			}
			t, err := runtime.LoadTokenizer(*model)
			if err != nil {
				return fileError(err)
			}
			if *lines {
				return tokenizeLines(t, in, o)
			}
			return tokenizeAll(t, in, o)
		}
	},
}

// tokenizeAll prints the ids of all of in.
func tokenizeAll(t *tokenizer.Tokenizer, in io.Reader, o tokenizer.EncodeOptions) error {
	text, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(os.Stdout)
	return cmp.Or(writeIDs(w, t.AppendEncode(nil, text, o)), w.Flush())
}

// tokenizeLine is one line of input with --jsonl.
type tokenizeLine struct {
	Text         *string `json:"text"`
	Hex          *string `json:"hex"`
	AddSpecial   bool    `json:"add_special"`
	ParseSpecial bool    `json:"parse_special"`
}

// tokenizeLines answers each line of in by a line. Answers are written out
// whenever no more input waits, so that a program may converse with it.
func tokenizeLines(t *tokenizer.Tokenizer, in io.Reader, o tokenizer.EncodeOptions) error {
	r, w := bufio.NewReaderSize(in, 1<<16), bufio.NewWriter(os.Stdout)
	defer w.Flush()
	var ids []tokenizer.Token
	for number := 1; ; number++ {
		raw, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(raw) == 0 {
			return w.Flush()
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		line := tokenizeLine{AddSpecial: o.AddSpecial, ParseSpecial: o.ParseSpecial}
		text, err := line.parse(raw)
		if err != nil {
			return fmt.Errorf("input line %d: %w", number, err)
		}
		ids = t.AppendEncode(ids[:0], text, tokenizer.EncodeOptions{AddSpecial: line.AddSpecial, ParseSpecial: line.ParseSpecial})
		if err := writeIDs(w, ids); err != nil {
			return err
		}
		if r.Buffered() == 0 {
			if err := w.Flush(); err != nil {
				return err
			}
		}
	}
}

// parse reads the line's fields and returns its text.
func (l *tokenizeLine) parse(raw []byte) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(l); err != nil {
		return nil, err
	}
	switch {
	case (l.Text == nil) == (l.Hex == nil):
		return nil, errors.New(`needs one of "text" and "hex"`)
	case l.Text != nil:
		return []byte(*l.Text), nil
	default:
		return hex.DecodeString(*l.Hex)
	}
}

// writeIDs writes ids as a JSON array and a newline.
func writeIDs(w *bufio.Writer, ids []tokenizer.Token) error {
	if ids == nil {
		ids = []tokenizer.Token{}
	}
	text, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}
