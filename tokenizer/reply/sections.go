package reply

import "strings"

// kind is what a section of an answer holds.
type kind uint8

const (
	reasoning kind = iota
	calls
	channel // gpt-oss: a header says which of the others it is
	dropped // a mark that stands alone and is not shown
)

// section is a stretch of an answer between marks.
type section struct {
	open  string
	close []string // any of them ends it; the end of the answer always does
	kind  kind
	// parse reads the body of a calls section; nil: parseCalls.
	parse func(body string, tools toolset) ([]Call, bool)
	// needs are strings that a template must hold for the section to be
	// known; nil: open alone.
	needs []string
	// without lists a string that must be absent.
	without string
	// atStart: only an answer's first visible text opens it.
	atStart bool
	// keepOpen: open is part of the body.
	keepOpen bool
}

// sections lists every known mark. Sources are the chat templates of the
// models named.
var sections = []section{
	{open: "<think>", close: []string{"</think>"}, kind: reasoning},                                                         // DeepSeek R1, Qwen3
	{open: "[THINK]", close: []string{"[/THINK]"}, kind: reasoning},                                                         // Magistral
	{open: "<|START_THINKING|>", close: []string{"<|END_THINKING|>"}, kind: reasoning},                                      // Command
	{open: "<|inner_prefix|>", close: []string{"<|inner_suffix|>"}, kind: reasoning},                                        // Apertus
	{open: "<|channel>thought\n", close: []string{"<channel|>"}, kind: reasoning, needs: []string{"<|channel>", "thought"}}, // Gemma 4

	{open: "<tool_call>", close: []string{"</tool_call>"}, kind: calls},                                            // Hermes, Qwen, GLM, Granite 4, Nemotron
	{open: "<tool_calls>", close: []string{"</tool_calls>"}, kind: calls},                                          // Apriel
	{open: "<|tool_call_start|>", close: []string{"<|tool_call_end|>"}, kind: calls},                               // LFM2
	{open: "<|tool_call|>", kind: calls},                                                                           // Granite 3
	{open: "<|tool_call>", close: []string{"<tool_call|>"}, kind: calls},                                           // Gemma 4
	{open: "[TOOL_CALLS]", close: []string{"[TOOL_CALLS]"}, kind: calls},                                           // Mistral: one mark a call, or one before a list
	{open: "<|tools_prefix|>", close: []string{"<|tools_suffix|>"}, kind: calls},                                   // Apertus
	{open: "<|START_ACTION|>", close: []string{"<|END_ACTION|>"}, kind: calls},                                     // Command R7B, A
	{open: "Action:", close: []string{"```\n\n"}, kind: calls, needs: []string{"Action:", "```json", "tool_name"}}, // Command R+
	{open: "functools[", kind: calls, keepOpen: true, parse: parseFunctools},                                       // Firefunction
	{open: "function call<|role_sep|>", kind: calls, needs: []string{"function call", "<|role_sep|>"}},             // GigaChat
	{open: "<function=", close: []string{"</function>"}, kind: calls, keepOpen: true, without: "<tool_call>"},      // Functionary
	{open: "<｜tool▁calls▁begin｜>", close: []string{"<｜tool▁calls▁end｜>"}, kind: calls},                             // DeepSeek R1, V3
	{open: "<｜DSML｜tool_calls>", close: []string{"</｜DSML｜tool_calls>"}, kind: calls, needs: []string{"｜DSML｜"}},   // DeepSeek V4
	{open: "<|tool_calls_section_begin|>", close: []string{"<|tool_calls_section_end|>"}, kind: calls},             // Kimi K2
	{open: "<|python_tag|>", kind: calls},                                                                          // Llama 3.1
	{open: "{", kind: calls, keepOpen: true, atStart: true, needs: []string{"<|eot_id|>", "parameters"}},           // Llama 3.1, 3.2 as JSON
	{open: "[", kind: calls, keepOpen: true, atStart: true, needs: []string{"<|eot_id|>", "parameters"}},           // Llama 3.2, 4 as Python
	{open: "[", kind: calls, keepOpen: true, atStart: true, needs: []string{"<|eot|>", "ipython"}},                 // Llama 4

	{open: "<|channel|>", close: []string{"<|end|>", "<|call|>", "<|return|>"}, kind: channel}, // gpt-oss
	{open: "<|start|>assistant", kind: dropped, needs: []string{"<|channel|>"}},
	{open: "<|START_RESPONSE|>", kind: dropped},
	{open: "<|END_RESPONSE|>", kind: dropped},
	{open: "<|START_TEXT|>", kind: dropped},
	{open: "<|END_TEXT|>", kind: dropped},
}

// Format is how one model's answers are written.
type Format struct {
	sections []*section
	jsonTags bool // calls are JSON objects between <tool_call> tags
}

// Detect returns the format of the models that a chat template belongs to.
// A template that mentions no known mark gives plain text.
func Detect(template string) *Format {
	f := &Format{}
	for i := range sections {
		s := &sections[i]
		needs := s.needs
		if needs == nil {
			needs = []string{s.open}
		}
		known := s.without == "" || !strings.Contains(template, s.without)
		for _, n := range needs {
			known = known && strings.Contains(template, n)
		}
		if known {
			f.sections = append(f.sections, s)
			f.jsonTags = f.jsonTags || s.open == "<tool_call>"
		}
	}
	// Some write marks of their own between the same tags.
	f.jsonTags = f.jsonTags && strings.Contains(template, "arguments") &&
		!strings.Contains(template, "<function=") && !strings.Contains(template, "<arg_key>")
	return f
}

// JSONCalls returns what stands before and behind the object with a call's name
// and arguments, if the format is known to write calls so, one after another.
func (f *Format) JSONCalls() (open, shut string, ok bool) {
	return "<tool_call>\n", "\n</tool_call>", f.jsonTags
}

// Marks lists the strings that a detokeniser must not hide, although they may
// be control tokens.
func (f *Format) Marks() []string {
	var m []string
	for _, s := range f.sections {
		if s.atStart {
			continue
		}
		m = append(append(m, strings.TrimSpace(s.open)), s.close...)
	}
	if f.has(channel) {
		m = append(m, "<|start|>", "<|message|>", "<|constrain|>")
	}
	return append(m, innerMarks...)
}

// innerMarks stand inside the bodies of calls.
var innerMarks = []string{
	"<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>", "<|tool_call_begin|>", "<|tool_call_argument_begin|>",
	"<|tool_call_end|>", "[ARGS]", "[CALL_ID]", "<|\"|>", "<|channel>", "<|role_sep|>", "<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>",
}

// HasReasoning reports whether the model may reason before it answers.
func (f *Format) HasReasoning() bool { return f.has(reasoning) || f.has(channel) }

// HasCalls reports whether the model can call tools.
func (f *Format) HasCalls() bool { return f.has(calls) || f.has(channel) }

func (f *Format) has(k kind) bool {
	for _, s := range f.sections {
		if s.kind == k {
			return true
		}
	}
	return false
}
