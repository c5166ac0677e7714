package grammar

import (
	"maps"
	"slices"
	"strings"
)

// Keywords of our own, in schemas that the compiler makes. No JSON text gives
// them values of these Go types.
const (
	ownKinds      = "\x00kinds"      // kinds: what a value may be
	ownExcept     = "\x00except"     // []any: what it may not be
	ownNotPattern = "\x00notPattern" // string: what it may not match, if it is a string
	ownAbsent     = "\x00absent"     // ownNames: properties that an object may not have
)

type ownNames []string

// value returns the language of values that satisfy all schemas, as a rule, so
// that schemas may refer to themselves.
func (c *schemaCompiler) value(all []ref) expr {
	c.enter(all[0].where)
	defer c.leave()
	c.b.spend(40)
	names := make([]string, len(all))
	for i, r := range all {
		names[i] = r.where
	}
	slices.Sort(names)
	return c.b.once("value "+strings.Join(slices.Compact(names), " & "), func() expr {
		return c.conjunction(nil, []choice{{all}}, map[string]bool{})
	})
}

func (c *schemaCompiler) enter(where string) {
	if c.depth++; c.depth > 4*maxDepth {
		failf(where, "nested deeper than %d", maxDepth)
	}
	c.b.spend(10)
}

func (c *schemaCompiler) leave() { c.depth-- }

// choice is several ways, of which one must hold: the schemas of each apply
// together.
type choice [][]ref

// conjunction takes schemas apart until only plain assertions are left in
// done, one way of each choice after the other.
func (c *schemaCompiler) conjunction(done []ref, todo []choice, seen map[string]bool) expr {
	for len(todo) > 0 {
		next := todo[0]
		todo = todo[1:]
		if len(next) != 1 {
			return c.ways(next, done, todo, seen)
		}
		for _, r := range next[0] {
			if b, ok := r.schema.(bool); ok {
				if !b {
					return alt{}
				}
				continue
			}
			if r.loops() {
				failf(r.where, "the schema leads back to itself for the same value")
			}
			if seen[r.where] {
				continue
			}
			seen[r.where] = true
			c.b.spend(10)
			if orNull := r.orNull(); orNull != nil {
				todo = append([]choice{orNull}, todo...)
				continue
			}
			done = append(done, r)
			todo = append(c.applied(r), todo...)
		}
	}
	return c.leaf(done)
}

func (c *schemaCompiler) ways(next choice, done []ref, todo []choice, seen map[string]bool) expr {
	var out alt
	for _, way := range next {
		c.enter("")
		c.b.spend(len(done) + len(seen))
		out = append(out, c.conjunction(slices.Clone(done), append([]choice{{way}}, todo...), maps.Clone(seen)))
		c.leave()
	}
	return out
}

// orNull is what OpenAPI's nullable says where no type stands beside it: null, or
// what the rest of the schema allows. It is nil for other schemas.
func (r ref) orNull() choice {
	o := r.schema.(*object)
	if _, typed := o.get("type"); typed || o.values["nullable"] != true {
		return nil
	}
	rest := newObject()
	for _, k := range o.keys {
		if k != "nullable" {
			rest.keys = append(rest.keys, k)
			rest.values[k] = o.values[k]
		}
	}
	return choice{{{newObject(ownKinds, isNull), r.where + " null", &r}}, {{rest, r.where + " not null", r.up}}}
}

// loops reports whether a schema applies itself to the same value.
func (r *ref) loops() bool {
	for up := r.up; up != nil; up = up.up {
		if up.where == r.where {
			return true
		}
	}
	return false
}

// applied lists what the keywords of r ask of the same value by other schemas.
func (c *schemaCompiler) applied(r ref) (out []choice) {
	o := r.schema.(*object)
	for _, k := range refused {
		if _, ok := o.get(k); ok {
			failf(child(r.where, k), "the keyword is not supported")
		}
	}
	same := func(key string) ref {
		x := r.sub(key)
		x.up = &r
		return x
	}
	if _, ok := o.get("$ref"); ok {
		out = append(out, choice{{c.resolve(r)}})
	}
	if _, ok := o.get("allOf"); ok {
		out = append(out, choice{c.list(r, "allOf")})
	}
	if _, ok := o.get("anyOf"); ok {
		var any choice
		for _, way := range c.list(r, "anyOf") {
			any = append(any, []ref{way})
		}
		out = append(out, any)
	}
	if _, ok := o.get("oneOf"); ok {
		out = append(out, c.oneOf(c.list(r, "oneOf")))
	}
	if _, ok := o.get("not"); ok {
		out = append(out, c.negate(same("not")))
	}
	if _, ok := o.get("if"); ok {
		yes, no := []ref{same("if")}, []ref{c.not(same("if"))}
		if _, ok := o.get("then"); ok {
			yes = append(yes, same("then"))
		}
		if _, ok := o.get("else"); ok {
			no = append(no, same("else"))
		}
		if len(yes)+len(no) > 2 {
			out = append(out, choice{yes, no})
		}
	}
	return append(out, c.dependencies(r)...)
}

// dependencies: where a property is, others must be or a schema must hold.
func (c *schemaCompiler) dependencies(r ref) (out []choice) {
	for _, key := range []string{"dependentRequired", "dependentSchemas", "dependencies"} {
		deps, _ := r.schema.(*object).values[key].(*object)
		if deps == nil {
			continue
		}
		for _, name := range deps.keys {
			where := child(child(r.where, key), name)
			absent := ref{newObject(ownAbsent, ownNames{name}), where + " absent", &r}
			names, isList := deps.values[name].([]any)
			present := []ref{{newObject("required", append([]any{name}, names...)), where + " present", &r}}
			if !isList {
				present = append(present, ref{deps.values[name], where, &r})
			}
			out = append(out, choice{{absent}, present})
		}
	}
	return out
}

