package ask

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"inferd/daemon/auth"
	"inferd/daemon/serve"
	"inferd/runtime/grammar"
)

// formatKind says what an answer's form is given as.
type formatKind uint8

const (
	anyText formatKind = iota
	anyJSON
	jsonSchema
	gbnf
	regex
	toolCalls // source is a callFormat in JSON
)

// Format is the form that a request asks its answer to have. The zero Format
// allows any text.
type Format struct {
	kind   formatKind
	param  string // where source stands in the request
	source []byte
}

// JSON is the form of any JSON object or array; param is the member of the
// request that asks for it.
func JSON(param string) Format { return Format{kind: anyJSON, param: param} }

// Schema is the form that a JSON Schema allows; param says where it stands in
// the request.
func Schema(param string, schema json.RawMessage) Format { return Format{jsonSchema, param, schema} }

// GBNF is the form that a grammar as llama.cpp takes it allows; param says where
// it stands in the request.
func GBNF(param, source string) Format { return Format{gbnf, param, []byte(source)} }

// Regex is the form of texts that a regular expression matches in full; param
// says where it stands in the request.
func Regex(param, pattern string) Format { return Format{regex, param, []byte(pattern)} }

// Choice is the form of just these texts; param says where they stand in the request.
func Choice(param string, texts []string) Format {
	escape := strings.NewReplacer("\\", `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`)
	source := []byte("root ::= ")
	for i, t := range texts {
		if i > 0 {
			source = append(source, " | "...)
		}
		source = append(append(append(source, '"'), escape.Replace(t)...), '"')
	}
	return Format{gbnf, param, source}
}

// FormatSource is a format as receipts tell it.
type FormatSource struct {
	Kind   string `json:"kind"`
	Source string `json:"source,omitempty"`
}

// formatKinds are the kinds' names in receipts.
var formatKinds = map[formatKind]string{anyJSON: "json", jsonSchema: "schema", gbnf: "gbnf", regex: "regex", toolCalls: "calls"}

// Source returns what the format was made of, nil where it allows any text.
func (f Format) Source() *FormatSource {
	if f.IsText() {
		return nil
	}
	return &FormatSource{formatKinds[f.kind], string(f.source)}
}

// format returns what Source was called on.
func (s *FormatSource) format() (Format, error) {
	for kind, name := range formatKinds {
		if name == s.Kind {
			return Format{kind, "format", []byte(s.Source)}, nil
		}
	}
	return Format{}, fmt.Errorf("receipt: format %q is not known", s.Kind)
}

// IsText reports whether the format allows any text.
func (f Format) IsText() bool { return f.kind == anyText }

// compile returns the format's grammar.
func (f Format) compile() (*grammar.Grammar, error) {
	switch f.kind {
	case anyJSON:
		return grammar.CompileJSON()
	case jsonSchema:
		return grammar.CompileSchema(f.source)
	case regex:
		return grammar.CompileRegex(string(f.source))
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

// Grammars keeps the grammars used last, so that neither they nor their token
// masks are made again for each request. Every user has their own: how long a
// request takes must not tell what others ask for.
type Grammars struct {
	mu   sync.Mutex
	kept []keptGrammar // most recent first
}

type keptGrammar struct {
	user auth.User
	sum  [sha256.Size]byte // of kind and source
	g    *grammar.Grammar
}

// Of returns the grammar of a format for the caller of ctx, nil where it allows
// any text. A format that cannot be held exactly is a fault.
func (c *Grammars) Of(ctx context.Context, f Format) (*grammar.Grammar, error) {
	if f.kind == anyText {
		return nil, nil
	}
	key := keptGrammar{user: auth.GrantFrom(ctx).User, sum: sha256.Sum256(append([]byte{byte(f.kind)}, f.source...))}
	if g := c.find(key); g != nil {
		return g, nil
	}
	var err error
	if key.g, err = f.compile(); err != nil {
		return nil, serve.Invalid("invalid_value", f.param, "%q cannot be followed: %v", f.param, err)
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
func (c *Grammars) find(key keptGrammar) *grammar.Grammar {
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
