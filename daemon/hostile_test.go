package daemon

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/daemon/prompt"
)

// hostileBody is a request that has every member its route knows.
type hostileBody struct {
	path, body string
	status     int // of the body as it is
}

const (
	sampling = `"temperature":0.5,"top_p":0.5,"top_k":5,"min_p":0.1,"presence_penalty":1,"frequency_penalty":1,"repeat_penalty":1.1,"repeat_last_n":5,"seed":7,
		"logit_bias":{"5":1},"stop":["x"],"ignore_eos":true`
	labels   = `"adapter":[],"keep_alive":"5m","user":"u","metadata":{"a":"b"},"safety_identifier":"s","prompt_cache_key":"k","prompt_cache_retention":"24h","service_tier":"auto"`
	chatTool = `{"type":"function","function":{"name":"f","description":"d","strict":true,"parameters":{"type":"object"}}}`
	talk     = `{"role":"system","content":"a","name":"n"},{"role":"user","content":[{"type":"text","text":"b"}]},
		{"role":"assistant","content":"c","reasoning_content":"d","refusal":"","annotations":[],"tool_calls":[{"id":"i","type":"function","index":0,"function":{"name":"f","arguments":"{}"}}]},
		{"role":"tool","tool_call_id":"i","content":"e"}`
	flatTool = `{"type":"function","name":"f","description":"d","strict":true,"parameters":{"type":"object"},"defer_loading":false}`
	items    = `{"type":"message","role":"user","content":[{"type":"input_text","text":"a"}],"id":"i","status":"completed"},
		{"type":"reasoning","id":"r","summary":[],"encrypted_content":"x","content":[{"type":"reasoning_text","text":"t"}]},
		{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a","annotations":[],"logprobs":[]}]},
		{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"x"}`
	options = `"options":{"temperature":0.5,"top_p":0.5,"top_k":5,"min_p":0.1,"repeat_penalty":1.1,"presence_penalty":1,"frequency_penalty":1,"repeat_last_n":64,"seed":7,"num_predict":2,"num_ctx":900,"stop":["x"],
		"num_keep":4,"num_batch":512,"num_gpu":1,"num_thread":2,"use_mmap":true,"numa":false,"mirostat":0,"mirostat_tau":5.0,"typical_p":1.0,"penalize_newline":true}`
)

