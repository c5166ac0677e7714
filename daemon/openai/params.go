package openai

import (
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"
	"strconv"

	"inferd/runtime"
)

const (
	maxChoices     = 128 // answers of one request
	maxTopLogProbs = 20
	maxStops       = 16 // OpenAI allows 4
)

// params are the parameters that both kinds of completion have.
type params struct {
	model        string
	stream       bool
	includeUsage bool
	n            int
	format       format
	generation   runtime.GenerationOptions // MaxTokens, Grammar and log probabilities are not set here
}

// readParams reads them from the members of o.
func readParams(o *object) (p params) {
	o.require("model")
	p.model, _ = o.str("model")
	p.stream = o.boolean("stream", false)
	p.includeUsage = readStreamOptions(o, p.stream)
	p.n = int(o.integer("n", 1, maxChoices, 1))
	p.format = readFormat(o)

	s := runtime.DefaultSampling()
	s.Temperature = o.number("temperature", 0, 2, 1)
	s.TopP = o.number("top_p", 0, 1, 1)
	s.TopK = int(o.integer("top_k", 0, math.MaxInt32, 0))
	s.MinP = o.number("min_p", 0, 1, 0)
	s.PresencePenalty = o.number("presence_penalty", -2, 2, 0)
	s.FrequencyPenalty = o.number("frequency_penalty", -2, 2, 0)
	if o.has("repeat_penalty") && o.has("repetition_penalty") {
		o.fail("invalid_value", "repetition_penalty", "and \"repeat_penalty\" are the same, send one of them")
	}
	s.RepeatPenalty = o.number("repeat_penalty", 0, 10, 1)
	s.RepeatPenalty = o.number("repetition_penalty", 0, 10, float64(s.RepeatPenalty))
	s.RepeatLastN = int(o.integer("repeat_last_n", 0, math.MaxInt32, 0))
	s.LogitBias = readLogitBias(o)
	s.Seed = readSeed(o)

	p.generation = runtime.GenerationOptions{
		Sampling:  s,
		Stop:      readStop(o),
		IgnoreEOG: o.boolean("ignore_eos", false),
	}
	o.ignored("user", "metadata", "safety_identifier", "prompt_cache_key", "prompt_cache_retention")
	return p
}

func readStreamOptions(o *object, stream bool) (includeUsage bool) {
	options := o.object("stream_options")
	if options == nil {
		return false
	}
	if !stream {
		o.fail("invalid_value", "stream_options", "is only allowed when \"stream\" is true")
	}
	includeUsage = options.boolean("include_usage", false)
	options.unsupported("include_obfuscation")
	o.closeInner(options)
	return includeUsage
}

// readSeed returns the seed, or a random one where there is none. Every
// integer of 64 bits is allowed.
func readSeed(o *object) uint64 {
	if !o.has("seed") {
		o.take("seed")
		var b [8]byte
		_, _ = rand.Read(b[:]) // never fails
		return binary.LittleEndian.Uint64(b[:])
	}
	return uint64(o.integer("seed", math.MinInt64, math.MaxInt64, 0))
}

// readStop reads a string or an array of strings.
func readStop(o *object) []string {
	value := o.take("stop")
	if value == nil {
		return nil
	}
	elements := []json.RawMessage{value}
	if typeOf(value) == "an array" {
		if firstOf(value) == "" { // as good as none
			return nil
		}
		elements = o.elements("stop", value, maxStops)
	}
	var stops []string
	for _, element := range elements {
		if typeOf(element) != "a string" {
			o.want("stop", "a string or an array of strings", element)
			return nil
		}
		s := unquote(element)
		if s == "" {
			o.fail("invalid_value", "stop", "has an empty string, which stops nothing")
		}
		stops = append(stops, s)
	}
	return stops
}

// readLogitBias reads an object from token ids to biases, as a list in the
// order of ids.
func readLogitBias(o *object) []runtime.TokenBias {
	bias := o.object("logit_bias")
	if bias == nil {
		return nil
	}
	var list []runtime.TokenBias
	for _, name := range bias.names {
		token, err := strconv.ParseInt(name, 10, 32)
		if err != nil || token < 0 {
			bias.fail("invalid_value", name, "is not a token id")
		}
		list = append(list, runtime.TokenBias{
			Token: runtime.Token(token),
			Bias:  bias.number(name, -100, 100, 0),
		})
	}
	o.closeInner(bias)
	slices.SortFunc(list, func(a, b runtime.TokenBias) int { return cmp.Compare(a.Token, b.Token) })
	for i := 1; i < len(list); i++ {
		if list[i].Token == list[i-1].Token { // "7" and "07"
			o.fail("duplicate_parameter", "logit_bias", "has token %d twice", list[i].Token)
		}
	}
	return list
}

// readTopLogProbs is the number of most likely tokens to tell.
func readTopLogProbs(o *object, member string, absent int64) int {
	return int(o.integer(member, 0, maxTopLogProbs, absent))
}

// choice returns the options of one of several answers to a prompt.
func (p *params) choice(i int, nPrompt int, m Model) runtime.GenerationOptions {
	o := p.generation
	o.Sampling.Seed += uint64(i)
	room := m.NCtx() - nPrompt
	if o.MaxTokens == 0 || o.MaxTokens > room {
		o.MaxTokens = room
	}
	return o
}
