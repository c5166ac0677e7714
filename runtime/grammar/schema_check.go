package grammar

import (
	"slices"
	"strconv"
	"strings"
)

// keywordShape is what the value of a keyword must be.
type keywordShape uint8

const (
	aSchema keywordShape = iota
	schemaList
	schemaMap
	schemaOrList // items, in the older form
	aBoolean
	aString
	aNumber
	aLimit // a number, or a boolean in the older form
	aPositive
	aCount
	stringList
	aPattern
	valueList
	typeNames
	dependencyMap // schemas or lists of strings by name
)

// keywords lists what changes which values are valid. All others are
// annotations, as the standard has it.
var keywords = map[string]keywordShape{
	"type": typeNames, "nullable": aBoolean, "enum": valueList, "$ref": aString,
	"allOf": schemaList, "anyOf": schemaList, "oneOf": schemaList, "not": aSchema, "if": aSchema, "then": aSchema, "else": aSchema,
	"minimum": aNumber, "maximum": aNumber, "exclusiveMinimum": aLimit, "exclusiveMaximum": aLimit, "multipleOf": aPositive,
	"minLength": aCount, "maxLength": aCount, "pattern": aPattern, "format": aString,
	"minItems": aCount, "maxItems": aCount, "uniqueItems": aBoolean, "items": schemaOrList, "prefixItems": schemaList, "additionalItems": aSchema,
	"contains": aSchema, "minContains": aCount, "maxContains": aCount, "unevaluatedItems": aSchema,
	"properties": schemaMap, "patternProperties": schemaMap, "additionalProperties": aSchema, "propertyNames": aSchema, "unevaluatedProperties": aSchema,
	"required": stringList, "minProperties": aCount, "maxProperties": aCount,
	"dependentRequired": dependencyMap, "dependentSchemas": schemaMap, "dependencies": dependencyMap,
	"$dynamicRef": aString, "$recursiveRef": aString,
	"$defs": schemaMap, "definitions": schemaMap, "$id": aString, "$schema": aString, "$anchor": aString,
}

// refused lists the keywords that cannot be followed.
var refused = []string{"contains", "minContains", "maxContains", "$dynamicRef", "$recursiveRef"}

// check fails unless every keyword of a schema, and of those inside, has a
// value of its shape.
func (c *schemaCompiler) check(v any, where string, depth int) {
	c.b.spend(1)
	if depth > maxDepth {
		failf(where, "nested deeper than %d", maxDepth)
	}
	if len(where) > maxPointerBytes {
		failf(where[:100]+"…", "the names of a part's place have %d bytes, limit %d", len(where), maxPointerBytes)
	}
	if _, ok := v.(bool); ok {
		return
	}
	o, ok := v.(*object)
	if !ok {
		failf(where, "a schema must be an object or a boolean")
	}
	for _, k := range o.keys {
		if shape, ok := keywords[k]; ok {
			c.checkShape(shape, o.values[k], child(where, k), depth)
		}
	}
	if _, ok := o.get("$id"); ok && where != "#" && refers(o, 0) {
		failf(child(where, "$id"), "references inside a part with an $id of its own are not supported")
	}
}

func (c *schemaCompiler) checkShape(shape keywordShape, v any, where string, depth int) {
	list, isList := v.([]any)
	o, isObject := v.(*object)
	_, isBoolean := v.(bool)
	s, isString := v.(string)
	switch shape {
	case aSchema:
		c.check(v, where, depth+1)
	case schemaList:
		c.checkList(list, where, depth)
	case schemaOrList:
		if isList && len(list) > 0 {
			c.checkList(list, where, depth)
		} else if !isList {
			c.check(v, where, depth+1)
		}
	case schemaMap, dependencyMap:
		if !isObject {
			failf(where, "must be an object")
		}
		for _, k := range o.keys {
			if _, isList := o.values[k].([]any); isList && shape == dependencyMap {
				stringsOf(o.values[k], child(where, k))
				continue
			}
			if strings.HasSuffix(where, "/patternProperties") {
				c.checkShape(aPattern, k, child(where, k), depth)
			}
			c.check(o.values[k], child(where, k), depth+1)
		}
	case aBoolean:
		if !isBoolean {
			failf(where, "must be true or false")
		}
	case aString, aPattern:
		if !isString {
			failf(where, "must be a string")
		}
		if shape == aPattern {
			at(where, func() { parseRegex(s, false) })
		}
	case aLimit:
		if !isBoolean {
			rational(v, where)
		}
	case aNumber, aPositive:
		if x := rational(v, where); shape == aPositive && x.Sign() <= 0 {
			failf(where, "must be positive")
		}
	case aCount:
		countOf(v, where)
	case stringList:
		stringsOf(v, where)
	case valueList:
		if len(list) == 0 {
			failf(where, "must be a list that is not empty")
		}
	case typeNames:
		kindsOf(v, where)
	}
}

func (c *schemaCompiler) checkList(list []any, where string, depth int) {
	if len(list) == 0 {
		failf(where, "must be a list of schemas that is not empty")
	}
	for i, s := range list {
		c.check(s, child(where, strconv.Itoa(i)), depth+1)
	}
}

// refers reports whether a reference stands anywhere in v.
func refers(v any, depth int) bool {
	switch v := v.(type) {
	case *object:
		if _, ok := v.get("$ref"); ok {
			return true
		}
		for _, k := range v.keys {
			if refers(v.values[k], depth+1) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(x any) bool { return refers(x, depth+1) })
	}
	return false
}

// at adds a place to failures that have none.
func at(where string, do func()) {
	defer func() {
		if r := recover(); r != nil {
			if e, ok := r.(*Error); ok && e.Where == "" {
				r = &Error{where, e.Msg}
			}
			panic(r)
		}
	}()
	do()
}

// child is the JSON pointer of a member.
func child(where, key string) string {
	return where + "/" + strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1")
}
