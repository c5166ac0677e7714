package grammar

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// schemaMaker makes schemas of random shape. Every choice comes from the seed.
type schemaMaker struct {
	r     *rand.Rand
	names []string // of definitions
}

// generateSchema is a random schema; not all of them allow a value.
func generateSchema(seed uint64) string {
	m := &schemaMaker{rand.New(rand.NewPCG(seed, 99)), []string{"d0", "d1", "node"}}
	s := m.value(3)
	m.names = []string{"node"} // definitions do not lead to each other
	defs := []string{`"d0":` + m.value(1), `"d1":` + m.value(1)}
	keys := strings.TrimSuffix(strings.TrimPrefix(s, "{"), "}")
	if keys != "" {
		keys += ","
	}
	node := `"node":{"type":"object","properties":{"v":` + m.value(0) + `,"kids":{"type":"array","maxItems":2,"items":{"$ref":"#/$defs/node"}}},"required":["v"]}`
	return "{" + keys + `"$defs":{` + strings.Join(append(defs, node), ",") + `}}`
}

func (m *schemaMaker) pick(options ...func() string) string { return options[m.r.IntN(len(options))]() }

func (m *schemaMaker) one(options ...string) string { return options[m.r.IntN(len(options))] }

// object joins members, of which the empty ones are left out.
func (m *schemaMaker) object(members ...string) string {
	var kept []string
	for _, x := range members {
		if x != "" {
			kept = append(kept, x)
		}
	}
	if m.r.IntN(4) == 0 {
		kept = append(kept, m.one(`"title":"A title"`, `"description":"for \"people\""`, `"default":{"not":"a schema"}`, `"examples":[{"$ref":"nowhere"}]`, `"$comment":"c"`, `"x-vendor":[1]`, `"deprecated":true`))
	}
	return "{" + strings.Join(kept, ",") + "}"
}

// maybe is a member one time in n.
func (m *schemaMaker) maybe(n int, format string, args ...any) string {
	if m.r.IntN(n) > 0 {
		return ""
	}
	return fmt.Sprintf(format, args...)
}

func (m *schemaMaker) value(depth int) string {
	simple := []func() string{m.str, m.str, m.number, m.integer, m.constant, m.nullable,
		func() string { return m.object(`"type":"boolean"`) }, func() string { return m.object(`"type":"null"`) }, m.negated}
	if depth == 0 {
		return m.pick(simple...)
	}
	sub := func() string { return m.value(depth - 1) }
	return m.pick(append(simple,
		func() string { return m.array(sub) }, func() string { return m.array(sub) }, m.set, func() string { return m.tuple(sub) },
		func() string { return m.struct_(sub) }, func() string { return m.struct_(sub) }, func() string { return m.struct_(sub) }, func() string { return m.record(sub) },
		func() string { return m.object(`"anyOf":[` + sub() + `,` + sub() + `]`) },
		func() string { return m.union(sub) }, func() string { return m.all(sub) }, func() string { return m.conditional(sub) },
		func() string { return m.object(`"$ref":"#/$defs/` + m.one(m.names...) + `"`) },
	)...)
}

func (m *schemaMaker) str() string {
	lo := m.r.IntN(12)
	lengths := []string{m.maybe(3, `"minLength":%d`, lo), m.maybe(3, `"maxLength":%d`, lo+m.r.IntN(30))}
	return m.pick(
		func() string { return m.object(`"type":"string"`, lengths[0], lengths[1]) },
		func() string {
			return m.object(`"type":"string"`, `"pattern":`+m.quoted(m.one(`^[A-Z]{2,4}$`, `^\d+(\.\d+)?$`, `b`, `^a|z$`, `^(?!x)\w+$`, `^[^\s"]*$`, `^\S+ \S+$`, `(foo|bar)$`, `^(?=.*[0-9])(?=.*[a-z]).{2,8}$`, `^\p{Lu}é?`, `^[\u00e0-\u00ff]+$`, `\\|/`, `^.$|^..$`)), lengths[1])
		},
		func() string {
			return m.object(`"type":"string"`, `"format":"`+m.one("date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri", "uri-reference", "json-pointer", "relative-json-pointer", "iri", "iri-reference", "uri-template", "idn-email", "idn-hostname", "int64", "binary")+`"`)
		},
		func() string { return m.object(`"type":"string"`, `"enum":["a","é\n","\"",7]`, lengths[1]) },
		func() string {
			return m.object(`"type":"string"`, `"not":`+m.one(`{"enum":["a","b",""]}`, `{"pattern":"^[a-m]"}`, `{"maxLength":2}`, `{"minLength":9}`, `{"const":"x"}`), lengths[1])
		},
	)
}

