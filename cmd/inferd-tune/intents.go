package main

import (
	"context"
	"flag"
	"io"

	"inferd/cmd/inferd-tune/corpus"
)

var intentsCommand = command{
	name:    "intents",
	summary: "Write a set of labelled texts to try a classifier head on",
	define: func(fs *flag.FlagSet) runFunc {
		path := fs.String("out", "", "JSON lines `file` to write")
		seed := fs.Uint64("seed", 1, "seed; the same seed writes the same bytes")
		n := fs.Int("per-label", 30, "`texts` for each of the ten labels")
		return func(_ context.Context, out io.Writer) error {
			if err := required("out", *path); err != nil {
				return err
			}
			set, err := corpus.Intents(*seed, *n)
			if err != nil {
				return err
			}
			return writeLines(*path, set, out)
		}
	},
}
