package grammar

import "slices"

// str is the language of strings, made once for all schemas that say the same.
func (c *schemaCompiler) str(all []ref) expr {
	name := "string"
	for _, r := range all {
		for _, k := range r.schema.(*object).keys {
			switch k {
			case "minLength", "maxLength", "pattern", "format", ownNotPattern, ownExcept:
				name += " " + k + " " + text(r.schema.(*object).values[k])
			}
		}
	}
	return c.b.once(name, func() expr { return c.strOnce(all) })
}

func (c *schemaCompiler) strOnce(all []ref) expr {
	lo, hi := 0, -1
	var parts []*charDFA
	for _, r := range all {
		lo = max(lo, r.count("minLength"))
		if n := r.count("maxLength"); n >= 0 && (hi < 0 || n < hi) {
			hi = n
		}
		parts = append(parts, c.stringParts(r)...)
	}
	switch {
	case hi >= 0 && hi < lo:
		return alt{}
	case len(parts) == 0:
		return seq{lit(`"`), repeat(c.char(), lo, hi), lit(`"`)}
	}
	return seq{lit(`"`), c.b.all(parts).within(lo, hi).as(inJSON), lit(`"`)}
}

// all is what every part accepts, the small ones first.
func (b *budget) all(parts []*charDFA) *charDFA {
	slices.SortStableFunc(parts, func(x, y *charDFA) int { return len(x.edges) - len(y.edges) })
	d := parts[0]
	for _, x := range parts[1:] {
		d = b.intersect(d, x)
	}
	return d
}

// stringParts lists the languages that one schema puts a string into, lengths
// left out.
func (c *schemaCompiler) stringParts(r ref) (out []*charDFA) {
	o := r.schema.(*object)
	if p, ok := o.values["pattern"].(string); ok {
		at(child(r.where, "pattern"), func() { out = append(out, c.b.searchParts(p)...) })
	}
	if p, ok := o.values[ownNotPattern].(string); ok {
		out = append(out, c.b.complement(c.pattern(p, r.where, true)))
	}
	if name, ok := o.values["format"].(string); ok {
		if d := c.format(name, child(r.where, "format")); d != nil {
			out = append(out, d)
		}
	}
	var not []string
	for _, v := range c.except([]ref{r}, isString) {
		not = append(not, v.(string))
	}
	if len(not) > 0 {
		out = append(out, c.b.complement(c.b.words(not)))
	}
	return out
}

// patternKey names a pattern as it was read.
type patternKey struct {
	pattern string
	wide    bool
}

// pattern is the automaton of a pattern, made once.
func (c *schemaCompiler) pattern(p, where string, wide bool) *charDFA {
	key := patternKey{p, wide}
	d, ok := c.patterns[key]
	if !ok {
		at(where, func() { d = c.b.searchRegex(p, wide) })
		c.patterns[key] = d
	}
	return d
}

// char is one character inside a JSON string, in any spelling.
func (c *schemaCompiler) char() expr {
	return c.b.once("char", func() expr {
		plain := utf8Of([]runeRange{{0x20, 0x21}, {0x23, 0x5b}, {0x5d, maxRune}})
		var simple, hex, notD byteSet
		for _, b := range []byte(`"\/bfnrt`) {
			simple.add(b, b)
		}
		for _, s := range []*byteSet{&hex, &notD} {
			s.add('0', '9')
			s.add('a', 'c')
			s.add('e', 'f')
		}
		hex.add('d', 'd')
		var low byteSet
		low.add('0', '7')
		unicode := alt{ // no surrogates: they would count as two characters
			seq{byteIn(notD), byteIn(hex), byteIn(hex), byteIn(hex)},
			seq{lit("d"), byteIn(low), byteIn(hex), byteIn(hex)},
		}
		return alt{plain, seq{lit(`\`), alt{byteIn(simple), seq{lit("u"), unicode}}}}
	})
}

// ws is the space that may stand between tokens: none, a blank, or a newline
// with indentation. Its length is bounded, so that every answer ends.
func (c *schemaCompiler) ws() expr {
	return c.b.once("ws", func() expr {
		var indent expr = seq{}
		for range 12 {
			indent = optional(seq{lit("  "), indent})
		}
		return alt{seq{}, lit(" "), seq{lit("\n"), indent}}
	})
}
