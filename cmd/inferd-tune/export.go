package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"inferd/cmd/inferd-tune/export"
	"inferd/cmd/inferd-tune/train"
	"inferd/gguf"
)

var exportCommand = command{
	name:    "export",
	summary: "Write the trained model as a GGUF file",
	define: func(fs *flag.FlagSet) runFunc {
		dir := fs.String("dir", "", "folder with the checkpoint")
		checkpoint := fs.String("checkpoint", "", "`file` to read (default DIR/"+checkpointFile+")")
		path := fs.String("out", "", "GGUF `file` to write")
		name := fs.String("name", "inferd demo", "general.name")
		f32 := fs.Bool("f32", false, "write float32 matrices in place of Q8_0")
		return func(_ context.Context, out io.Writer) error {
			if err := required("dir", *dir, "out", *path); err != nil {
				return err
			}
			if *checkpoint == "" {
				*checkpoint = filepath.Join(*dir, checkpointFile)
			}
			t := gguf.Q8_0
			if *f32 {
				t = gguf.F32
			}
			return runExport(*checkpoint, *path, *name, t, out)
		}
	},
}

// contextLength is the longest question and answer together, in tokens. Rows
// of training are shorter; most of it is for pasted questions.
const contextLength = 256

func runExport(checkpoint, path, name string, t gguf.Type, out io.Writer) error {
	c, err := train.Load(checkpoint)
	if err != nil {
		return err
	}
	if c.Step < c.Options.Steps {
		return fmt.Errorf("%s has done %d of %d steps: finish it with inferd-tune train", checkpoint, c.Step, c.Options.Steps)
	}
	m := export.Model{
		Name: name, Config: c.Options.Model, NCtx: contextLength, Pieces: c.Pieces, Params: c.Params,
		Metadata: provenance(c),
	}
	if err := export.Write(path, m, t); err != nil {
		return err
	}
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %d bytes\n", path, st.Size())
	return nil
}

// provenance says what the model is, whose, and how to make it again.
func provenance(c *train.Checkpoint) map[string]any {
	o := c.Options
	recipe := fmt.Sprintf("inferd-tune corpus, vocab --size %d, train --seed %d --steps %d --rows %d --row-tokens %d"+
		" --replicas %d --learning-rate %g --dim %d --layers %d --heads %d --kv-heads %d --ffn-dim %d, export",
		len(c.Pieces), o.Seed, o.Steps, o.NRows, o.NTok, o.NReplicas, o.Rate,
		o.Model.Dim, o.Model.NLayers, o.Model.NHeads, o.Model.NKVHeads, o.Model.FFNDim)
	return map[string]any{
		"general.type":         "model",
		"general.license":      "apache-2.0",
		"general.author":       "the inferd project",
		"general.organization": "inferd",
		"general.languages":    []string{"en"},
		"general.description":  "Demo of inferd: answers questions about inferd, an invented library and station, the calendar and small sums. Trained from scratch on generated text.",
		"inferd.train.recipe":  recipe,
		"inferd.train.seed":    o.Seed,
		"inferd.train.steps":   uint32(o.Steps),
		"inferd.corpus.sha256": o.CorpusHash,
		"inferd.heldout.loss":  c.Score.Loss,
		"inferd.heldout.exact": c.Score.Exact,
	}
}
