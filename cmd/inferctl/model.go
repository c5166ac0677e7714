package main

import (
	"context"

	"inferd/runtime"
)

// loadModel loads the model at path and shows progress while it is packed.
func loadModel(path string, o runtime.Options) (*runtime.Engine, error) {
	p := newProgress("loading")
	defer p.end()
	o.Progress = func(done, total int64) { p.set(done, total, "") }
	e, err := runtime.Load(path, o)
	return e, fileError(err)
}

// maxLogitsBytes bounds the logits that one step of these tools asks for.
const maxLogitsBytes = 64 << 20

// logitsPerStep returns how many tokens a step may carry if all their logits
// are wanted.
func logitsPerStep(e *runtime.Engine) int {
	return max(1, min(e.MaxBatch(), maxLogitsBytes/(4*e.NVocab())))
}

// feed appends tokens to s, at most perStep in a step, and calls each, unless
// it is nil, with the logits wanted of every step.
func feed(ctx context.Context, s *runtime.Session, tokens []runtime.Token, want runtime.Want, perStep int, each func(logits []float32) error) error {
	var b runtime.Batch
	defer b.Reset()
	for len(tokens) > 0 {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		n := min(perStep, len(tokens))
		b.Reset()
		b.Add(s, tokens[:n], want)
		if err := s.Engine().Step(&b); err != nil {
			return err
		}
		if each != nil {
			if err := each(b.Entries[0].Logits); err != nil {
				return err
			}
		}
		tokens = tokens[n:]
	}
	return nil
}
