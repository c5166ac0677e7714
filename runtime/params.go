package runtime

import (
	"fmt"
	"math"
)

// SamplingParams says how a token is chosen from logits. The zero value of a
// field other than TopP and RepeatPenalty leaves the distribution alone; start
// from DefaultSampling.
//
// The chain runs in a fixed order, each link on what the one before it left:
// logit bias, repetition, frequency and presence penalties, temperature,
// top-k, top-p, min-p, draw. Temperature comes before the truncating links, as
// in the services whose parameters these are, so top-p and min-p see the
// distribution that is drawn from.
type SamplingParams struct {
	Temperature float32 // 0 is greedy: the most likely token, the lowest id among equals; 0 to 10
	TopK        int     // keep the k most likely tokens; 0 keeps all
	TopP        float32 // keep the fewest tokens whose probabilities reach p; 1 keeps all; 0 to 1
	MinP        float32 // keep tokens at least p times as likely as the best; 0 keeps all; 0 to 1

	// RepeatPenalty divides a positive logit of a token that occurred, and
	// multiplies a negative one; 1 does nothing; over 0, to 10. Prompt and
	// output count, of them the last RepeatLastN tokens (0: all).
	RepeatPenalty float32
	RepeatLastN   int

	// FrequencyPenalty is subtracted from a token's logit once for each time
	// it was generated, PresencePenalty once if it was generated at all.
	// The prompt does not count. -2 to 2.
	FrequencyPenalty float32
	PresencePenalty  float32

	LogitBias []TokenBias // added to logits first; -Inf forbids a token

	Seed uint64 // same seed, same logits: same tokens
}

// TokenBias is a number added to one token's logit.
type TokenBias struct {
	Token Token   `json:"token"`
	Bias  float32 `json:"bias"`
}

// DefaultSampling draws from the model's own distribution.
func DefaultSampling() SamplingParams {
	return SamplingParams{Temperature: 1, TopP: 1, RepeatPenalty: 1}
}

// Greedy picks the most likely token each time.
func Greedy() SamplingParams {
	p := DefaultSampling()
	p.Temperature = 0
	return p
}

// Validate returns a *ParamError for the first parameter outside its range.
func (p *SamplingParams) Validate(nVocab int) error {
	for _, f := range []struct {
		name   string
		v      float32
		lo, hi float32
	}{
		{"temperature", p.Temperature, 0, 10},
		{"top_p", p.TopP, 0, 1},
		{"min_p", p.MinP, 0, 1},
		{"repeat_penalty", p.RepeatPenalty, 0, 10},
		{"frequency_penalty", p.FrequencyPenalty, -2, 2},
		{"presence_penalty", p.PresencePenalty, -2, 2},
	} {
		if !(f.v >= f.lo && f.v <= f.hi) { // also refuses NaN
			return &ParamError{f.name, f.v, fmt.Sprintf("%g to %g", f.lo, f.hi)}
		}
	}
	switch {
	case p.RepeatPenalty == 0:
		return &ParamError{"repeat_penalty", p.RepeatPenalty, "over 0, to 10"}
	case p.TopK < 0:
		return &ParamError{"top_k", p.TopK, "0 or more"}
	case p.RepeatLastN < 0:
		return &ParamError{"repeat_last_n", p.RepeatLastN, "0 or more"}
	}
	for _, b := range p.LogitBias {
		if b.Token < 0 || int(b.Token) >= nVocab {
			return &ParamError{"logit_bias token", b.Token, fmt.Sprintf("0 to %d", nVocab-1)}
		}
		if math.IsNaN(float64(b.Bias)) || math.IsInf(float64(b.Bias), 1) {
			return &ParamError{"logit_bias", b.Bias, "a finite number or -Inf"}
		}
	}
	return nil
}
