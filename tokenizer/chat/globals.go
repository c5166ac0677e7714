package chat

import (
	"fmt"
	"strings"
	"time"
)

// maxRange is the length at which Jinja's sandbox stops range().
const maxRange = 100000

// globals are the functions that every template sees.
func globals() map[string]value {
	fn := func(name string, f func(in *interp, a args) value) *function {
		return &function{name: name, call: f}
	}
	return map[string]value{
		"range":     fn("range", rangeGlobal),
		"dict":      fn("dict", dictGlobal),
		"namespace": fn("namespace", func(in *interp, a args) value { return &namespace{dictGlobal(in, a).(*dict)} }),
		"raise_exception": fn("raise_exception", func(in *interp, a args) value {
			panic(&RenderError{Msg: in.str(a.bind("raise_exception", "message").need(0)).s, Raised: true})
		}),
		"strftime_now": fn("strftime_now", func(in *interp, a args) value {
			return lit(strftime(in.str(a.bind("strftime_now", "format").need(0)).s, in.now()))
		}),
		"joiner": fn("joiner", func(_ *interp, a args) value {
			sep, used := a.bind("joiner", "sep").value(0, lit(", ")), false
			return fn("joiner", func(*interp, args) value {
				if !used {
					used = true
					return text{}
				}
				return sep
			})
		}),
		"cycler": fn("cycler", cyclerGlobal),
	}
}

func rangeGlobal(in *interp, a args) value {
	b := a.bind("range", "start", "stop", "step")
	from, to, step := int64(0), b.int(0, 0), b.int(2, 1)
	b.need(0)
	if b.set[1] {
		from, to = to, b.int(1, 0)
	}
	if step == 0 {
		throwf("range() arg 3 must not be zero")
	}
	var items []value
	for i := from; step > 0 && i < to || step < 0 && i > to; i += step {
		if len(items) == maxRange {
			throwf("Range too big. The sandbox blocks ranges larger than MAX_RANGE (%d).", maxRange)
		}
		items = append(items, i)
	}
	return in.newList(items)
}

func dictGlobal(in *interp, a args) value {
	d := newDict()
	in.charge(2 * bytesPerItem * len(a.kw))
	if len(a.pos) > 1 {
		throwf("dict expected at most 1 argument, got %d", len(a.pos))
	}
	for _, p := range a.pos {
		if src, ok := p.(*dict); ok {
			in.charge(2 * bytesPerItem * len(src.keys))
			for i, k := range src.keys {
				d.set(k, src.values[i])
			}
			continue
		}
		for _, pair := range in.iterate(p) {
			kv := in.iterate(pair)
			if len(kv) != 2 {
				throwf("dictionary update sequence element has length %d; 2 is required", len(kv))
			}
			in.put(d, kv[0], kv[1])
		}
	}
	for i, n := range a.names {
		d.set(lit(n), a.kw[i])
	}
	return d
}

func cyclerGlobal(_ *interp, a args) value {
	if len(a.pos) == 0 {
		throwf("at least one item has to be provided")
	}
	i := 0
	vars := newDict()
	vars.set(lit("next"), &function{name: "next", call: func(*interp, args) value {
		v := a.pos[i%len(a.pos)]
		i++
		return v
	}})
	vars.set(lit("reset"), &function{name: "reset", call: func(*interp, args) value { i = 0; return nil }})
	return &namespace{vars}
}

// strftime is strftime(3) in the C locale.
func strftime(format string, t time.Time) string {
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		unpadded := format[i] == '-' && i+1 < len(format)
		if unpadded {
			i++
		}
		s, ok := strftimeField(format[i], t)
		switch {
		case !ok:
			b.WriteString("%" + format[i:i+1])
		case unpadded:
			if s = strings.TrimLeft(s, "0 "); s == "" {
				s = "0"
			}
			b.WriteString(s)
		default:
			b.WriteString(s)
		}
	}
	return b.String()
}

func strftimeField(c byte, t time.Time) (string, bool) {
	layouts := map[byte]string{
		'a': "Mon", 'A': "Monday", 'b': "Jan", 'h': "Jan", 'B': "January", 'd': "02", 'e': "_2", 'H': "15", 'I': "03", 'M': "04", 'S': "05",
		'm': "01", 'y': "06", 'Y': "2006", 'p': "PM", 'D': "01/02/06", 'F': "2006-01-02", 'T': "15:04:05", 'R': "15:04", 'j': "002",
		'c': "Mon Jan _2 15:04:05 2006", 'x': "01/02/06", 'X': "15:04:05",
	}
	if l, ok := layouts[c]; ok {
		return t.Format(l), true
	}
	year, week := t.ISOWeek()
	switch c {
	case '%':
		return "%", true
	case 'n':
		return "\n", true
	case 't':
		return "\t", true
	case 'f':
		return fmt.Sprintf("%06d", t.Nanosecond()/1000), true
	case 'u':
		return fmt.Sprint((int(t.Weekday())+6)%7 + 1), true
	case 'w':
		return fmt.Sprint(int(t.Weekday())), true
	case 'G':
		return fmt.Sprint(year), true
	case 'V':
		return fmt.Sprintf("%02d", week), true
	case 's':
		return fmt.Sprint(t.Unix()), true
	case 'z', 'Z': // a naive time has no zone
		return "", true
	}
	return "", false
}
