package openai

import (
	"inferd/daemon/ask"
	"inferd/daemon/wire"
)

// forms are the members beside response_format that say what form an answer
// has: GBNF as llama.cpp takes it, and regular expressions by SGLang's and vLLM's names.
var forms = []struct {
	member string
	form   func(param, source string) ask.Format
}{{"grammar", ask.GBNF}, {"regex", ask.Regex}, {"guided_regex", ask.Regex}}

// readFormat reads response_format, or one of the forms in its place.
func readFormat(o *wire.Object) (f ask.Format) {
	given := "response_format"
	if !o.Has(given) {
		given = ""
	}
	for _, x := range forms {
		if o.Has(x.member) && given != "" {
			o.Fail("invalid_value", x.member, "and %q exclude each other", given)
		}
		if source, ok := o.Str(x.member); ok {
			f, given = x.form(x.member, source), x.member
		}
	}
	if !f.IsText() {
		return f
	}
	in := o.Object("response_format")
	if in == nil {
		return ask.Format{}
	}
	f = readResponseFormat(in)
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
		in.Ignored("a string", "name", "description")
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
	value := o.Raw("schema")
	if value == nil {
		return ask.Format{}
	}
	return ask.Schema(o.Name("schema"), value)
}
