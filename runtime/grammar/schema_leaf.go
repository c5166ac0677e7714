package grammar

import (
	"math/big"
	"slices"
	"strconv"
)

// kinds of JSON values, as bits.
type kinds uint8

const (
	isNull kinds = 1 << iota
	isBool
	isInteger
	isNumber // not an integer
	isString
	isArray
	isObject
	allKinds = isNull | isBool | isInteger | isNumber | isString | isArray | isObject
)

var kindNames = map[string]kinds{
	"null": isNull, "boolean": isBool, "integer": isInteger, "number": isInteger | isNumber, "string": isString, "array": isArray, "object": isObject,
}

// hints are the keywords that tell of which kind a value is meant to be where
// a schema states no type.
var hints = map[string]kinds{
	"properties": isObject, "required": isObject, "additionalProperties": isObject, "patternProperties": isObject, "propertyNames": isObject,
	"minProperties": isObject, "maxProperties": isObject,
	"items": isArray, "prefixItems": isArray, "minItems": isArray, "maxItems": isArray,
	"pattern": isString, "format": isString, "minLength": isString, "maxLength": isString,
	"minimum": isInteger | isNumber, "maximum": isInteger | isNumber, "exclusiveMinimum": isInteger | isNumber, "exclusiveMaximum": isInteger | isNumber,
	"multipleOf": isInteger | isNumber,
}