var hostileBodies = []hostileBody{
	{"/v1/chat/completions", `{"model":"fake","stream":false,"messages":[` + talk + `],"tools":[` + chatTool + `],"tool_choice":"auto","parallel_tool_calls":true,"max_tokens":2,"n":2,
		"logprobs":true,"top_logprobs":1,"prompt_logprobs":1,"receipt":true,"chat_template_kwargs":{"a":true,"b":"c","d":1},"reasoning_effort":"low","verbosity":"low","modalities":["text"],
		"functions":[],"store":false,"prediction":{},` + sampling + `,` + labels + `}`, 200},
	{"/v1/chat/completions", `{"model":"fake","stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false},"messages":[{"role":"user","content":"a"}],"max_completion_tokens":2,
		"response_format":{"type":"json_schema","json_schema":{"name":"n","description":"d","strict":true,"schema":{"type":"boolean"}}}}`, 200},
	{"/v1/chat/completions", `{"model":"fake","messages":[{"role":"user","content":"a"}],"max_tokens":2,"tools":[` + chatTool + `],
		"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"f"}}]}}}`, 200},
	{"/v1/chat/completions/input_tokens", `{"model":"fake","messages":[` + talk + `]}`, 200},
	{"/v1/apply-template", `{"model":"fake","messages":[` + talk + `]}`, 200},
	{"/v1/completions", `{"model":"fake","stream":false,"prompt":["a","b"],"echo":true,"max_tokens":2,"n":1,"best_of":1,"logprobs":1,"prompt_logprobs":1,"receipt":true,"suffix":"",` + sampling + `,` + labels[:strings.LastIndex(labels, ",")] + `}`, 200},
	{"/v1/completions", `{"model":"fake","prompt":"a","max_tokens":2,"regex":"a+"}`, 200},
	{"/v1/responses", `{"model":"fake","stream":false,"input":[` + items + `],"instructions":"i","max_output_tokens":2,"include":["message.output_text.logprobs"],"top_logprobs":1,"reasoning":{"effort":"low","summary":"auto"},
		"text":{"format":{"type":"text"},"verbosity":"low"},"tools":[` + flatTool + `],"tool_choice":"auto","parallel_tool_calls":true,"store":false,"truncation":"auto","background":false,
		"max_tool_calls":1,"receipt":true,"prompt_cache_options":{},` + sampling + `,` + labels + `}`, 200},
	{"/v1/responses", `{"model":"fake","stream":true,"input":"a","max_output_tokens":2,"tools":[` + flatTool + `],"tool_choice":{"type":"function","name":"f"},"stream_options":{"include_obfuscation":false}}`, 200},
	{"/v1/embeddings", `{"model":"fake","input":[[5,6],[7]],"encoding_format":"base64","dimensions":1,` + labels[:strings.LastIndex(labels, ",")] + `}`, 200},
	{"/v1/rerank", `{"model":"fake","query":"q","documents":["a",{"text":"b"}],"top_n":1,"return_documents":true,"raw_scores":true}`, 400},
	{"/v1/classifications", `{"model":"fake","input":["a"],"threshold":0.5,"keep_alive":"5m"}`, 404},
	{"/v1/tokenize", `{"model":"fake","content":"a","add_special":true,"parse_special":false,"return_token_strs":true}`, 200},
	{"/v1/tokenize", `{"model":"fake","messages":[` + talk + `],"return_token_strs":true}`, 200},
	{"/v1/detokenize", `{"model":"fake","tokens":[5,6],"show_special":true}`, 200},

	{"/api/chat", `{"model":"fake","stream":false,"messages":[{"role":"system","content":"a","images":[]},{"role":"assistant","content":"b","thinking":"t","tool_calls":[{"id":"i","type":"function","function":{"index":0,"name":"f","arguments":{}}}]},
		{"role":"tool","content":"c","tool_name":"f","tool_call_id":"i"}],"tools":[` + chatTool + `],"tool_choice":"auto","think":false,"logprobs":true,"top_logprobs":1,"keep_alive":"5m","adapter":[],
		"truncate":true,"shift":true,` + options + `}`, 200},
	{"/api/generate", `{"model":"fake","stream":true,"prompt":"a","system":"b","raw":false,"suffix":"","template":"","context":[],"images":[],"format":{"type":"boolean"},` + options + `}`, 200},
	{"/api/embed", `{"model":"fake","input":["a","b"],"truncate":true,"dimensions":0,"keep_alive":"5m",` + options + `}`, 200},
	{"/api/embeddings", `{"model":"fake","prompt":"a","keep_alive":"5m",` + options + `}`, 200},
	{"/api/show", `{"model":"fake","verbose":true,"system":"a","template":"b"}`, 200},
	{"/api/pull", `{"model":"fake","stream":false,"insecure":true,"username":"a","password":"b"}`, 200},

	{"/v1/messages", `{"model":"fake","max_tokens":2,"stream":false,"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],"temperature":0.5,"top_p":0.5,"top_k":5,"stop_sequences":["x"],
		"messages":[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"tool_use","id":"i","name":"f","input":{},"caller":{}}]},
		{"role":"user","content":[{"type":"tool_result","tool_use_id":"i","content":[{"type":"text","text":"b"}],"is_error":true},{"type":"text","text":"c"}]}],
		"tools":[{"type":"custom","name":"f","description":"d","input_schema":{"type":"object"},"strict":true,"cache_control":{},"eager_input_streaming":true,"allowed_callers":["direct"]}],
		"tool_choice":{"type":"auto","disable_parallel_tool_use":true},"thinking":{"type":"disabled"},"output_config":{"effort":"low"},"metadata":{"user_id":"u"},"service_tier":"auto","speed":"standard",
		"inference_geo":"eu","adapter":[],"keep_alive":"5m"}`, 200},
	{"/v1/messages", `{"model":"fake","max_tokens":2,"stream":true,"messages":[{"role":"user","content":"a"}],"output_config":{"format":{"type":"json_schema","name":"n","schema":{"type":"boolean"}}}}`, 200},
	{"/v1/messages/count_tokens", `{"model":"fake","messages":[{"role":"user","content":"a"}]}`, 200},
}

