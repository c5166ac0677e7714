package openai

import (
	"encoding/json"

	"inferd/daemon/ask"
	"inferd/daemon/wire"
)

// form is a member that says what form an answer has.
type form struct {
	member string
	read   func(o *wire.Object, member string) ask.Format
}

// forms are those beside response_format, by the names that llama.cpp, SGLang and
// vLLM (guided_… and structured_outputs) have for them.
var forms = []form{
	{"grammar", readGBNF}, {"guided_grammar", readGBNF}, {"ebnf", readGBNF},
	{"regex", readRegex}, {"guided_regex", readRegex},
	{"json_schema", readSchemaOrText}, {"guided_json", readSchemaOrText},
	{"guided_choice", readTexts},
	{"structured_outputs", readStructured},
}

// structuredForms are the members of structured_outputs.
var structuredForms = []form{
	{"json", readSchemaOrText}, {"regex", readRegex}, {"choice", readTexts}, {"grammar", readGBNF}, {"json_object", readAnyJSON},
}

// readFormat reads response_format, or one of the forms in its place.
func readFormat(o *wire.Object) ask.Format {
	given := "response_format"
	if !o.Has(given) {
		given = ""
	}
	if f := readForms(o, forms, given); !f.IsText() {
		return f
	}
	in := o.Object("response_format")
	if in == nil {
		return ask.Format{}
	}
	f := readResponseFormat(in)
	o.CloseInner(in)
	return f
}

// readForms reads the one of the forms that is given, beside another or "".
func readForms(o *wire.Object, forms []form, given string) (f ask.Format) {
	for _, x := range forms {
		if !o.Has(x.member) {
			o.Take(x.member)
			continue
		}
		if given != "" {
			o.Fail("invalid_value", x.member, "and %q exclude each other", given)
		}
		f, given = x.read(o, x.member), x.member
	}
	return f
}

func readGBNF(o *wire.Object, member string) ask.Format {
	source, _ := o.Str(member)
	return ask.GBNF(o.Name(member), source)
}

func readRegex(o *wire.Object, member string) ask.Format {
	pattern, _ := o.Str(member)
	return ask.Regex(o.Name(member), pattern)
}

func readTexts(o *wire.Object, member string) ask.Format {
	texts := o.Strings(member, maxChoiceTexts)
	if len(texts) == 0 {
		o.Fail("invalid_value", member, "must have a text to choose")
	}
	return ask.Choice(o.Name(member), texts)
}

const maxChoiceTexts = 10_000

func readAnyJSON(o *wire.Object, member string) ask.Format {
	if !o.Bool(member, false) {
		return ask.Format{}
	}
	return ask.JSON(o.Name(member))
}

// readSchemaOrText reads a schema that may be a string of JSON.
func readSchemaOrText(o *wire.Object, member string) ask.Format {
	if wire.TypeOf(o.Peek(member, "")) == "a string" {
		schema, _ := o.Str(member)
		return ask.Schema(o.Name(member), json.RawMessage(schema))
	}
	return readSchema(o, member)
}

func readStructured(o *wire.Object, member string) ask.Format {
	in := o.Object(member)
	if in == nil {
		return ask.Format{}
	}
	f := readForms(in, structuredForms, "")
	if f.IsText() && !in.Failed() {
		in.Fail("invalid_value", "", "must have one of json, regex, choice, grammar and json_object")
	}
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
		return readSchema(o, "schema")
	case "json_schema":
		o.Require("json_schema")
		in := o.Object("json_schema")
		if in == nil {
			return ask.Format{}
		}
		in.Ignored("a string", "name", "description")
		in.Bool("strict", false) // answers always follow the schema
		f := readSchema(in, "schema")
		o.CloseInner(in)
		return f
	default:
		o.Fail("invalid_value", "type", "must be text, json_object or json_schema, found %q", kind)
		return ask.Format{}
	}
}

// readSchema reads a schema.
func readSchema(o *wire.Object, member string) ask.Format {
	o.Require(member)
	value := o.Take(member)
	if value == nil {
		return ask.Format{}
	}
	if wire.TypeOf(value) != "an object" {
		o.WrongType(member, "an object", value)
		return ask.Format{}
	}
	return ask.Schema(o.Name(member), value)
}
