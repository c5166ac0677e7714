package grammar

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// randomPattern is a pattern that Go's regular expressions read in the same way.
func randomPattern(r *rand.Rand, depth int) string {
	atom := func() string {
		return []string{"a", "b", "c", "é", "[ab]", "[^a]", "[b-d]", `\d`, `\w`, "[^\\W\\d]", `\.`, "x"}[r.IntN(12)]
	}
	if depth == 0 {
		return atom()
	}
	sub := func() string { return "(?:" + randomPattern(r, depth-1) + ")" }
	switch r.IntN(7) {
	case 0:
		return sub() + "|" + sub()
	case 1:
		return sub() + []string{"*", "+", "?", "{2}", "{1,3}", "{2,}", "*?"}[r.IntN(7)]
	case 2, 3:
		return sub() + sub()
	case 4:
		return sub() + "|"
	}
	return atom() + atom()
}

// randomText is made of what randomPattern's characters are.
func randomText(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(8) {
		b.WriteString([]string{"a", "b", "c", "d", "x", "é", "1", "_", "."}[r.IntN(9)])
	}
	return b.String()
}

// TestRegexAgainstGo: patterns allow the texts that Go's engine matches in full,
// and as JSON Schema's pattern, with and without bounds of the length, those in
// which it matches somewhere.
func TestRegexAgainstGo(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	nYes := 0
	for range 200 {
		p := randomPattern(r, 3)
		whole := regexp.MustCompile(`\A(?:` + p + `)\z`)
		g, err := CompileRegex(p)
		require.NoError(t, err, p)
		anchored := []string{p, "^(?:" + p + ")$", "^(?:" + p + ")", "(?:" + p + ")$"}[r.IntN(4)]
		search := regexp.MustCompile(anchored)
		lo := r.IntN(4)
		hi := lo + r.IntN(5)
		inString, err := CompileSchema([]byte(`{"type":"string","pattern":` + text(anchored) + `}`))
		require.NoError(t, err, anchored)
		bounded, err := CompileSchema(fmt.Appendf(nil, `{"type":"string","pattern":%s,"minLength":%d,"maxLength":%d}`, text(anchored), lo, hi))
		if err != nil {
			require.ErrorContains(t, err, "nothing can match", anchored)
		}
		for range 60 {
			s := randomText(r)
			yes := whole.MatchString(s)
			matches(t, g, s, yes)
			found := search.MatchString(s)
			matches(t, inString, text(s), found)
			n := utf8.RuneCountInString(s)
			if within := found && n >= lo && n <= hi; bounded != nil {
				matches(t, bounded, text(s), within)
			} else {
				require.False(t, within, "%s, %d to %d: %q", anchored, lo, hi, s)
			}
			if found {
				nYes++
			}
		}
	}
	require.Greater(t, nYes, 1000)
}

// TestGBNFAgainstGo: a grammar that is a pattern in other words has its texts.
func TestGBNFAgainstGo(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 24))
	var rules []string
	var both func(depth int) (gbnf, pattern string)
	both = func(depth int) (gbnf, pattern string) {
		if depth == 0 {
			p := []string{"[ab]", "[^a]", "[b-d]", "[é1]"}[r.IntN(4)]
			return p, p
		}
		g1, p1 := both(depth - 1)
		g2, p2 := both(depth - 1)
		switch r.IntN(5) {
		case 0:
			return g1 + " " + g2, p1 + p2
		case 1:
			return "(" + g1 + " | " + g2 + ")", "(?:" + p1 + "|" + p2 + ")"
		case 2:
			q := []string{"*", "+", "?", "{2}", "{1,3}", "{2,}"}[r.IntN(6)]
			return "(" + g1 + ")" + q, "(?:" + p1 + ")" + q
		case 3:
			rules = append(rules, g1)
			return fmt.Sprintf("rule%d", len(rules)-1), "(?:" + p1 + ")"
		}
		return `"a` + `b" ` + g1, "ab" + p1
	}
	for range 400 {
		rules = nil
		g, p := both(4)
		src := "root ::= " + g + "\n"
		for i, x := range rules {
			src += fmt.Sprintf("rule%d ::= %s\n", i, x)
		}
		compiled, err := CompileGBNF(src)
		require.NoError(t, err, src)
		whole := regexp.MustCompile(`\A(?s:` + p + `)\z`)
		for range 60 {
			s := randomText(r)
			ok, err := compiled.Matches(s)
			require.NoError(t, err)
			require.Equal(t, whole.MatchString(s), ok, "%s%q", src, s)
		}
	}
}

