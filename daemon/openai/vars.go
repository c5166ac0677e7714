package openai

import (
	"encoding/json"
	"regexp"
	"slices"

	"inferd/daemon/wire"
)

const maxVars = 64

var (
	varName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]{0,63}$`)

	// reservedVars are what templates are told by the rest of a request.
	reservedVars = []string{"messages", "tools", "documents", "bos_token", "eos_token", "add_generation_prompt"}

	efforts     = []string{"none", "minimal", "low", "medium", "high", "xhigh"}
	verbosities = []string{"low", "medium", "high"}
)

// readVars reads what a request tells the chat template: chat_template_kwargs
// as vLLM and llama.cpp take it, and OpenAI's hints, which are variables of some
// templates and have no effect with others.
func readVars(o *wire.Object) map[string]any {
	vars := map[string]any{}
	if in := o.Object("chat_template_kwargs"); in != nil {
		for i, name := range in.Members() {
			switch {
			case i >= maxVars:
				in.Fail("invalid_value", "", "has more than %d members", maxVars)
			case slices.Contains(reservedVars, name):
				in.Fail("invalid_value", name, "is set by the conversation")
			case !varName.MatchString(name):
				in.Fail("invalid_value", name, "is not the name of a variable")
			default:
				if v := readScalar(in, name); v != nil {
					vars[name] = v
				}
			}
		}
		o.CloseInner(in)
	}
	readEffort(o, "reasoning_effort", vars)
	if v := readChoice(o, "verbosity", verbosities); v != "" {
		vars["verbosity"] = v
	}
	return vars
}

// readEffort reads how much a model should reason, which chat_template_kwargs
// can say as well, and with more weight.
func readEffort(o *wire.Object, member string, vars map[string]any) {
	effort := readChoice(o, member, efforts)
	if effort == "" {
		return
	}
	set := func(name string, v any) {
		if _, set := vars[name]; !set {
			vars[name] = v
		}
	}
	set("reasoning_effort", effort)
	if effort == "none" {
		set("enable_thinking", false)
	}
}

// readChoice reads one of a few words, "" if there is none.
func readChoice(o *wire.Object, member string, words []string) string {
	v, ok := o.Str(member)
	if ok && !slices.Contains(words, v) {
		o.Fail("invalid_value", member, "must be one of %q, found %q", words, v)
	}
	return v
}

// readScalar reads a boolean, a number or a string; nil if it is absent.
func readScalar(o *wire.Object, member string) any {
	value := o.Take(member)
	if value == nil {
		return nil
	}
	switch wire.TypeOf(value) {
	case "a string":
		return wire.Unquote(value)
	case "a boolean":
		return string(value) == "true"
	case "a number":
		return json.Number(value)
	default:
		o.WrongType(member, "a string, a number or a boolean", value)
		return nil
	}
}
