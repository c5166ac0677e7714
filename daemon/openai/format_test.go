package openai

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFormatsReachTheModel(t *testing.T) {
	const schema = `{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","title":"T","properties":{"a":{"type":"integer"}},"required":["a"],"additionalProperties":false}`
	for _, test := range []struct {
		format  string
		yes, no string
	}{
		{`"response_format":{"type":"json_object"}`, `{"x":[1,null]}`, `7`},
		{`"response_format":{"type":"json_object","schema":` + schema + `}`, `{"a":7}`, `{"x":7}`},
		{`"response_format":{"type":"json_schema","json_schema":{"name":"n","description":"d","strict":true,"schema":` + schema + `}}`, `{"a":7}`, `{"a":"7"}`},
		{`"grammar":"root ::= \"yes\" | \"no\""`, `no`, `maybe`},
		{`"regex":"^[0-9]{2}(?!.)"`, `42`, `421`},
		{`"guided_regex":"(a|b)+"`, `abba`, `cab`},
		{`"guided_grammar":"root ::= \"a\"+"`, `aaa`, `b`},
		{`"ebnf":"root ::= \"a\"+"`, `aaa`, `b`},
		{`"json_schema":` + schema, `{"a":7}`, `{"a":"7"}`},
		{`"guided_json":` + schema, `{"a":7}`, `{"a":"7"}`},
		{`"guided_json":"{\"type\":\"integer\"}"`, `7`, `"7"`},
		{`"guided_choice":["yes","a \"b\"\\\n"]`, "a \"b\"\\\n", `ye`},
		{`"structured_outputs":{"json":` + schema + `}`, `{"a":7}`, `{"a":"7"}`},
		{`"structured_outputs":{"choice":["é","b"],"regex":null}`, `é`, `éb`},
		{`"structured_outputs":{"regex":"[0-9]+","json_object":null}`, `12`, `x`},
		{`"structured_outputs":{"grammar":"root ::= \"a\"+"}`, `aa`, `x`},
		{`"structured_outputs":{"json_object":true}`, `{"x":[1,null]}`, `7`},
	} {
		for path, prompt := range map[string]string{chatPath: `"messages":[{"role":"user","content":"hi"}]`, textPath: `"prompt":"hi"`} {
			s, m := newService(t)
			body := `{"model":"fake",` + prompt + `,` + test.format + `}`
			for range 2 {
				status, got := s.post(t, path, body)
				require.Equal(t, http.StatusOK, status, got)
			}
			g := m.asked[0].Grammar
			require.Same(t, g, m.asked[1].Grammar, "the second request uses it again")
			for text, want := range map[string]bool{test.yes: true, test.no: false} {
				ok, err := g.Matches(text)
				require.NoError(t, err)
				require.Equal(t, want, ok, "%s: %s", test.format, text)
			}
		}
	}
}

func TestNoFormatIsNoGrammar(t *testing.T) {
	s, m := newService(t)
	for _, format := range []string{`null`, `{"type":"text"}`} {
		status, got := s.post(t, chatPath, `{"model":"fake","messages":[{"role":"user","content":"hi"}],"grammar":null,"response_format":`+format+`}`)
		require.Equal(t, http.StatusOK, status, got)
		require.Nil(t, m.asked[len(m.asked)-1].Grammar)
	}
}

// TestFormatsThatCannotBeFollowed: nothing that cannot be held is attempted.
func TestFormatsThatCannotBeFollowed(t *testing.T) {
	for _, test := range []struct{ rest, param, message string }{
		{`"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"properties":{"a":{"contains":{}}}}}}`,
			"response_format.json_schema.schema", `"response_format.json_schema.schema" cannot be followed: #/properties/a/contains: the keyword is not supported`},
		{`"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"$ref":"http://x/y"}}}`, "response_format.json_schema.schema", ""},
		{`"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"enum":[]}}}`, "response_format.json_schema.schema", ""},
		{`"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":true}}`, "response_format.json_schema.schema", ""},
		{`"response_format":{"type":"json_schema","json_schema":{"name":"n"}}`, "response_format.json_schema.schema", ""},
		{`"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{},"strict":1}}`, "response_format.json_schema.strict", ""},
		{`"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{},"extra":1}}`, "response_format.json_schema.extra", ""},
		{`"response_format":{"type":"json_schema"}`, "response_format.json_schema", ""},
		{`"response_format":{"type":"json_object","schema":{"pattern":"("}}`, "response_format.schema", ""},
		{`"response_format":{"type":"json_object","schemas":{}}`, "response_format.schemas", ""},
		{`"response_format":{"type":"yaml"}`, "response_format.type", ""},
		{`"response_format":{}`, "response_format.type", ""},
		{`"response_format":"json"`, "response_format", ""},
		{`"grammar":"root ::= nothing"`, "grammar", ""},
		{`"grammar":7`, "grammar", ""},
		{`"regex":"(?<=a)b"`, "regex", `"regex" cannot be followed: pattern "(?<=a)b": lookbehind is not supported`},
		{`"guided_regex":["a"]`, "guided_regex", ""},
		{`"guided_regex":"a","regex":"b"`, "guided_regex", `"guided_regex" and "regex" exclude each other`},
		{`"regex":"a","response_format":{"type":"text"}`, "regex", ""},
		{`"guided_choice":[]`, "guided_choice", ""},
		{`"guided_choice":[1]`, "guided_choice", ""},
		{`"guided_choice":["a"],"guided_json":{}`, "guided_choice", `"guided_choice" and "guided_json" exclude each other`},
		{`"guided_json":7`, "guided_json", ""},
		{`"guided_json":"{"`, "guided_json", ""},
		{`"json_schema":{"contains":{}}`, "json_schema", `"json_schema" cannot be followed: #/contains: the keyword is not supported`},
		{`"structured_outputs":{}`, "structured_outputs", `"structured_outputs" must have one of json, regex, choice, grammar and json_object`},
		{`"structured_outputs":{"json_object":false}`, "structured_outputs", ""},
		{`"structured_outputs":{"regex":"a","choice":["a"]}`, "structured_outputs.choice", `"structured_outputs.choice" and "regex" exclude each other`},
		{`"structured_outputs":{"regex":"("}`, "structured_outputs.regex", ""},
		{`"structured_outputs":{"regex":"a","whitespace_pattern":" "}`, "structured_outputs.whitespace_pattern", ""},
		{`"structured_outputs":{"regex":"a"},"regex":"a"`, "structured_outputs", ""},
		{`"grammar":"root ::= \"a\"","response_format":{"type":"json_object"}`, "grammar", ""},
		{`"grammar":"root ::= \"a\"","ignore_eos":true`, "ignore_eos", ""},
	} {
		s, m := newService(t)
		status, got := s.post(t, chatPath, `{"model":"fake","messages":[{"role":"user","content":"hi"}],`+test.rest+`}`)
		require.Equal(t, http.StatusBadRequest, status, test.rest)
		require.Equal(t, test.param, at(t, got, "error", "param"), "%s: %v", test.rest, got)
		if test.message != "" {
			require.Equal(t, test.message, at(t, got, "error", "message"))
		}
		require.Empty(t, m.asked)
	}
}
