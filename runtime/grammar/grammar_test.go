package grammar

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// testVocab has every byte, some longer pieces, a control token and an end.
func testVocab() (v *Vocab, pieces [][]byte, end int32) {
	for c := range 256 {
		pieces = append(pieces, []byte{byte(c)})
	}
	for _, s := range []string{"true", "false", "null", `":`, `": `, `",`, `", "`, `{"`, "},", "}]", "  ", "\n  ", "the ", "ab", "12", "2024-", "é", "日本", "🎉", `\n`, `\"`, "[{", "]}", "-1", ".5", "name", "id", "abcdefghij", "a run of twenty-five chars", "éééé", "日本語日本語日本語", "x\ty", "\xe6\x97", "\xa5x"} {
		pieces = append(pieces, []byte(s))
	}
	pieces = append(pieces, nil)                            // a control token
	pieces = append(pieces, []byte("</end>"), []byte("en")) // the end, and a piece behind it
	end = int32(len(pieces) - 2)
	return NewVocab(pieces, []int32{end}), pieces, end
}

func matches(t *testing.T, g *Grammar, text string, want bool) {
	t.Helper()
	got, err := g.Matches(text)
	require.NoError(t, err)
	require.Equal(t, want, got, "%q", text)
}

func TestRegex(t *testing.T) {
	for _, c := range []struct{ pattern, yes, no string }{
		{"a+b?", "a aa aab", "|b abb"},
		{"^(foo|ba[rz])$", "foo bar baz", "bax foobar"},
		{"[^a-z]{2,3}", "AB 12é", "A ab ABCD"},
		{`\d{3}-\d{4}`, "555-1234", "555-12345 55-1234"},
		{`(?i)yes`, "yes YES yEs", "ye"},
		{`é.日`, "éx日 éé日", "e日"},
		{`\u0041|\/`, "A /", "a"},
		{"(ab*)*c", "c abbac", "b"},
		{`^(?!.*aa)[ab]{2,}(?=c)c?$`, "abc babc", "aabc ab c abcc"},
		{`(?!a$)(?:a|(?=b.$)b.?)`, "bb ba", "a b aa"},
		{`\x41\u{42}\cJ?[\b\]-]\-[^]`, "AB]-x AB--é", "AB]- AB]"},
		{`(?:a(?!b)|b(?=c)){0,2}c`, "c ac bc", "abc bac"},
		{`x{2}{|a{,3}|b{1,2}?`, "xx{ a{,3} b bb", "xx a"},
		{`(?i:a)b(?P<n>c)(?<m>D)`, "abcD AbcD", "aBcD abCD"},
		{`\w\S\d`, "a_1 _é0", "éa1 a1٣"},
	} {
		g, err := CompileRegex(c.pattern)
		require.NoError(t, err)
		for _, s := range strings.Fields(c.yes) {
			matches(t, g, s, true)
		}
		for _, s := range strings.Split(c.no, " ") {
			matches(t, g, strings.TrimPrefix(s, "|"), strings.HasPrefix(s, "|") && false)
		}
	}
	for _, bad := range []string{"(", `\bword`, "a^b", "[z-a]", strings.Repeat("(a{1000}){1000}", 2), strings.Repeat("(", 3000)} {
		_, err := CompileRegex(bad)
		require.Error(t, err, bad)
	}
}

func TestGBNF(t *testing.T) {
	g, err := CompileGBNF(`
# a list of sums
root ::= expr ("\n" expr)*
expr ::= term ([-+] term)*   # terms
term ::= num | "(" expr ")" |
         "x"{2,3}
num  ::= [0-9]{1,400} "."? [^a-z\n()0-9+.-]?
`)
	require.NoError(t, err)
	for _, s := range []string{"1", "1+2", "(1+2)-3", "xx", "xxx+9.", "1\n2", strings.Repeat("7", 400), "((((1))))"} {
		matches(t, g, s, true)
	}
	for _, s := range []string{"", "x", "xxxx", "1+", "(1", "1\n", strings.Repeat("7", 401), "a"} {
		matches(t, g, s, false)
	}
	for src, msg := range map[string]string{
		"":                                       "no rule named root",
		"root ::= a":                             `rule "a" is used but not defined`,
		"root ::= root \"a\" | \"b\"":            "left-recursive",
		"root ::= a? root\na ::= \"x\"":          "left-recursive",
		"root ::= \"a":                           "line 1: a string is never closed",
		"root ::= [z-a]":                         "is empty",
		"root ::= \"a\"\nroot ::= \"b\"":         "line 2: rule \"root\" is defined twice",
		"root ::= " + strings.Repeat("(", 60000): "nested deeper",
		"root ::= \"a\"{3,1}":                    "is empty",
		"root = \"a\"":                           "expected ::=",
	} {
		_, err := CompileGBNF(src)
		require.ErrorContains(t, err, msg, "%.40q", src)
	}
}

