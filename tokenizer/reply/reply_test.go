package reply

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/testdata"
)

var offered = []Tool{
	{Name: "get_weather", Parameters: json.RawMessage(`{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"},"opts":{"type":"object"}}}`)},
	{Name: "now"},
}

// show writes events in one line each: t text, r reasoning, c call.
func show(events []Event) string {
	var b strings.Builder
	for _, e := range events {
		switch e.Kind {
		case Text:
			fmt.Fprintf(&b, "t %q\n", e.Text)
		case ReasoningText:
			fmt.Fprintf(&b, "r %q\n", e.Text)
		case ToolCall:
			fmt.Fprintf(&b, "c %s %s\n", e.Call.Name, e.Call.Arguments)
		}
	}
	return b.String()
}

// read runs an answer through a parser in pieces of n bytes and merges runs.
func read(f *Format, o Options, answer string, n int) []Event {
	p := f.NewParser(o)
	var out []Event
	add := func(events []Event) {
		for _, e := range events {
			if k := len(out); k > 0 && e.Kind != ToolCall && out[k-1].Kind == e.Kind {
				out[k-1].Text += e.Text
				continue
			}
			out = append(out, e)
		}
	}
	for answer != "" {
		k := min(n, len(answer))
		add(p.Push(answer[:k]))
		answer = answer[k:]
	}
	add(p.Finish())
	return out
}

