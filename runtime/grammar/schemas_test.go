package grammar

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/dlclark/regexp2"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// schemas exercises every supported keyword.
var schemas = []string{
	`true`, `{}`, `{"type":"object"}`, `{"type":"string"}`, `{"type":"integer"}`, `{"type":"number"}`, `{"type":["string","null"]}`, `{"type":"boolean"}`,
	`{"enum":["a","b",3,null,{"x":[1]}]}`, `{"const":{"a":1.5}}`, `{"type":"string","enum":["x",1]}`,
	`{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}},"required":["name"],"additionalProperties":false}`,
	`{"type":"object","properties":{"a":{"type":"string","maxLength":3},"b":{"type":"integer"},"c":{"type":"null"}},"minProperties":2,"additionalProperties":false}`,
	`{"type":"object","properties":{"a":{},"b":{},"c":{}},"maxProperties":1}`,
	`{"type":"object","additionalProperties":{"type":"integer"},"maxProperties":3}`,
	`{"type":"object","properties":{"id":{"type":"integer"}},"required":["id","other"],"additionalProperties":{"type":"string","maxLength":4}}`,
	`{"type":"object","patternProperties":{"^x-":{"type":"integer"},"^y[0-9]$":{"type":"null"}},"additionalProperties":false}`,
	`{"type":"object","propertyNames":{"pattern":"^[a-c]{1,3}$"},"additionalProperties":{"type":"boolean"}}`,
	`{"type":"array","items":{"type":"integer","minimum":-5,"maximum":250},"minItems":2,"maxItems":4}`,
	`{"type":"array","prefixItems":[{"type":"string","maxLength":2},{"type":"integer"}],"items":{"type":"boolean"},"minItems":1}`,
	`{"type":"array","prefixItems":[{"const":1},{"const":2}],"items":false}`, `{"items":[{"type":"null"}],"additionalItems":false,"maxItems":1}`,
	`{"type":"array","maxItems":0}`, `{"type":"array","minItems":40,"items":{"type":"boolean"}}`,
	`{"type":"string","minLength":3,"maxLength":5}`, `{"type":"string","minLength":100,"maxLength":130}`, `{"type":"string","pattern":"^[A-Z]{2}[0-9]+$","maxLength":9}`,
	`{"type":"string","pattern":"ab|^c"}`, `{"type":"string","pattern":"^\\S+@\\S+\\.\\S+$"}`, `{"type":"string","pattern":"^(\\\"|\\\\|\\n)x?$"}`,
	`{"type":"string","format":"date"}`, `{"type":"string","format":"date-time"}`, `{"type":"string","format":"time"}`, `{"type":"string","format":"uuid"}`, `{"type":"string","format":"duration"}`,
	`{"type":"string","format":"email"}`, `{"type":"string","format":"ipv4"}`, `{"type":"string","format":"ipv6"}`, `{"type":"string","format":"uri"}`, `{"type":"string","format":"hostname"}`,
	`{"type":"string","format":"json-pointer"}`, `{"type":"string","format":"uri-reference"}`, `{"type":"string","format":"password"}`, `{"type":"string","format":"date","pattern":"^20"}`,
	`{"type":"integer","minimum":0}`, `{"type":"integer","exclusiveMinimum":0,"maximum":10}`, `{"type":"integer","minimum":-1005,"maximum":-37}`, `{"type":"integer","maximum":-1}`, `{"type":"integer","minimum":99,"maximum":1001}`,
	`{"type":"integer","minimum":2.5,"maximum":3.5}`, `{"type":"integer","multipleOf":7}`, `{"type":"integer","multipleOf":5,"minimum":12,"maximum":33}`, `{"type":"integer","multipleOf":1.5}`,
	`{"type":"number","minimum":0,"maximum":1}`, `{"type":"number","exclusiveMinimum":0.5,"exclusiveMaximum":0.75}`, `{"type":"number","minimum":-1.25,"maximum":2.125}`, `{"type":"number","exclusiveMinimum":-3}`, `{"type":"number","maximum":-0.001}`,
	`{"type":"number","multipleOf":0.01}`, `{"type":"number","multipleOf":0.25,"minimum":1,"maximum":9.5}`, `{"type":"number","minimum":0.1,"maximum":0.1}`, `{"type":"number","exclusiveMinimum":9.99,"maximum":100}`,
	`{"anyOf":[{"type":"string","maxLength":2},{"type":"integer"}]}`, `{"oneOf":[{"type":"string"},{"type":"null"}]}`,
	`{"oneOf":[{"type":"object","properties":{"t":{"const":"a"},"x":{"type":"integer"}},"required":["t","x"],"additionalProperties":false},{"type":"object","properties":{"t":{"const":"b"}},"required":["t"]}]}`,
	`{"allOf":[{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"b":{"type":"string","maxLength":3}},"required":["b"]}]}`,
	`{"allOf":[{"type":"integer","minimum":3},{"maximum":9},{"multipleOf":2}]}`, `{"allOf":[{"enum":[1,2,3]},{"enum":[2,3,4]},{"minimum":3}]}`,
	`{"anyOf":[{"properties":{"a":{"const":1}},"required":["a"]},{"properties":{"b":{"const":2}},"required":["b"]}],"type":"object","properties":{"z":{"type":"null"}}}`,
	`{"$defs":{"node":{"type":"object","properties":{"v":{"type":"integer"},"next":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]}},"required":["v","next"],"additionalProperties":false}},"$ref":"#/$defs/node"}`,
	`{"$defs":{"t":{"type":"object","properties":{"kids":{"type":"array","items":{"$ref":"#/$defs/t"}}},"required":["kids"],"additionalProperties":false}},"$ref":"#/$defs/t"}`,
	`{"type":"object","properties":{"self":{"$ref":"#"},"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}`,
	`{"definitions":{"E":{"enum":["x","y"],"title":"E"}},"type":"object","properties":{"e":{"allOf":[{"$ref":"#/definitions/E"}],"default":"x"}},"required":["e"]}`,
	`{"type":"object","properties":{"a~b/c \"q\"":{"type":"null"}},"required":["a~b/c \"q\""]}`, `{"$ref":"#/$defs/a%20b","$defs":{"a b":{"type":"null"}}}`,
	`{"type":"object","properties":{"x":false,"y":true},"required":["y"]}`, `{"properties":{"k":{"$ref":"#/$defs/s","maxLength":2}},"required":["k"],"$defs":{"s":{"type":"string","minLength":1}}}`,
	`{"type":"object","properties":{"u":{"type":"string","format":"relative-json-pointer"},"v":{"type":"string","format":"uri-template"},"w":{"type":"string","format":"iri"},"x":{"type":"string","format":"idn-email"}},"required":["u","v","w","x"]}`,
	`{"type":"array","items":{"enum":["a","b","c"]},"uniqueItems":true,"minItems":3}`, `{"type":"array","uniqueItems":true,"maxItems":1}`, `{"type":"array","uniqueItems":true,"items":{"type":"boolean"}}`,
	`{"not":{"type":"object"},"type":["object","integer"]}`, `{"type":"string","not":{"pattern":"a"},"minLength":1}`, `{"type":"object","properties":{"a":{"type":"integer"}},"not":{"required":["a"]}}`,
	`{"type":"integer","minimum":1000000000000000000,"maximum":9223372036854775807}`, `{"type":"integer","multipleOf":1000,"minimum":-5000}`, `{"allOf":[{"type":"number","multipleOf":0.1},{"multipleOf":0.25}]}`, `{"type":"number","not":{"type":"integer"},"minimum":0,"maximum":2}`,
	`{"$schema":"http://json-schema.org/draft-04/schema#","type":"integer","minimum":0,"exclusiveMinimum":true,"maximum":9,"exclusiveMaximum":true}`, `{"$schema":"http://json-schema.org/draft-07/schema#","dependencies":{"a":["b"],"c":{"required":["a"]}},"type":"object","properties":{"a":{"type":"null"},"b":{"type":"null"},"c":{"type":"null"}}}`,
	`{"$schema":"https://json-schema.org/draft/2019-09/schema","type":"object","allOf":[{"properties":{"a":{"type":"null"}}}],"properties":{"b":{"type":"null"}},"required":["b"],"unevaluatedProperties":false}`,
	`{"type":"array","prefixItems":[{"type":"null"}],"unevaluatedItems":false}`, `{"allOf":[{"prefixItems":[{"type":"integer"}]}],"type":"array","items":{"type":["integer","null"]},"maxItems":3}`,
	`{"$id":"https://example.com/s","$ref":"https://example.com/s#/$defs/a","$defs":{"a":{"$anchor":"here","type":"object","properties":{"next":{"$ref":"#here"}}}}}`,
	`{"type":"object","patternProperties":{"^a":{"type":"integer"},"z$":{"minimum":3}},"additionalProperties":{"type":"null"}}`, `{"allOf":[{"patternProperties":{"^a":{"type":"integer"}}},{"patternProperties":{"b$":{"maximum":5}}}],"type":"object"}`,
	// As pydantic writes them.
	`{"$defs":{"Address":{"properties":{"street":{"title":"Street","type":"string","maxLength":9},"zip":{"anyOf":[{"type":"string","pattern":"^\\d{5}$"},{"type":"null"}],"default":null,"title":"Zip"}},"required":["street"],"title":"Address","type":"object"},"Color":{"enum":["red","green"],"title":"Color","type":"string"}},"properties":{"name":{"title":"Name","type":"string","minLength":1,"maxLength":12},"color":{"$ref":"#/$defs/Color","default":"red"},"address":{"anyOf":[{"$ref":"#/$defs/Address"},{"type":"null"}],"default":null},"scores":{"items":{"type":"number"},"title":"Scores","type":"array"}},"required":["name"],"title":"User","type":"object"}`,
	`{"$defs":{"Cat":{"properties":{"kind":{"const":"cat","title":"Kind","type":"string"},"lives":{"title":"Lives","type":"integer"}},"required":["kind","lives"],"title":"Cat","type":"object"},"Dog":{"properties":{"kind":{"const":"dog","title":"Kind","type":"string"}},"required":["kind"],"title":"Dog","type":"object"}},"properties":{"pet":{"discriminator":{"mapping":{"cat":"#/$defs/Cat","dog":"#/$defs/Dog"},"propertyName":"kind"},"oneOf":[{"$ref":"#/$defs/Cat"},{"$ref":"#/$defs/Dog"}],"title":"Pet"}},"required":["pet"],"title":"Owner","type":"object"}`,
	`{"$defs":{"Node":{"properties":{"value":{"title":"Value","type":"integer"},"children":{"default":[],"items":{"$ref":"#/$defs/Node"},"title":"Children","type":"array"}},"required":["value"],"title":"Node","type":"object"}},"$ref":"#/$defs/Node"}`,
	`{"properties":{"tags":{"items":{"enum":["a","b"],"type":"string"},"title":"Tags","type":"array","uniqueItems":true},"point":{"maxItems":2,"minItems":2,"prefixItems":[{"type":"number"},{"type":"number"}],"title":"Point","type":"array"},"extra":{"additionalProperties":{"type":"integer"},"title":"Extra","type":"object"},"when":{"format":"date-time","title":"When","type":"string"},"uid":{"format":"uuid","title":"Uid","type":"string"},"price":{"anyOf":[{"type":"number"},{"type":"string","pattern":"^(?!^[-+.]*$)[+-]?0*\\d*\\.?\\d*$","maxLength":12}],"title":"Price"}},"required":["tags","point","extra","when","uid","price"],"title":"M","type":"object","additionalProperties":false}`,
	`{"properties":{"n":{"exclusiveMinimum":0,"maximum":10,"title":"N","type":"integer"},"x":{"multipleOf":0.5,"title":"X","type":"number"},"raw":{"format":"binary","title":"Raw","type":"string","maxLength":4},"url":{"format":"uri","maxLength":60,"minLength":1,"title":"Url","type":"string"},"delta":{"format":"duration","title":"Delta","type":"string"},"opt":{"anyOf":[{"type":"integer"},{"type":"null"}],"default":null,"title":"Opt"},"any":{"title":"Any"}},"required":["n","x","raw","url","delta","any"],"title":"Bounds","type":"object"}`,
}

