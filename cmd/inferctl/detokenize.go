package main

import (
	"context"
	"flag"
	"os"
	"strings"

	"inferd/runtime"
	"inferd/tokenizer"
)

var detokenizeCommand = &command{
	name:     "detokenize",
	synopsis: "--model FILE ID...",
	summary:  "turn token ids into text",
	details: `
Print the bytes that the tokens stand for, and nothing else. Control tokens,
such as BOS, stand for no text. The ids may also be one JSON array, as tokenize
prints it.`,
	nArgs: [2]int{1, -1},
	define: func(fs *flag.FlagSet) runFunc {
		model := fs.String("model", "", "GGUF `FILE` with the vocabulary")
		return func(_ context.Context, args []string) error {
			if err := required(fs, "model"); err != nil {
				return err
			}
			ids, err := parseIDs(strings.Join(args, " "))
			if err != nil {
				return usagef("detokenize", "%v", err)
			}
			t, err := runtime.LoadTokenizer(*model)
			if err != nil {
				return fileError(err)
			}
			if err := checkIDs(ids, t.NVocab()); err != nil {
				return err
			}
			_, err = os.Stdout.Write(t.Decode(ids, tokenizer.DecodeOptions{RemoveSpecial: true}))
			return err
		}
	},
}
