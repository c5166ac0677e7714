package openai

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"time"

	"inferd/daemon/ask"
	"inferd/daemon/members"
	"inferd/daemon/serve"
	"inferd/daemon/wire"
	"inferd/runtime"
)

const (
	maxChoices     = 128 // answers of one request
	maxTopLogProbs = 20
	maxStops       = 16 // OpenAI allows 4
)

// request is what all requests for a model say about themselves.
type request struct {
	model        string
	stream       bool
	includeUsage bool // at the end of a stream
	adapters     []serve.Adapter
	keepAlive    *time.Duration
	metadata     json.RawMessage // as sent
}

// about returns what a request that has r in it says.
func (r *request) about() *request { return r }

// readRequest reads it from the members of o, and those that only label it.
func readRequest(o *wire.Object) (r request) {
	o.Require("model")
	r.model, _ = o.Str("model")
	r.stream = o.Bool("stream", false)
	r.adapters = members.Adapters(o)
	r.keepAlive = members.KeepAlive(o)
	r.metadata = o.Peek("metadata", "{}")
	o.Ignored("an object", "metadata")
	readNeutral(o)
	o.Ignored("a string", "user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention")
	return r
}

// neutral are parameters of llama.cpp, vLLM and SGLang that clients made for these
// send as a matter of course, with the values at which they ask for nothing that is
// not done anyway.
var neutral = []struct {
	member string
	values []string
}{
	{"add_generation_prompt", []string{"true"}},
	{"continue_final_message", []string{"false"}},
	{"include_reasoning", []string{"true"}},
	{"separate_reasoning", []string{"true"}},
	{"reasoning_format", []string{`"auto"`, `"deepseek"`}},
	{"skip_special_tokens", []string{"true"}},
	{"spaces_between_special_tokens", []string{"true"}},
	{"stop_token_ids", []string{"[]"}},
	{"min_tokens", []string{"0"}},
	{"use_beam_search", []string{"false"}},
	{"length_penalty", []string{"1", "1.0"}},
	{"timings_per_token", []string{"false"}},
	{"return_progress", []string{"false"}},
	{"n_probs", []string{"0"}},
	{"mirostat", []string{"0"}},
	{"typical_p", []string{"1", "1.0"}},
	{"tfs_z", []string{"1", "1.0"}},
	{"dynatemp_range", []string{"0", "0.0"}},
	{"xtc_probability", []string{"0", "0.0"}},
	{"dry_multiplier", []string{"0", "0.0"}},
}

// readNeutral reads them, and what says how to compute: prompts are cached in any
// case, which no answer shows, and the order of requests is the policy's.
func readNeutral(o *wire.Object) {
	for _, p := range neutral {
		o.Only(p.member, p.values...)
	}
	o.Bool("cache_prompt", true)
	o.Integer("id_slot", -1, math.MaxInt32, -1)
	o.Integer("priority", math.MinInt32, math.MaxInt32, 0)
}

// readParams reads the parameters that both kinds of completion have, save the
// most tokens and log probabilities.
func readParams(o *wire.Object) (p ask.Params) {
	p.N = int(o.Integer("n", 1, maxChoices, 1))
	p.Format = readFormat(o)
	readSampling(o, &p)
	return p
}

// readSampling reads how tokens are chosen and where answers stop.
func readSampling(o *wire.Object, p *ask.Params) {
	p.Given = serve.Given(func(name string) bool {
		return o.Has(name) || name == "repeat_penalty" && o.Has("repetition_penalty")
	})
	s := runtime.DefaultSampling()
	s.Temperature = o.Number("temperature", 0, 2, 1)
	s.TopP = o.Number("top_p", 0, 1, 1)
	s.TopK = int(o.Integer("top_k", 0, math.MaxInt32, 0))
	s.MinP = o.Number("min_p", 0, 1, 0)
	s.PresencePenalty = o.Number("presence_penalty", -2, 2, 0)
	s.FrequencyPenalty = o.Number("frequency_penalty", -2, 2, 0)
	if o.Has("repeat_penalty") && o.Has("repetition_penalty") {
		o.Fail("invalid_value", "repetition_penalty", "and \"repeat_penalty\" are the same, send one of them")
	}
	s.RepeatPenalty = o.Number("repeat_penalty", 0, 10, 1)
	s.RepeatPenalty = o.Number("repetition_penalty", 0, 10, float64(s.RepeatPenalty))
	s.RepeatLastN = int(o.Integer("repeat_last_n", 0, math.MaxInt32, 0))
	s.LogitBias = readLogitBias(o)
	s.Seed = readSeed(o)

	p.Generation = runtime.GenerationOptions{
		Sampling:  s,
		Stop:      readStop(o),
		IgnoreEOG: o.Bool("ignore_eos", false),
	}
}

func readStreamOptions(o *wire.Object, stream bool) (includeUsage bool) {
	options := o.Object("stream_options")
	if options == nil {
		return false
	}
	if !stream {
		o.Fail("invalid_value", "stream_options", "is only allowed when \"stream\" is true")
	}
	includeUsage = options.Bool("include_usage", false)
	options.Unsupported("include_obfuscation")
	o.CloseInner(options)
	return includeUsage
}

// readSeed returns the seed, or a random one where there is none. Every
// integer of 64 bits is allowed.
func readSeed(o *wire.Object) uint64 {
	if !o.Has("seed") {
		o.Take("seed")
		return ask.RandomSeed()
	}
	return uint64(o.Integer("seed", math.MinInt64, math.MaxInt64, 0))
}

// readStop reads a string or an array of strings.
func readStop(o *wire.Object) []string {
	stops := o.OneOrMore("stop", maxStops)
	if slices.Contains(stops, "") {
		o.Fail("invalid_value", "stop", "has an empty string, which stops nothing")
	}
	return stops
}

// readLogitBias reads an object from token ids to biases, as a list in the
// order of ids.
func readLogitBias(o *wire.Object) []runtime.TokenBias {
	bias := o.Object("logit_bias")
	if bias == nil {
		return nil
	}
	var list []runtime.TokenBias
	for _, name := range bias.Members() {
		token, err := strconv.ParseInt(name, 10, 32)
		if err != nil || token < 0 {
			bias.Fail("invalid_value", name, "is not a token id")
		}
		list = append(list, runtime.TokenBias{
			Token: runtime.Token(token),
			Bias:  bias.Number(name, -100, 100, 0),
		})
	}
	o.CloseInner(bias)
	slices.SortFunc(list, func(a, b runtime.TokenBias) int { return cmp.Compare(a.Token, b.Token) })
	for i := 1; i < len(list); i++ {
		if list[i].Token == list[i-1].Token { // "7" and "07"
			o.Fail("duplicate_parameter", "logit_bias", "has token %d twice", list[i].Token)
		}
	}
	return list
}

// readTopLogProbs is the number of most likely tokens to tell.
func readTopLogProbs(o *wire.Object, member string, absent int64) int {
	return int(o.Integer(member, 0, maxTopLogProbs, absent))
}
