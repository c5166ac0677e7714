package kernels

import (
	"errors"
	"fmt"
	"math"
)

// RoPEParams describes the angles of a rotary position encoding. The zero
// value of each scaling field switches it off.
type RoPEParams struct {
	NRot int     // elements turned per head, even
	Base float64 // angle of pair i at position 1: Base^(-2i/NRot)

	// FreqFactors divides the frequency of each pair, [NRot/2] or nil: the
	// tensor rope_freqs of llama 3.1, or the short or long factors of longrope.
	// An infinite factor stops a pair.
	FreqFactors []float32

	// Factor divides all frequencies (linear scaling, and the interpolated
	// part of YaRN). 0 means 1.
	Factor float64

	// YaRN (arXiv:2309.00071) interpolates only the slow pairs.
	YaRN      bool
	NCtxOrig  int     // context length of the training
	BetaFast  float64 // turns in NCtxOrig above which a pair is not interpolated; 0 means 32
	BetaSlow  float64 // turns below which it is fully interpolated; 0 means 1
	ExtFactor float64 // share of its own frequency that a fast pair keeps; 0 means 1
	// MScale and MScaleAll give YaRN's magnitude, (1 + 0.1·MScale·ln Factor) /
	// (1 + 0.1·MScaleAll·ln Factor). An MScale of 0 means 1.
	MScale, MScaleAll float64

	// AttnFactor multiplies cos and sin. 0 means 1.
	AttnFactor float64
}

// RoPETable holds the frequencies of one kind of rotary encoding. It is
// immutable and safe for concurrent use.
//
// Frequencies, angles and their sines are computed in float64 with every
// operation rounded on its own, and cos and sin are rounded to float32 at the
// end: the same bits on every CPU, and within 1 ulp for positions up to 2^20.
type RoPETable struct {
	freqs []float64 // radians per position, [NRot/2]
	mag   float64
}

// NewRoPETable computes the frequencies. It reports parameters that define no
// rotation.
func NewRoPETable(p RoPEParams) (*RoPETable, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	p.setDefaults()
	t := &RoPETable{freqs: make([]float64, p.NRot/2), mag: p.AttnFactor}
	lnBase := log64(p.Base)
	for i := range t.freqs {
		f := exp64(float64(-float64(2*i) / float64(p.NRot) * lnBase))
		if p.FreqFactors != nil {
			f /= float64(p.FreqFactors[i])
		}
		t.freqs[i] = f / p.Factor
		if p.YaRN {
			t.freqs[i] = f * p.yarnBlend(i, lnBase)
		}
	}
	if p.YaRN && p.Factor > 1 {
		ln := 0.1 * log64(p.Factor)
		t.mag = float64(t.mag*(1+float64(p.MScale*ln))) / (1 + float64(p.MScaleAll*ln))
	}
	return t, nil
}

func (p *RoPEParams) check() error {
	for _, f := range []float64{p.Base, p.Factor, p.AttnFactor, p.BetaFast, p.BetaSlow, p.MScale, p.MScaleAll, p.ExtFactor} {
		if !(f >= 0) || math.IsInf(f, 0) {
			return fmt.Errorf("kernels: rope: parameter is %g, want finite numbers of 0 or more", f)
		}
	}
	switch {
	case p.NRot <= 0 || p.NRot%2 != 0:
		return fmt.Errorf("kernels: rope: turns %d elements, want a positive even number", p.NRot)
	case p.Base == 0:
		return errors.New("kernels: rope: base is 0")
	case p.FreqFactors != nil && len(p.FreqFactors) != p.NRot/2:
		return fmt.Errorf("kernels: rope: %d frequency factors, want %d", len(p.FreqFactors), p.NRot/2)
	case p.YaRN && p.NCtxOrig <= 0:
		return fmt.Errorf("kernels: rope: YaRN's original context length is %d, want a positive number", p.NCtxOrig)
	case p.YaRN && p.Base == 1:
		return errors.New("kernels: rope: YaRN needs a base other than 1")
	}
	for i, f := range p.FreqFactors {
		if !(f > 0) {
			return fmt.Errorf("kernels: rope: frequency factor %d is %g, want a positive number", i, f)
		}
	}
	return nil
}

func (p *RoPEParams) setDefaults() {
	for _, f := range []struct {
		field *float64
		value float64
	}{{&p.Factor, 1}, {&p.AttnFactor, 1}, {&p.BetaFast, 32}, {&p.BetaSlow, 1}, {&p.MScale, 1}, {&p.ExtFactor, 1}} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
}

// yarnBlend is what YaRN multiplies the frequency of pair i by: 1 (if ExtFactor
// is) for the fast pairs, 1/Factor for the slow ones, a ramp between.
func (p *RoPEParams) yarnBlend(i int, lnBase float64) float64 {
	lo := max(0, math.Floor(p.yarnPair(p.BetaFast, lnBase)))
	hi := min(float64(p.NRot-1), math.Ceil(p.yarnPair(p.BetaSlow, lnBase)))
	keep := float64((1 - min(max((float64(i)-lo)/max(0.001, hi-lo), 0), 1)) * p.ExtFactor)
	return float64((1-keep)/p.Factor) + keep
}

// yarnPair is the pair, in fractions, that makes beta turns in NCtxOrig.
func (p *RoPEParams) yarnPair(beta, lnBase float64) float64 {
	turn := float64(p.NCtxOrig) / float64(beta*2*math.Pi)
	return float64(float64(p.NRot)*log64(turn)) / (2 * lnBase)
}

// NRot returns the number of elements that turn.
func (t *RoPETable) NRot() int { return 2 * len(t.freqs) }

// Row writes the factors of one position, for all pairs and with the
// magnitude in them. cos and sin have NRot/2 elements; pos is not negative.
// It panics if a length differs.
func (t *RoPETable) Row(cos, sin []float32, pos int) {
	checkLen("RoPETable.Row", "cos", len(cos), len(t.freqs))
	checkLen("RoPETable.Row", "sin", len(sin), len(t.freqs))
	for i, f := range t.freqs {
		s, c := sincos64(float64(float64(pos) * f))
		cos[i] = float32(c * t.mag)
		sin[i] = float32(s * t.mag)
	}
}
