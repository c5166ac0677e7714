package grammar

import (
	"encoding/json"
	"unicode/utf8"
)

// validAll reports whether a constant satisfies every schema. Where dialects
// disagree the answer is no, or yes if c.wide is set.
func (c *schemaCompiler) validAll(v any, all []ref) bool {
	for _, r := range all {
		if !c.valid(v, r) {
			return false
		}
	}
	return true
}

func (c *schemaCompiler) valid(v any, r ref) bool {
	c.enter(r.where)
	defer c.leave()
	if b, ok := r.schema.(bool); ok {
		return b
	}
	if r.loops() {
		failf(r.where, "the schema leads back to itself for the same value")
	}
	if v == nil && r.orNull() != nil {
		return true
	}
	return kindOf(v)&c.types(r) != 0 && c.validConstant(v, r) && c.validApplied(v, r) && c.validParts(v, r)
}

// validApplied checks what other schemas ask of the same value.
func (c *schemaCompiler) validApplied(v any, r ref) bool {
	o := r.schema.(*object)
	for _, k := range refused {
		if _, ok := o.get(k); ok {
			failf(child(r.where, k), "the keyword is not supported")
		}
	}
	if _, ok := o.get("$ref"); ok && !c.valid(v, c.resolve(r)) {
		return false
	}
	if _, ok := o.get("allOf"); ok && !c.validAll(v, c.list(r, "allOf")) {
		return false
	}
	if _, ok := o.get("anyOf"); ok && c.nValid(v, c.list(r, "anyOf")) == 0 {
		return false
	}
	if _, ok := o.get("oneOf"); ok && !c.validOneOf(v, c.list(r, "oneOf")) {
		return false
	}
	same := func(key string) ref {
		x := r.sub(key)
		x.up = &r
		return x
	}
	if _, ok := o.get("not"); ok && !c.invalid(v, same("not")) {
		return false
	}
	if _, ok := o.get("if"); ok {
		_, then := o.get("then")
		_, otherwise := o.get("else")
		return (c.invalid(v, same("if")) || !then || c.valid(v, same("then"))) && (c.valid(v, same("if")) || !otherwise || c.valid(v, same("else")))
	}
	return true
}

// validOneOf: one branch holds, and none of the others may.
func (c *schemaCompiler) validOneOf(v any, branches []ref) bool {
	for i, b := range branches {
		ok := c.valid(v, b)
		for j, other := range branches {
			ok = ok && (i == j || c.invalid(v, other))
		}
		if ok {
			return true
		}
	}
	return false
}

// invalid reports whether a constant surely breaks a schema.
func (c *schemaCompiler) invalid(v any, r ref) bool {
	c.wide = !c.wide
	defer func() { c.wide = !c.wide }()
	return !c.valid(v, r)
}

func (c *schemaCompiler) nValid(v any, all []ref) (n int) {
	for _, r := range all {
		if c.valid(v, r) {
			n++
		}
	}
	return n
}

// validConstant checks const and enum.
func (c *schemaCompiler) validConstant(v any, r ref) bool {
	o := r.schema.(*object)
	set, ok := c.enums[o]
	if !ok {
		if values, found := constants(r); found {
			set = map[string]bool{}
			for _, x := range values {
				c.b.spend(10)
				set[canonical(x)] = true
			}
		}
		c.enums[o] = set
	}
	if set != nil && !set[canonical(v)] {
		return false
	}
	except, _ := o.values[ownExcept].([]any)
	for _, x := range except {
		if canonical(x) == canonical(v) {
			return false
		}
	}
	return true
}

func (c *schemaCompiler) validParts(v any, r ref) bool {
	switch v := v.(type) {
	case json.Number:
		return c.validNumber(v, r)
	case string:
		return c.validString(v, r)
	case []any:
		return c.validArray(v, r)
	case *object:
		return c.validObject(v, r)
	}
	return true
}