// sdkSchemas are made by the converters of SDKs; see testdata/sdk.mjs.
func sdkSchemas(t testing.TB) (out []string) {
	data, err := os.ReadFile("testdata/sdk.jsonl")
	require.NoError(t, err)
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct {
			From, Name string
			Schema     json.RawMessage
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &line))
		out = append(out, string(line.Schema))
	}
	require.NoError(t, lines.Err())
	return out
}

// untrained writes a text as a model that knows nothing would: at each step the
// logits are random, the mask is applied, and a token is drawn at temperature 1.
//
// Such a model never ends a string by itself. A bias as a client may ask for in
// logit_bias makes the end of the text, quotes, closing braces and brackets
// likelier. Texts that are not finished after 300 tokens, such as those of a
// pattern whose end is rare, go on with the allowed token that leads nearest to
// an end, so none is ever cut.
func untrained(t testing.TB, g *Grammar, r *rand.Rand, limit int) (string, bool) {
	v, pieces, end := testVocab()
	m, err := g.NewMatcher(v)
	require.NoError(t, err)
	var b strings.Builder
	weights := make([]float64, len(pieces))
	var left []int
	for n := range limit {
		mask, err := m.Mask()
		require.NoError(t, err, "after %q", b.String())
		if n == 300 {
			left = bytesLeft(&m.m.nfa)
		}
		sum := 0.0
		for id := range pieces {
			weights[id] = 0
			switch {
			case mask[id>>6]>>(id&63)&1 == 0:
			case n < 300:
				weights[id] = math.Exp(2*r.NormFloat64() + finishing(pieces[id], int32(id) == end))
			case int32(id) == end:
				weights[id] = 1e9
			default:
				s, err := m.m.steps(m.s, pieces[id])
				require.NoError(t, err)
				weights[id] = math.Pow(0.001, float64(s.left(left)-m.s.left(left)))
			}
			sum += weights[id]
		}
		require.Positive(t, sum, "a dead end after %q", b.String())
		id := 0
		for x := r.Float64() * sum; id < len(weights)-1; id++ {
			if x -= weights[id]; x < 0 && weights[id] > 0 {
				break
			}
		}
		require.NoError(t, m.Accept(int32(id), pieces[id], int32(id) == end))
		if int32(id) == end {
			return b.String(), true
		}
		b.Write(pieces[id])
		if m.Final() {
			return b.String(), true
		}
	}
	return b.String(), false
}

