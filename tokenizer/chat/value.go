package chat

import (
	"fmt"
	"math"
)

// value is one of Python's values as far as templates see them:
//
//	nil          None           undefined    a name or attribute that is not there
//	bool         bool           text         str
//	int64        int            *list        list and tuple
//	float64      float          *dict        dict, keys in insertion order
//	bigInt       an int that does not fit int64: printed and compared, not computed with
//	*iterator    what map, select and dict views give: iterable, not indexable
//	*namespace   namespace()    *function    macro, method or built-in
//	*loop        the loop variable
type value any

type undefined struct {
	hint   string // complete message, or ""
	name   string
	object value // what lacked the name; only if ofObj
	ofObj  bool
}

type bigInt string

type list struct {
	items []value
	tuple bool
}

type iterator struct {
	kind  string // Python's type name: generator, dict_items, …
	items []value
	sized bool // dict views have a length, generators have none
}

type namespace struct{ vars *dict }

type function struct {
	name string
	call func(in *interp, a args) value
	// macro's arguments, for templates that look at macro.arguments
	params []string
}

// args are the arguments of one call.
type args struct {
	pos   []value
	names []string // keyword names, parallel to kw
	kw    []value
}

// dict keeps insertion order, as Python's does.
type dict struct {
	keys   []value
	values []value
	index  map[any]int
}

func newDict() *dict { return &dict{index: map[any]int{}} }

// hashKey maps a value to a comparable Go value under Python's equality:
// 1, 1.0 and True are the same key. The second result is false for values
// that Python cannot hash.
func hashKey(v value) (any, bool) {
	switch v := v.(type) {
	case nil:
		return nil, true
	case bool:
		if v {
			return int64(1), true
		}
		return int64(0), true
	case int64:
		return v, true
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<62 {
			return int64(v), true
		}
		return v, true
	case text:
		return v.s, true
	case bigInt:
		return v, true
	case *list:
		if !v.tuple {
			return nil, false
		}
		return fmt.Sprint("tuple ", repr(v)), true
	case *function, *namespace, undefined:
		return fmt.Sprintf("%T %p", v, v), true
	}
	return nil, false
}

func (d *dict) set(k, v value) bool {
	h, ok := hashKey(k)
	if !ok {
		return false
	}
	if i, found := d.index[h]; found {
		d.values[i] = v
		return true
	}
	d.index[h] = len(d.keys)
	d.keys = append(d.keys, k)
	d.values = append(d.values, v)
	return true
}

func (d *dict) get(k value) (value, bool) {
	h, ok := hashKey(k)
	if !ok {
		return nil, false
	}
	i, found := d.index[h]
	if !found {
		return nil, false
	}
	return d.values[i], true
}

// lookup is get with a Go string for the key.
func (d *dict) lookup(k string) (value, bool) {
	i, found := d.index[k]
	if !found {
		return nil, false
	}
	return d.values[i], true
}

func (d *dict) pairs() []value {
	out := make([]value, len(d.keys))
	for i, k := range d.keys {
		out[i] = &list{items: []value{k, d.values[i]}, tuple: true}
	}
	return out
}

// typeName is the name that Python's error messages use.
func typeName(v value) string {
	switch v := v.(type) {
	case nil:
		return "NoneType"
	case undefined:
		return "Undefined"
	case bool:
		return "bool"
	case int64, bigInt:
		return "int"
	case float64:
		return "float"
	case text:
		if v.markup {
			return "Markup"
		}
		return "str"
	case *list:
		if v.tuple {
			return "tuple"
		}
		return "list"
	case *dict:
		return "dict"
	case *iterator:
		return v.kind
	case *namespace:
		return "Namespace"
	case *loop:
		return "LoopContext"
	case *function:
		return "function"
	}
	return fmt.Sprintf("%T", v)
}

// truth is Python's bool(v).
func truth(v value) bool {
	switch v := v.(type) {
	case nil, undefined:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case text:
		return v.s != ""
	case *list:
		return len(v.items) > 0
	case *dict:
		return len(v.keys) > 0
	case *iterator:
		return !v.sized || len(v.items) > 0
	}
	return true
}
