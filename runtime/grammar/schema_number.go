package grammar

import (
	"encoding/json"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// bounds gathers the numeric range of all schemas.
func (c *schemaCompiler) bounds(all []ref) bounds {
	var b bounds
	for _, r := range all {
		o := r.schema.(*object)
		limit := func(key, exclusive string, of func(x *big.Rat, open bool) bounds) {
			if v, ok := o.get(key); ok {
				b = b.tighten(of(rational(v, child(r.where, key)), o.values[exclusive] == true)) // true: the older form
			}
			if v, ok := o.values[exclusive].(json.Number); ok {
				b = b.tighten(of(rational(v, child(r.where, exclusive)), true))
			}
		}
		limit("minimum", "exclusiveMinimum", func(x *big.Rat, open bool) bounds { return bounds{min: x, minOpen: open} })
		limit("maximum", "exclusiveMaximum", func(x *big.Rat, open bool) bounds { return bounds{max: x, maxOpen: open} })
	}
	return b
}

// number is the language of numbers of some kinds: integers, others or both. It
// is made once for all schemas that say the same.
func (c *schemaCompiler) number(all []ref, k kinds) expr {
	name := "number " + strconv.Itoa(int(k))
	for _, r := range all {
		for _, key := range r.schema.(*object).keys {
			switch key {
			case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", ownExcept:
				name += " " + key + " " + text(r.schema.(*object).values[key])
			}
		}
	}
	return c.b.once(name, func() expr { return c.numberOnce(all, k) })
}

func (c *schemaCompiler) numberOnce(all []ref, k kinds) expr {
	b := c.bounds(all)
	integer := k&isNumber == 0
	places := fracDigits
	if integer {
		places = 0
	}
	except := c.except(all, isInteger|isNumber)
	step, where := c.step(all)
	if step != nil && integer { // an integer multiple of a/b in lowest terms is a multiple of a
		step = new(big.Rat).SetInt(step.Num())
	}
	if b.min == nil && b.max == nil && step == nil && len(except) == 0 && k&isInteger != 0 {
		pattern := "-?" + decimalPattern(intDigits, places)
		if !integer {
			pattern += "([eE][-+]?[0-9]{1,2})?"
		}
		return c.b.wholeRegex(pattern).plain()
	}
	var multiples *charDFA
	if step != nil {
		multiples, places = c.multiples(step, where)
	}
	d := c.b.numberDFA(b, places)
	if multiples != nil {
		d = c.b.intersect(d, multiples)
	}
	if k&isInteger == 0 {
		d = c.b.intersect(d, c.b.wholeRegex(`-?[0-9]+\.[0-9]*[1-9][0-9]*`))
	}
	for _, v := range except {
		x := rational(v, where)
		whole, frac := decimal(new(big.Rat).Abs(x), 40)
		frac = strings.TrimRight(frac, "0")
		if exactDecimal(new(big.Rat).Abs(x), frac) { // others have too many digits to be written
			same := regexp.QuoteMeta(whole) + point(frac)
			if frac != "" {
				same += "0*"
			}
			d = c.b.without(d, c.b.wholeRegex(strings.Repeat("-", max(0, -x.Sign()))+same))
		}
	}
	return d.plain()
}

// step is the least number that every multipleOf divides, nil for none, and
// where the last of them stands.
func (c *schemaCompiler) step(all []ref) (step *big.Rat, where string) {
	for _, r := range all {
		v, ok := r.schema.(*object).get("multipleOf")
		if !ok {
			continue
		}
		where = child(r.where, "multipleOf")
		m := rational(v, where)
		if step == nil {
			step = m
			continue
		}
		// lcm(a/b, c/d) = lcm(a, c) / gcd(b, d), in lowest terms.
		n := new(big.Int).Mul(step.Num(), m.Num())
		n.Quo(n, new(big.Int).GCD(nil, nil, step.Num(), m.Num()))
		step = new(big.Rat).SetFrac(n, new(big.Int).GCD(nil, nil, step.Denom(), m.Denom()))
	}
	return step, where
}

// maxModulus bounds the digits of a multipleOf, its zeros at the end left out.
const maxModulus = 5000

// multiples accepts the decimals that m divides, and says how many places
// they have.
func (c *schemaCompiler) multiples(m *big.Rat, where string) (*charDFA, int) {
	places := 0
	p := new(big.Rat).Set(m)
	for ; !p.IsInt() && places < fracDigits; places++ {
		p.Mul(p, big.NewRat(10, 1))
	}
	if !p.IsInt() {
		failf(where, "%s is not supported: it has too many digits", m.RatString())
	}
	modulus, zeros := new(big.Int).Set(p.Num()), 0
	for ten := big.NewInt(10); places == 0 && new(big.Int).Rem(modulus, ten).Sign() == 0; zeros++ {
		modulus.Quo(modulus, ten)
	}
	if !modulus.IsInt64() || modulus.Int64() > maxModulus {
		failf(where, "%s is not supported: its digits must be at most %d", m.RatString(), maxModulus)
	}
	if places == 0 {
		return c.wholeMultiples(int(modulus.Int64()), zeros), 0
	}
	return c.decimalMultiples(int(modulus.Int64()), places), places
}

// wholeMultiples accepts the integers that m and so many zeros behind it divide.
func (c *schemaCompiler) wholeMultiples(m, zeros int) *charDFA {
	d := c.b.multiplesDFA(m, 1)
	if zeros == 0 {
		return d
	}
	d = c.b.intersect(d, c.b.wholeRegex("-?[0-9]+"))
	n := &charNFA{budget: &c.b.budget}
	start, mid, end := n.state(), n.state(), n.state()
	n.splice(d, start, mid)
	n.splice(c.b.wholeRegex("0{"+strconv.Itoa(zeros)+"}"), mid, end)
	n.splice(c.b.wholeRegex("-?0"), start, end)
	return n.determinize(start, end)
}

// decimalMultiples accepts the decimals that m divides once their point is moved
// by places. They have all of these places, or fewer where m is small.
func (c *schemaCompiler) decimalMultiples(m, places int) *charDFA {
	n := &charNFA{budget: &c.b.budget}
	start, end := n.state(), n.state()
	scale := 1 // of the places left out
	for written := places; written >= 0 && (written == places || m*places <= maxModulus); written-- {
		d := c.b.multiplesDFA(m, scale)
		shape := "-?" + decimalPattern(30, 0)
		if written > 0 {
			for i, edges := range d.edges { // the point does not change the remainder
				at := len(edges) - 10
				d.edges[i] = slices.Insert(edges, at, charEdge{runeRange{'.', '.'}, i})
			}
			shape += `\.[0-9]{` + strconv.Itoa(written) + `}`
		}
		n.splice(c.b.intersect(d, c.b.wholeRegex(shape)), start, end)
		scale = scale * 10 % m
	}
	return n.determinize(start, end)
}
