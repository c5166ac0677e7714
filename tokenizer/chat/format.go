package chat

import (
	"strconv"
	"strings"
)

// maxPrecision bounds widths in format strings; their output is charged too.
const maxPrecision = 1000

// format is Python's % on strings: %s %r %d %i %f %e %g %x %o %c %%, with
// flags, width and precision.
func (in *interp) format(t text, arg value) text {
	vals := []value{arg}
	l, isTuple := arg.(*list)
	isTuple = isTuple && l.tuple
	if isTuple {
		vals = l.items
	}
	named, _ := arg.(*dict)
	b := builder{in: in}
	used, at := 0, 0
	for {
		i := strings.IndexByte(t.s[at:], '%')
		if i < 0 {
			break
		}
		b.text(t.slice(at, at+i))
		at += i + 1
		f, n := parsePercent(t.s[at:])
		at += n
		if f.verb == '%' {
			b.lit("%")
			continue
		}
		var v value
		switch {
		case f.key != nil:
			var ok bool
			if named == nil {
				throwf("format requires a mapping")
			}
			if v, ok = named.lookup(*f.key); !ok {
				throwf("%s", reprString(*f.key))
			}
		case used < len(vals):
			v = vals[used]
			used++
		default:
			throwf("not enough arguments for format string")
		}
		out := in.percent(f, v)
		if t.markup {
			out = in.escape(out)
		}
		b.text(out)
	}
	_, missing := arg.(undefined)
	if used < len(vals) && (isTuple || named == nil && !missing) {
		throwf("not all arguments converted during string formatting")
	}
	b.text(t.slice(at, len(t.s)))
	r := b.done()
	r.markup = t.markup
	return r
}

// percentSpec is one conversion, as %(key)-08.3f.
type percentSpec struct {
	key         *string
	flags       string
	width, prec int // prec -1: not given
	verb        byte
}

func parsePercent(s string) (percentSpec, int) {
	f := percentSpec{prec: -1}
	i := 0
	if strings.HasPrefix(s, "(") {
		end := strings.IndexByte(s, ')')
		if end < 0 {
			throwf("incomplete format key")
		}
		k := s[1:end]
		f.key, i = &k, end+1
	}
	for i < len(s) && strings.IndexByte("-+ 0#", s[i]) >= 0 {
		f.flags += s[i : i+1]
		i++
	}
	num := func() int {
		n := digits(s[i:])
		v, err := strconv.Atoi("0" + s[i:i+n])
		if err != nil || v > maxPrecision {
			throwf("width too big in format string")
		}
		i += n
		return v
	}
	f.width = num()
	if i < len(s) && s[i] == '.' {
		i++
		f.prec = num()
	}
	if i >= len(s) {
		throwf("incomplete format")
	}
	f.verb = s[i]
	return f, i + 1
}

func (in *interp) percent(f percentSpec, v value) text {
	var out text
	switch f.verb {
	case 's':
		out = in.str(v)
	case 'r', 'a':
		out = userOr(v, repr(v))
	case 'c':
		t, ok := v.(text)
		if !ok || t.runes() != 1 {
			throwf("%%c requires int or char")
		}
		out = t
	case 'd', 'i', 'u', 'x', 'X', 'o':
		out = lit(formatInt(f.verb, v))
	case 'f', 'F', 'e', 'E', 'g', 'G':
		x, ok := toFloat(v)
		if !ok {
			throwf("must be real number, not %s", typeName(v))
		}
		prec := f.prec
		if prec < 0 {
			prec = 6
		}
		out = lit(strconv.FormatFloat(x, f.verb|0x20, prec, 64))
	default:
		throwf("unsupported format character '%c'", f.verb)
	}
	if strings.IndexByte("src", f.verb) >= 0 && f.prec >= 0 {
		out = out.slice(0, out.byteOffset(f.prec))
	}
	if strings.IndexByte("src", f.verb) < 0 && strings.Contains(f.flags, "+") && !strings.HasPrefix(out.s, "-") {
		out = lit("+" + out.s)
	}
	how := "rjust"
	switch {
	case strings.Contains(f.flags, "-"):
		how = "ljust"
	case strings.Contains(f.flags, "0") && strings.IndexByte("src", f.verb) < 0:
		return in.pad(out, "zfill", int64(f.width), "0")
	}
	return in.pad(out, how, int64(f.width), " ")
}

// userOr is s with the provenance of v as a whole.
func userOr(v value, s string) text {
	if hasUser(v, 0) {
		return userText(s)
	}
	return lit(s)
}

func formatInt(verb byte, v value) string {
	n, ok := number(v).(int64)
	if x, isFloat := v.(float64); isFloat && (verb == 'd' || verb == 'i' || verb == 'u') {
		n, ok = int64(x), true
	}
	if !ok {
		throwf("%%%c format: a real number is required, not %s", verb, typeName(v))
	}
	switch verb {
	case 'x':
		return strconv.FormatInt(n, 16)
	case 'X':
		return strings.ToUpper(strconv.FormatInt(n, 16))
	case 'o':
		return strconv.FormatInt(n, 8)
	}
	return strconv.FormatInt(n, 10)
}

// formatMethod is str.format for plain fields: {}, {0}, {name}, {{ and }}.
// Attribute look-ups and format specifications in fields are refused.
func formatMethod(in *interp, t text, a args) value {
	b := builder{in: in}
	auto := 0
	for i := 0; i < len(t.s); {
		c := t.s[i]
		switch {
		case (c == '{' || c == '}') && i+1 < len(t.s) && t.s[i+1] == c:
			b.text(t.slice(i, i+1))
			i += 2
		case c == '}':
			throwf("Single '}' encountered in format string")
		case c == '{':
			end := strings.IndexByte(t.s[i:], '}')
			if end < 0 {
				throwf("Single '{' encountered in format string")
			}
			b.text(in.str(formatField(t.s[i+1:i+end], a, &auto)))
			i += end + 1
		default:
			n := strings.IndexAny(t.s[i:], "{}")
			if n < 0 {
				n = len(t.s) - i
			}
			b.text(t.slice(i, i+n))
			i += n
		}
	}
	return b.done()
}

func formatField(name string, a args, auto *int) value {
	if name == "" {
		name = strconv.Itoa(*auto)
		*auto++
	}
	if i, err := strconv.Atoi(name); err == nil {
		if i < 0 || i >= len(a.pos) {
			throwf("Replacement index %d out of range for positional args tuple", i)
		}
		return a.pos[i]
	}
	for i, n := range a.names {
		if n == name {
			return a.kw[i]
		}
	}
	throwf("format field %q is not supported or has no argument", name)
	return nil
}
