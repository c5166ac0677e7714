package reply

import (
	"encoding/json"
	"strings"
	"unicode"
)

// maxLiteralDepth bounds nested lists and dicts in Python-like arguments.
const maxLiteralDepth = 64

// parsePythonic reads name(key=value, …), one or a list of them, as Llama and
// LFM2 write calls; name.call(…) is Llama's form for its built-in tools.
func parsePythonic(body string, tools toolset) ([]Call, bool) {
	l := literals{s: strings.TrimSpace(body)}
	inList := l.skip("[")
	var out []Call
	for {
		name := l.name()
		name = strings.TrimSuffix(name, ".call")
		if name == "" || !l.skip("(") {
			return nil, false
		}
		arguments, ok := l.keywords()
		if !ok {
			return nil, false
		}
		c, ok := tools.call(name, arguments)
		if !ok {
			return nil, false
		}
		out = append(out, c)
		if !l.skip(",") && !l.skip(";") {
			break
		}
	}
	if inList && !l.skip("]") {
		return nil, false
	}
	return out, strings.TrimSpace(l.s) == ""
}

// literals reads Python literals and gives them as JSON. With gemma set, keys
// are bare and strings stand between <|"|> marks.
type literals struct {
	s     string
	gemma bool
}

func (l *literals) skip(mark string) bool {
	s := strings.TrimLeftFunc(l.s, unicode.IsSpace)
	if !strings.HasPrefix(s, mark) {
		return false
	}
	l.s = s[len(mark):]
	return true
}

// name reads a dotted identifier.
func (l *literals) name() string {
	s := strings.TrimLeftFunc(l.s, unicode.IsSpace)
	n := strings.IndexFunc(s, func(r rune) bool {
		return r != '_' && r != '.' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	if n < 0 {
		n = len(s)
	}
	l.s = s[n:]
	return s[:n]
}

// keywords reads key=value, …) of a call.
func (l *literals) keywords() ([]byte, bool) {
	var o object
	for first := true; !l.skip(")"); first = false {
		if !first && !l.skip(",") {
			return nil, false
		}
		key := l.name()
		if key == "" || !l.skip("=") {
			return nil, false
		}
		v, ok := l.value(0)
		if !ok {
			return nil, false
		}
		o.put(key, v)
	}
	return o.done(), true
}

func (l *literals) value(depth int) ([]byte, bool) {
	if depth > maxLiteralDepth {
		return nil, false
	}
	switch {
	case l.skip("["):
		return l.list("]", depth)
	case l.skip("{"):
		return l.dict(depth)
	case l.gemma && l.skip(`<|"|>`):
		s, rest, ok := strings.Cut(l.s, `<|"|>`)
		l.s = rest
		return quote(s), ok
	case l.skip(`"`):
		return l.str('"')
	case l.skip("'"):
		return l.str('\'')
	case l.skip("("):
		return l.list(")", depth)
	}
	return l.scalar()
}

func (l *literals) list(end string, depth int) ([]byte, bool) {
	out := []byte{'['}
	for first := true; !l.skip(end); first = false {
		if !first {
			if !l.skip(",") {
				return nil, false
			}
			if l.skip(end) {
				break
			}
			out = append(out, ',')
		}
		v, ok := l.value(depth + 1)
		if !ok {
			return nil, false
		}
		out = append(out, v...)
	}
	return append(out, ']'), true
}

func (l *literals) dict(depth int) ([]byte, bool) {
	var o object
	for first := true; !l.skip("}"); first = false {
		if !first {
			if !l.skip(",") {
				return nil, false
			}
			if l.skip("}") {
				break
			}
		}
		key, ok := l.key(depth)
		if !ok || !l.skip(":") {
			return nil, false
		}
		v, ok := l.value(depth + 1)
		if !ok {
			return nil, false
		}
		o.put(key, v)
	}
	return o.done(), true
}

func (l *literals) key(depth int) (string, bool) {
	if l.gemma && !strings.HasPrefix(strings.TrimSpace(l.s), "<") {
		k := l.name()
		return k, k != ""
	}
	raw, ok := l.value(depth + 1)
	var k string
	return k, ok && json.Unmarshal(raw, &k) == nil
}

// str reads a quoted string, the opening quote consumed.
func (l *literals) str(end byte) ([]byte, bool) {
	var b strings.Builder
	for i := 0; i < len(l.s); i++ {
		switch c := l.s[i]; {
		case c == end:
			l.s = l.s[i+1:]
			return quote(b.String()), true
		case c == '\\' && i+1 < len(l.s):
			i++
			if e := strings.IndexByte("ntrbf", l.s[i]); e >= 0 {
				b.WriteByte("\n\t\r\b\f"[e])
			} else {
				if strings.IndexByte(`\'"/`, l.s[i]) < 0 {
					b.WriteByte('\\')
				}
				b.WriteByte(l.s[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return nil, false
}

// scalar reads a number or a word such as True.
func (l *literals) scalar() ([]byte, bool) {
	s := strings.TrimLeftFunc(l.s, unicode.IsSpace)
	n := strings.IndexAny(s, ",)]} \n\t:")
	if n < 0 {
		n = len(s)
	}
	word := s[:n]
	l.s = s[n:]
	switch word {
	case "True", "true":
		return []byte("true"), true
	case "False", "false":
		return []byte("false"), true
	case "None", "null":
		return []byte("null"), true
	}
	return []byte(word), word != "" && json.Valid([]byte(word))
}