// also are the types that members take beside the one that hostileBodies has; raw
// is for what is handed on, or has no effect, with all that is in it.
var also = map[string]string{
	"stop":                         "string array",
	"options.stop":                 "string",
	"input":                        "string array",
	"input[]":                      "string",
	"input[].content":              "string array",
	"prompt":                       "string array",
	"prompt[]":                     "array",
	"system":                       "string",
	"messages[].content":           "string array",
	"messages[].content[].content": "string",
	"adapter":                      "string object",
	"keep_alive":                   "number",

	"chat_template_kwargs": "raw",
	"logit_bias":           "raw",
	"metadata":             "raw",
	"prediction":           "raw",
	"prompt_cache_options": "raw",
	"messages[].tool_calls[].function.arguments": "raw",
	"messages[].content[].input":                 "raw",
	"messages[].content[].caller":                "raw",
	"system[].cache_control":                     "raw",
	"tools[].cache_control":                      "raw",
	"tools[].function.parameters":                "raw",
	"tools[].parameters":                         "raw",
	"tools[].input_schema":                       "raw",
	"response_format.json_schema.schema":         "raw",
	"output_config.format.schema":                "raw",
	"format":                                     "raw",
}

// node is a JSON value whose parts can be replaced.
type node struct {
	at    string // such as messages[0].role; empty for the body
	kind  string
	raw   string   // of a string, a number or a boolean
	names []string // of an object's members
	kids  []*node
}

func parseNode(t *testing.T, dec *json.Decoder, at string) *node {
	token, err := dec.Token()
	require.NoError(t, err)
	n := &node{at: at}
	switch v := token.(type) {
	case json.Delim:
		n.kind = map[json.Delim]string{'{': "object", '[': "array"}[v]
		for i := 0; dec.More(); i++ {
			inner := fmt.Sprintf("%s[%d]", at, i)
			if n.kind == "object" {
				name, err := dec.Token()
				require.NoError(t, err)
				n.names = append(n.names, name.(string))
				inner = strings.TrimPrefix(at+"."+name.(string), ".")
			}
			n.kids = append(n.kids, parseNode(t, dec, inner))
		}
		_, err := dec.Token()
		require.NoError(t, err)
	case json.Number:
		n.kind, n.raw = "number", v.String()
	case string:
		n.kind, n.raw = "string", fmt.Sprintf("%q", v)
	case bool:
		n.kind, n.raw = "boolean", fmt.Sprint(v)
	}
	return n
}

// with returns n as text, with another text for one node in it.
func (n *node) with(other *node, text string) string {
	if n == other {
		return text
	}
	var parts []string
	for i, kid := range n.kids {
		part := kid.with(other, text)
		if n.kind == "object" {
			part = fmt.Sprintf("%q:%s", n.names[i], part)
		}
		parts = append(parts, part)
	}
	switch n.kind {
	case "object":
		return "{" + strings.Join(parts, ",") + "}"
	case "array":
		return "[" + strings.Join(parts, ",") + "]"
	}
	return n.raw
}

// all returns n and what is in it.
func (n *node) all() []*node {
	list := []*node{n}
	for _, kid := range n.kids {
		list = append(list, kid.all()...)
	}
	return list
}

var (
	index = regexp.MustCompile(`\[\d+\]`)
	name  = regexp.MustCompile(`\w+`)
)

// takes reports whether a member may be of a type that it does not have in
// hostileBodies, "raw" if it and what is in it may be anything.
func (n *node) takes(kind string) bool {
	at := index.ReplaceAllString(n.at, "[]")
	return slices.Contains(strings.Fields(also[at]), kind)
}

func (n *node) isRaw() bool {
	at := index.ReplaceAllString(n.at, "[]")
	for at != "" {
		if slices.Contains(strings.Fields(also[at]), "raw") {
			return true
		}
		at = at[:max(0, strings.LastIndexAny(at, ".["))]
	}
	return false
}

