package train

import (
	"fmt"
	"math"

	"inferd/cmd/inferd-tune/graph"
)

// Score is how well a model does on held-out questions.
type Score struct {
	Loss  float64 // mean -log p of the tokens of answers
	Exact float64 // share of questions with one right answer that greedy decoding gives
}

func (s Score) String() string { return fmt.Sprintf("loss %.4f exact %.1f %%", s.Loss, 100*s.Exact) }

// evaluator scores parameters in a graph without gradients.
type evaluator struct {
	g           *graph.Graph
	c           graph.Config
	nRows, nTok int
}

func newEvaluator(c graph.Config, params []graph.Param, nRows, nTok int) (*evaluator, error) {
	g, err := graph.New(c, params, nRows, nTok, false)
	if err != nil {
		return nil, err
	}
	return &evaluator{g, c, nRows, nTok}, nil
}

// score reads each answer with the right beginning before every token. Greedy
// decoding gives the right answer exactly when the most likely token is right
// at every place, so no text needs to be generated.
func (e *evaluator) score(data []sequence) (Score, error) {
	var loss float64
	var nTokens, nExact, nClosed, nDone int
	for nDone < len(data) {
		b := newBatch(e.nRows, e.nTok)
		var starts []int
		for _, s := range data[nDone:] {
			at, ok := b.place(s)
			if !ok {
				break
			}
			starts = append(starts, at)
		}
		if len(starts) == 0 {
			return Score{}, fmt.Errorf("train: example %d has more than %d tokens", nDone, e.nTok)
		}
		if err := e.g.Run(graph.Batch{Tokens: b.Tokens, Docs: b.Docs}); err != nil {
			return Score{}, err
		}
		logits := e.g.Logits()
		for i, at := range starts {
			s := data[nDone+i]
			exact := true
			for j := s.answer; j < len(s.tokens); j++ {
				row := logits[(at+j-1)*e.c.NVocab:][:e.c.NVocab]
				l, top := crossEntropy(row, s.tokens[j])
				loss += l
				nTokens++
				exact = exact && top
			}
			if !s.open {
				nClosed++
			}
			if exact && !s.open {
				nExact++
			}
		}
		nDone += len(starts)
	}
	return Score{loss / float64(nTokens), float64(nExact) / float64(max(1, nClosed))}, nil
}

// crossEntropy returns -log p(target) and whether target has the largest logit.
func crossEntropy(logits []float32, target int32) (loss float64, top bool) {
	peak := logits[target]
	for _, x := range logits {
		peak = max(peak, x)
	}
	var sum float64
	for _, x := range logits {
		sum += math.Exp(float64(x - peak))
	}
	return math.Log(sum) - float64(logits[target]-peak), logits[target] == peak
}