// oneOf is anyOf where no value satisfies two of the branches. Elsewhere each
// branch rules out those that it may share values with.
func (c *schemaCompiler) oneOf(branches []ref) (out choice) {
	flat := make([][]ref, len(branches))
	for i, b := range branches {
		flat[i] = c.flatten(b, 0)
	}
	for i, b := range branches {
		way := []ref{b}
		for j, other := range branches {
			if i != j && !c.disjoint(flat[i], flat[j], 0) {
				way = append(way, c.not(other))
				if err := c.negatable(other); err != nil {
					failf(b.where, "oneOf is not supported here: a value could satisfy this branch and %s as well, and %v", other.where, err)
				}
			}
		}
		out = append(out, way)
	}
	return out
}

func (c *schemaCompiler) negatable(r ref) (err error) {
	defer catch(&err)
	c.negate(r)
	return err
}

// not is a schema that holds where r does not.
func (c *schemaCompiler) not(r ref) ref {
	return ref{newObject("not", r.schema), r.where + " negated", r.up}
}

// negate lists the ways not to satisfy a schema: to break one of its keywords.
func (c *schemaCompiler) negate(r ref) (out choice) {
	c.enter(r.where)
	defer c.leave()
	if b, ok := r.schema.(bool); ok {
		if b {
			return choice{}
		}
		return choice{{{true, r.where, r.up}}}
	}
	if r.loops() {
		failf(r.where, "the schema leads back to itself for the same value")
	}
	if r.orNull() != nil {
		failf(child(r.where, "nullable"), "the keyword cannot be negated without a type")
	}
	for _, k := range r.schema.(*object).keys {
		if _, ok := keywords[k]; ok || k == "const" {
			out = append(out, c.breaks(r, k)...)
		}
	}
	return out
}

// made is a schema of the compiler's, in place of the keyword of r.
func (r ref) made(key string, members ...any) []ref {
	return []ref{{newObject(members...), child(r.where, key) + " broken", r.up}}
}

// breaks lists the ways not to satisfy one keyword.
func (c *schemaCompiler) breaks(r ref, key string) (out choice) {
	o := r.schema.(*object)
	v := o.values[key]
	switch key {
	case "$ref":
		return c.negate(c.resolve(r))
	case "type":
		return choice{r.made(key, ownKinds, allKinds&^c.types(r))}
	case "const":
		return choice{r.made(key, ownExcept, []any{v})}
	case "enum":
		return choice{r.made(key, ownExcept, v)}
	case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum":
		return c.breaksLimit(r, key)
	case "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties":
		return c.breaksCount(r, key)
	case "pattern":
		return choice{r.made(key, ownKinds, isString, ownNotPattern, v)}
	case "required":
		for _, name := range r.strings(key) {
			out = append(out, []ref{{newObject(ownKinds, isObject, ownAbsent, ownNames{name}), child(child(r.where, key), name) + " broken", r.up}})
		}
		return out
	case "properties":
		for _, name := range v.(*object).keys {
			bad := newObject(name, newObject("not", v.(*object).values[name]))
			out = append(out, []ref{{newObject(ownKinds, isObject, "required", []any{name}, "properties", bad), child(child(r.where, key), name) + " broken", r.up}})
		}
		return out
	case "allOf":
		for _, b := range c.list(r, key) {
			out = append(out, []ref{c.not(b)})
		}
		return out
	case "anyOf":
		var all []ref
		for _, b := range c.list(r, key) {
			all = append(all, c.not(b))
		}
		return choice{all}
	case "not":
		return choice{{{v, child(r.where, key), &r}}}
	case "additionalProperties", "items", "unevaluatedProperties", "unevaluatedItems", "propertyNames", "additionalItems":
		if empty, ok := v.(*object); v == true || ok && len(empty.keys) == 0 {
			return nil
		}
	case "uniqueItems":
		if v == false {
			return nil
		}
	case "nullable", "then", "else", "$defs", "definitions", "$id", "$schema", "$anchor": // type and if speak for them
		return nil
	case "format":
		if name, _ := v.(string); formats[name] == "" && !assertedElsewhere[name] {
			return nil
		}
	}
	failf(child(r.where, key), "the keyword cannot be negated")
	return nil
}

func (c *schemaCompiler) breaksLimit(r ref, key string) choice {
	o := r.schema.(*object)
	if _, ok := o.values[key].(bool); ok { // of the older form: the limit says it all
		return nil
	}
	open := func(key string) bool { return o.values[key] == true }
	opposite := map[string]string{"minimum": "exclusiveMaximum", "maximum": "exclusiveMinimum", "exclusiveMinimum": "maximum", "exclusiveMaximum": "minimum"}[key]
	if key == "minimum" && open("exclusiveMinimum") {
		opposite = "maximum"
	}
	if key == "maximum" && open("exclusiveMaximum") {
		opposite = "minimum"
	}
	return choice{r.made(key, ownKinds, isInteger|isNumber, opposite, o.values[key])}
}

func (c *schemaCompiler) breaksCount(r ref, key string) choice {
	of := map[string]kinds{"Length": isString, "Items": isArray, "Properties": isObject}[key[3:]]
	n := r.count(key)
	if key[:3] == "max" {
		return choice{r.made(key, ownKinds, of, "min"+key[3:], number(n+1))}
	}
	if n == 0 {
		return nil
	}
	return choice{r.made(key, ownKinds, of, "max"+key[3:], number(n-1))}
}