// TestSchemaAccepts pins texts that must stay possible.
func TestSchemaAccepts(t *testing.T) {
	for _, c := range []struct {
		schema  string
		yes, no []string
	}{
		{`{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"}},"required":["b"]}`,
			[]string{`{"a":1,"b":""}`, `{ "a": 1, "b": "x" }`, "{\n  \"b\": \"\\u00e9\\n\"\n}"}, []string{`{"a":1}`, `{"b":"","a":1}`, `{"a":01,"b":""}`, `{"b":"` + "\n" + `"}`, `{"b":"",}`}},
		{`{"type":"number","minimum":-1.25,"maximum":10}`, []string{"-1.25", "-1.2", "0", "0.5", "9.999", "10", "10.0", "-0.001"}, []string{"-1.26", "10.01", "11", "-2", "100", "-0"}},
		{`{"type":"integer","minimum":-12,"maximum":105}`, []string{"-12", "-9", "0", "99", "100", "105"}, []string{"-13", "106", "200", "1050", "1.0", "00", "-00"}},
		{`{"type":"number"}`, []string{"1e5", "-0.5E-3", "12.75"}, []string{".5", "1.", "+1", "NaN"}},
		{`{"type":"string","minLength":2,"maxLength":2}`, []string{`"ab"`, `"日本"`, `"\n\u0041"`}, []string{`"a"`, `"abc"`}},
		{`{"type":"array","items":{"type":"integer"}}`, []string{"[]", "[1]", "[1,2, 3]", "[ 1, 2 ]"}, []string{"[1,]", "[,]", "[1 2]"}},
		{`{"type":"integer","multipleOf":3}`, []string{"0", "12", "-9"}, []string{"1", "-10", "3-"}},
	} {
		g, err := CompileSchema([]byte(c.schema))
		require.NoError(t, err)
		for _, s := range c.yes {
			matches(t, g, s, true)
		}
		for _, s := range c.no {
			matches(t, g, s, false)
		}
	}
}

// TestNumericRanges compares ranges with plain arithmetic on every short decimal.
func TestNumericRanges(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		lo, hi := r.IntN(4000)-2000, r.IntN(4000)-2000
		if lo > hi {
			lo, hi = hi, lo
		}
		open := r.IntN(2) == 1
		key := map[bool]string{true: "exclusiveM", false: "m"}[open]
		schema := fmt.Sprintf(`{"type":"number","%sinimum":%g,"%saximum":%g}`, key, float64(lo)/100, key, float64(hi)/100)
		g, err := CompileSchema([]byte(schema))
		if lo == hi && open {
			require.Error(t, err)
			continue
		}
		require.NoError(t, err, schema)
		for range 300 {
			x := lo + r.IntN(hi-lo+400) - 200
			text := strings.TrimPrefix(fmt.Sprintf("%d.%02d", x/100, abs(x)%100), "")
			if x < 0 && x > -100 {
				text = "-" + text
			}
			in := x >= lo && x <= hi && (!open || x > lo && x < hi)
			matches(t, g, text, in)
			if x%100 == 0 {
				matches(t, g, fmt.Sprint(x/100), in)
			}
		}
	}
}

func abs(x int) int { return max(x, -x) }

