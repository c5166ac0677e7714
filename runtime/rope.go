package runtime

import (
	"fmt"

	"inferd/kernels"
)

// rope is one rotary position encoding of a model (arXiv:2104.09864). Models
// whose layers encode positions in different ways have several.
type rope struct {
	params  kernels.RoPEParams
	pairing kernels.RoPEPairing
	factors []float32          // divisors of the frequencies, a tensor of some models
	table   *kernels.RoPETable // nil until ready
}

// newRoPE reads the parameters: the base, the number of elements turned
// (defaultDim where the metadata does not say), and the scaling by which a
// context was extended.
func newRoPE(h *hparams, c *config, defaultDim int, pairing kernels.RoPEPairing) rope {
	p := kernels.RoPEParams{
		NRot:       h.countOr("rope.dimension_count", defaultDim, maxDim),
		Base:       h.positiveOr("rope.freq_base", 10000),
		AttnFactor: h.positiveOr("rope.scaling.attn_factor", 1),
		NCtxOrig:   h.countOr("rope.scaling.original_context_length", c.nCtxTrain, maxNCtx),
	}
	if p.NRot%2 != 0 {
		h.fault(h.key("rope.dimension_count"), "is %d, must be even", p.NRot)
	}
	factor := h.positiveOr("rope.scaling.factor", 1)
	switch kind := h.textOr("rope.scaling.type", "none"); kind {
	case "none":
		// Files made before scaling had a type say how much, not how.
		p.Factor = h.positiveOr("rope.scale_linear", 1)
	case "linear", "yarn":
		if !h.has("rope.scaling.factor") {
			h.fault(h.key("rope.scaling.factor"), "is missing, but rope.scaling.type is %q", kind)
		}
		p.Factor = factor
		p.YaRN = kind == "yarn"
	case "longrope":
		// Its factors are tensors; the architecture binds them.
	default:
		h.fault(h.key("rope.scaling.type"), "is %q, must be none, linear, yarn or longrope", kind)
	}
	return rope{params: p, pairing: pairing}
}

// ready computes the frequencies, once the factors are loaded.
func (r *rope) ready() (err error) {
	r.params.FreqFactors = r.factors
	if r.table, err = kernels.NewRoPETable(r.params); err != nil {
		return fmt.Errorf("rotary positions: %w", err)
	}
	return nil
}
