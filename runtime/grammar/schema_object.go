package grammar

import (
	"fmt"
	"slices"
)

// property is a declared property of an object.
type property struct {
	name     string
	schemas  []ref
	required bool
}

// members is what the schemas say together about an object.
type members struct {
	props      []property
	extra      []extraKeys
	minN, maxN int // properties; maxN < 0: no limit
}

// extraKeys is a set of undeclared names and the schemas of their values.
type extraKeys struct {
	names   *charDFA
	schemas []ref
}

func (c *schemaCompiler) object(all []ref) expr {
	m, ok := c.members(all)
	if !ok {
		return alt{}
	}
	name := "object"
	for _, r := range all {
		name += " " + r.where
	}
	return seq{lit("{"), c.rest(m, name, 0, 0), lit("}")}
}

// members merges properties, required and the rest; false if no object can
// satisfy all.
func (c *schemaCompiler) members(all []ref) (members, bool) {
	m := members{maxN: -1}
	var names []string
	required := map[string]bool{}
	open := true // nobody declared properties
	for _, r := range all {
		o := r.schema.(*object)
		m.minN = max(m.minN, c.integer(o, "minProperties", r.where))
		if n := c.integer(o, "maxProperties", r.where); n >= 0 && (m.maxN < 0 || n < m.maxN) {
			m.maxN = n
		}
		if props := c.sub(o, "properties", r.where); props != nil {
			open = false
			for _, k := range props.keys {
				if !slices.Contains(names, k) {
					names = append(names, k)
				}
			}
		}
		for _, k := range c.strings(o, "required", r.where) {
			required[k] = true
		}
	}
	for _, r := range all { // required but not declared: last, in the order given
		for _, k := range c.strings(r.schema.(*object), "required", r.where) {
			if !slices.Contains(names, k) {
				names = append(names, k)
			}
		}
	}
	for _, k := range names {
		p := property{name: k, required: required[k]}
		allowed := true
		for _, r := range all {
			schemas, ok := c.propertySchemas(r, k)
			p.schemas = append(p.schemas, schemas...)
			allowed = allowed && ok
		}
		if !allowed {
			if p.required {
				return m, false
			}
			continue
		}
		m.props = append(m.props, p)
	}
	m.extra = c.extras(all, names, open)
	return m, m.maxN < 0 || m.minN <= m.maxN
}

// propertySchemas lists what one schema asks of property k; false: forbidden.
func (c *schemaCompiler) propertySchemas(r ref, k string) (out []ref, allowed bool) {
	o := r.schema.(*object)
	own := false
	if props := c.sub(o, "properties", r.where); props != nil {
		if s, ok := props.get(k); ok {
			out, own = append(out, ref{s, r.where + "/properties/" + k}), true
		}
	}
	if patterns := c.sub(o, "patternProperties", r.where); patterns != nil {
		for _, p := range patterns.keys {
			if c.b.searchRegex(p, false).matches(k) {
				out, own = append(out, ref{patterns.values[p], r.where + "/patternProperties/" + p}), true
			}
		}
	}
	if s, ok := o.get("propertyNames"); ok && !c.validAll(k, []ref{{s, r.where + "/propertyNames"}}) {
		return nil, false
	}
	if extra, ok := o.get("additionalProperties"); ok && !own {
		if extra == false {
			return nil, false
		}
		out = append(out, ref{extra, r.where + "/additionalProperties"})
	}
	return out, true
}

// extras says which undeclared names may be written. A schema that declares
// properties and says nothing of others gets none.
func (c *schemaCompiler) extras(all []ref, names []string, open bool) []extraKeys {
	others := c.b.complement(c.b.words(names))
	var byPattern []extraKeys
	var schemas []ref
	for _, r := range all {
		o := r.schema.(*object)
		if s, ok := o.get("propertyNames"); ok {
			others = c.b.intersect(others, c.nameDFA(ref{s, r.where + "/propertyNames"}))
		}
		patterns := c.sub(o, "patternProperties", r.where)
		if patterns != nil && len(all) > 1 && len(patterns.keys) > 0 {
			failf(r.where, "patternProperties in combined schemas is not supported")
		}
		if patterns != nil {
			for _, p := range patterns.keys {
				d := c.b.searchRegex(p, false)
				for _, e := range byPattern {
					if !c.b.intersect(d, e.names).empty() {
						failf(r.where, "patternProperties that overlap are not supported")
					}
				}
				byPattern = append(byPattern, extraKeys{d, []ref{{patterns.values[p], r.where + "/patternProperties/" + p}}})
			}
			open = false
		}
		switch extra, ok := o.get("additionalProperties"); {
		case !ok:
		case extra == false:
			others = &charDFA{}
		default:
			open = true
			schemas = append(schemas, ref{extra, r.where + "/additionalProperties"})
		}
	}
	var out []extraKeys
	for _, e := range byPattern {
		if d := c.b.intersect(e.names, c.b.complement(c.b.words(names))); !d.empty() {
			out = append(out, extraKeys{d, e.schemas})
		}
		others = c.b.without(others, e.names)
	}
	if open && !others.empty() {
		out = append(out, extraKeys{others, schemas})
	}
	return out
}

