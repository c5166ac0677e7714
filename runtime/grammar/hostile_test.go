package grammar

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDeepNesting: sixty thousand levels of anything are an error, not a stack
// that grows.
func TestDeepNesting(t *testing.T) {
	const n = 60_000
	deep := func(open, inner, shut string) string {
		return strings.Repeat(open, n) + inner + strings.Repeat(shut, n)
	}
	for _, src := range []string{deep("[", "", "]"), deep(`{"not":`, "{}", "}"), deep(`{"anyOf":[`, "{}", "]}"), deep(`{"properties":{"a":`, "{}", "}}"), strings.Repeat("[", n), strings.Repeat(`{"a":`, n),
		`{"const":` + deep("[", "", "]") + `}`, `{"pattern":"` + deep("(", "a", ")") + `"}`, `{"pattern":"` + deep("(?=", "a", ")") + `"}`} {
		_, err := CompileSchema([]byte(src))
		require.Error(t, err, "%.40s", src)
	}
	for _, src := range []string{"root ::= " + deep("(", `"a"`, ")"), "root ::= " + strings.Repeat("[", n), "root ::= " + deep(`("a" | `, `"b"`, ")"), "root ::= " + strings.Repeat("(", n)} {
		_, err := CompileGBNF(src)
		require.Error(t, err, "%.40s", src)
	}
	for _, src := range []string{deep("(", "a", ")"), deep("(?:", "a", ")*"), strings.Repeat("[", n), strings.Repeat("(", n), deep("(?!", "a", ")"), "a" + strings.Repeat("{2}", n), strings.Repeat("a|", n)} {
		_, err := CompileRegex(src)
		require.Error(t, err, "%.40s", src)
	}
}

// TestCompilingIsBounded: sources that would grow without bound are refused
// after a bounded number of steps.
func TestCompilingIsBounded(t *testing.T) {
	many := func(n int, format string) string {
		var parts []string
		for i := range n {
			parts = append(parts, fmt.Sprintf(format, i))
		}
		return strings.Join(parts, ",")
	}
	choices := strings.Repeat(`{"anyOf":[{"minLength":1},{"maxLength":9}]},`, 30) + `{}`
	pattern := func(p string) string { return `{"type":"string","pattern":` + text(p) + `}` }
	const steps = "compiling takes more than"
	for _, c := range []struct{ src, msg string }{
		{`{"type":"string","allOf":[` + choices + `]}`, steps},
		{pattern("(a|b)*a(a|b){18}"), steps},
		{pattern("(((a{99}){99}){99}){99}"), "a pattern needs more than"},
		{pattern("(?=.*a.{14})(?=.*b.{14})(?=.*c.{14})"), steps},
		{pattern(".{0,5000}.{0,5000}"), steps},
		{pattern(strings.Repeat(`\pL`, 5000)), "names more than"},
		{pattern(`(?i)` + strings.Repeat(`[!-\x{ffff}]`, 1000)), "names more than"},
		{pattern(strings.Repeat("a", 20_000)), "a pattern of 20000 bytes"},
		{`{"type":"string","pattern":"^(ab)*$","maxLength":1000000,"minLength":999999}`, ""},
		{`{"type":"string","pattern":"^(abcdefgh|abcdefgi)*$","minLength":999992,"maxLength":999992}`, "the pattern has too many states"},
		{`{"type":"object","patternProperties":{` + many(12, `"[a-z]%d":{}`) + `}}`, steps},
		{`{"type":"object","properties":{` + many(2000, `"p%d":{}`) + `},"minProperties":1000}`, "rules"},
		{`{"type":"object","properties":{"` + strings.Repeat("k", 20_000) + `":{}}}`, "the names of a part's place have 20013 bytes"},
		{`{"anyOf":[` + many(300, `{"$ref":"#a%d"}`) + `],"$defs":{` + many(300, `"d%[1]d":{"$anchor":"a%[1]d"}`) + `}}`, ""},
		{`{"$ref":"#/$defs/d0","$defs":{` + many(40, `"d%[1]d":{"anyOf":[{"$ref":"#/$defs/d%[1]d1"},{"$ref":"#/$defs/e%[1]d"}]}`) + `}}`, "leads nowhere"},
		{`{"type":"array","prefixItems":[` + many(20_000, `{"const":%d}`) + `]}`, "more than 10000 rules"},
		{`{"enum":["` + strings.Repeat("x", 300_000) + `"]}`, "needs more than 200000 states"},
		{`{"enum":["` + strings.Repeat("x", 600_000) + `"]}`, "a schema of 600013 bytes"},
	} {
		_, err := CompileSchema([]byte(c.src))
		if c.msg == "" {
			require.NoError(t, err, "%.80s", c.src)
			continue
		}
		var e *Error
		require.ErrorAs(t, err, &e, "%.80s", c.src)
		require.ErrorContains(t, err, c.msg, "%.80s", c.src)
	}
	large := `{"enum":[` + many(20_000, `"value number %d"`) + `]}` // large, but plain
	g, err := CompileSchema([]byte(large))
	require.NoError(t, err)
	matches(t, g, `"value number 19999"`, true)
	matches(t, g, `"value number 20000"`, false)
}