func finishing(piece []byte, isEnd bool) float64 {
	switch p := string(piece); {
	case isEnd, p == `"`:
		return 6
	case p == "}", p == "]":
		return 3
	}
	return 0
}

// bytesLeft is the least number of bytes from each state to the end of its
// rule, counts left out.
func bytesLeft(n *nfa) []int {
	left := make([]int, len(n.states))
	for i := range left {
		left[i] = math.MaxInt32
	}
	for changed := true; changed; {
		changed = false
		for i, s := range n.states {
			d := left[s.next]
			switch s.op {
			case opFail:
				d = math.MaxInt32
			case opAccept:
				d = 0
			case opByte:
				d++
			case opSplit:
				d = min(d, left[s.other])
			case opCall:
				d += left[n.starts[s.arg]]
			}
			if d < left[i] {
				left[i], changed = d, true
			}
		}
	}
	return left
}

// left is the least number of bytes to the end of the text.
func (s *state) left(left []int) int {
	least := math.MaxInt32
	if s.accept {
		return 0
	}
	for _, k := range s.configs {
		d := left[k.at]
		for f := k.stack; f != nil; f = f.below {
			if f.ret > 0 { // a call
				d += left[f.ret]
			}
		}
		least = min(least, d)
	}
	return least
}

// patterns judges regular expressions by an engine of ECMAScript's, and by
// Go's where that has the syntax.
type patterns struct {
	ecma *regexp2.Regexp
	re2  jsonschema.Regexp
}

