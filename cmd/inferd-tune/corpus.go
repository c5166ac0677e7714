package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"inferd/cmd/inferd-tune/corpus"
)

// Files in the working folder that the subcommands share.
const (
	trainFile      = "train.jsonl"
	heldOutFile    = "heldout.jsonl"
	vocabFile      = "vocab.json"
	checkpointFile = "checkpoint"
)

var corpusCommand = command{
	name:    "corpus",
	summary: "Write the training text and the held-out questions",
	define: func(fs *flag.FlagSet) runFunc {
		dir := fs.String("out", "", "folder to write "+trainFile+" and "+heldOutFile+" to")
		var o corpus.Options
		fs.Uint64Var(&o.Seed, "seed", 1, "seed; the same seed writes the same bytes")
		fs.IntVar(&o.Train, "train", 60000, "training `examples`")
		fs.IntVar(&o.HeldOut, "held-out", 2000, "held-out `questions`, none of them in the training text")
		return func(_ context.Context, out io.Writer) error {
			if err := required("out", *dir); err != nil {
				return err
			}
			return writeCorpus(*dir, o, out)
		}
	},
}

func writeCorpus(dir string, o corpus.Options, out io.Writer) error {
	c, err := corpus.Generate(o)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := writeLines(filepath.Join(dir, trainFile), c.Train, out); err != nil {
		return err
	}
	return writeLines(filepath.Join(dir, heldOutFile), c.HeldOut, out)
}

// writeLines writes xs as JSON lines and tells their hash.
func writeLines[T any](path string, xs []T, out io.Writer) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for _, x := range xs {
		if err := enc.Encode(x); err != nil {
			return err
		}
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %d lines, sha256 %x\n", path, len(xs), sha256.Sum256(b.Bytes()))
	return nil
}

// maxLineBytes bounds a line of a corpus file.
const maxLineBytes = 1 << 20

// readLines reads a JSON lines file and returns its sha256 as well.
func readLines[T any](path string) (xs []T, sum string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	lines := bufio.NewScanner(io.TeeReader(f, h))
	lines.Buffer(nil, maxLineBytes)
	for n := 1; lines.Scan(); n++ {
		var x T
		if err := json.Unmarshal(lines.Bytes(), &x); err != nil {
			return nil, "", fmt.Errorf("%s:%d: %w", path, n, err)
		}
		xs = append(xs, x)
	}
	if err := lines.Err(); err != nil {
		return nil, "", fmt.Errorf("%s: %w", path, err)
	}
	return xs, hex.EncodeToString(h.Sum(nil)), nil
}
