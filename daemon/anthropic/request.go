package anthropic

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

const maxStops = 64

// request is the body of POST /v1/messages.
type request struct {
	ask.Chat
	model     string
	adapters  []serve.Adapter // nil: as configured
	keepAlive *time.Duration
	stream    bool
	think     thinking
	showing   bool // reasoning is part of the answer
}

// thinking is what a request says of reasoning.
type thinking uint8

const (
	withoutThinking thinking = iota // which is also what silence means
	withThinking                    // the model must be able to
	maybeThinking                   // as the model sees fit
)

// decodeMessages reads the body of POST /v1/messages.
func decodeMessages(o *wire.Object) (*request, error) {
	r := readRequest(o)
	r.readGeneration(o)
	return r, o.Close()
}

// decodeCount reads the body of POST /v1/messages/count_tokens.
func decodeCount(o *wire.Object) (*request, error) {
	r := readRequest(o)
	return r, o.Close()
}

// readRequest reads what both routes know.
func readRequest(o *wire.Object) *request {
	r := new(request)
	r.Params = ask.DefaultParams()
	r.Param = "messages"
	if o.Has("thread") {
		o.Fail(threadUnsupported, "thread", "is not supported: conversations are not stored, send all of it as \"messages\"")
	}
	o.Take("thread")
	o.Require("model")
	r.model, _ = o.Str("model")
	r.adapters = members.Adapters(o)
	r.keepAlive = members.KeepAlive(o)
	o.Require("messages")
	if system := readTexts(o, "system"); system != "" {
		r.Messages = []serve.Message{{Role: "system", Content: system}}
	}
	r.Messages = readMessages(o, r.Messages)
	r.Tools = readTools(o)
	readToolChoice(o, &r.Tools)
	r.readThinking(o)
	r.Vars = map[string]any{"enable_thinking": r.think != withoutThinking}
	r.readOutput(o)
	// Prompts are cached without being asked, and nothing leaves the machine.
	o.Ignored("an object", "cache_control", "metadata", "diagnostics")
	o.Ignored("a string", "inference_geo", "user_profile_id", "workspace_id")
	o.Unsupported("service_tier", `"auto"`, `"standard_only"`)
	o.Unsupported("speed", `"standard"`)
	for _, member := range []string{"container", "context_management", "mcp_servers", "compaction", "fallbacks", "fallback_credit_token", "billing_policy"} {
		o.Unsupported(member)
	}
	return r
}

// readGeneration reads what only an answer needs.
func (r *request) readGeneration(o *wire.Object) {
	r.stream = o.Bool("stream", false)
	o.Require("max_tokens")
	r.Generation.MaxTokens = int(o.Integer("max_tokens", 1, math.MaxInt32, 1))
	r.Given = serve.Given(o.Has)
	s := &r.Generation.Sampling
	s.Temperature = o.Number("temperature", 0, 1, 1)
	s.TopP = o.Number("top_p", 0, 1, 1)
	s.TopK = int(o.Integer("top_k", 0, math.MaxInt32, 0))
	r.Generation.Stop = o.Strings("stop_sequences", maxStops)
}

func (r *request) readThinking(o *wire.Object) {
	in := o.Object("thinking")
	if in == nil {
		return
	}
	in.Require("type")
	kind, _ := in.Str("type")
	switch kind {
	case "enabled":
		r.think = withThinking
		in.Require("budget_tokens")
		in.Integer("budget_tokens", 1, math.MaxInt32, 1) // max_tokens is the one bound there is
	case "adaptive":
		r.think = maybeThinking
	case "disabled", "":
	default:
		in.Fail("invalid_value", "type", "must be enabled, adaptive or disabled, found %q", kind)
	}
	display, _ := in.Str("display")
	if display != "" && display != "summarized" && display != "omitted" {
		in.Fail("invalid_value", "display", "must be summarized or omitted, found %q", display)
	}
	r.showing = r.think != withoutThinking && display != "omitted"
	o.CloseInner(in)
}

var efforts = []string{"low", "medium", "high", "xhigh", "max"}

// readOutput reads the form that the answer must have, under its name of today
// and the one that it had in beta.
func (r *request) readOutput(o *wire.Object) {
	old := o.Take("output_format")
	if old != nil {
		r.Format = readFormat(o, "output_format", old)
	}
	in := o.Object("output_config")
	if in == nil {
		return
	}
	in.Unsupported("task_budget")
	if effort, ok := in.Str("effort"); ok {
		if !slices.Contains(efforts, effort) {
			in.Fail("invalid_value", "effort", "must be one of %q, found %q", efforts, effort)
		}
		r.Vars["reasoning_effort"] = effort
	}
	if value := in.Take("format"); value != nil {
		if old != nil {
			in.Fail("invalid_value", "format", "and \"output_format\" are the same, send one of them")
		}
		r.Format = readFormat(in, "format", value)
	}
	o.CloseInner(in)
}

func readFormat(o *wire.Object, member string, value json.RawMessage) (f ask.Format) {
	in := o.Inner(member, value)
	in.Require("type")
	if kind, ok := in.Str("type"); ok && kind != "json_schema" {
		in.Fail("invalid_value", "type", "must be json_schema, found %q", kind)
	}
	in.Ignored("a string", "name")
	in.Require("schema")
	schema := in.Raw("schema")
	o.CloseInner(in)
	if schema == nil || o.Failed() {
		return f
	}
	return ask.Schema(in.Name("schema"), schema)
}

// check refuses what a model cannot do.
func (r *request) check(m serve.Model) error {
	f := m.ReplyFormat()
	if r.think == withThinking && (f.Format == nil || !f.HasReasoning()) {
		return serve.Invalid("unsupported_parameter", "thinking", "model %q does not support thinking", m.Name())
	}
	return nil
}
