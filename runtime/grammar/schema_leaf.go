package grammar

import (
	"encoding/json"
	"slices"
	"strconv"
)

// kinds of JSON values, as bits.
type kinds uint8

const (
	isNull kinds = 1 << iota
	isBool
	isInteger
	isNumber // not an integer
	isString
	isArray
	isObject
	allKinds = isNull | isBool | isInteger | isNumber | isString | isArray | isObject
)

var kindNames = map[string]kinds{
	"null": isNull, "boolean": isBool, "integer": isInteger, "number": isInteger | isNumber, "string": isString, "array": isArray, "object": isObject,
}

// hints are the keywords that tell of which kind a value is meant to be where
// a schema states no type.
var hints = map[string]kinds{
	"properties": isObject, "required": isObject, "additionalProperties": isObject, "patternProperties": isObject, "propertyNames": isObject,
	"minProperties": isObject, "maxProperties": isObject, "unevaluatedProperties": isObject,
	"items": isArray, "prefixItems": isArray, "minItems": isArray, "maxItems": isArray, "uniqueItems": isArray, "unevaluatedItems": isArray,
	"pattern": isString, "format": isString, "minLength": isString, "maxLength": isString,
	"minimum": isInteger | isNumber, "maximum": isInteger | isNumber, "exclusiveMinimum": isInteger | isNumber, "exclusiveMaximum": isInteger | isNumber,
	"multipleOf": isInteger | isNumber,
}

// types reads the type keyword and OpenAPI's nullable; without them, any.
func (c *schemaCompiler) types(r ref) kinds {
	o := r.schema.(*object)
	k := allKinds
	if v, ok := o.values[ownKinds].(kinds); ok {
		k = v
	}
	if v, ok := o.get("type"); ok {
		named := kindsOf(v, child(r.where, "type"))
		if o.values["nullable"] == true {
			named |= isNull
		}
		k &= named
	}
	return k
}

// kindsOf reads a type or a list of types.
func kindsOf(v any, where string) (k kinds) {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, t := range list {
		name, _ := t.(string)
		bit, ok := kindNames[name]
		if !ok {
			failf(where, "unknown type %.40q", text(t))
		}
		k |= bit
	}
	if k == 0 {
		failf(where, "must name a type")
	}
	return k
}

// leaf is the language of values that satisfy every plain schema in all.
func (c *schemaCompiler) leaf(all []ref) expr {
	k, hinted := allKinds, kinds(0)
	for _, r := range all {
		k &= c.types(r)
		for _, key := range r.schema.(*object).keys {
			hinted |= hints[key]
		}
	}
	if x, ok := c.enumerated(all); ok {
		return x
	}
	if k == allKinds && hinted != 0 {
		k = hinted
	}
	var out alt
	for _, constant := range []struct {
		kind  kinds
		value any
	}{{isNull, nil}, {isBool, true}, {isBool, false}} {
		broken := func(r ref) bool { return !c.validConstant(constant.value, r) }
		if k&constant.kind != 0 && !slices.ContainsFunc(all, broken) {
			out = append(out, lit(text(constant.value)))
		}
	}
	if k&(isInteger|isNumber) != 0 {
		out = append(out, c.number(all, k))
	}
	if k&isString != 0 {
		out = append(out, c.str(all))
	}
	if k&isArray != 0 {
		c.refuseExcept(all, isArray)
		out = append(out, c.array(all))
	}
	if k&isObject != 0 {
		c.refuseExcept(all, isObject)
		out = append(out, c.object(all))
	}
	if len(out) == 1 {
		return out[0]
	}
	return out
}

// except lists the constants of some kinds that no value may be.
func (c *schemaCompiler) except(all []ref, of kinds) (out []any) {
	for _, r := range all {
		values, _ := r.schema.(*object).values[ownExcept].([]any)
		for _, v := range values {
			if kindOf(v)&of != 0 {
				out = append(out, v)
			}
		}
	}
	return out
}

func (c *schemaCompiler) refuseExcept(all []ref, of kinds) {
	for _, r := range all {
		if len(c.except([]ref{r}, of)) > 0 {
			failf(r.where, "a single array or object cannot be ruled out")
		}
	}
}

// enumerated lists the constants that enum and const leave, if there are any.
func (c *schemaCompiler) enumerated(all []ref) (expr, bool) {
	var values []any
	found := false
	for _, r := range all {
		if v, ok := constants(r); ok && (!found || len(v) < len(values)) {
			values, found = v, true
		}
	}
	if !found {
		return nil, false
	}
	var out alt
	for _, v := range values {
		if c.validAll(v, all) {
			out = append(out, lit(text(v)))
		}
	}
	return out, true
}

// constants lists the values of const or enum.
func constants(r ref) ([]any, bool) {
	o := r.schema.(*object)
	if v, ok := o.get("const"); ok {
		return []any{v}, true
	}
	v, ok := o.values["enum"].([]any)
	return v, ok
}

// number is n as JSON has it.
func number(n int) json.Number { return json.Number(strconv.Itoa(n)) }