func newPatterns(s string) (jsonschema.Regexp, error) {
	var p patterns
	var err error
	if p.ecma, err = regexp2.Compile(s, regexp2.ECMAScript|regexp2.Unicode); err != nil {
		return nil, err
	}
	p.re2, _ = re2(s)
	return p, nil
}

func (p patterns) String() string { return p.ecma.String() }

func (p patterns) MatchString(s string) bool {
	ok, err := p.ecma.MatchString(s)
	return ok && err == nil && (p.re2 == nil || p.re2.MatchString(s))
}

// validator is an independent judge of a schema, formats asserted.
func validator(t testing.TB, src string) *jsonschema.Schema {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(src))
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.UseRegexpEngine(newPatterns)
	if strings.Contains(src, "additionalItems") {
		c.DefaultDraft(jsonschema.Draft7)
	}
	if strings.Contains(src, `"exclusiveMinimum":true`) || strings.Contains(src, `"exclusiveMaximum":true`) {
		c.DefaultDraft(jsonschema.Draft4)
		delete(doc.(map[string]any), "$schema") // some converters name a later one
	}
	withNullable(doc)
	require.NoError(t, c.AddResource("mem:///s.json", doc))
	s, err := c.Compile("mem:///s.json")
	require.NoError(t, err, src)
	return s
}