func (m *schemaMaker) quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

func (m *schemaMaker) limits(of func(int) string) []string {
	lo := m.r.IntN(2000) - 1000
	hi := lo + 1 + m.r.IntN(1500)
	return []string{
		m.maybe(3, `"%s":%s`, m.one("minimum", "exclusiveMinimum"), of(lo)),
		m.maybe(3, `"%s":%s`, m.one("maximum", "exclusiveMaximum"), of(hi)),
	}
}

func (m *schemaMaker) integer() string {
	l := m.limits(func(n int) string { return fmt.Sprint(n) })
	return m.object(`"type":"integer"`, l[0], l[1], m.maybe(4, `"multipleOf":%s`, m.one("2", "3", "7", "10", "1000", "0.5", "1.5")), m.maybe(6, `"not":%s`, m.one(`{"const":0}`, `{"enum":[1,2,3.0]}`, `{"minimum":5,"maximum":7}`)))
}

func (m *schemaMaker) number() string {
	l := m.limits(func(n int) string { return fmt.Sprintf("%g", float64(n)/8) })
	return m.object(`"type":"number"`, l[0], l[1], m.maybe(4, `"multipleOf":%s`, m.one("0.01", "0.1", "0.25", "2", "2.5")), m.maybe(6, `"not":%s`, m.one(`{"type":"integer"}`, `{"const":0.5}`, `{"exclusiveMinimum":0}`)))
}

func (m *schemaMaker) constant() string {
	return m.one(`{"const":"é \\ \" /"}`, `{"const":1.50}`, `{"const":null}`, `{"const":{"b":[1,{"a":null}],"a":""}}`, `{"enum":["x","y",1,true,null,[2],{"k":3}]}`, `{"enum":["`+strings.Repeat("long ", 30)+`","longer"]}`, `{"enum":[1,1.5,2,-3e2]}`)
}

func (m *schemaMaker) nullable() string {
	return m.pick(
		func() string { return m.object(`"type":"string"`, `"nullable":true`, `"maxLength":5`) },
		func() string { return m.object(`"type":["integer","null"]`, m.maybe(2, `"minimum":3`)) },
		func() string { return m.object(`"type":["string","number","boolean"]`, m.maybe(2, `"maxLength":3`)) },
		func() string { return m.object(`"type":"integer"`, `"nullable":false`) },
	)
}

func (m *schemaMaker) negated() string {
	return m.one(`{"not":{"type":["object","array","string"]}}`, `{"not":{"anyOf":[{"type":"object"},{"type":"array"},{"type":"string"},{"type":"number"}]}}`, `{"type":["string","null"],"not":{"not":{"minLength":3}}}`,
		`{"type":["integer","boolean"],"not":{"enum":[true,1,2]}}`, `{"type":"number","not":{"allOf":[{"minimum":0},{"maximum":10}]}}`)
}

func (m *schemaMaker) array(sub func() string) string {
	lo := m.r.IntN(3)
	return m.object(`"type":"array"`, `"items":`+sub(), m.maybe(2, `"minItems":%d`, lo), m.maybe(2, `"maxItems":%d`, lo+m.r.IntN(9)), m.maybe(5, `"uniqueItems":false`))
}

func (m *schemaMaker) set() string {
	return m.object(`"type":"array"`, `"uniqueItems":true`, `"items":`+m.one(`{"enum":["a","b","c","d"]}`, `{"enum":[1,1.0,2,"1"]}`, `{"type":"boolean"}`, `{"anyOf":[{"const":"p"},{"type":"null"},{"enum":["q","r"]}]}`), m.maybe(3, `"minItems":%d`, m.r.IntN(3)), m.maybe(3, `"maxItems":%d`, 2+m.r.IntN(9)))
}

func (m *schemaMaker) tuple(sub func() string) string {
	return m.object(`"type":"array"`, `"prefixItems":[`+sub()+`,`+sub()+`]`, m.one(`"items":false`, `"items":`+sub(), ``, `"unevaluatedItems":false`), m.maybe(2, `"minItems":%d`, m.r.IntN(3)), m.maybe(2, `"maxItems":%d`, 2+m.r.IntN(3)))
}

