package serve

import "inferd/runtime"

// Sampling holds values of sampling parameters by their names in requests, for
// requests that do not say otherwise. Only those that a configuration gives are
// there.
type Sampling map[string]float64

// Range is what a number may be.
type Range struct{ Low, High float64 }

// SamplingRanges are the parameters that Sampling may hold.
var SamplingRanges = map[string]Range{
	"temperature":       {0, 10},
	"top_k":             {0, 1 << 30},
	"top_p":             {0, 1},
	"min_p":             {0, 1},
	"repeat_penalty":    {0.01, 10},
	"repeat_last_n":     {0, 1 << 30},
	"presence_penalty":  {-2, 2},
	"frequency_penalty": {-2, 2},
}

// Given returns the names of the parameters that a request has, as has tells.
func Given(has func(name string) bool) map[string]bool {
	given := map[string]bool{}
	for name := range SamplingRanges {
		if has(name) {
			given[name] = true
		}
	}
	return given
}

// Apply sets the parameters of p that are not given.
func (s Sampling) Apply(p *runtime.SamplingParams, given map[string]bool) {
	for name, v := range s {
		if given[name] {
			continue
		}
		switch name {
		case "temperature":
			p.Temperature = float32(v)
		case "top_k":
			p.TopK = int(v)
		case "top_p":
			p.TopP = float32(v)
		case "min_p":
			p.MinP = float32(v)
		case "repeat_penalty":
			p.RepeatPenalty = float32(v)
		case "repeat_last_n":
			p.RepeatLastN = int(v)
		case "presence_penalty":
			p.PresencePenalty = float32(v)
		case "frequency_penalty":
			p.FrequencyPenalty = float32(v)
		}
	}
}
