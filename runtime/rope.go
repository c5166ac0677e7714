package runtime

import (
	"fmt"

	"inferd/kernels"
)

// maxRopes is how many encodings of positions a model has at most: one for
// layers with a sliding window and one for the others.
const maxRopes = 2

// rope is one rotary position encoding of a model (arXiv:2104.09864). Models
// whose layers encode positions in different ways have several.
type rope struct {
	params  kernels.RoPEParams
	pairing kernels.RoPEPairing
	table   *kernels.RoPETable // nil until ready

	// Divisors of the frequencies, tensors of some models: one set, or two, of
	// which long is for contexts longer than the model was trained on first.
	factors, short, long []float32
}

// newRoPE reads the parameters: the base, the number of elements turned (those
// of a whole head where the metadata does not say), and the scaling by which a
// context was extended.
func newRoPE(h *hparams, c *config, pairing kernels.RoPEPairing) rope {
	p := kernels.RoPEParams{
		NRot:       h.rotated("rope.dimension_count", c.headDim),
		Base:       h.positiveOr("rope.freq_base", 10000),
		AttnFactor: h.positiveOr("rope.scaling.attn_factor", 1),
		NCtxOrig:   h.countOr("rope.scaling.original_context_length", c.nCtxTrain, maxNCtx),
	}
	// Files made before scaling had a type say how much under another name; 0
	// is by nothing.
	factor := h.nonNegativeOr("rope.scaling.factor", h.nonNegativeOr("rope.scale_linear", 0))
	if factor == 0 {
		factor = 1
	}
	switch kind := h.textOr("rope.scaling.type", "linear"); kind {
	case "none":
	case "linear", "yarn", "longrope": // the factors of the last are tensors, as a rule alone
		p.Factor = factor
		p.YaRN = kind == "yarn"
	default:
		h.fault(h.key("rope.scaling.type"), "is %q, must be none, linear, yarn or longrope", kind)
	}
	return rope{params: p, pairing: pairing}
}

// newWholeRoPE is newRoPE for architectures that turn all elements of a head.
func newWholeRoPE(h *hparams, c *config, pairing kernels.RoPEPairing) rope {
	r := newRoPE(h, c, pairing)
	if r.params.NRot != c.headDim {
		h.fault(h.key("rope.dimension_count"), "is %d, must be the head's width %d", r.params.NRot, c.headDim)
	}
	return r
}

// readYaRN reads the parameters of YaRN that some architectures tell and others
// fix. logUnit is what the metadata's multiplier is a multiple of.
func (r *rope) readYaRN(h *hparams, logUnit float64) {
	r.params.BetaFast = h.positiveOr("rope.scaling.yarn_beta_fast", 0)
	r.params.BetaSlow = h.positiveOr("rope.scaling.yarn_beta_slow", 0)
	r.params.MScaleAll = h.nonNegativeOr("rope.scaling.yarn_log_multiplier", 0) / logUnit
}

// sliding returns the encoding of layers with a sliding window: its base is its
// own, defBase where the metadata does not say, and what extends the context for
// the others does nothing to it but for the magnitude.
func (r rope) sliding(h *hparams, c *config, defBase float64) rope {
	r.params = kernels.RoPEParams{Base: defBase, NRot: r.params.NRot, AttnFactor: r.params.AttnFactor}
	return r.rebased(h, c)
}

// rebased returns the encoding of layers with a sliding window that may have a
// base of their own, and turn another part of each head.
func (r rope) rebased(h *hparams, c *config) rope {
	r.params.Base = h.positiveOr("rope.freq_base_swa", r.params.Base)
	if h.has("rope.dimension_count_swa") {
		r.params.NRot = h.rotated("rope.dimension_count_swa", c.headDim)
	}
	return r
}

func (r *rope) bind(b *binder) {
	n := r.params.NRot / 2
	b.optVec(&r.factors, "rope_freqs", n)
	if b.has("rope_factors_long.weight") || b.has("rope_factors_short.weight") {
		b.vec(&r.long, "rope_factors_long", n)
		b.vec(&r.short, "rope_factors_short", n)
	}
}

// ready computes the frequencies, once the factors are loaded. It depends on
// the context a session may have, not on the one it has: keys are turned once.
func (r *rope) ready(nCtx int) (err error) {
	r.params.FreqFactors = r.factors
	if r.long != nil {
		r.params.FreqFactors = r.short
		if nCtx > r.params.NCtxOrig {
			r.params.FreqFactors = r.long
		}
	}
	if r.table, err = kernels.NewRoPETable(r.params); err != nil {
		return fmt.Errorf("rotary positions: %w", err)
	}
	return nil
}

// readyRoPEs readies all of a model's encodings.
func readyRoPEs(ropes []rope, nCtx int) error {
	for i := range ropes {
		if err := ropes[i].ready(nCtx); err != nil {
			return err
		}
	}
	return nil
}

// rotate computes the turns of the step's tokens under each encoding.
func (s *step) rotate(b Backend, ropes []rope) {
	for i := range ropes {
		s.rotations[i] = b.Rotation(&ropes[i], s)
	}
}