// TestEveryMemberIsChecked replaces every part of every request by values of
// other types and out of range, repeats and adds members: what is wrong is 400
// and named, and nothing is an internal error.
func TestEveryMemberIsChecked(t *testing.T) {
	e := newFakeEngine(t)
	d := start(t, e, nil)
	d.model.chat = prompt.New(e.tok, callingTemplate)
	client := d.http()
	samples := map[string]string{"string": `"x"`, "number": "7", "boolean": "true", "array": "[1]", "object": `{"x":1}`}
	for _, h := range hostileBodies {
		dec := json.NewDecoder(strings.NewReader(h.body))
		dec.UseNumber()
		root := parseNode(t, dec, "")
		status, answer := postTo(t, client, h.path, root.with(nil, ""))
		require.Equal(t, h.status, status, "%s: %s", h.path, answer)
		refused := func(n *node, text string, wants ...string) {
			body := root.with(n, text)
			status, answer := postTo(t, client, h.path, body)
			if status != http.StatusBadRequest {
				t.Errorf("%s: %q as %.40s: status %d, %.60s", h.path, n.at, text, status, answer)
			}
			for _, want := range wants {
				if status == http.StatusBadRequest && !strings.Contains(answer, want) {
					t.Errorf("%s: %q as %.40s: %s does not name %q", h.path, n.at, text, answer, want)
				}
			}
		}
		for _, n := range root.all() {
			if n.isRaw() {
				continue
			}
			names := name.FindAllString(index.ReplaceAllString(n.at, ""), -1)
			last := names[max(0, len(names)-1):]
			for _, kind := range slices.Sorted(maps.Keys(samples)) {
				if kind != n.kind && !n.takes(kind) {
					refused(n, samples[kind], last...)
				}
			}
			if n.kind == "number" && !n.takes("large") {
				for _, text := range []string{"1e999", "-1e300", "9223372036854775808", "-9223372036854775809", "2147483648.5"} {
					refused(n, text, last...)
				}
			}
			if n.kind == "object" {
				more := `{"unheard_of":1,`
				if len(n.names) == 0 {
					more = `{"unheard_of":1`
				}
				refused(n, more+n.with(nil, "")[1:], "unheard_of")
			}
			if len(n.names) > 0 {
				refused(n, strings.TrimSuffix(n.with(nil, ""), "}")+fmt.Sprintf(`,%q:null}`, n.names[0]), n.names[0])
			}
			for _, text := range []string{"NaN", "Infinity", "'x'", "undefined", ",", "01", "+1", "0x1", `"\x"`, "\"\xff\"", "\"\n\"", strings.Repeat("[", 20_000), strings.Repeat(`{"a":`, 20_000)} {
				refused(n, text)
			}
		}
	}
}

// postTo sends a body and returns the status and the error's message, having held
// the answer to its family's shape.
func postTo(t *testing.T, client *http.Client, path, body string) (status int, message string) {
	t.Helper()
	resp, err := client.Post("http://x"+path, "application/json", strings.NewReader(body))
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	if resp.StatusCode == http.StatusOK {
		require.NotContains(t, string(text), `"error":{`, path)
		return resp.StatusCode, string(text)
	}
	return resp.StatusCode, errorOf(t, path, resp, text)
}

// errorOf returns the message of an error, whose shape is that of path's family.
func errorOf(t *testing.T, path string, resp *http.Response, text []byte) string {
	t.Helper()
	require.Equal(t, "application/json", resp.Header.Get("Content-Type"), "%s: %s", path, text)
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if strings.HasPrefix(path+"/", "/api/") {
		var e struct{ Error string }
		require.NoError(t, dec.Decode(&e), "%s: %s", path, text)
		require.NotEmpty(t, e.Error)
		return e.Error
	}
	if strings.HasPrefix(path, "/v1/messages") {
		var e struct {
			Type      string
			RequestID string `json:"request_id"`
			Error     struct {
				Type, Message string
				Details       struct {
					Code  string `json:"error_code"`
					Param string
				}
			}
		}
		require.NoError(t, dec.Decode(&e), "%s: %s", path, text)
		require.Equal(t, "error", e.Type)
		require.NotEmpty(t, e.Error.Type)
		require.NotEmpty(t, e.Error.Message)
		require.NotEmpty(t, e.Error.Details.Code)
		return e.Error.Message
	}
	var e struct {
		Error struct {
			Message, Type, Code string
			Param               *string
		}
	}
	require.NoError(t, dec.Decode(&e), "%s: %s", path, text)
	require.NotEmpty(t, e.Error.Type)
	require.NotEmpty(t, e.Error.Code)
	require.NotEmpty(t, e.Error.Message)
	return e.Error.Message
}
