package grammar

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Call is a tool that a text may call.
type Call struct {
	Name       string
	Parameters json.RawMessage `json:",omitempty"` // JSON Schema of the arguments; nil: an object
}

// CompileCalls compiles the texts that call one of the tools: open, an object
// with the members name and arguments, and shut. Many allows several, on lines
// of their own.
func CompileCalls(open, shut string, calls []Call, many bool) (g *Grammar, err error) {
	defer catch(&err)
	b := newBuilder()
	var objects alt
	for _, call := range calls {
		x, err := callObject(b, call)
		if e, ok := errors.AsType[*Error](err); ok {
			return nil, &Error{fmt.Sprintf("tool %q", call.Name), e.Error()}
		}
		objects = append(objects, x)
	}
	one := b.rule()
	b.define(one, seq{lit(open), objects, lit(shut)})
	if many {
		return compile(b, seq{one, star{seq{lit("\n"), one}}})
	}
	return compile(b, one)
}

// callObject is the object of one tool's call. The rules of its schema are its own:
// pointers of different schemas may read alike.
func callObject(b *builder, call Call) (x expr, err error) {
	defer catch(&err)
	schema := call.Parameters
	if schema == nil {
		schema = json.RawMessage(`{}`)
	}
	name, err := json.Marshal(call.Name)
	if err != nil {
		return nil, err
	}
	c := newSchemaCompiler(b, schema)
	clear(b.named)
	isObject := newObject("type", "object")
	arguments := c.value([]ref{{schema: c.root, where: "#"}, {schema: isObject, where: "arguments"}})
	return seq{lit(`{"name": `), lit(name), lit(`, "arguments": `), arguments, lit("}")}, nil
}
