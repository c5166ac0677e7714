package clients

import (
	"encoding/json"
	"strings"
	"testing"
)

// What the tests of all clients ask: demo knows the answer, scripted calls the
// tool weather if it has one.
const (
	baseURL  = "http://inferd/v1"
	question = "When does the library open?"
	answer   = "The library opens at 9" // how it begins
	city     = "Bern"
	told     = "It is wet."
)

// weather is the parameters of that tool.
var weather = map[string]any{
	"type":                 "object",
	"properties":           map[string]any{"city": map[string]any{"type": "string"}},
	"required":             []string{"city"},
	"additionalProperties": false,
}

// order is a schema that any model can be held to, with few tokens.
const order = `{"type":"object","properties":{"item":{"enum":["tea","coffee"]},"count":{"type":"integer","minimum":1,"maximum":9}},"required":["item","count"],"additionalProperties":false}`

func mustBegin(t *testing.T, text, prefix string) {
	t.Helper()
	if !strings.HasPrefix(text, prefix) {
		t.Fatalf("got %q, want it to begin with %q", text, prefix)
	}
}

func mustBeOrder(t *testing.T, text string) {
	t.Helper()
	var o struct {
		Item  string
		Count int
	}
	if err := json.Unmarshal([]byte(text), &o); err != nil || o.Item != "tea" && o.Item != "coffee" || o.Count < 1 || o.Count > 9 {
		t.Fatalf("got %q, %v, want an order", text, err)
	}
}

func mustBeCity(t *testing.T, arguments string) {
	t.Helper()
	var a map[string]string
	if err := json.Unmarshal([]byte(arguments), &a); err != nil || len(a) != 1 || a["city"] != city {
		t.Fatalf("got %q, %v, want the city %s", arguments, err, city)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
