package members

import (
	"encoding/json"
	"fmt"
	"time"

	"inferd/daemon/ask"
	"inferd/daemon/serve"
	"inferd/daemon/wire"
)

// Function reads a function from the members of o and adds it to t. Its
// parameters are a JSON Schema, which stands at schema.
func Function(o *wire.Object, t *ask.Tools, schema string) {
	o.Require("name")
	name, _ := o.Str("name")
	switch {
	case !ask.IsToolName(name):
		o.Fail("invalid_value", "name", "must be 1 to 64 letters, digits, dots, dashes and underscores")
	case t.Has(name):
		o.Fail("invalid_value", "name", "%q is there twice", name)
	}
	description, _ := o.Str("description")
	o.Bool("strict", false) // forced calls always follow the schema
	parameters := o.Raw(schema)
	if !o.Failed() {
		t.Add(name, description, parameters)
	}
}

// maxAdapters bounds the adapters of one request.
const maxAdapters = 16

// Adapters reads adapter: a name, an object with name and scale, or an array of
// these. An empty array asks for the model without any, nil for its own.
func Adapters(o *wire.Object) []serve.Adapter {
	value := o.Take("adapter")
	if value == nil {
		return nil
	}
	elements := []json.RawMessage{value}
	if wire.TypeOf(value) == "an array" {
		if wire.FirstOf(value) == "" {
			return []serve.Adapter{}
		}
		elements = o.Elements("adapter", value, maxAdapters)
	}
	var list []serve.Adapter
	for i, element := range elements {
		switch wire.TypeOf(element) {
		case "a string":
			list = append(list, serve.Adapter{Name: wire.Unquote(element), Scale: 1})
		case "an object":
			in := o.Inner(fmt.Sprintf("adapter[%d]", i), element)
			in.Require("name")
			name, _ := in.Str("name")
			list = append(list, serve.Adapter{Name: name, Scale: in.Number("scale", -100, 100, 1)})
			o.CloseInner(in)
		default:
			o.WrongType("adapter", "a name, an object with a name, or an array of these", element)
			return nil
		}
	}
	return list
}

// KeepAlive reads keep_alive, nil where the model stays loaded as configured.
func KeepAlive(o *wire.Object) *time.Duration {
	value := o.Take("keep_alive")
	if value == nil || string(value) == `""` {
		return nil
	}
	d, err := serve.ParseKeepAlive(value)
	if err != nil {
		o.Fail("invalid_value", "keep_alive", "%v", err)
	}
	return &d
}