// texts of values for schemas to judge.
var judged = []string{
	"null", "true", "false", "0", "1", "-1", "2", "3", "7", "10", "0.5", "1.5", "0.25", "-0.5", "100", "1000", "12.75", "1e2", "1E-1", "-3e0", "0.1", "0.30",
	`""`, `"a"`, `"b"`, `"ab"`, `"x"`, `"é"`, `"日本"`, `"🎉🎉"`, `"\u00e9"`, `"\n"`, `"a b"`, `"AB"`, `"12"`, `"12.5"`, `"foo"`, `"zzzzzzzzzzzz"`, `"a\"b"`, `"p"`,
	`"2024-02-29"`, `"2023-02-29"`, `"2023-02-28"`, `"2024-12-31T23:59:60Z"`, `"2024-01-01T00:00:00Z"`, `"2024-01-01T24:00:00Z"`, `"12:30:00Z"`, `"1.2.3.4"`, `"1.2.3.256"`, `"::1"`, `"1::2::3"`, `"a@b.co"`, `"a@"`, `"P1D"`, `"123e4567-e89b-12d3-a456-426614174000"`,
	"[]", "[1]", "[1,2]", "[1,1]", "[1,2,3]", `["a"]`, `["a","b"]`, `["a","a"]`, "[null]", "[true,false]", "[[1]]", "[{}]", `[1,"a"]`,
	"{}", `{"a":1}`, `{"a":"x"}`, `{"a":null}`, `{"b":2}`, `{"a":1,"b":2}`, `{"b":1,"a":2}`, `{"kind":"a"}`, `{"kind":"b"}`, `{"kind":"a","v":1}`, `{"id":1}`, `{"name":"x"}`, `{"name":"x","id":1}`, `{"v":1}`, `{"v":1,"kids":[]}`, `{"v":null,"kids":[]}`, `{"x-1":1}`, `{"k":3}`, `{"c9":1}`,
}

// TestSchemasAgainstValidator: of any values, those that a schema's grammar allows
// are valid; and of scalars, arrays and objects in the schema's order, valid ones are
// allowed where the schema has no keyword of which only a part is followed.
func TestSchemasAgainstValidator(t *testing.T) {
	allowed, valid := 0, 0
	for seed := range uint64(300) {
		src := generateSchema(seed)
		g, err := CompileSchema([]byte(src))
		if err != nil {
			continue
		}
		check := validator(t, src)
		for _, s := range judged {
			ok, err := g.Matches(s)
			require.NoError(t, err)
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(s))
			require.NoError(t, err)
			judgement := check.Validate(v)
			if judgement == nil {
				valid++
			}
			if ok {
				allowed++
				require.NoError(t, judgement, "%s allows %s", src, s)
			}
		}
	}
	t.Logf("%d values allowed of %d valid", allowed, valid)
	require.Greater(t, allowed, 1000)
}

// TestComplete: where schemas are followed in full, every valid value is allowed.
func TestComplete(t *testing.T) {
	for _, src := range []string{
		`{"type":"integer","minimum":-3,"maximum":100}`, `{"type":"number","multipleOf":0.25}`, `{"type":"number","exclusiveMinimum":0.25,"maximum":12.75}`, `{"type":"number","not":{"const":0.5}}`, `{"type":["integer","null"]}`,
		`{"type":"string","maxLength":2}`, `{"type":"string","minLength":2,"maxLength":3}`, `{"enum":["a",1,null,[1,2],{"a":1,"b":2}]}`, `{"const":{"a":1}}`, `{"type":"boolean"}`,
		`{"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":2}`, `{"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"items":false}`, `{"type":"array","items":{"enum":["a","b"]},"uniqueItems":true}`,
		`{"type":"object","properties":{"a":{"type":["integer","null"]},"b":{"type":"integer"}},"additionalProperties":false}`, `{"type":"object","properties":{"a":{},"b":{}},"required":["b"],"additionalProperties":false}`, `{"type":"object","properties":{"a":{},"b":{}},"dependentRequired":{"a":["b"]},"additionalProperties":false}`,
		`{"type":"object","properties":{"kind":{"enum":["a","b"]},"v":{"type":"integer"}},"additionalProperties":false,"if":{"properties":{"kind":{"const":"a"}},"required":["kind"]},"then":{"required":["v"]}}`,
		`{"oneOf":[{"type":"integer","maximum":5},{"type":"number","minimum":3}]}`, `{"anyOf":[{"type":"string","pattern":"^a"},{"type":"integer"}]}`, `{"allOf":[{"type":"integer"},{"not":{"enum":[1,7]}}]}`, `{"$ref":"#/$defs/n","maximum":2,"$defs":{"n":{"type":"integer"}}}`,
		`{"type":"object","properties":{"a":{}},"unevaluatedProperties":false}`, `{"type":"object","additionalProperties":{"type":"integer"}}`, `{"type":"object","patternProperties":{"^[a-c]":{"type":"integer"}},"additionalProperties":false}`, `{"type":"object","maxProperties":1,"properties":{"a":{},"b":{}},"additionalProperties":false}`,
	} {
		g, err := CompileSchema([]byte(src))
		require.NoError(t, err, src)
		check := validator(t, src)
		for _, s := range judged {
			if strings.ContainsAny(s, "eE") && !strings.ContainsAny(s, `"[{tfn`) || strings.HasPrefix(s, `{"b":1,"a"`) { // exponents beside bounds and other orders are not written
				continue
			}
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(s))
			require.NoError(t, err)
			ok, err := g.Matches(s)
			require.NoError(t, err)
			require.Equal(t, check.Validate(v) == nil, ok, "%s: %s", src, s)
		}
	}
}
