package openai

import (
	"inferd/daemon/ask"
	"inferd/daemon/wire"
)

// readFormat reads response_format, and GBNF from grammar as llama.cpp does.
func readFormat(o *wire.Object) ask.Format {
	if o.Has("grammar") && o.Has("response_format") {
		o.Fail("invalid_value", "grammar", "and \"response_format\" exclude each other")
	}
	if source, ok := o.Str("grammar"); ok {
		return ask.GBNF("grammar", source)
	}
	in := o.Object("response_format")
	if in == nil {
		return ask.Format{}
	}
	f := readResponseFormat(in)
	o.CloseInner(in)
	return f
}

func readResponseFormat(o *wire.Object) ask.Format {
	o.Require("type")
	kind, _ := o.Str("type")
	switch kind {
	case "text", "":
		return ask.Format{}
	case "json_object":
		if !o.Has("schema") { // llama.cpp's place for a schema
			o.Take("schema")
			return ask.JSON(o.Name(""))
		}
		return readSchema(o)
	case "json_schema":
		o.Require("json_schema")
		in := o.Object("json_schema")
		if in == nil {
			return ask.Format{}
		}
		in.Ignored("name", "description")
		in.Bool("strict", false) // answers always follow the schema
		f := readSchema(in)
		o.CloseInner(in)
		return f
	default:
		o.Fail("invalid_value", "type", "must be text, json_object or json_schema, found %q", kind)
		return ask.Format{}
	}
}

// readSchema reads the member schema of o.
func readSchema(o *wire.Object) ask.Format {
	o.Require("schema")
	value := o.Take("schema")
	if value == nil {
		return ask.Format{}
	}
	if wire.TypeOf(value) != "an object" {
		o.WrongType("schema", "an object", value)
		return ask.Format{}
	}
	return ask.Schema(o.Name("schema"), value)
}