// nameDFA is the language of a propertyNames schema.
func (c *schemaCompiler) nameDFA(r ref) *charDFA {
	if b, ok := r.schema.(bool); ok {
		if !b {
			return &charDFA{}
		}
		return c.b.lengths(0, -1)
	}
	o, ok := r.schema.(*object)
	if !ok {
		failf(r.where, "a schema must be an object or a boolean")
	}
	d := c.b.lengths(max(0, c.integer(o, "minLength", r.where)), c.integer(o, "maxLength", r.where))
	for _, k := range o.keys {
		switch v := o.values[k]; k {
		case "pattern":
			d = c.b.intersect(d, c.b.searchRegex(fmt.Sprint(v), false))
		case "enum":
			list, _ := v.([]any)
			var ws []string
			for _, x := range list {
				if s, ok := x.(string); ok {
					ws = append(ws, s)
				}
			}
			d = c.b.intersect(d, c.b.words(ws))
		case "type", "minLength", "maxLength", "title", "description":
		default:
			failf(r.where, "%s in propertyNames is not supported", k)
		}
	}
	return d
}

// rest is what stands between the braces from property i on, n properties
// written. n is only counted as far as it matters.
func (c *schemaCompiler) rest(m members, name string, i, n int) expr {
	if m.minN == 0 && m.maxN < 0 {
		n = min(n, 1)
	}
	return c.b.once(fmt.Sprintf("%s at %d after %d", name, i, n), func() expr {
		if i == len(m.props) {
			return c.extraMembers(m, n)
		}
		p := m.props[i]
		var out alt
		if m.maxN < 0 || n < m.maxN {
			out = append(out, seq{c.separator(n), lit(text(p.name)), lit(":"), c.ws(), c.valueOf(p.schemas), c.rest(m, name, i+1, n+1)})
		}
		if !p.required {
			out = append(out, c.rest(m, name, i+1, n))
		}
		return out
	})
}

// separator stands before a member.
func (c *schemaCompiler) separator(n int) expr {
	if n == 0 {
		return c.ws()
	}
	return seq{lit(","), c.ws()}
}

// extraMembers is the undeclared properties behind n others.
func (c *schemaCompiler) extraMembers(m members, n int) expr {
	lo, hi := max(m.minN-n, 0), -1
	if m.maxN >= 0 {
		hi = max(m.maxN-n, 0)
	}
	if len(m.extra) == 0 || hi == 0 {
		if lo > 0 {
			return alt{}
		}
		return c.ws()
	}
	if lo > 1 || hi > 1 && lo > 0 {
		failf("", "minProperties beyond one undeclared property is not supported: names could repeat")
	}
	var member alt
	for _, e := range m.extra {
		member = append(member, seq{lit(`"`), e.names.as(inJSON), lit(`":`), c.ws(), c.valueOf(e.schemas)})
	}
	return c.more(member, n > 0, lo, hi)
}

// sub reads a keyword whose value is an object.
func (c *schemaCompiler) sub(o *object, key, where string) *object {
	v, ok := o.get(key)
	if !ok {
		return nil
	}
	sub, ok := v.(*object)
	if !ok {
		failf(where, "%s must be an object", key)
	}
	return sub
}

// strings reads a keyword whose value is a list of strings.
func (c *schemaCompiler) strings(o *object, key, where string) []string {
	v, ok := o.get(key)
	if !ok {
		return nil
	}
	list, ok := v.([]any)
	if !ok {
		failf(where, "%s must be a list of strings", key)
	}
	out := make([]string, len(list))
	for i, x := range list {
		if out[i], ok = x.(string); !ok {
			failf(where, "%s must be a list of strings", key)
		}
	}
	return out
}