var cases = []struct {
	name, template, prompt, answer, want string
}{
	{"plain", "{{ x }}", "", "Hi <tool_call>{}\n ", "t \"Hi <tool_call>{}\\n \"\n"},
	{"hermes", "<tool_call>", "", "Let me look.\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Zürich\", \"days\": 2}}\n</tool_call>\n<tool_call>{\"name\":\"now\",\"arguments\":{}}</tool_call>",
		"t \"Let me look.\"\nc get_weather {\"city\":\"Zürich\",\"days\":2}\nc now {}\n"},
	{"hermes with text behind", "<tool_call>", "", "<tool_call>{\"name\":\"now\"}</tool_call>\n\nDone. ", "c now {}\nt \"Done. \"\n"},
	{"broken json is text", "<tool_call>", "", "a <tool_call>{\"name\": \"now\", \"arguments\": {</tool_call> b", "t \"a <tool_call>{\\\"name\\\": \\\"now\\\", \\\"arguments\\\": {</tool_call> b\"\n"},
	{"unknown tool is text", "<tool_call>", "", "<tool_call>{\"name\":\"rm\",\"arguments\":{}}</tool_call>", "t \"<tool_call>{\\\"name\\\":\\\"rm\\\",\\\"arguments\\\":{}}</tool_call>\"\n"},
	{"cut off", "<tool_call>", "", "<tool_call>{\"name\":\"now\"", "t \"<tool_call>{\\\"name\\\":\\\"now\\\"\"\n"},
	{"arguments in a string", "<tool_call>", "", `<tool_call>{"name":"get_weather","arguments":"{\"city\":\"X\"}"}</tool_call>`, "c get_weather {\"city\":\"X\"}\n"},
	{"think", "<think> <tool_call>", "", "<think>\nHm, a < b.\n</think>\n\nYes.", "r \"Hm, a < b.\"\nt \"Yes.\"\n"},
	{"think opened by the prompt", "<think>", "<|assistant|><think>\n", "Hm.\n</think>\nYes", "r \"Hm.\"\nt \"Yes\"\n"},
	{"think never closed", "<think>", "<think>", "Hm.  ", "r \"Hm.\"\n"},
	{"qwen3 coder", "<tool_call> <function=", "", "<tool_call>\n<function=get_weather>\n<parameter=city>\nNew\nYork\n</parameter>\n<parameter=days>\n3\n</parameter>\n<parameter=opts>\n{\"a\": [1]}\n</parameter>\n</function>\n</tool_call>",
		"c get_weather {\"city\":\"New\\nYork\",\"days\":3,\"opts\":{\"a\":[1]}}\n"},
	{"glm", "<tool_call> <arg_key>", "", "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>12</arg_value>\n<arg_key>days</arg_key>\n<arg_value>12</arg_value>\n</tool_call>", "c get_weather {\"city\":\"12\",\"days\":12}\n"},
	{"glm without arguments", "<tool_call> <arg_key>", "", "<tool_call>now\n</tool_call>", "c now {}\n"},
	{"llama json", "<|eot_id|> parameters", "", "{\"name\": \"get_weather\", \"parameters\": {\"city\": \"Bern\"}}", "c get_weather {\"city\":\"Bern\"}\n"},
	{"llama python tag", "<|python_tag|>", "", "<|python_tag|>get_weather.call(city=\"Bern\")", "c get_weather {\"city\":\"Bern\"}\n"},
	{"llama pythonic", "<|eot_id|> parameters", "", "[get_weather(city='Bern', days=2, opts={'a': [1, True, None]}), now()]", "c get_weather {\"city\":\"Bern\",\"days\":2,\"opts\":{\"a\":[1,true,null]}}\nc now {}\n"},
	{"llama prose in brackets", "<|eot_id|> parameters", "", "[sic] it is {so}", "t \"[sic] it is {so}\"\n"},
	{"lfm2", "<|tool_call_start|>", "", "<|tool_call_start|>[now()]<|tool_call_end|>Checking.", "c now {}\nt \"Checking.\"\n"},
	{"mistral list", "[TOOL_CALLS]", "", "[TOOL_CALLS][{\"name\": \"now\", \"arguments\": {}, \"id\": \"abc\"}]", "c now {}\n"},
	{"mistral args", "[TOOL_CALLS]", "", "Sure. [TOOL_CALLS]get_weather[CALL_ID]a1[ARGS]{\"city\": \"Bern\"}[TOOL_CALLS]now[ARGS]{}", "t \"Sure.\"\nc get_weather {\"city\":\"Bern\"}\nc now {}\n"},
	{"granite", "<|tool_call|>", "", "<|tool_call|>[{\"name\": \"now\", \"arguments\": {}}]", "c now {}\n"},
	{"gemma 4", "<|channel> thought <|tool_call>", "", "<|channel>thought\nHm<channel|><|tool_call>call:get_weather{city:<|\"|>a \"b\"<|\"|>,days:2,opts:{k:[true]}}<tool_call|>", "r \"Hm\"\nc get_weather {\"city\":\"a \\\"b\\\"\",\"days\":2,\"opts\":{\"k\":[true]}}\n"},
	{"deepseek r1", "<｜tool▁calls▁begin｜>", "", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{\"city\": \"Bern\"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>", "c get_weather {\"city\":\"Bern\"}\n"},
	{"deepseek v3.1", "<｜tool▁calls▁begin｜>", "", "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>now<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁call▁begin｜>now<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>", "c now {}\nc now {}\n"},
	{"deepseek v4", "｜DSML｜", "", "<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"get_weather\">\n<｜DSML｜parameter name=\"city\" string=\"true\">5</｜DSML｜parameter>\n<｜DSML｜parameter name=\"days\" string=\"false\">5</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>", "c get_weather {\"city\":\"5\",\"days\":5}\n"},
	{"kimi", "<|tool_calls_section_begin|>", "", "Ok<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>{\"city\":\"x\"}<|tool_call_end|><|tool_calls_section_end|>", "t \"Ok\"\nc get_weather {\"city\":\"x\"}\n"},
	{"gpt-oss", "<|channel|>", "", "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{\"city\":\"x\"}<|call|>", "r \"Hm.\"\nc get_weather {\"city\":\"x\"}\n"},
	{"gpt-oss final", "<|channel|>", "", "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Hello  there.<|return|>", "r \"Hm.\"\nt \"Hello  there.\"\n"},
	{"apertus", "<|tools_prefix|> <|inner_prefix|>", "", "<|inner_prefix|>Hm<|inner_suffix|><|tools_prefix|>[{\"get_weather\": {\"city\": \"x\"}}, {\"now\": {}}]<|tools_suffix|>", "r \"Hm\"\nc get_weather {\"city\":\"x\"}\nc now {}\n"},
	{"command", "<|START_ACTION|> <|START_THINKING|> <|START_RESPONSE|> <|END_RESPONSE|>", "", "<|START_THINKING|>Hm<|END_THINKING|><|START_ACTION|>[{\"tool_call_id\": \"0\", \"tool_name\": \"now\", \"parameters\": {}}]<|END_ACTION|>", "r \"Hm\"\nc now {}\n"},
	{"command response", "<|START_ACTION|> <|START_RESPONSE|> <|END_RESPONSE|>", "", "<|START_RESPONSE|>Hello<|END_RESPONSE|>", "t \"Hello\"\n"},
	{"functionary", "<function=", "", "Well <function=get_weather>{\"city\": \"x\"}</function>", "t \"Well\"\nc get_weather {\"city\":\"x\"}\n"},
	{"firefunction", "functools[", "", " functools[{\"name\": \"now\", \"arguments\": {}}]", "c now {}\n"},
	{"gigachat", "function call <|role_sep|>", "", "function call<|role_sep|>\n{\"name\": \"now\", \"arguments\": {}}", "c now {}\n"},
}

// TestForms reads each model family's way of writing, whole and in pieces of
// every size: the events must not depend on the cuts.
func TestForms(t *testing.T) {
	for _, c := range cases {
		f := Detect(c.template)
		for n := range len(c.answer) {
			got := show(read(f, Options{Tools: offered, Prompt: c.prompt}, c.answer, n+1))
			require.Equal(t, c.want, got, "%s in pieces of %d", c.name, n+1)
		}
	}
}

func TestNoToolsOffered(t *testing.T) {
	const answer = `<tool_call>{"name":"now"}</tool_call>`
	require.Equal(t, fmt.Sprintf("t %q\n", answer), show(read(Detect("<tool_call>"), Options{}, answer, 5)))
}

// TestDetect pins what the released templates say their models write.
func TestDetect(t *testing.T) {
	dir := testdata.Shared(t, "templates", "jinja")
	files, err := filepath.Glob(dir + "/*.jinja")
	require.NoError(t, err)
	noCalls := map[string]bool{"HuggingFaceTB-SmolLM3-3B": true, "LFM2-8B-A1B": true, "LFM2.5-Instruct": true, "google-gemma-2-2b-it": true, "microsoft-Phi-3.5-mini-instruct": true, "llama-cpp-rwkv-world": true}
	for _, file := range files {
		src, err := os.ReadFile(file)
		require.NoError(t, err)
		name := strings.TrimSuffix(filepath.Base(file), ".jinja")
		f := Detect(string(src))
		require.Equal(t, !noCalls[name], f.HasCalls(), "%s", name)
		for _, s := range f.sections {
			t.Logf("%-50s %q", name, s.open)
		}
	}
}

// FuzzParser: whatever an answer is and however it is cut, arguments are JSON
// objects, and without sections nothing is lost.
func FuzzParser(f *testing.F) {
	for _, c := range cases {
		f.Add(c.template, c.answer, uint8(3))
	}
	f.Fuzz(func(t *testing.T, template, answer string, n uint8) {
		format := Detect(template)
		whole := read(format, Options{Tools: offered}, answer, len(answer)+1)
		parts := read(format, Options{Tools: offered}, answer, int(n)+1)
		require.Equal(t, show(whole), show(parts))
		for _, e := range whole {
			if e.Kind == ToolCall {
				var o map[string]any
				require.NoError(t, json.Unmarshal(e.Call.Arguments, &o))
			}
		}
		if len(format.sections) == 0 && answer != "" {
			require.Equal(t, []Event{{Kind: Text, Text: answer}}, whole)
		}
	})
}
