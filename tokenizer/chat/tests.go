package chat

import (
	"strings"
	"unicode"
)

type testFunc func(in *interp, v value, a args) bool

// testTable holds Jinja's built-in tests, as in {% if x is defined %}.
var testTable map[string]testFunc

func init() {
	testTable = map[string]testFunc{
		"boolean":     func(_ *interp, v value, _ args) bool { _, ok := v.(bool); return ok },
		"callable":    func(_ *interp, v value, _ args) bool { _, ok := v.(*function); return ok },
		"defined":     func(_ *interp, v value, _ args) bool { _, u := v.(undefined); return !u },
		"undefined":   func(_ *interp, v value, _ args) bool { _, u := v.(undefined); return u },
		"divisibleby": divisibleTest,
		"escaped":     func(_ *interp, v value, _ args) bool { t, ok := v.(text); return ok && t.markup },
		"even":        func(in *interp, v value, _ args) bool { return in.equal(in.binary("%", v, int64(2)), int64(0), 0) },
		"odd":         func(in *interp, v value, _ args) bool { return in.equal(in.binary("%", v, int64(2)), int64(1), 0) },
		"false":       func(_ *interp, v value, _ args) bool { return v == value(false) },
		"true":        func(_ *interp, v value, _ args) bool { return v == value(true) },
		"filter":      func(_ *interp, v value, _ args) bool { t, ok := v.(text); return ok && filterTable[t.s] != nil },
		"test":        func(_ *interp, v value, _ args) bool { t, ok := v.(text); return ok && testTable[t.s] != nil },
		"float":       func(_ *interp, v value, _ args) bool { _, ok := v.(float64); return ok },
		"integer":     integerTest,
		"number": func(_ *interp, v value, _ args) bool {
			_, big := v.(bigInt)
			_, ok := toFloat(v)
			return ok || big
		},
		"iterable": iterableTest,
		"lower":    func(in *interp, v value, _ args) bool { return isLowerText(in.str(v).s) },
		"upper": func(in *interp, v value, _ args) bool {
			s := in.str(v).s
			return strings.IndexFunc(s, unicode.IsUpper) >= 0 && strings.IndexFunc(s, unicode.IsLower) < 0
		},
		"mapping":  func(_ *interp, v value, _ args) bool { _, ok := v.(*dict); return ok },
		"none":     func(_ *interp, v value, _ args) bool { return v == nil },
		"sameas":   sameTest,
		"sequence": sequenceTest,
		"string":   func(_ *interp, v value, _ args) bool { _, ok := v.(text); return ok },
	}
	for name, op := range map[string]string{
		"eq": "==", "equalto": "==", "==": "==", "ne": "!=", "!=": "!=", "lt": "<", "lessthan": "<", "<": "<", "le": "<=", "<=": "<=",
		"gt": ">", "greaterthan": ">", ">": ">", "ge": ">=", ">=": ">=", "in": "in",
	} {
		testTable[name] = func(in *interp, v value, a args) bool {
			return in.compare(op, v, a.bind(name, "other").need(0))
		}
	}
}

func divisibleTest(in *interp, v value, a args) bool {
	return in.equal(in.binary("%", v, a.bind("divisibleby", "num").need(0)), int64(0), 0)
}

func integerTest(_ *interp, v value, _ args) bool {
	switch v.(type) {
	case int64, bigInt:
		return true
	}
	return false
}

func iterableTest(_ *interp, v value, _ args) bool {
	switch v.(type) {
	case text, *list, *dict, *iterator, undefined, *loop:
		return true
	}
	return false
}

func sequenceTest(_ *interp, v value, _ args) bool {
	switch v.(type) {
	case text, *list, *dict, undefined:
		return true
	}
	return false
}

// sameTest is Python's is: identity for containers, value for the singletons.
func sameTest(in *interp, v value, a args) bool {
	o := a.bind("sameas", "other").need(0)
	if _, isBool := v.(bool); isBool {
		return v == o
	}
	if _, isBool := o.(bool); isBool {
		return false
	}
	switch v.(type) {
	case *list, *dict:
		x, okX := v.(*list)
		y, okY := o.(*list)
		if okX || okY {
			return okX && okY && x == y
		}
		d, okD := v.(*dict)
		e, okE := o.(*dict)
		return okD && okE && d == e
	}
	return in.equal(v, o, 0)
}

func isLowerText(s string) bool {
	return strings.IndexFunc(s, unicode.IsLower) >= 0 && strings.IndexFunc(s, unicode.IsUpper) < 0
}