// TestFailsClosed: what cannot be followed is an error, never a looser grammar.
func TestFailsClosed(t *testing.T) {
	for src, msg := range map[string]string{
		`{"contains":{"type":"string"}}`: "#/contains: the keyword is not supported", `{"type":"array","uniqueItems":true}`: "#/uniqueItems: the keyword is supported only where",
		`{"properties":{"a/b~":{"type":"strin"}}}`: `#/properties/a~1b~0/type: unknown type "\"strin\""`, `{"$ref":"#/$defs/x"}`: `#/$ref: "#/$defs/x" leads nowhere`, `{"$ref":"https://x/y"}`: "only references inside",
		`{"$ref":"#"}`: "leads back to itself", `{"allOf":[{"$ref":"#"}]}`: "leads back", `{"anyOf":[{"$ref":"#"},{"type":"null"}]}`: "leads back", `{"not":{"$ref":"#"}}`: "leads back",
		`{"oneOf":[{"type":"object"},{"type":"object","properties":{"a":{}}}]}`: "nothing can match", `{"oneOf":[{"type":"string"},{"type":"string","format":"date"}]}`: "oneOf is not supported here: a value could satisfy this branch and #/oneOf/1 as well, and #/oneOf/1/format: the keyword cannot be negated",
		`{"type":"string","pattern":"(?<=x)"}`: "#/pattern: pattern \"(?<=x)\": lookbehind is not supported", `{"type":"string","pattern":"a\\bc"}`: "not supported", `{"type":"string","format":"regex"}`: "#/format: the format \"regex\" is not supported",
		`{"enum":[]}`: "#/enum: must be a list that is not empty", `{"type":"integer","minimum":5,"maximum":4}`: "nothing can match", `{"allOf":[{"type":"string"},{"type":"null"}]}`: "nothing can match",
		`{"type":"object","required":["a"],"properties":{"a":false}}`: "nothing can match", `{"type":"object","required":["a"],"additionalProperties":false}`: "nothing can match",
		`[]`: "#: a schema must be an object or a boolean", `{`: "not JSON", `{} {}`: "more data", `{"type":"integer","multipleOf":0}`: "#/multipleOf: must be positive", `{"minimum":"a"}`: "#/minimum: must be a number",
		`{"type":"string","maxLength":-1}`: "#/maxLength: must be an integer from 0", `{"type":"number","minimum":1e999}`: "out of range", `{"minimum":1e400000000}`: "out of range", `{"type":"number","minimum":1e50}`: "nothing can match",
		`{"type":"object","minProperties":5,"additionalProperties":true}`: "#/minProperties: beyond one undeclared property", `{"properties":{"a":5}}`: "#/properties/a: a schema must be an object or a boolean",
		`{"type":"string","minimum":"3"}`: "#/minimum: must be a number", `{"type":[]}`: "#/type: must name a type", `{"anyOf":[]}`: "#/anyOf: must be a list of schemas", `{"items":[1]}`: "#/items/0:", `{"required":"a"}`: "#/required: must be a list of strings",
		`{"uniqueItems":1}`: "#/uniqueItems: must be true or false", `{"pattern":3}`: "#/pattern: must be a string", `{"$defs":{"unused":{"minLength":1.5}}}`: "#/$defs/unused/minLength: must be an integer", `{"patternProperties":{"(":{}}}`: "#/patternProperties/(: pattern",
		`{"not":{"multipleOf":3}}`: "#/not/multipleOf: the keyword cannot be negated", `{"not":{"properties":{"a":{"format":"date"}}},"type":"object"}`: "the keyword cannot be negated", `{"not":{}}`: "nothing can match",
		`{"not":{"const":[1]},"type":"array"}`: "cannot be ruled out", `{"properties":{"a":{"$id":"x","items":{"$ref":"#"}}}}`: "#/properties/a/$id:", `{"$dynamicRef":"#a"}`: "not supported",
		`{"type":"string","pattern":"(a|b)*a(a|b){16}"}`: "", `{"type":"string","pattern":"(a{1000}){1000}"}`: "states", `{"allOf":[{"unevaluatedProperties":false},{"properties":{"a":{}}}],"type":"object"}`: "#/allOf/0/unevaluatedProperties: the keyword is not supported inside combined schemas",
		strings.Repeat(`{"items":`, 5000) + `{}` + strings.Repeat(`}`, 5000): "nested deeper", strings.Repeat(`[`, 60000): "nested deeper", `{"pattern":"` + strings.Repeat("(", 10000) + `"}`: "nested deeper",
	} {
		_, err := CompileSchema([]byte(src))
		require.Error(t, err, "%.80s", src)
		require.ErrorContains(t, err, msg, "%.80s", src)
		var e *Error
		require.ErrorAs(t, err, &e)
	}
}