// TestAmbiguousTexts: a text that can be read in very many ways ends in an error.
func TestAmbiguousTexts(t *testing.T) {
	g, err := CompileGBNF(`root ::= ("a"{0,900} | "a" "a"){5,900} "b"
`)
	if err == nil {
		_, err = g.Matches(strings.Repeat("a", 400))
	}
	require.Error(t, err)
}

// grammars of GBNF in the shapes that are in use.
var gbnfs = map[string]string{
	"json": `
root   ::= object
value  ::= object | array | string | number | ("true" | "false" | "null") ws
object ::= "{" ws ( member ("," ws member)* )? "}" ws
member ::= string ":" ws value
array  ::= "[" ws ( value ("," ws value)* )? "]" ws
string ::= "\"" ( [^"\\\x7F\x00-\x1F] | "\\" (["\\bfnrt/] | "u" [0-9a-fA-F]{4}) )* "\"" ws
number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws
ws     ::= | " " | "\n" [ \t]{0,20}
`,
	"arithmetic": `
root  ::= (sum "=" ws num "\n")+
sum   ::= term ([-+*/] ws term)*
term  ::= name | num | "(" ws sum ")" ws
name  ::= [a-z] [a-z0-9_]* ws
num   ::= [0-9]+ ws
ws    ::= [ \t]*
`,
	"chess": `
root   ::= turn{1,9}
turn   ::= [1-9] ". " move " " move "\n"
move   ::= (piece | pawn | castle) [+#]?
piece  ::= [NBKQR] [a-h]? [1-8]? "x"? [a-h] [1-8]
pawn   ::= ([a-h] "x")? [a-h] [1-8] ("=" [NBKQR])?
castle ::= "O-O" "-O"?
`,
	"list": `
root ::= item{1,20}
item ::= "- " [^\r\n\x0b\x0c\x85\u2028\u2029]+ "\n"
`,
	"c": `
root      ::= (function)+
function  ::= type " " name "(" args? ")" " {\n" statement* "}\n"
type      ::= "int" | "float" | "char"
args      ::= type " " name (", " type " " name)*
name      ::= [a-zA-Z_] [a-zA-Z_0-9]{0,30}
statement ::= "  " ( type " " name " = " sum ";" | "return " sum ";" | "while (" sum ") { " statement "  }" | "// " [^\n]* ) "\n"
sum       ::= factor ([-+*/<>] factor)*
factor    ::= name | [0-9]+ | "(" sum ")" | "-" factor
`,
	"kana": `
root ::= [ぁ-ゟァ-ヿ]+ ("、" [ぁ-ゟ]{1,9})* "。"
`,
}

