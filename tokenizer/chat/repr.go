package chat

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// str is Python's str(v), with provenance.
func (in *interp) str(v value) text {
	switch v := v.(type) {
	case text:
		return v
	case undefined:
		return text{}
	case nil, bool, int64, float64, bigInt:
		return lit(repr(v))
	}
	in.work(reprCost(v, 0))
	s := repr(v)
	in.charge(len(s))
	if hasUser(v, 0) {
		return userText(s)
	}
	return lit(s)
}

// reprCost counts the values inside v, so that printing a large one is paid for.
func reprCost(v value, depth int) int {
	if depth > maxNesting {
		return 1
	}
	n := 1
	switch v := v.(type) {
	case *list:
		for _, x := range v.items {
			n += reprCost(x, depth+1)
		}
	case *dict:
		for i := range v.keys {
			n += reprCost(v.keys[i], depth+1) + reprCost(v.values[i], depth+1)
		}
	}
	return n
}

// hasUser reports whether any text inside v came from the caller.
func hasUser(v value, depth int) bool {
	if depth > maxNesting {
		return true
	}
	switch v := v.(type) {
	case text:
		return len(v.user) > 0
	case *list:
		for _, x := range v.items {
			if hasUser(x, depth+1) {
				return true
			}
		}
	case *iterator:
		return hasUser(&list{items: v.items}, depth)
	case *dict:
		for i := range v.keys {
			if hasUser(v.keys[i], depth+1) || hasUser(v.values[i], depth+1) {
				return true
			}
		}
	}
	return false
}

// repr is Python's repr(v).
func repr(v value) string {
	var b strings.Builder
	writeRepr(&b, v, 0)
	return b.String()
}

func writeRepr(b *strings.Builder, v value, depth int) {
	if depth > maxNesting {
		b.WriteString("...")
		return
	}
	switch v := v.(type) {
	case nil:
		b.WriteString("None")
	case undefined:
		b.WriteString("Undefined")
	case bool:
		if v {
			b.WriteString("True")
		} else {
			b.WriteString("False")
		}
	case int64:
		b.WriteString(strconv.FormatInt(v, 10))
	case bigInt:
		b.WriteString(string(v))
	case float64:
		b.WriteString(reprFloat(v))
	case text:
		if v.markup {
			b.WriteString("Markup(" + reprString(v.s) + ")")
		} else {
			b.WriteString(reprString(v.s))
		}
	case *list:
		writeReprList(b, v, depth)
	case *dict:
		b.WriteByte('{')
		for i, k := range v.keys {
			if i > 0 {
				b.WriteString(", ")
			}
			writeRepr(b, k, depth+1)
			b.WriteString(": ")
			writeRepr(b, v.values[i], depth+1)
		}
		b.WriteByte('}')
	case *iterator:
		if !v.sized {
			fmt.Fprintf(b, "<%s object>", v.kind)
			return
		}
		b.WriteString(v.kind + "(")
		writeReprList(b, &list{items: v.items}, depth)
		b.WriteByte(')')
	case *namespace:
		b.WriteString("<Namespace ")
		writeRepr(b, v.vars, depth+1)
		b.WriteByte('>')
	case *function:
		b.WriteString("<function " + v.name + ">")
	case *loop:
		fmt.Fprintf(b, "<LoopContext %d/%d>", v.i+1, len(v.items))
	}
}

func writeReprList(b *strings.Builder, v *list, depth int) {
	open, end := "[", "]"
	if v.tuple {
		open, end = "(", ")"
	}
	b.WriteString(open)
	for i, x := range v.items {
		if i > 0 {
			b.WriteString(", ")
		}
		writeRepr(b, x, depth+1)
	}
	if v.tuple && len(v.items) == 1 {
		b.WriteByte(',')
	}
	b.WriteString(end)
}

// reprFloat prints the shortest digits that round-trip, in Python's format.
func reprFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64) // Go also writes at least two exponent digits
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.ContainsRune(s, '.') {
		s += ".0"
	}
	return s
}

// reprString quotes s as Python does.
func reprString(s string) string {
	quote := byte('\'')
	if strings.ContainsRune(s, '\'') && !strings.ContainsRune(s, '"') {
		quote = '"'
	}
	var b strings.Builder
	b.WriteByte(quote)
	for _, r := range s {
		switch {
		case r == rune(quote) || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r >= 0x20 && r < 0x7f:
			b.WriteRune(r)
		case r < 0x100 && !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte(quote)
	return b.String()
}
