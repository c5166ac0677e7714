package head

import (
	"errors"
	"fmt"

	"inferd/kernels"
)

// ErrMismatch is what Fits returns, wrapped, for another model's head.
var ErrMismatch = errors.New("the head belongs to another model")

// Head is a loaded classifier head: immutable and safe for concurrent use.
type Head struct {
	labels     []string
	weight     []float32 // [nLabels, dim]
	bias       []float32 // [nLabels]
	threshold  float32
	baseSHA256 string
}

// Labels returns the labels, in the order of Classify's probabilities. The
// caller must not change them.
func (h *Head) Labels() []string { return h.labels }

// Dim is the width of the embeddings the head takes.
func (h *Head) Dim() int { return len(h.weight) / len(h.labels) }

// Threshold is the probability below which a text should get no label, unless
// the caller knows better.
func (h *Head) Threshold() float32 { return h.threshold }

// Fits returns an error that is ErrMismatch unless the model file with the
// given sha256, in hexadecimal, is the one the head was trained with.
func (h *Head) Fits(modelSHA256 string, dim int) error {
	if h.baseSHA256 != modelSHA256 {
		return fmt.Errorf("%w: it was trained with the file of sha256 %s, the model has %s", ErrMismatch, h.baseSHA256, modelSHA256)
	}
	if h.Dim() != dim {
		return fmt.Errorf("%w: it takes embeddings of width %d, the model has %d", ErrMismatch, h.Dim(), dim)
	}
	return nil
}

// Classify sets probs [nLabels] to the labels' probabilities for an embedding
// [dim]. It panics if lengths disagree. The bits are the same on every CPU.
func (h *Head) Classify(probs, embedding []float32) {
	dim := h.Dim()
	if len(probs) != len(h.labels) || len(embedding) != dim {
		panic(fmt.Sprintf("head: Classify of %d values to %d labels, the head has %d and %d",
			len(embedding), len(probs), dim, len(h.labels)))
	}
	products := make([]float32, dim)
	for i := range probs {
		kernels.Mul(products, h.weight[i*dim:(i+1)*dim], embedding)
		probs[i] = kernels.Sum(products) + h.bias[i]
	}
	kernels.Softmax(probs, probs)
}
