package train

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"inferd/cmd/inferd-tune/bpe"
	"inferd/cmd/inferd-tune/corpus"
	"inferd/cmd/inferd-tune/graph"
	"inferd/cmd/inferd-tune/sgemm"
	"inferd/tokenizer"
)

// Options determine a run: the same options and corpus give the same model.
type Options struct {
	Model      graph.Config `json:"model"`
	Seed       uint64       `json:"seed"`
	Steps      int          `json:"steps"`
	NRows      int          `json:"rows"`          // of a step's batch, over all replicas
	NTok       int          `json:"row_tokens"`    // tokens in a row
	NReplicas  int          `json:"replicas"`      // divides NRows
	Rate       float64      `json:"learning_rate"` // peak
	CorpusHash string       `json:"corpus_sha256"`
}

// Environment is what a run may differ in without differing in its result.
type Environment struct {
	Checkpoint string    // file to save to and resume from
	SaveEvery  int       // steps; 0: only at the end
	ScoreEvery int       // steps; 0: only at the end
	Progress   io.Writer // one line now and then
}

// Run trains, from the checkpoint when there is one. On cancellation it saves
// what it has and returns ctx's error.
func Run(ctx context.Context, o Options, pieces []bpe.Piece, train, heldOut []corpus.Example, env Environment) (*Checkpoint, error) {
	sgemm.Use()
	c, err := begin(o, pieces, env)
	if err != nil {
		return nil, err
	}
	words, err := tokenizer.New(bpe.Vocab(c.Pieces))
	if err != nil {
		return nil, fmt.Errorf("train: vocabulary: %w", err)
	}
	t, err := newTrainer(c, encodeAll(words, train), encodeAll(words, heldOut))
	if err != nil {
		return nil, err
	}
	defer t.close()
	meter := newMeter(env.Progress, o, c.Step)
	for c.Step < o.Steps {
		if ctx.Err() != nil {
			return nil, errors.Join(ctx.Err(), c.Save(env.Checkpoint))
		}
		loss, err := t.step()
		if err != nil {
			return nil, err
		}
		meter.step(c.Step, loss)
		last := c.Step == o.Steps
		if last || env.ScoreEvery > 0 && c.Step%env.ScoreEvery == 0 {
			if err := t.score(); err != nil {
				return nil, err
			}
			fmt.Fprintf(env.Progress, "step %d held-out %v\n", c.Step, *c.Score)
		}
		if last || env.SaveEvery > 0 && c.Step%env.SaveEvery == 0 {
			if err := c.Save(env.Checkpoint); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

// begin loads the checkpoint of the same run, or starts one.
func begin(o Options, pieces []bpe.Piece, env Environment) (*Checkpoint, error) {
	if o.NReplicas < 1 || o.NRows%o.NReplicas != 0 {
		return nil, fmt.Errorf("train: %d rows do not split over %d replicas", o.NRows, o.NReplicas)
	}
	c, err := Load(env.Checkpoint)
	if err == nil {
		if c.Options != o {
			return nil, fmt.Errorf("train: %s is of another run: its options are %+v, not %+v", env.Checkpoint, c.Options, o)
		}
		fmt.Fprintf(env.Progress, "resuming %s at step %d\n", env.Checkpoint, c.Step)
		return c, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	c = &Checkpoint{Options: o, Pieces: pieces, Params: o.Model.Params()}
	o.Model.Init(c.Params, rand.New(rand.NewPCG(o.Seed, 1)))
	c.adam = newAdam(c.Params)
	return c, nil
}

// trainer runs steps on the parameters of a checkpoint.
type trainer struct {
	*Checkpoint
	data, heldOut []sequence
	replicas      []*graph.Graph
	eval          *evaluator
	grads         [][]float32 // summed over replicas
}

func newTrainer(c *Checkpoint, data, heldOut []sequence) (*trainer, error) {
	o := c.Options
	for i, s := range data {
		if len(s.tokens)-1 > o.NTok {
			return nil, fmt.Errorf("train: example %d has %d tokens, a row only %d", i, len(s.tokens)-1, o.NTok)
		}
	}
	t := &trainer{Checkpoint: c, data: data, heldOut: heldOut}
	for range o.NReplicas {
		g, err := graph.New(o.Model, c.Params, o.NRows/o.NReplicas, o.NTok, true)
		if err != nil {
			return nil, err
		}
		t.replicas = append(t.replicas, g)
	}
	var err error
	if t.eval, err = newEvaluator(o.Model, c.Params, o.NRows/o.NReplicas, o.NTok); err != nil {
		return nil, err
	}
	for _, p := range c.Params {
		t.grads = append(t.grads, make([]float32, len(p.Data)))
	}
	return t, nil
}

func (t *trainer) close() {
	for _, g := range append(t.replicas, t.eval.g) {
		_ = g.Close() // frees registers; there is nothing to do about an error
	}
}

// step does one update and returns the batch's loss.
func (t *trainer) step() (float64, error) {
	o := t.Options
	r := rand.New(rand.NewPCG(o.Seed, uint64(t.Step)+2))
	b := drawBatch(t.data, r, o.NRows, o.NTok)
	per := o.NRows / o.NReplicas
	errs := make([]error, o.NReplicas)
	var wg sync.WaitGroup
	for i, g := range t.replicas {
		wg.Go(func() { errs[i] = g.Run(part(b, i*per, (i+1)*per, o.NTok)) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return 0, err
	}
	var loss float64
	for i, g := range t.replicas {
		loss += float64(g.Loss())
		for j, sum := range t.grads {
			grad := g.Grad(j)
			if i == 0 {
				copy(sum, grad)
				continue
			}
			for k := range sum {
				sum[k] += grad[k]
			}
		}
	}
	t.Step++
	t.adam.step(t.Step, rateAt(t.Step, o.Steps, o.Rate), t.grads)
	if math.IsNaN(loss) {
		return 0, fmt.Errorf("train: loss is not a number at step %d", t.Step)
	}
	return loss, nil
}

func (t *trainer) score() error {
	s, err := t.eval.score(t.heldOut)
	t.Score = &s
	return err
}

// meter prints progress: a line every few seconds.
type meter struct {
	w           io.Writer
	o           Options
	start, last time.Time
	first       int     // step at which this process began
	loss        float64 // running mean
}

// meterInterval is the least time between two lines of progress.
const meterInterval = 10 * time.Second

func newMeter(w io.Writer, o Options, first int) *meter {
	now := time.Now()
	return &meter{w: w, o: o, start: now, last: now, first: first}
}

func (m *meter) step(step int, loss float64) {
	if m.loss == 0 {
		m.loss = loss
	}
	m.loss += 0.05 * (loss - m.loss)
	if time.Since(m.last) < meterInterval && step != m.o.Steps {
		return
	}
	m.last = time.Now()
	perStep := time.Since(m.start) / time.Duration(step-m.first)
	fmt.Fprintf(m.w, "step %d/%d loss %.4f %.0f tokens/s %v left\n", step, m.o.Steps, m.loss,
		float64(m.o.NRows*m.o.NTok)/perStep.Seconds(), (perStep * time.Duration(m.o.Steps-step)).Round(time.Second))
}
