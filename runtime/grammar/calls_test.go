package grammar

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCalls(t *testing.T) {
	calls := []Call{
		{"f", json.RawMessage(`{"properties":{"a":{"$ref":"#/$defs/x"}},"required":["a"],"$defs":{"x":{"type":"integer","maximum":9,"minimum":0}}}`)},
		{"g", json.RawMessage(`{"properties":{"a":{"$ref":"#/$defs/x"}},"required":["a"],"$defs":{"x":{"enum":["é"]}}}`)},
		{Name: "h"},
	}
	g, err := CompileCalls("<c>\n", "\n</c>", calls, false)
	require.NoError(t, err)
	const f, h = "<c>\n{\"name\": \"f\", \"arguments\": {\"a\":1}}\n</c>", "<c>\n{\"name\": \"h\", \"arguments\": {}}\n</c>"
	matches(t, g, f, true)
	matches(t, g, "<c>\n{\"name\": \"g\", \"arguments\": {\"a\": \"é\"}}\n</c>", true)
	matches(t, g, h, true)
	matches(t, g, f+"\n"+h, false)
	matches(t, g, "<c>\n{\"name\": \"g\", \"arguments\": {\"a\":1}}\n</c>", false)
	matches(t, g, "<c>\n{\"name\": \"f\", \"arguments\": 1}\n</c>", false)
	matches(t, g, "<c>\n{\"name\": \"i\", \"arguments\": {}}\n</c>", false)
	matches(t, g, "", false)
	text, done := untrained(t, g, rand.New(rand.NewPCG(1, 2)), 4000)
	require.True(t, done, text)

	many, err := CompileCalls("<c>\n", "\n</c>", calls, true)
	require.NoError(t, err)
	matches(t, many, f, true)
	matches(t, many, f+"\n"+h, true)
	matches(t, many, f+h, false)

	_, err = CompileCalls("", "", []Call{{"f", json.RawMessage(`{"properties":{"a":{"contains":{}}}}`)}}, false)
	require.EqualError(t, err, `tool "f": #/properties/a/contains: the keyword is not supported`)
	_, err = CompileCalls("", "", []Call{{"f", json.RawMessage(`{"type":"string"}`)}}, false)
	require.Error(t, err)
}
