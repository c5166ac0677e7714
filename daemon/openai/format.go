package openai

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"sync"

	"inferd/daemon/auth"
	"inferd/runtime/grammar"
)

// formatKind says what an answer's form is given as.
type formatKind uint8

const (
	anyText formatKind = iota
	anyJSON
	jsonSchema
	gbnf
	toolCalls // source is a callFormat in JSON
)

// format is the form that a request asks its answer to have.
type format struct {
	kind   formatKind
	param  string // where source stands in the request
	source []byte
}

// readFormat reads response_format, and GBNF from grammar as llama.cpp does.
func readFormat(o *object) format {
	if o.has("grammar") && o.has("response_format") {
		o.fail("invalid_value", "grammar", "and \"response_format\" exclude each other")
	}
	if source, ok := o.str("grammar"); ok {
		return format{gbnf, "grammar", []byte(source)}
	}
	in := o.object("response_format")
	if in == nil {
		return format{}
	}
	f := readResponseFormat(in)
	o.closeInner(in)
	return f
}

func readResponseFormat(o *object) format {
	o.require("type")
	kind, _ := o.str("type")
	switch kind {
	case "text", "":
		return format{}
	case "json_object":
		if !o.has("schema") { // llama.cpp's place for a schema
			o.take("schema")
			return format{kind: anyJSON}
		}
		return readSchema(o)
	case "json_schema":
		o.require("json_schema")
		in := o.object("json_schema")
		if in == nil {
			return format{}
		}
		in.ignored("name", "description")
		in.boolean("strict", false) // answers always follow the schema
		f := readSchema(in)
		o.closeInner(in)
		return f
	default:
		o.fail("invalid_value", "type", "must be text, json_object or json_schema, found %q", kind)
		return format{}
	}
}

// readSchema reads the member schema of o.
func readSchema(o *object) format {
	o.require("schema")
	value := o.take("schema")
	if value == nil {
		return format{}
	}
	if typeOf(value) != "an object" {
		o.want("schema", "an object", value)
		return format{}
	}
	return format{jsonSchema, o.name("schema"), value}
}

// member is the member of the request that the format comes from.
func (f format) member() string {
	if f.kind == gbnf {
		return "grammar"
	}
	return "response_format"
}

// compile returns the format's grammar.
func (f format) compile() (*grammar.Grammar, error) {
	switch f.kind {
	case anyJSON:
		return grammar.CompileJSON()
	case jsonSchema:
		return grammar.CompileSchema(f.source)
	case toolCalls:
		var c callFormat
		if err := json.Unmarshal(f.source, &c); err != nil {
			return nil, err
		}
		return grammar.CompileCalls(c.Open, c.Shut, c.Calls, c.Many)
	default:
		return grammar.CompileGBNF(string(f.source))
	}
}

// maxGrammars bounds the grammars that are kept. What one keeps of the states
// it has seen is bounded by package grammar.
const maxGrammars = 16

// grammars keeps the grammars used last, so that neither they nor their token
// masks are made again for each request. Every user has their own: how long a
// request takes must not tell what others ask for.
type grammars struct {
	mu   sync.Mutex
	kept []keptGrammar // most recent first
}

type keptGrammar struct {
	user auth.User
	sum  [sha256.Size]byte // of kind and source
	g    *grammar.Grammar
}

// of returns the grammar of a format, nil where it allows any text.
func (c *grammars) of(user auth.User, f format) (*grammar.Grammar, error) {
	if f.kind == anyText {
		return nil, nil
	}
	key := keptGrammar{user: user, sum: sha256.Sum256(append([]byte{byte(f.kind)}, f.source...))}
	if g := c.find(key); g != nil {
		return g, nil
	}
	var err error
	if key.g, err = f.compile(); err != nil {
		return nil, invalid("invalid_value", f.param, "%q cannot be followed: %v", f.param, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = slices.Insert(c.kept, 0, key)
	if len(c.kept) > maxGrammars {
		c.kept = slices.Delete(c.kept, maxGrammars, len(c.kept))
	}
	return key.g, nil
}

// find returns a grammar that is kept and makes it the most recent one.
func (c *grammars) find(key keptGrammar) *grammar.Grammar {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, k := range c.kept {
		if k.user == key.user && k.sum == key.sum {
			copy(c.kept[1:i+1], c.kept[:i])
			c.kept[0] = k
			return k.g
		}
	}
	return nil
}
