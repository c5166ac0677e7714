package openai

import (
	"math"
	"net/http"
	"slices"
	"time"

	"inferd/daemon/ask"
	"inferd/daemon/serve"
	"inferd/daemon/wire"
)

// responseRequest is the body of POST /v1/responses.
type responseRequest struct {
	request
	ask.Chat
	instructions string
	logProbs     bool
	head         response // what the answer repeats of the request
}

// decodeResponse reads it. Every member it knows stands here.
func decodeResponse(o *wire.Object) (*responseRequest, error) {
	r := &responseRequest{request: readRequest(o)}
	r.Param = "input"
	refuseState(o)
	r.N = 1
	readSampling(o, &r.Params)
	r.Generation.MaxTokens = int(o.Integer("max_output_tokens", 1, math.MaxInt32, 0))
	r.instructions, _ = o.Str("instructions")
	o.Require("input")
	r.Messages = readInput(o, r.instructions)

	r.logProbs = readInclude(o)
	r.Generation.TopLogProbs = readTopLogProbs(o, "top_logprobs", 0)
	r.logProbs = r.logProbs || r.Generation.TopLogProbs > 0
	r.Generation.LogProbs = r.logProbs
	r.Receipt = o.Bool("receipt", false)

	r.head = newResponse(o, r)
	r.Tools = readFlatTools(o)
	r.Vars = readVars(o)
	readReasoning(o, r.Vars)
	r.Format = readTextFormat(o, r.Vars)
	readStreamOptions(o, r.stream)
	o.Ignored("a string", "service_tier")
	o.Integer("max_tool_calls", 1, math.MaxInt32, 1) // of the service's tools, of which there are none
	o.Ignored("an object", "prompt_cache_options")
	for _, member := range []string{"prompt", "context_management", "moderation", "access_programs"} {
		o.Unsupported(member)
	}
	return r, o.Close()
}

// refuseState refuses what needs a memory of earlier responses: none is kept. To
// store a response is what OpenAI does unless it is told not to, so that "store"
// is accepted, and the answer says that it was not.
func refuseState(o *wire.Object) {
	for _, member := range []string{"previous_response_id", "conversation"} {
		if o.Has(member) {
			o.Fail("unsupported_parameter", member, "is not supported: responses are not stored, send the whole conversation as \"input\"")
		}
		o.Take(member)
	}
	o.Bool("store", false)
	if o.Bool("background", false) {
		o.Fail("unsupported_parameter", "background", "is not supported: responses are not stored")
	}
	// A prompt that fits is whole either way, and one that does not is refused.
	readChoice(o, "truncation", []string{"auto", "disabled"})
}

// includable are parts of answers that a request may ask for. Those of tools
// that there are not are never there; reasoning is never encrypted.
var includable = []string{
	"message.output_text.logprobs", "reasoning.encrypted_content", "file_search_call.results",
	"web_search_call.results", "web_search_call.action.sources", "code_interpreter_call.outputs",
	"computer_call_output.output.image_url", "message.input_image.image_url",
}

// readInclude reports whether log probabilities are to be included.
func readInclude(o *wire.Object) (logProbs bool) {
	value := o.Take("include")
	if value == nil || wire.TypeOf(value) == "an array" && wire.FirstOf(value) == "" {
		return false
	}
	if wire.TypeOf(value) != "an array" {
		o.WrongType("include", "an array", value)
		return false
	}
	for _, element := range o.Elements("include", value, len(includable)) {
		if wire.TypeOf(element) != "a string" || !slices.Contains(includable, wire.Unquote(element)) {
			o.Fail("invalid_value", "include", "has %.100s, must be of %q", element, includable)
			return false
		}
		logProbs = logProbs || wire.Unquote(element) == includable[0]
	}
	return logProbs
}

// readReasoning reads how much a model should reason.
func readReasoning(o *wire.Object, vars map[string]any) {
	in := o.Object("reasoning")
	if in == nil {
		return
	}
	readEffort(in, "effort", vars)
	// There is no summary; the reasoning itself is told.
	in.Ignored("a string", "summary", "generate_summary", "context", "mode")
	o.CloseInner(in)
}

// readTextFormat reads text, which says what form an answer must have.
func readTextFormat(o *wire.Object, vars map[string]any) (f ask.Format) {
	in := o.Object("text")
	if in == nil {
		return f
	}
	if v := readChoice(in, "verbosity", verbosities); v != "" {
		vars["verbosity"] = v
	}
	if format := in.Object("format"); format != nil {
		format.Require("type")
		switch kind := readChoice(format, "type", []string{"text", "json_object", "json_schema"}); kind {
		case "json_object":
			f = ask.JSON(format.Name(""))
		case "json_schema":
			format.Ignored("a string", "name", "description")
			format.Bool("strict", false) // answers always follow the schema
			f = readSchema(format, "schema")
		}
		in.CloseInner(format)
	}
	o.CloseInner(in)
	return f
}

// responses serves POST /v1/responses.
func (a *api) responses(w http.ResponseWriter, r *http.Request, req *responseRequest, m serve.Model) error {
	answers, err := req.Begin(r.Context(), m, &a.grammars)
	if err != nil {
		return err
	}
	defer answers.Close()
	req.head.begin(m, &req.Generation.Sampling)
	if !req.stream {
		return req.whole(w, m, answers)
	}
	s := wire.NewEvents(w)
	out := &responseWriter{tok: m.Tokenizer(), stream: s, response: &req.head}
	if err := req.streamTo(out, answers); err != nil && !wire.Gone(r.Context(), err) {
		_ = out.fail(wire.Explain(a.log, r, err)) // the stream ends either way
	}
	return nil
}

func (req *responseRequest) whole(w http.ResponseWriter, m serve.Model, answers *ask.Answers) error {
	out := &responseWriter{tok: m.Tokenizer(), response: &req.head}
	if err := req.read(out, answers, nil, nil); err != nil {
		return err
	}
	wire.WriteJSON(w, http.StatusOK, out.response)
	return nil
}

func (req *responseRequest) streamTo(out *responseWriter, answers *ask.Answers) error {
	for _, kind := range []string{"response.created", "response.in_progress"} {
		if err := out.send(responseEvent{Type: kind, Response: out.response}); err != nil {
			return err
		}
	}
	if err := out.stream.Flush(); err != nil {
		return err
	}
	if err := req.read(out, answers, out.stream.Flush, ping(out.stream, answers)); err != nil {
		return err
	}
	return out.send(responseEvent{Type: "response." + out.response.Status, Response: out.response})
}

// read reads the answer to its end and completes the response.
func (req *responseRequest) read(out *responseWriter, answers *ask.Answers, pause, ping func() error) error {
	var finish ask.Finish
	err := answers.Each(func(e ask.Event) error {
		finish = e.Finish
		return out.add(e, req.logProbs)
	}, pause, ping)
	if err != nil {
		return err
	}
	if err := out.close(finish); err != nil {
		return err
	}
	c := out.response
	now := time.Now().Unix()
	c.Status, c.CompletedAt = "completed", &now
	if finish == ask.FinishLength {
		c.Status, c.CompletedAt = "incomplete", nil
		c.IncompleteDetails = &incomplete{"max_output_tokens"}
	}
	u := answers.Usage()
	c.Usage = &responseUsage{
		InputTokens:   u.NPrompt,
		InputDetails:  promptDetail{u.NCached},
		OutputTokens:  u.NOut,
		OutputDetails: completionDetail{u.NReasoning},
		TotalTokens:   u.NPrompt + u.NOut,
	}
	c.Receipt = answers.Receipt()
	return nil
}