func kindOf(v any) kinds {
	switch v := v.(type) {
	case nil:
		return isNull
	case bool:
		return isBool
	case string:
		return isString
	case []any:
		return isArray
	case *object:
		return isObject
	case json.Number:
		if x := ratOf(v); x != nil && x.IsInt() {
			return isInteger
		}
	}
	return isNumber
}

func (c *schemaCompiler) validNumber(v json.Number, r ref) bool {
	x := rational(v, r.where)
	if !c.bounds([]ref{r}).contains(x) {
		return false
	}
	step, _ := c.step([]ref{r})
	return step == nil || x.Quo(x, step).IsInt()
}

func (c *schemaCompiler) validString(v string, r ref) bool {
	o := r.schema.(*object)
	n := utf8.RuneCountInString(v)
	if hi := r.count("maxLength"); n < r.count("minLength") || hi >= 0 && n > hi {
		return false
	}
	if p, ok := o.values["pattern"].(string); ok && !c.pattern(p, child(r.where, "pattern"), c.wide).matches(v) {
		return false
	}
	if p, ok := o.values[ownNotPattern].(string); ok && c.pattern(p, r.where, !c.wide).matches(v) {
		return false
	}
	if name, ok := o.values["format"].(string); ok && !c.wide { // what we write is only a part of a format
		if d := c.format(name, child(r.where, "format")); d != nil && !d.matches(v) {
			return false
		}
	}
	return true
}

func (c *schemaCompiler) validArray(v []any, r ref) bool {
	if hi := r.count("maxItems"); len(v) < r.count("minItems") || hi >= 0 && len(v) > hi {
		return false
	}
	if r.schema.(*object).values["uniqueItems"] == true {
		seen := map[string]bool{}
		for _, x := range v {
			seen[canonical(x)] = true
		}
		if len(seen) < len(v) {
			return false
		}
	}
	before, after := c.itemsOf(r)
	for i, x := range v {
		switch {
		case i < len(before):
			if !c.valid(x, before[i]) {
				return false
			}
		case after != nil && !c.valid(x, *after):
			return false
		}
	}
	if !c.closed([]ref{r}, "unevaluatedItems") || len(v) <= len(before) || after != nil {
		return true
	}
	return c.unevaluated(r, "unevaluatedItems")
}

// unevaluated is the answer where something is left over: no, if no other
// schema may have evaluated it.
func (c *schemaCompiler) unevaluated(r ref, key string) bool {
	for _, k := range []string{"$ref", "allOf", "anyOf", "oneOf", "if", "dependentSchemas"} {
		if _, ok := r.schema.(*object).get(k); ok {
			failf(child(r.where, key), "the keyword is not supported beside %s for constants", k)
		}
	}
	return false
}

func (c *schemaCompiler) validObject(v *object, r ref) bool {
	o := r.schema.(*object)
	if hi := r.count("maxProperties"); len(v.keys) < r.count("minProperties") || hi >= 0 && len(v.keys) > hi {
		return false
	}
	for _, k := range r.strings("required") {
		if _, ok := v.get(k); !ok {
			return false
		}
	}
	for _, k := range v.keys {
		schemas, allowed := c.propertySchemas(r, k)
		if !allowed || !c.validAll(v.values[k], schemas) {
			return false
		}
		if len(schemas) == 0 && c.closed([]ref{r}, "unevaluatedProperties") && !c.unevaluated(r, "unevaluatedProperties") {
			return false
		}
	}
	for _, key := range []string{"dependentRequired", "dependentSchemas", "dependencies"} {
		if deps, _ := o.values[key].(*object); deps != nil {
			for _, name := range deps.keys {
				if _, ok := v.get(name); ok && !c.validDependency(v, deps.values[name], child(child(r.where, key), name)) {
					return false
				}
			}
		}
	}
	return true
}

func (c *schemaCompiler) validDependency(v *object, dependency any, where string) bool {
	if _, ok := dependency.([]any); !ok {
		return c.valid(v, ref{schema: dependency, where: where})
	}
	for _, k := range stringsOf(dependency, where) {
		if _, ok := v.get(k); !ok {
			return false
		}
	}
	return true
}