// TestGrammarsInUse: what is written under a grammar belongs to it, and texts
// are told apart.
func TestGrammarsInUse(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 9))
	for name, src := range gbnfs {
		g, err := CompileGBNF(src)
		require.NoError(t, err, name)
		for range 10 {
			text, done := untrained(t, g, r, 4000)
			require.True(t, done, "%s: %q", name, text)
			matches(t, g, text, true)
		}
	}
	for _, c := range []struct {
		name, text string
		ok         bool
	}{
		{"json", `{"a": [1, -2.5e3, "é\n", {"b": null}]}`, true}, {"json", `{"a": 01}`, false}, {"json", "{\"a\": \"\x7f\"}", false},
		{"arithmetic", "x1 + (2*y) =7\n3=3\n", true}, {"arithmetic", "x+=3\n", false},
		{"chess", "1. e4 e5\n2. Nf3 Nc6\n3. Bb5 a6\n4. O-O Qxd1#\n", true}, {"chess", "1. e4\n", false},
		{"list", "- one\n- two\n", true}, {"list", "- one\n\n", false},
		{"c", "int f(int a) {\n  return a+1;\n  // é\n}\n", true}, {"c", "int f() {\n  return a+;\n}\n", false},
		{"kana", "こんにちは、せかい。", true}, {"kana", "hello。", false},
	} {
		g, err := CompileGBNF(gbnfs[c.name])
		require.NoError(t, err)
		matches(t, g, c.text, c.ok)
	}
}

// TestNoDeadEnds: over vocabularies that lack tokens of single bytes, a text
// that was begun can always go on, or no text is begun.
func TestNoDeadEnds(t *testing.T) {
	_, pieces, _ := testVocab()
	pieces = slices.DeleteFunc(slices.Clone(pieces), func(p []byte) bool { return len(p) == 0 })
	r := rand.New(rand.NewPCG(10, 11))
	begun, refusals := 0, 0
	try := func(src string, g *Grammar) {
		for _, keep := range []float64{0, 0.7, 0.97} {
			var some [][]byte
			for _, p := range pieces {
				if len(p) > 1 || r.Float64() < keep {
					some = append(some, p)
				}
			}
			some = append(some, nil)
			end := int32(len(some) - 1)
			m, err := g.NewMatcher(NewVocab(some, []int32{end}))
			if err != nil {
				require.ErrorContains(t, err, "the vocabulary cannot spell")
				refusals++
				continue
			}
			begun++
			for range 60 {
				mask, err := m.Mask()
				require.NoError(t, err)
				var allowed []int32
				for id := range some {
					if mask[id>>6]>>(id&63)&1 == 1 {
						allowed = append(allowed, int32(id))
					}
				}
				require.NotEmpty(t, allowed, src)
				id := allowed[r.IntN(len(allowed))]
				require.NoError(t, m.Accept(id, some[id], id == end))
				if id == end {
					break
				}
			}
		}
	}
	for _, src := range schemas {
		g, err := CompileSchema([]byte(src))
		require.NoError(t, err)
		try(src, g)
	}
	for _, src := range gbnfs {
		g, err := CompileGBNF(src)
		require.NoError(t, err)
		try(src, g)
	}
	require.Greater(t, begun, 20)
	require.Greater(t, refusals, 20)
}

// FuzzRegex: any pattern compiles or is refused; it never hangs or panics.
func FuzzRegex(f *testing.F) {
	for _, s := range []string{`a+b?`, `^(?!.*aa)[ab]{2,}$`, `(?i)\p{Lu}|[^\W\d]`, `\u0041\x{42}\cJ`, `(?<n>a){,2}{3}`, `[]`, `[^]`, `((`, `\`, `(?=`, `a{999999}{9}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		if g, err := CompileRegex(src); err == nil {
			_, _ = g.Matches("aab")
		}
	})
}