// types reads the type keyword; without it, any.
func (c *schemaCompiler) types(r ref) kinds {
	v, ok := r.schema.(*object).get("type")
	if !ok {
		return allKinds
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var k kinds
	for _, t := range list {
		name, _ := t.(string)
		bit, ok := kindNames[name]
		if !ok {
			failf(r.where, "unknown type %v", t)
		}
		k |= bit
	}
	return k
}

// leaf is the language of values that satisfy every plain schema in all.
func (c *schemaCompiler) leaf(all []ref) expr {
	k, hinted := allKinds, kinds(0)
	for _, r := range all {
		k &= c.types(r)
		for _, key := range r.schema.(*object).keys {
			hinted |= hints[key]
		}
	}
	if x, ok := c.enumerated(all); ok {
		return x
	}
	if k == allKinds && hinted != 0 {
		k = hinted
	}
	var out alt
	if k&isNull != 0 {
		out = append(out, lit("null"))
	}
	if k&isBool != 0 {
		out = append(out, lit("true"), lit("false"))
	}
	if k&(isInteger|isNumber) != 0 {
		out = append(out, c.number(all, k&isNumber == 0))
	}
	if k&isString != 0 {
		out = append(out, c.str(all))
	}
	if k&isArray != 0 {
		out = append(out, c.array(all))
	}
	if k&isObject != 0 {
		out = append(out, c.object(all))
	}
	if len(out) == 1 {
		return out[0]
	}
	return out
}

// enumerated lists the constants that enum and const leave, if there are any.
func (c *schemaCompiler) enumerated(all []ref) (expr, bool) {
	var values []any
	found := false
	for _, r := range all {
		o := r.schema.(*object)
		if v, ok := o.get("const"); ok {
			values, found = []any{v}, true
			break
		}
		if v, ok := o.get("enum"); ok {
			list, isList := v.([]any)
			if !isList || len(list) == 0 {
				failf(r.where, "enum must be a list that is not empty")
			}
			values, found = list, true
		}
	}
	if !found {
		return nil, false
	}
	var out alt
	for _, v := range values {
		if c.validAll(v, all) {
			out = append(out, lit(text(v)))
		}
	}
	return out, true
}

// bounds gathers the numeric range of all schemas.
func (c *schemaCompiler) bounds(all []ref) bounds {
	var b bounds
	for _, r := range all {
		o := r.schema.(*object)
		for key, make := range map[string]func(*big.Rat) bounds{
			"minimum":          func(x *big.Rat) bounds { return bounds{min: x} },
			"maximum":          func(x *big.Rat) bounds { return bounds{max: x} },
			"exclusiveMinimum": func(x *big.Rat) bounds { return bounds{min: x, minOpen: true} },
			"exclusiveMaximum": func(x *big.Rat) bounds { return bounds{max: x, maxOpen: true} },
		} {
			if v, ok := o.get(key); ok {
				b = b.tighten(make(c.rational(v, r.where+"/"+key)))
			}
		}
	}
	return b
}

const maxModulus = 2000

func (c *schemaCompiler) number(all []ref, integer bool) expr {
	b := c.bounds(all)
	places := fracDigits
	if integer {
		places = 0
	}
	var multiples []*charDFA
	for _, r := range all {
		v, ok := r.schema.(*object).get("multipleOf")
		if !ok {
			continue
		}
		m := c.rational(v, r.where+"/multipleOf")
		if m.Sign() <= 0 {
			failf(r.where, "multipleOf must be positive")
		}
		d, k := c.multiples(m, integer, r.where)
		multiples = append(multiples, d)
		places = min(places, k)
	}
	if b.min == nil && b.max == nil && len(multiples) == 0 {
		pattern := "-?" + decimalPattern(places)
		if !integer {
			pattern += "([eE][-+]?[0-9]{1,2})?"
		}
		return c.b.wholeRegex(pattern).plain()
	}
	d := c.b.numberDFA(b, places)
	for _, m := range multiples {
		d = c.b.intersect(d, m)
	}
	return d.plain()
}

// multiples accepts the decimals that m divides, and says how many places
// they may have.
func (c *schemaCompiler) multiples(m *big.Rat, integer bool, where string) (*charDFA, int) {
	places := 0
	p := new(big.Rat).Set(m)
	for ; !p.IsInt() && places < fracDigits; places++ {
		p.Mul(p, big.NewRat(10, 1))
	}
	if integer && !m.IsInt() {
		p, places = new(big.Rat).SetInt(m.Num()), 0 // an integer multiple of a/b in lowest terms is a multiple of a
	}
	if !p.IsInt() || !p.Num().IsInt64() || p.Num().Int64() > maxModulus {
		failf(where, "multipleOf %s is not supported: its digits must be at most %d", m.RatString(), maxModulus)
	}
	d := multiplesDFA(int(p.Num().Int64()))
	if places == 0 {
		return d, 0
	}
	for i := range d.edges { // the point does not change the remainder
		minus, digits := d.edges[i][:len(d.edges[i])-10], d.edges[i][len(d.edges[i])-10:]
		d.edges[i] = slices.Concat(minus, []charEdge{{runeRange{'.', '.'}, i}}, digits)
	}
	shape := c.b.wholeRegex("-?" + decimalPattern(0) + `\.[0-9]{` + strconv.Itoa(places) + `}`)
	return c.b.intersect(d, shape), places
}

func (c *schemaCompiler) str(all []ref) expr {
	lo, hi := 0, -1
	var d *charDFA
	also := func(x *charDFA) {
		if d == nil {
			d = x
		} else {
			d = c.b.intersect(d, x)
		}
	}
	for _, r := range all {
		o := r.schema.(*object)
		if n := c.integer(o, "minLength", r.where); n > lo {
			lo = n
		}
		if n := c.integer(o, "maxLength", r.where); n >= 0 && (hi < 0 || n < hi) {
			hi = n
		}
		if v, ok := o.get("pattern"); ok {
			p, isString := v.(string)
			if !isString {
				failf(r.where, "pattern must be a string")
			}
			also(c.b.searchRegex(p, false))
		}
		if v, ok := o.get("format"); ok {
			name, _ := v.(string)
			if f := c.format(name, r.where); f != nil {
				also(f)
			}
		}
	}
	switch {
	case hi >= 0 && hi < lo:
		return alt{}
	case d == nil:
		return seq{lit(`"`), repeat(c.char(), lo, hi), lit(`"`)}
	}
	return seq{lit(`"`), d.within(lo, hi).as(inJSON), lit(`"`)}
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

// anything is any JSON value.
func (c *schemaCompiler) anything() expr { return c.value([]ref{{true, "true"}}) }

func (c *schemaCompiler) array(all []ref) expr {
	lo, hi := 0, -1
	var prefix [][]ref
	var rest []ref
	for _, r := range all {
		o := r.schema.(*object)
		lo = max(lo, c.integer(o, "minItems", r.where))
		if n := c.integer(o, "maxItems", r.where); n >= 0 && (hi < 0 || n < hi) {
			hi = n
		}
		before, after := c.itemsOf(o, r.where)
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
	if hi >= 0 && hi < lo {
		return alt{}
	}
	return seq{lit("["), c.items(prefix, rest, 0, lo, hi), lit("]")}
}

// itemsOf reads prefixItems and items, and the older form in which items is
// a list.
func (c *schemaCompiler) itemsOf(o *object, where string) (before []ref, after *ref) {
	list, ok := o.get("prefixItems")
	tail, name := o.values["items"], "items"
	if old, isList := tail.([]any); isList && !ok {
		list, ok = old, true
		tail, name = o.values["additionalItems"], "additionalItems"
		if len(old) == 0 {
			ok = false
		}
	}
	if ok {
		before = c.list(list, where+"/items")
	}
	if tail != nil {
		after = &ref{tail, where + "/" + name}
	}
	return before, after
}

// items is what stands between the brackets from item i on.
func (c *schemaCompiler) items(prefix [][]ref, rest []ref, i, lo, hi int) expr {
	if hi == i {
		return c.ws()
	}
	sep := expr(c.ws())
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

// valueOf is value, or anything where nothing is asked.
func (c *schemaCompiler) valueOf(all []ref) expr {
	if len(all) == 0 {
		return c.anything()
	}
	return c.value(all)
}
