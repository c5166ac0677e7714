package grammar

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
	c.b.spend(10)
	if _, ok := o.get("$ref"); ok {
		out = append(out, c.flatten(c.resolve(r), depth+1)...)
	}
	for _, b := range c.list(r, "allOf") {
		out = append(out, c.flatten(b, depth+1)...)
	}
	return out
}

// disjoint reports whether it is plain that no value satisfies both.
func (c *schemaCompiler) disjoint(a, b []ref, depth int) bool {
	if depth > 4 {
		return false
	}
	c.b.spend(len(a) + len(b))
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
	defer func(wide bool) { c.wide = wide }(c.wide)
	c.wide = true
	for _, r := range a {
		values, ok := constants(r)
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
		for _, k := range r.strings("required") {
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
