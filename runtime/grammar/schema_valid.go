package grammar

import (
	"encoding/json"
	"unicode/utf8"
)

// validAll reports whether a constant satisfies every schema.
func (c *schemaCompiler) validAll(v any, all []ref) bool {
	for _, r := range all {
		if !c.valid(v, r, 0) {
			return false
		}
	}
	return true
}

// valid checks a constant against a schema, over the keywords that are
// supported; CompileSchema refuses the others.
func (c *schemaCompiler) valid(v any, r ref, depth int) bool {
	if b, ok := r.schema.(bool); ok {
		return b
	}
	o, ok := r.schema.(*object)
	if !ok {
		failf(r.where, "a schema must be an object or a boolean")
	}
	if depth > maxDepth {
		failf(r.where, "nested deeper than %d", maxDepth)
	}
	c.checkKeywords(o, r.where)
	if t, ok := o.get("$ref"); ok && !c.valid(v, c.resolve(t, r.where), depth+1) {
		return false
	}
	for key, count := range map[string]func(n, of int) bool{
		"allOf": func(n, of int) bool { return n == of },
		"anyOf": func(n, _ int) bool { return n > 0 },
		"oneOf": func(n, _ int) bool { return n == 1 },
	} {
		list, ok := o.get(key)
		if !ok {
			continue
		}
		n := 0
		branches := c.list(list, r.where+"/"+key)
		for _, b := range branches {
			if c.valid(v, b, depth+1) {
				n++
			}
		}
		if !count(n, len(branches)) {
			return false
		}
	}
	if kindOf(v)&c.types(r) == 0 {
		return false
	}
	if want, ok := o.get("const"); ok && text(want) != text(v) {
		return false
	}
	if list, ok := o.get("enum"); ok {
		items, _ := list.([]any)
		found := false
		for _, x := range items {
			found = found || text(x) == text(v)
		}
		if !found {
			return false
		}
	}
	switch v := v.(type) {
	case json.Number:
		return c.validNumber(v, r)
	case string:
		return c.validString(v, r)
	case []any:
		return c.validArray(v, r, depth)
	case *object:
		return c.validObject(v, r, depth)
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
		if f, err := v.Float64(); err == nil && f == float64(int64(f)) {
			return isInteger
		}
	}
	return isNumber
}

func (c *schemaCompiler) validNumber(v json.Number, r ref) bool {
	x := c.rational(v, r.where)
	if !c.bounds([]ref{r}).contains(x) {
		return false
	}
	if m, ok := r.schema.(*object).get("multipleOf"); ok {
		q := c.rational(m, r.where)
		return q.Sign() > 0 && x.Quo(x, q).IsInt()
	}
	return true
}

func (c *schemaCompiler) validString(v string, r ref) bool {
	o := r.schema.(*object)
	n := utf8.RuneCountInString(v)
	if hi := c.integer(o, "maxLength", r.where); n < c.integer(o, "minLength", r.where) || hi >= 0 && n > hi {
		return false
	}
	if p, ok := o.get("pattern"); ok {
		s, isString := p.(string)
		if !isString || !c.b.searchRegex(s, false).matches(v) {
			return false
		}
	}
	if f, ok := o.get("format"); ok {
		name, _ := f.(string)
		if d := c.format(name, r.where); d != nil && !d.matches(v) {
			return false
		}
	}
	return true
}

func (c *schemaCompiler) validArray(v []any, r ref, depth int) bool {
	o := r.schema.(*object)
	if hi := c.integer(o, "maxItems", r.where); len(v) < c.integer(o, "minItems", r.where) || hi >= 0 && len(v) > hi {
		return false
	}
	before, after := c.itemsOf(o, r.where)
	for i, x := range v {
		switch {
		case i < len(before):
			if !c.valid(x, before[i], depth+1) {
				return false
			}
		case after != nil && !c.valid(x, *after, depth+1):
			return false
		}
	}
	return true
}

