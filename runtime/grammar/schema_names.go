package grammar

import "slices"

// namePattern is a pattern of property names, as all dialects read it and as
// any does.
type namePattern struct {
	names, wide *charDFA
	schema      ref
}

// namePatterns reads patternProperties.
func (c *schemaCompiler) namePatterns(r ref) (out []namePattern) {
	patterns, _ := r.schema.(*object).values["patternProperties"].(*object)
	if patterns == nil {
		return nil
	}
	for _, p := range patterns.keys {
		where := child(child(r.where, "patternProperties"), p)
		out = append(out, namePattern{c.pattern(p, where, false), c.pattern(p, where, true), ref{schema: patterns.values[p], where: where}})
	}
	return out
}

// maxNameClasses bounds the sets of names that patterns of properties cut each
// other into.
const maxNameClasses = 64

// nameClass is a set of undeclared names that the schemas treat alike.
type nameClass struct {
	extraKeys
	spoken bool // some schema speaks of these names
}

// extras says which undeclared names may be written. Where nobody speaks of
// them they are left out if there are declared ones.
func (c *schemaCompiler) extras(m *members, all []ref, names []string, closed bool) {
	open := !closed
	for _, r := range all {
		o := r.schema.(*object)
		_, declares := o.get("properties")
		_, matches := o.get("patternProperties")
		open = open && !declares && !matches
	}
	classes := []nameClass{{extraKeys{c.b.complement(c.b.words(names)), nil}, open}}
	for _, r := range all {
		if _, ok := r.schema.(*object).get("propertyNames"); ok {
			allowed := c.nameDFA(r.sub("propertyNames"))
			for i := range classes {
				classes[i].names = c.b.intersect(classes[i].names, allowed)
			}
		}
		var next []nameClass
		for _, k := range classes {
			next = append(next, c.splitNames(k, r)...)
		}
		if classes = next; len(classes) > maxNameClasses {
			failf(child(r.where, "patternProperties"), "the patterns overlap in more than %d ways", maxNameClasses)
		}
	}
	for _, k := range classes {
		if !k.spoken {
			continue
		}
		if few, ok := k.names.list(maxSet); ok { // as good as declared
			for _, name := range few {
				m.props = append(m.props, property{name: name, schemas: k.schemas})
			}
			continue
		}
		m.extra = append(m.extra, k.extraKeys)
	}
}

// splitNames cuts a class by the patterns of a schema, and adds what the schema
// asks of each part.
func (c *schemaCompiler) splitNames(k nameClass, r ref) (out []nameClass) {
	parts := []nameClass{k} // the first is what no pattern matches
	for _, p := range c.namePatterns(r) {
		for i := range len(parts) {
			in := c.b.intersect(parts[i].names, p.names)
			parts[i].names = c.b.without(parts[i].names, p.wide)
			if !in.empty() {
				parts = append(parts, nameClass{extraKeys{in, append(slices.Clone(parts[i].schemas), p.schema)}, true})
			}
		}
	}
	if extra, speaks := r.schema.(*object).get("additionalProperties"); speaks {
		first := &parts[0]
		first.schemas, first.spoken = append(slices.Clone(first.schemas), r.sub("additionalProperties")), true
		if extra == false {
			first.names = &charDFA{}
		}
	}
	return slices.DeleteFunc(parts, func(p nameClass) bool { return p.names.empty() })
}

// nameDFA is the language of a propertyNames schema.
func (c *schemaCompiler) nameDFA(r ref) *charDFA {
	c.enter(r.where)
	defer c.leave()
	if b, ok := r.schema.(bool); ok {
		if !b {
			return &charDFA{}
		}
		return c.b.lengths(0, -1)
	}
	if c.types(r)&isString == 0 {
		return &charDFA{}
	}
	o := r.schema.(*object)
	d := c.b.lengths(max(0, r.count("minLength")), r.count("maxLength"))
	for _, x := range c.stringParts(r) {
		d = c.b.intersect(d, x)
	}
	if values, ok := constants(r); ok {
		var texts []string
		for _, v := range values {
			if s, ok := v.(string); ok && c.validAll(s, []ref{r}) {
				texts = append(texts, s)
			}
		}
		d = c.b.intersect(d, c.b.words(texts))
	}
	for _, k := range o.keys {
		switch k {
		case "$ref":
			t := c.resolve(r)
			if t.loops() {
				failf(child(r.where, k), "the schema leads back to itself for the same value")
			}
			d = c.b.intersect(d, c.nameDFA(t))
		case "allOf":
			for _, x := range c.list(r, k) {
				d = c.b.intersect(d, c.nameDFA(x))
			}
		case "anyOf":
			n := &charNFA{budget: &c.b.budget}
			start, end := n.state(), n.state()
			for _, x := range c.list(r, k) {
				n.splice(c.nameDFA(x), start, end)
			}
			d = c.b.intersect(d, n.determinize(start, end))
		case "oneOf", "not", "if", "contains", "$dynamicRef", "$recursiveRef":
			failf(child(r.where, k), "the keyword is not supported in propertyNames")
		}
	}
	return d
}
