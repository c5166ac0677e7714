package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"inferd/cmd/inferd-tune/bpe"
	"inferd/cmd/inferd-tune/corpus"
)

var vocabCommand = command{
	name:    "vocab",
	summary: "Train the vocabulary on the training text",
	define: func(fs *flag.FlagSet) runFunc {
		dir := fs.String("dir", "", "folder with "+trainFile+"; "+vocabFile+" is written there")
		size := fs.Int("size", 1024, "`pieces`, with 256 bytes and 6 control pieces among them")
		return func(_ context.Context, out io.Writer) error {
			if err := required("dir", *dir); err != nil {
				return err
			}
			return writeVocab(*dir, *size, out)
		}
	},
}

func writeVocab(dir string, size int, out io.Writer) error {
	xs, _, err := readLines[corpus.Example](filepath.Join(dir, trainFile))
	if err != nil {
		return err
	}
	var texts []string
	for _, x := range xs {
		texts = append(texts, x.User, x.Assistant)
	}
	pieces, err := bpe.Train(texts, size)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	if err := enc.Encode(pieces); err != nil {
		return err
	}
	path := filepath.Join(dir, vocabFile)
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %d pieces\n", path, len(pieces))
	return nil
}

func readVocab(dir string) ([]bpe.Piece, error) {
	path := filepath.Join(dir, vocabFile)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var pieces []bpe.Piece
	if err := json.Unmarshal(b, &pieces); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return pieces, nil
}