func (m *schemaMaker) struct_(sub func() string) string {
	names := []string{`"name"`, `"a b"`, `"é"`, `"x-1"`, `"q\"\\"`, `"id"`}[m.r.IntN(3):]
	var props, required []string
	for _, n := range names {
		props = append(props, n+":"+sub())
		if m.r.IntN(2) == 0 {
			required = append(required, n)
		}
	}
	return m.object(`"type":"object"`, `"properties":{`+strings.Join(props, ",")+`}`, m.maybe(1, `"required":[%s]`, strings.Join(required, ",")),
		m.one(`"additionalProperties":false`, `"additionalProperties":false`, ``, `"additionalProperties":`+m.value(0), `"unevaluatedProperties":false`),
		m.maybe(5, `"patternProperties":{"^x-":%s}`, m.value(0)), m.maybe(5, `"minProperties":1`), m.maybe(5, `"maxProperties":%d`, len(names)),
		m.maybe(8, `"dependentRequired":{"id":["é"]}`), m.maybe(8, `"dependentSchemas":{"id":{"required":["x-1"]}}`), m.maybe(8, `"not":{"required":["%s"]}`, m.one("id", "zzz")), m.maybe(8, `"propertyNames":{"maxLength":4}`))
}

func (m *schemaMaker) record(sub func() string) string {
	return m.object(`"type":"object"`, m.one(`"additionalProperties":`+sub(), `"patternProperties":{"^[a-c]":`+sub()+`,"[0-9]$":`+m.value(0)+`},"additionalProperties":false`, `"additionalProperties":`+sub()+`,"propertyNames":{"pattern":"^[a-z]{1,8}$"}`,
		`"additionalProperties":`+sub()+`,"propertyNames":{"anyOf":[{"enum":["k","l"]},{"const":"m"}]}`), m.maybe(4, `"minProperties":1`), m.maybe(3, `"maxProperties":3`))
}

func (m *schemaMaker) union(sub func() string) string {
	return m.one(
		`{"oneOf":[{"type":"string","maxLength":9},{"type":"object","properties":{"a":`+sub()+`},"required":["a"]},{"type":"null"}]}`,
		`{"oneOf":[{"type":"object","properties":{"kind":{"const":"a"},"v":`+sub()+`},"required":["kind","v"]},{"type":"object","properties":{"kind":{"const":"b"}},"required":["kind"],"additionalProperties":false}]}`,
		`{"oneOf":[{"type":"integer","minimum":0},{"type":"integer","maximum":10},{"type":"boolean"}]}`,
		`{"oneOf":[{"type":"number"},{"type":"integer"}]}`,
		`{"oneOf":[{"enum":["a","b"]},{"enum":["b","c"]},{"const":5}]}`)
}

func (m *schemaMaker) all(sub func() string) string {
	return m.one(
		`{"allOf":[{"type":"object","properties":{"a":`+sub()+`},"required":["a"]},{"type":"object","properties":{"b":`+sub()+`,"a":true}}]}`,
		`{"allOf":[`+m.integer()+`,{"maximum":700},{"type":["integer","string"]}]}`,
		`{"allOf":[{"type":"string","minLength":2},{"pattern":"^[a-z0-9]*$"},{"maxLength":7}]}`,
		`{"allOf":[{"$ref":"#/$defs/node"},{"required":["kids"]}]}`,
		`{"allOf":[{"type":"array","items":{"type":"integer"}},{"prefixItems":[{"minimum":5}],"maxItems":4}],"minItems":1}`)
}

func (m *schemaMaker) conditional(sub func() string) string {
	return m.one(
		`{"type":"object","properties":{"kind":{"enum":["a","b"]},"v":`+sub()+`},"required":["kind"],"if":{"properties":{"kind":{"const":"a"}}},"then":{"required":["v"]},"else":{"properties":{"v":false}}}`,
		`{"type":"integer","if":{"minimum":100},"then":{"multipleOf":10},"else":{"minimum":-5}}`,
		`{"type":["string","integer"],"if":{"type":"string"},"then":{"maxLength":4}}`,
		`{"type":"object","properties":{"a":{"type":"integer"},"b":`+sub()+`},"dependencies":{"a":["b"]}}`)
}