// withNullable turns OpenAPI's nullable into what JSON Schema has for it.
func withNullable(doc any) {
	switch x := doc.(type) {
	case map[string]any:
		for _, v := range x {
			withNullable(v)
		}
		if x["nullable"] != true {
			return
		}
		delete(x, "nullable")
		if name, ok := x["type"].(string); ok {
			x["type"] = []any{name, "null"}
			return
		}
		rest := maps.Clone(x)
		clear(x)
		x["anyOf"] = []any{rest, map[string]any{"type": "null"}}
	case []any:
		for _, v := range x {
			withNullable(v)
		}
	}
}

// TestSchemas: whatever an untrained model writes under a schema satisfies it,
// by a validator that shares no code with this package, and every text comes
// to its end. INFERD_ALL_SCHEMAS takes all schemas ten times.
func TestSchemas(t *testing.T) {
	all := slices.Concat(schemas, sdkSchemas(t))
	nSchemas, nTexts := 160, 3
	if os.Getenv("INFERD_ALL_SCHEMAS") != "" {
		nSchemas, nTexts = 1200, 10
	}
	nOutputs, nTokens, empty := 0, 0, 0
	generated := nSchemas - len(all)/4
	if nTexts < 10 { // every fourth of the SDKs' own
		var some []string
		for i, s := range all {
			if i < len(schemas) || i%4 == 0 {
				some = append(some, s)
			}
		}
		all = some
	} else {
		generated = nSchemas - len(all)
	}
	for seed := uint64(0); generated > 0; seed++ {
		src := generateSchema(seed)
		if _, err := CompileSchema([]byte(src)); err != nil {
			require.Contains(t, err.Error(), "nothing can match", "seed %d: %s", seed, src)
			empty++
			continue
		}
		generated--
		all = append(all, src)
	}
	used := map[string]bool{}
	r := rand.New(rand.NewPCG(1, 2))
	for _, src := range all {
		g, err := CompileSchema([]byte(src))
		require.NoError(t, err, src)
		noteKeywords(used, src)
		check := validator(t, src)
		for range nTexts {
			out, done := untrained(t, g, r, 4000)
			require.True(t, done, "%s\ncut: %s", src, out)
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(out))
			require.NoError(t, err, "%s\n%s", src, out)
			require.NoError(t, check.Validate(v), "%s\n%s", src, out)
			nOutputs++
			nTokens += len(out)
		}
	}
	for k := range keywords {
		require.True(t, used[k] || slices.Contains(refused, k), "no schema has the keyword %q", k)
	}
	t.Logf("%d schemas, %d texts, %d bytes, all valid and none cut; %d generated schemas allow nothing", len(all), nOutputs, nTokens, empty)
}

func noteKeywords(used map[string]bool, src string) {
	for k := range keywords {
		if strings.Contains(src, fmt.Sprintf("%q:", k)) {
			used[k] = true
		}
	}
}
