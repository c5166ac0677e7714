package grammar

import (
	"encoding/json"
	"slices"
	"strings"
)

// anything is any JSON value.
func (c *schemaCompiler) anything() expr { return c.value([]ref{{schema: true, where: "true"}}) }

// valueOf is value, or anything where nothing is asked.
func (c *schemaCompiler) valueOf(all []ref) expr {
	if len(all) == 0 {
		return c.anything()
	}
	return c.value(all)
}

func (c *schemaCompiler) array(all []ref) expr {
	lo, hi := 0, -1
	var prefix [][]ref
	var rest []ref
	for _, r := range all {
		lo = max(lo, r.count("minItems"))
		if n := r.count("maxItems"); n >= 0 && (hi < 0 || n < hi) {
			hi = n
		}
		before, after := c.itemsOf(r)
		for i := len(prefix); i < len(before); i++ {
			prefix = append(prefix, slices.Clone(rest)) // what earlier schemas ask of every later item
		}
		for i := range prefix {
			if i < len(before) {
				prefix[i] = append(prefix[i], before[i])
			} else if after != nil {
				prefix[i] = append(prefix[i], *after)
			}
		}
		if after != nil {
			rest = append(rest, *after)
		}
	}
	if c.closed(all, "unevaluatedItems") && len(rest) == 0 && (hi < 0 || hi > len(prefix)) {
		hi = len(prefix)
	}
	if hi >= 0 && hi < lo {
		return alt{}
	}
	for _, r := range all {
		if r.schema.(*object).values["uniqueItems"] == true && (hi < 0 || hi > 1) {
			return c.set(prefix, rest, lo, hi, child(r.where, "uniqueItems"))
		}
	}
	return seq{lit("["), c.items(prefix, rest, 0, lo, hi), lit("]")}
}

// itemsOf reads prefixItems and items, and the older form in which items is
// a list.
func (c *schemaCompiler) itemsOf(r ref) (before []ref, after *ref) {
	o := r.schema.(*object)
	first, tail := "prefixItems", "items"
	if _, isList := o.values["items"].([]any); isList {
		if _, ok := o.get("prefixItems"); ok {
			failf(child(r.where, "items"), "a list of items beside prefixItems is not supported")
		}
		first, tail = "items", "additionalItems"
	}
	if _, ok := o.get(first); ok {
		before = c.list(r, first)
		for i := range before {
			before[i].up = nil
		}
	}
	if _, ok := o.get(tail); ok {
		x := r.sub(tail)
		after = &x
	}
	return before, after
}

// items is what stands between the brackets from item i on.
func (c *schemaCompiler) items(prefix [][]ref, rest []ref, i, lo, hi int) expr {
	if hi == i {
		return c.ws()
	}
	sep := c.ws()
	if i > 0 {
		sep = seq{lit(","), c.ws()}
	}
	if i < len(prefix) {
		more := seq{sep, c.valueOf(prefix[i]), c.items(prefix, rest, i+1, lo, hi)}
		if i < lo {
			return more
		}
		return alt{more, c.ws()}
	}
	if hi >= 0 {
		hi -= i
	}
	return c.more(c.valueOf(rest), i > 0, max(lo-i, 0), hi)
}

// more is lo to hi items up to a closing bracket, with commas between them and,
// where others stand before, ahead of them. hi < 0 is no limit; it is not 0.
func (c *schemaCompiler) more(item expr, others bool, lo, hi int) expr {
	next := seq{lit(","), c.ws(), item}
	if others {
		return seq{repeat(next, lo, hi), c.ws()}
	}
	if hi > 0 {
		hi--
	}
	some := seq{c.ws(), item, repeat(next, max(lo-1, 0), hi), c.ws()}
	if lo > 0 {
		return some
	}
	return alt{some, c.ws()}
}

// maxSet is the number of values that sets are followed over.
const maxSet = 64

// set is an array without repeats, which needs items of few constants.
func (c *schemaCompiler) set(prefix [][]ref, rest []ref, lo, hi int, where string) expr {
	if len(prefix) > 0 {
		failf(where, "the keyword is not supported beside prefixItems")
	}
	texts, ok := c.b.literals(c.valueOf(rest), 0)
	seen := map[string]bool{}
	var parts []expr
	for _, t := range texts {
		d := json.NewDecoder(strings.NewReader(t))
		d.UseNumber()
		if key := canonical(decodeOrdered(d, 0)); !seen[key] {
			seen[key] = true
			parts = append(parts, lit(t))
		}
	}
	if !ok || len(parts) > maxSet {
		failf(where, "the keyword is supported only where items are one of at most %d constants", maxSet)
	}
	if lo > len(parts) {
		return alt{}
	}
	return seq{lit("["), c.ws(), distinct{parts, seq{lit(","), c.ws()}, lo, hi}, c.ws(), lit("]")}
}

// literals lists the texts of an expression that is a choice of literals.
func (b *builder) literals(x expr, depth int) (out []string, ok bool) {
	switch x := x.(type) {
	case lit:
		return []string{string(x)}, true
	case alt:
		for _, y := range x {
			more, ok := b.literals(y, depth+1)
			if !ok {
				return nil, false
			}
			out = append(out, more...)
		}
		return out, true
	case call:
		if depth < maxDepth && b.rules[x] != nil {
			return b.literals(b.rules[x], depth+1)
		}
	}
	return nil, false
}

// closed reports whether one of the schemas allows nothing that they leave
// unevaluated, which is known only where it applies all the others.
func (c *schemaCompiler) closed(all []ref, key string) bool {
	found := false
	for _, r := range all {
		v, ok := r.schema.(*object).get(key)
		if !ok || v == true {
			continue
		}
		if v != false {
			failf(child(r.where, key), "only true and false are supported")
		}
		for _, other := range all {
			if other.where != r.where && !other.within(r.where) && other.evaluates() {
				failf(child(r.where, key), "the keyword is not supported inside combined schemas")
			}
		}
		found = true
	}
	return found
}

// evaluates reports whether a schema speaks of single properties or items.
func (r ref) evaluates() bool {
	return slices.ContainsFunc(r.schema.(*object).keys, func(k string) bool {
		switch k {
		case "properties", "patternProperties", "additionalProperties", "unevaluatedProperties", "items", "prefixItems", "additionalItems", "unevaluatedItems":
			return true
		}
		return false
	})
}

// within reports whether the schema at where applies r.
func (r ref) within(where string) bool {
	for up := r.up; up != nil; up = up.up {
		if up.where == where {
			return true
		}
	}
	return false
}
