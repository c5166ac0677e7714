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
	where      string
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
	return seq{lit("{"), c.rest(&m, name, 0, 0), lit("}")}
}

// members merges properties, required and the rest; false if no object can
// satisfy all.
func (c *schemaCompiler) members(all []ref) (members, bool) {
	m := members{maxN: -1}
	names, required := c.declared(all)
	for _, r := range all {
		if n := r.count("minProperties"); n > m.minN {
			m.minN, m.where = n, child(r.where, "minProperties")
		}
		if n := r.count("maxProperties"); n >= 0 && (m.maxN < 0 || n < m.maxN) {
			m.maxN = n
		}
	}
	closed := c.closed(all, "unevaluatedProperties")
	for _, k := range names {
		p := property{name: k, required: required[k]}
		allowed := true
		for _, r := range all {
			schemas, ok := c.propertySchemas(r, k)
			p.schemas = append(p.schemas, schemas...)
			allowed = allowed && ok
		}
		if !allowed || closed && len(p.schemas) == 0 {
			if p.required {
				return m, false
			}
			continue
		}
		m.props = append(m.props, p)
	}
	c.extras(&m, all, names, closed)
	return m, m.maxN < 0 || m.minN <= m.maxN
}

// declared lists the properties that schemas name, in the order in which they
// are written: those with a schema first.
func (c *schemaCompiler) declared(all []ref) (names []string, required map[string]bool) {
	required = map[string]bool{}
	seen := map[string]bool{}
	add := func(k string) {
		if !seen[k] {
			seen[k] = true
			names = append(names, k)
		}
	}
	for _, r := range all {
		if props, _ := r.schema.(*object).values["properties"].(*object); props != nil {
			for _, k := range props.keys {
				add(k)
			}
		}
	}
	for _, r := range all {
		for _, k := range r.strings("required") {
			required[k] = true
			add(k)
		}
	}
	for _, r := range all {
		absent, _ := r.schema.(*object).values[ownAbsent].(ownNames)
		for _, k := range absent {
			add(k)
		}
	}
	c.b.spend(len(names) * len(all))
	return names, required
}

// propertySchemas lists what one schema asks of property k; false: forbidden.
func (c *schemaCompiler) propertySchemas(r ref, k string) (out []ref, allowed bool) {
	o := r.schema.(*object)
	own := false
	if absent, _ := o.values[ownAbsent].(ownNames); slices.Contains(absent, k) {
		return nil, false
	}
	if props, _ := o.values["properties"].(*object); props != nil {
		if s, ok := props.get(k); ok {
			out, own = append(out, ref{schema: s, where: child(child(r.where, "properties"), k)}), true
		}
	}
	for _, p := range c.namePatterns(r) {
		if p.names.matches(k) {
			out, own = append(out, p.schema), true
		} else if p.wide.matches(k) {
			failf(p.schema.where, "the pattern matches %q in some dialects only", k)
		}
	}
	if _, ok := o.get("propertyNames"); ok && !c.validAll(k, []ref{r.sub("propertyNames")}) {
		return nil, false
	}
	if extra, ok := o.get("additionalProperties"); ok && !own {
		if extra == false {
			return nil, false
		}
		out = append(out, r.sub("additionalProperties"))
	}
	return out, true
}

// rest is what stands between the braces from property i on, n properties
// written. n is only counted as far as it matters.
func (c *schemaCompiler) rest(m *members, name string, i, n int) expr {
	if m.minN == 0 && m.maxN < 0 {
		n = min(n, 1)
	}
	return c.b.once(fmt.Sprintf("%s at %d after %d", name, i, n), func() expr {
		if i == len(m.props) {
			return c.extraMembers(m, name, n)
		}
		c.b.spend(10)
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
func (c *schemaCompiler) extraMembers(m *members, name string, n int) expr {
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
	if lo > 1 {
		failf(m.where, "beyond one undeclared property it is not supported: names could repeat")
	}
	member := c.b.once(name+" extra", func() expr {
		var member alt
		for _, e := range m.extra {
			names := c.b.once(fmt.Sprint("names ", e.names.edges, e.names.accept), func() expr { return e.names.as(inJSON) })
			member = append(member, seq{lit(`"`), names, lit(`":`), c.ws(), c.valueOf(e.schemas)})
		}
		return member
	})
	return c.more(member, n > 0, lo, hi)
}
