package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"path/filepath"

	"inferd/cmd/inferd-tune/corpus"
	"inferd/cmd/inferd-tune/graph"
	"inferd/cmd/inferd-tune/train"
)

var trainCommand = command{
	name:    "train",
	summary: "Train the model; a run that was stopped goes on from its checkpoint",
	define: func(fs *flag.FlagSet) runFunc {
		dir := fs.String("dir", "", "folder with "+trainFile+", "+heldOutFile+" and "+vocabFile)
		o := train.Options{Model: graph.Config{Tied: true, RopeBase: 10000, Eps: 1e-5}}
		env := train.Environment{}
		fs.StringVar(&env.Checkpoint, "checkpoint", "", "`file` to save to and resume from (default DIR/"+checkpointFile+")")
		fs.IntVar(&env.SaveEvery, "save-every", 100, "`steps` between checkpoints")
		fs.IntVar(&env.ScoreEvery, "score-every", 500, "`steps` between scores on held-out questions")
		fs.Uint64Var(&o.Seed, "seed", 1, "seed of the weights and of the order of examples")
		fs.IntVar(&o.Steps, "steps", 4000, "updates")
		fs.IntVar(&o.NRows, "rows", 12, "rows in the batch of one update")
		fs.IntVar(&o.NTok, "row-tokens", 160, "tokens in a row")
		fs.IntVar(&o.NReplicas, "replicas", 2, "graphs that share the rows, one core each")
		fs.Float64Var(&o.Rate, "learning-rate", 2e-3, "peak of the learning rate")
		fs.IntVar(&o.Model.Dim, "dim", 128, "model width")
		fs.IntVar(&o.Model.NLayers, "layers", 4, "layers")
		fs.IntVar(&o.Model.NHeads, "heads", 4, "attention heads")
		fs.IntVar(&o.Model.NKVHeads, "kv-heads", 4, "key and value heads")
		fs.IntVar(&o.Model.FFNDim, "ffn-dim", 352, "feed-forward width")
		return func(ctx context.Context, out io.Writer) error {
			if err := required("dir", *dir); err != nil {
				return err
			}
			env.Progress = out
			if env.Checkpoint == "" {
				env.Checkpoint = filepath.Join(*dir, checkpointFile)
			}
			return runTrain(ctx, *dir, o, env)
		}
	},
}

func runTrain(ctx context.Context, dir string, o train.Options, env train.Environment) error {
	examples, hash, err := readLines[corpus.Example](filepath.Join(dir, trainFile))
	if err != nil {
		return err
	}
	heldOut, _, err := readLines[corpus.Example](filepath.Join(dir, heldOutFile))
	if err != nil {
		return err
	}
	pieces, err := readVocab(dir)
	if err != nil {
		return err
	}
	o.CorpusHash = hash
	o.Model.NVocab = len(pieces)
	c, err := train.Run(ctx, o, pieces, examples, heldOut, env)
	if err != nil {
		return err
	}
	fmt.Fprintf(env.Progress, "%s: %d steps done, held-out %v\n", env.Checkpoint, c.Step, c.Score)
	return nil
}
