package ollama

import (
	"encoding/json"
	"math"
	"slices"
	"time"

	"inferd/daemon/ask"
	"inferd/daemon/members"
	"inferd/daemon/serve"
	"inferd/daemon/wire"
)

const (
	maxStops       = 64
	maxTopLogProbs = 20
)

// request is what chat and generate have in common.
type request struct {
	ask.Chat
	isChat    bool
	text      string // to continue, in place of a conversation
	model     string
	stream    bool
	adapters  []serve.Adapter // nil: as configured
	keepAlive *time.Duration
	nCtx      int // 0: as the model has
	think     think
}

func readRequest(o *wire.Object) *request {
	r := &request{stream: o.Bool("stream", true)}
	r.Params = ask.DefaultParams()
	r.model = readModel(o)
	r.adapters = members.Adapters(o)
	r.keepAlive = members.KeepAlive(o)
	r.Format = readFormat(o)
	r.think = readThink(o)
	r.Vars = r.think.vars()
	r.Generation.LogProbs = o.Bool("logprobs", false)
	r.Generation.TopLogProbs = int(o.Integer("top_logprobs", 0, maxTopLogProbs, 0))
	r.nCtx = readOptions(o, &r.Params)
	// Nothing is ever cut or shifted out of the context: what does not fit is
	// refused.
	o.Bool("truncate", false)
	o.Bool("shift", false)
	o.Unsupported("_debug_render_only")
	return r
}

// readModel reads a model's name, which some clients still call "name".
func readModel(o *wire.Object) string {
	old, _ := o.Str("name")
	if old == "" {
		o.Require("model")
	}
	if name, ok := o.Str("model"); ok && name != "" {
		return name
	}
	return old
}

// readFormat reads "json", a schema, or nothing.
func readFormat(o *wire.Object) ask.Format {
	value := o.Take("format")
	switch {
	case value == nil || string(value) == `""`:
		return ask.Format{}
	case string(value) == `"json"`:
		return ask.JSON("format")
	case wire.TypeOf(value) == "an object":
		return ask.Schema("format", value)
	default:
		o.Fail("invalid_value", "format", "must be \"json\" or a JSON Schema, found %.100s", value)
		return ask.Format{}
	}
}

// think is whether the model is to reason first: as it is used to (zero), not at
// all, or so much.
type think struct {
	said  bool
	on    bool
	level string // empty: no matter
}

var thinkLevels = []string{"low", "medium", "high", "max"}

func readThink(o *wire.Object) (t think) {
	value := o.Take("think")
	switch {
	case value == nil:
		return think{}
	case string(value) == "true", string(value) == "false":
		return think{said: true, on: string(value) == "true"}
	case wire.TypeOf(value) == "a string":
		t = think{true, true, wire.Unquote(value)}
	}
	if !slices.Contains(thinkLevels, t.level) {
		o.Fail("invalid_value", "think", "must be true, false or one of %q, found %.100s", thinkLevels, value)
	}
	return t
}

// check refuses what a model cannot do.
func (t think) check(m serve.Model) error {
	f := m.ReplyFormat()
	if t.on && (f.Format == nil || !f.HasReasoning()) {
		return serve.Invalid("unsupported_parameter", "think", "model %q does not support thinking", m.Name())
	}
	return nil
}

// vars are what chat templates read.
func (t think) vars() map[string]any {
	if !t.said {
		return nil
	}
	vars := map[string]any{"enable_thinking": t.on}
	if t.level != "" {
		vars["reasoning_effort"] = t.level
	}
	return vars
}

// readOptions reads the member options into p and returns num_ctx. Where an
// option is absent, Ollama's default holds.
func readOptions(o *wire.Object, p *ask.Params) (nCtx int) {
	value := o.Take("options")
	if value == nil {
		value = json.RawMessage("{}")
	}
	in := o.Inner("options", value)
	p.Given = serve.Given(func(name string) bool { return o.Has(name) || in.Has(name) })
	g := &p.Generation
	s := &g.Sampling
	// Some clients put OpenAI's names beside the options. Those inside win.
	s.Temperature = o.Number("temperature", 0, 10, 0.8)
	s.TopP = o.Number("top_p", 0, 1, 0.9)
	nPredict := o.Integer("max_output_tokens", 1, math.MaxInt32, -1)

	s.Temperature = in.Number("temperature", 0, 10, float64(s.Temperature))
	s.TopK = int(max(0, in.Integer("top_k", -1, math.MaxInt32, 40)))
	s.TopP = in.Number("top_p", 0, 1, float64(s.TopP))
	s.MinP = in.Number("min_p", 0, 1, 0)
	s.RepeatPenalty = in.Number("repeat_penalty", 0, 10, 1)
	s.PresencePenalty = in.Number("presence_penalty", -2, 2, 0)
	s.FrequencyPenalty = in.Number("frequency_penalty", -2, 2, 0)
	if s.RepeatLastN = int(in.Integer("repeat_last_n", -1, math.MaxInt32, 64)); s.RepeatLastN == 0 {
		s.RepeatPenalty = 1 // it looks at nothing
	}
	s.RepeatLastN = max(0, s.RepeatLastN) // 0 is all, for the sampler
	if seed := in.Integer("seed", math.MinInt64, math.MaxInt64, -1); seed != -1 {
		s.Seed = uint64(seed)
	}
	g.MaxTokens = int(max(0, in.Integer("num_predict", -2, math.MaxInt32, nPredict)))
	nCtx = int(in.Integer("num_ctx", 0, math.MaxInt32, 0))
	g.Stop = slices.DeleteFunc(in.OneOrMore("stop", maxStops), func(s string) bool { return s == "" })

	// What the daemon decides, or what would only matter to a context that
	// shifts, has no effect on an answer.
	for _, n := range []string{"num_keep", "num_batch", "num_gpu", "main_gpu", "num_thread", "draft_num_predict"} {
		in.Integer(n, math.MinInt32, math.MaxInt32, 0)
	}
	in.Number("mirostat_eta", 0, 1000, 0)
	in.Number("mirostat_tau", 0, 1000, 0)
	in.Ignored("a boolean", "use_mmap", "use_mlock", "numa", "low_vram", "f16_kv")
	in.Unsupported("typical_p", "1", "1.0")
	in.Unsupported("tfs_z", "1", "1.0")
	in.Unsupported("mirostat", "0")
	in.Unsupported("penalize_newline", "true")
	in.Unsupported("logits_all")
	in.Unsupported("vocab_only")
	in.Unsupported("embedding_only")
	in.Unsupported("rope_frequency_base", "0")
	in.Unsupported("rope_frequency_scale", "0", "1")
	o.CloseInner(in)
	return nCtx
}

// cap returns the model as the request may use it.
func (r *request) cap(m serve.Model) serve.Model {
	if r.nCtx == 0 || r.nCtx >= m.NCtx() {
		return m
	}
	return capped{m, r.nCtx}
}