// TestMaskEqualsSteps: a mask says of every token what walking its bytes says.
func TestMaskEqualsSteps(t *testing.T) {
	v, pieces, end := testVocab()
	r := rand.New(rand.NewPCG(5, 6))
	for _, src := range schemas {
		g, err := CompileSchema([]byte(src))
		require.NoError(t, err)
		m, err := g.NewMatcher(v)
		require.NoError(t, err)
		for range 30 {
			mask, err := m.Mask()
			require.NoError(t, err)
			var allowed []int32
			for id, p := range pieces {
				got := mask[id>>6]>>(id&63)&1 == 1
				if int32(id) == end {
					require.Equal(t, m.Complete(), got)
					continue
				}
				require.Equal(t, m.Allows(p), got, "%s: token %d %q", src, id, p)
				if got {
					allowed = append(allowed, int32(id))
				}
			}
			if len(allowed) == 0 {
				break
			}
			id := allowed[r.IntN(len(allowed))]
			require.NoError(t, m.Accept(id, pieces[id], false))
		}
	}
}

// FuzzSchema: any source ends in a grammar or an *Error, and what is written
// under it is JSON.
func FuzzSchema(f *testing.F) {
	for _, s := range schemas {
		f.Add([]byte(s), uint64(1))
	}
	f.Fuzz(func(t *testing.T, src []byte, seed uint64) {
		g, err := CompileSchema(src)
		if err != nil {
			return
		}
		out, done := untrained(t, g, rand.New(rand.NewPCG(seed, 0)), 200)
		if done && !json.Valid([]byte(out)) {
			t.Fatalf("%s\n%s", src, out)
		}
	})
}

// FuzzGBNF: any grammar compiles or is refused; it never hangs or panics.
func FuzzGBNF(f *testing.F) {
	f.Add(`root ::= "a" | root2*` + "\nroot2 ::= [b-d]{2,}")
	f.Add("root ::= (\"x\" | \"\" )* \"é\" .")
	f.Fuzz(func(t *testing.T, src string) {
		g, err := CompileGBNF(src)
		if err == nil {
			_, _ = g.Matches("aab")
		}
	})
}

// BenchmarkMask measures a mask over 128k tokens for states never seen before,
// and for one seen before.
func BenchmarkMask(b *testing.B) {
	r := rand.New(rand.NewPCG(7, 8))
	var pieces [][]byte
	for c := range 256 {
		pieces = append(pieces, []byte{byte(c)})
	}
	for len(pieces) < 128_000 {
		p := []byte(" ")[:r.IntN(2)]
		for range 1 + r.IntN(9) {
			p = append(p, "etaoinshrdlucmfwypvbgkjqxz"[min(r.IntN(26), r.IntN(26))])
		}
		pieces = append(pieces, p)
	}
	v := NewVocab(pieces, []int32{0})
	g, err := CompileSchema([]byte(`{"type":"object","properties":{"s":{"type":"string","maxLength":100000}},"required":["s"]}`))
	require.NoError(b, err)
	m, err := g.NewMatcher(v)
	require.NoError(b, err)
	for _, c := range []byte(`{"s":"`) {
		require.NoError(b, m.Accept(int32(c), []byte{c}, false))
	}
	b.Run("new", func(b *testing.B) {
		for range b.N {
			require.NoError(b, m.Accept('e', []byte("e"), false))
			_, err := m.Mask()
			require.NoError(b, err)
		}
	})
	b.Run("seen", func(b *testing.B) {
		for range b.N {
			_, _ = m.Mask()
		}
	})
}