func (c *schemaCompiler) validObject(v *object, r ref, depth int) bool {
	o := r.schema.(*object)
	if hi := c.integer(o, "maxProperties", r.where); len(v.keys) < c.integer(o, "minProperties", r.where) || hi >= 0 && len(v.keys) > hi {
		return false
	}
	for _, k := range c.strings(o, "required", r.where) {
		if _, ok := v.get(k); !ok {
			return false
		}
	}
	for _, k := range v.keys {
		schemas, allowed := c.propertySchemas(r, k)
		if !allowed {
			return false
		}
		for _, s := range schemas {
			if !c.valid(v.values[k], s, depth+1) {
				return false
			}
		}
	}
	return true
}

// requireDisjoint fails unless it is plain that no value satisfies two of the
// branches: oneOf then means what anyOf means.
func (c *schemaCompiler) requireDisjoint(branches []ref) {
	for i, a := range branches {
		for _, b := range branches[i+1:] {
			if !c.disjoint(c.flatten(a, 0), c.flatten(b, 0), 0) {
				failf(a.where, "oneOf is not supported here: a value could satisfy this branch and %s as well", b.where)
			}
		}
	}
}

// flatten lists the plain schemas that a branch consists of, through $ref and
// allOf; anyOf inside is left out, which only makes disjointness harder to see.
func (c *schemaCompiler) flatten(r ref, depth int) []ref {
	if depth > maxDepth {
		failf(r.where, "$ref leads back to itself")
	}
	o, ok := r.schema.(*object)
	if !ok {
		return nil
	}
	out := []ref{r}
	if t, ok := o.get("$ref"); ok {
		out = append(out, c.flatten(c.resolve(t, r.where), depth+1)...)
	}
	if list, ok := o.get("allOf"); ok {
		for _, b := range c.list(list, r.where+"/allOf") {
			out = append(out, c.flatten(b, depth+1)...)
		}
	}
	return out
}

// disjoint reports whether it is plain that no value satisfies both.
func (c *schemaCompiler) disjoint(a, b []ref, depth int) bool {
	if depth > 4 {
		return false
	}
	ka, kb := allKinds, allKinds
	for _, r := range a {
		ka &= c.types(r)
	}
	for _, r := range b {
		kb &= c.types(r)
	}
	if ka&kb == 0 || c.constantsApart(a, b) || c.constantsApart(b, a) {
		return true
	}
	both := ka & kb
	if both&^(isInteger|isNumber) == 0 {
		r := c.bounds(a).tighten(c.bounds(b))
		return r.min != nil && r.max != nil && (r.min.Cmp(r.max) > 0 || r.min.Cmp(r.max) == 0 && (r.minOpen || r.maxOpen))
	}
	return both == isObject && (c.membersApart(a, b, depth) || c.membersApart(b, a, depth))
}

// constantsApart: a allows only constants, and b none of them.
func (c *schemaCompiler) constantsApart(a, b []ref) bool {
	for _, r := range a {
		o := r.schema.(*object)
		values, ok := []any(nil), false
		if v, isConst := o.get("const"); isConst {
			values, ok = []any{v}, true
		} else if v, isEnum := o.get("enum"); isEnum {
			values, ok = v.([]any)
		}
		if !ok {
			continue
		}
		apart := true
		for _, v := range values {
			apart = apart && !c.validAll(v, b)
		}
		if apart {
			return true
		}
	}
	return false
}

// membersApart: a requires a property that b forbids, or whose schemas in a
// and b are disjoint.
func (c *schemaCompiler) membersApart(a, b []ref, depth int) bool {
	for _, r := range a {
		for _, k := range c.strings(r.schema.(*object), "required", r.where) {
			var inA, inB []ref
			for _, x := range a {
				schemas, _ := c.propertySchemas(x, k)
				inA = append(inA, schemas...)
			}
			for _, x := range b {
				schemas, allowed := c.propertySchemas(x, k)
				if !allowed {
					return true
				}
				inB = append(inB, schemas...)
			}
			if c.apart(inA, inB, depth) {
				return true
			}
		}
	}
	return false
}

// apart is disjoint for property schemas, which may be booleans.
func (c *schemaCompiler) apart(a, b []ref, depth int) bool {
	var fa, fb []ref
	for _, r := range a {
		fa = append(fa, c.flatten(r, 0)...)
	}
	for _, r := range b {
		fb = append(fb, c.flatten(r, 0)...)
	}
	return len(fa) > 0 && len(fb) > 0 && c.disjoint(fa, fb, depth+1)
}
