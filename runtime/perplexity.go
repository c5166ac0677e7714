package runtime

import (
	"context"
	"fmt"
	"math"
)

// PerplexityOptions says how a text is scored.
type PerplexityOptions struct {
	NCtx    int // tokens in a chunk, at least 4
	NChunks int // 0: all that the text has

	// Progress, if set, is called after each chunk.
	Progress func(chunk, nChunks int, ppl float64)
}

// Perplexity is how surprised a model is by a text: e to the mean negative log
// probability of a token.
type Perplexity struct {
	PPL     float64
	NTokens int // scored
	NChunks int
}

// Perplexity scores tokens by the method of llama.cpp's tool, so that figures
// compare: the text is cut into chunks of NCtx tokens, each begins afresh, its
// first token is replaced by BOS where the vocabulary adds one, and the tokens
// of its second half are scored.
func (e *Engine) Perplexity(ctx context.Context, tokens []Token, o PerplexityOptions) (Perplexity, error) {
	var p Perplexity
	if o.NCtx < 4 || o.NCtx > e.nCtx {
		return p, &ParamError{"ctx", o.NCtx, fmt.Sprintf("4 to %d", e.nCtx)}
	}
	nChunks := len(tokens) / o.NCtx
	if nChunks == 0 {
		return p, fmt.Errorf("runtime: perplexity: the text has %d tokens, a chunk needs %d", len(tokens), o.NCtx)
	}
	if o.NChunks > 0 {
		nChunks = min(nChunks, o.NChunks)
	}
	probs := NewLogProbs(e.nVocab, 0)
	chunk := make([]Token, o.NCtx)
	nll := 0.0
	for i := range nChunks {
		copy(chunk, tokens[i*o.NCtx:])
		if e.tok.AddsBOS() {
			chunk[0] = e.tok.BOS()
		}
		sum, err := e.scoreChunk(ctx, chunk, probs)
		if err != nil {
			return p, err
		}
		nll += sum
		p.NChunks++
		p.NTokens += o.NCtx - o.NCtx/2 - 1
		p.PPL = math.Exp(nll / float64(p.NTokens))
		if o.Progress != nil {
			o.Progress(p.NChunks, nChunks, p.PPL)
		}
	}
	return p, nil
}

// scoreChunk returns the negative log probability of a chunk's second half.
func (e *Engine) scoreChunk(ctx context.Context, chunk []Token, probs *LogProbs) (nll float64, err error) {
	s, err := e.NewSession(SessionOptions{})
	if err != nil {
		return 0, err
	}
	defer s.Close()
	first := len(chunk) / 2 // the first position whose logits are scored
	var b Batch
	defer b.Reset()
	for pos := 0; pos < len(chunk)-1; {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		end := min(pos+e.MaxBatch(), len(chunk)-1)
		want := WantAll
		if pos < first {
			end, want = min(end, first), WantNone
		}
		b.Reset()
		b.Add(s, chunk[pos:end], want)
		if err := e.Step(&b); err != nil {
			return 0, err
		}
		logits := b.Entries[0].Logits
		for i := 0; i < len(logits); i += e.nVocab {
			probs.Set(logits[i : i+e.nVocab])
			nll -= float64(probs.Of(chunk[pos+i/e.nVocab+1]))
		}
		pos = end
	}
	return nll, nil
}
