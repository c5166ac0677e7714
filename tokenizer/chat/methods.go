package chat

import (
	"fmt"
	"strings"
)

// method finds the attribute name of x among the methods that templates may
// call. Methods that would change a list or dict exist only to be refused.
func (in *interp) method(x value, name string) (value, bool) {
	if strings.HasPrefix(name, "__") {
		return unsafeAttribute(x, name), true
	}
	var m func(in *interp, a args) value
	switch x := x.(type) {
	case text:
		if f := textMethods[name]; f != nil {
			m = func(in *interp, a args) value { return f(in, x, a) }
		}
	case *dict:
		if mutators[name] && name != "append" {
			return unsafeAttribute(x, name), true
		}
		if f := dictMethods[name]; f != nil {
			m = func(in *interp, a args) value { return f(in, x, a) }
		}
	case *list:
		if !x.tuple && mutators[name] {
			return unsafeAttribute(x, name), true
		}
		if f := listMethods[name]; f != nil && !(x.tuple && name == "copy") {
			m = func(in *interp, a args) value { return f(in, x, a) }
		}
	case *namespace:
		v, ok := x.vars.lookup(name)
		return v, ok
	case *loop:
		return x.attribute(name)
	case *function:
		return x.attribute(name)
	}
	if m == nil {
		return nil, false
	}
	return &function{name: name, call: m}, true
}

// mutators are the methods by which Python's lists and dicts change.
var mutators = map[string]bool{
	"append": true, "clear": true, "pop": true, "reverse": true, "insert": true, "sort": true, "extend": true,
	"remove": true, "popitem": true, "setdefault": true, "update": true,
}

func unsafeAttribute(x value, name string) value {
	hint := fmt.Sprintf("access to attribute '%s' of '%s' object is unsafe.", name, typeName(x))
	return undefined{hint: hint, name: name, object: x, ofObj: true}
}

var dictMethods = map[string]func(in *interp, d *dict, a args) value{
	"get": func(_ *interp, d *dict, a args) value {
		b := a.bind("get", "key", "default")
		if v, ok := d.get(b.need(0)); ok {
			return v
		}
		return b.value(1, nil)
	},
	"items":  func(in *interp, d *dict, a args) value { return in.view("dict_items", d.pairs()) },
	"keys":   func(in *interp, d *dict, a args) value { return in.view("dict_keys", d.keys) },
	"values": func(in *interp, d *dict, a args) value { return in.view("dict_values", d.values) },
	"copy": func(in *interp, d *dict, a args) value {
		c := newDict()
		in.charge(2 * bytesPerItem * len(d.keys))
		for i, k := range d.keys {
			c.set(k, d.values[i])
		}
		return c
	},
}

func (in *interp) view(kind string, items []value) value {
	in.charge(bytesPerItem * len(items))
	return &iterator{kind: kind, items: items, sized: true}
}

// generator is a lazy result, as map and select give: it can be iterated once.
func (in *interp) generator(items []value) value {
	in.charge(bytesPerItem * len(items))
	return &iterator{kind: "generator", items: items}
}

var listMethods = map[string]func(in *interp, l *list, a args) value{
	"index": func(in *interp, l *list, a args) value {
		x := a.bind("index", "value").need(0)
		for i, v := range l.items {
			if in.equal(v, x, 0) {
				return int64(i)
			}
		}
		throwf("%s is not in list", repr(x))
		return nil
	},
	"count": func(in *interp, l *list, a args) value {
		x, n := a.bind("count", "value").need(0), int64(0)
		for _, v := range l.items {
			if in.equal(v, x, 0) {
				n++
			}
		}
		return n
	},
	"copy": func(in *interp, l *list, a args) value { return in.newList(append([]value(nil), l.items...)) },
}

func (f *function) attribute(name string) (value, bool) {
	switch name {
	case "name":
		return lit(f.name), true
	case "arguments":
		l := &list{tuple: true}
		for _, p := range f.params {
			l.items = append(l.items, lit(p))
		}
		return l, true
	}
	return nil, false
}

func (l *loop) attribute(name string) (value, bool) {
	n := len(l.items)
	at := func(i int, side string) value {
		if i < 0 || i >= n {
			return undefined{hint: "there is no " + side + " item"}
		}
		return l.items[i]
	}
	switch name {
	case "index":
		return int64(l.i + 1), true
	case "index0":
		return int64(l.i), true
	case "revindex":
		return int64(n - l.i), true
	case "revindex0":
		return int64(n - l.i - 1), true
	case "first":
		return l.i == 0, true
	case "last":
		return l.i == n-1, true
	case "length":
		return int64(n), true
	case "depth":
		return int64(l.depth + 1), true
	case "depth0":
		return int64(l.depth), true
	case "previtem":
		return at(l.i-1, "previous"), true
	case "nextitem":
		return at(l.i+1, "next"), true
	case "cycle":
		return &function{name: "cycle", call: func(_ *interp, a args) value {
			if len(a.pos) == 0 {
				throwf("no items for cycling given")
			}
			return a.pos[l.i%len(a.pos)]
		}}, true
	case "changed":
		return &function{name: "changed", call: func(in *interp, a args) value {
			same := l.last != nil && in.equal(&list{items: l.last}, &list{items: a.pos}, 0)
			l.last = a.pos
			return !same
		}}, true
	}
	return nil, false
}
