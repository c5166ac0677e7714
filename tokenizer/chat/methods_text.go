package chat

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type textMethod func(in *interp, t text, a args) value

// textMethods are the methods of str that templates may call.
var textMethods map[string]textMethod

func init() { // a literal would refer to itself through format's arguments
	textMethods = map[string]textMethod{
		"strip":      stripper("strip", true, true),
		"lstrip":     stripper("lstrip", true, false),
		"rstrip":     stripper("rstrip", false, true),
		"upper":      runeMethod(func(_ int, r rune) string { return strings.ToUpper(string(r)) }),
		"lower":      runeMethod(func(_ int, r rune) string { return strings.ToLower(string(r)) }),
		"casefold":   runeMethod(func(_ int, r rune) string { return strings.ToLower(string(r)) }),
		"swapcase":   runeMethod(swapCase),
		"capitalize": func(in *interp, t text, _ args) value { return in.capitalize(t) },
		"title":      func(in *interp, t text, _ args) value { return in.titleMethod(t) },
		"split":      func(in *interp, t text, a args) value { return in.splitMethod("split", t, a) },
		"rsplit":     func(in *interp, t text, a args) value { return in.splitMethod("rsplit", t, a) },
		"splitlines": splitLinesMethod,
		"partition":  partitioner("partition", strings.Index),
		"rpartition": partitioner("rpartition", strings.LastIndex),
		"startswith": affix("startswith", strings.HasPrefix),
		"endswith":   affix("endswith", strings.HasSuffix),
		"removeprefix": func(_ *interp, t text, a args) value {
			return removeAffix(t, a.bind("removeprefix", "prefix").text(0), true)
		},
		"removesuffix": func(_ *interp, t text, a args) value {
			return removeAffix(t, a.bind("removesuffix", "suffix").text(0), false)
		},
		"replace": func(in *interp, t text, a args) value {
			b := a.bind("replace", "old", "new", "count")
			return in.replace(t, b.text(0), b.text(1), b.int(2, -1))
		},
		"find":    finder("find", strings.Index, false),
		"rfind":   finder("rfind", strings.LastIndex, false),
		"index":   finder("index", strings.Index, true),
		"rindex":  finder("rindex", strings.LastIndex, true),
		"count":   countMethod,
		"join":    func(in *interp, t text, a args) value { return in.joinMethod(t, a.bind("join", "iterable").need(0)) },
		"format":  formatMethod,
		"zfill":   padder("zfill"),
		"ljust":   padder("ljust"),
		"rjust":   padder("rjust"),
		"center":  padder("center"),
		"isdigit": predicate(unicode.IsDigit), "isdecimal": predicate(unicode.IsDigit), "isnumeric": predicate(unicode.IsNumber),
		"isalpha": predicate(unicode.IsLetter), "isspace": predicate(isSpace),
		"isalnum": predicate(func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }),
		"isupper": cased(unicode.IsUpper, unicode.IsLower), "islower": cased(unicode.IsLower, unicode.IsUpper),
	}
}

func stripper(name string, left, right bool) textMethod {
	return func(_ *interp, t text, a args) value { return t.strip(a.bind(name, "chars").optText(0), left, right) }
}

func runeMethod(f func(int, rune) string) textMethod {
	return func(in *interp, t text, _ args) value { return in.mapRunes(t, f) }
}

func swapCase(_ int, r rune) string {
	if unicode.IsUpper(r) {
		return strings.ToLower(string(r))
	}
	return strings.ToUpper(string(r))
}

func (in *interp) capitalize(t text) text {
	return in.mapRunes(t, func(i int, r rune) string {
		if i == 0 {
			return string(unicode.ToTitle(r))
		}
		return strings.ToLower(string(r))
	})
}

// titleMethod capitalises each run of letters.
func (in *interp) titleMethod(t text) text {
	inWord := false
	return in.mapRunes(t, func(_ int, r rune) string {
		start := !inWord
		inWord = unicode.IsLetter(r)
		if start {
			return string(unicode.ToTitle(r))
		}
		return strings.ToLower(string(r))
	})
}

func (in *interp) splitMethod(name string, t text, a args) value {
	b := a.bind(name, "sep", "maxsplit")
	in.work(len(t.s) / 64)
	limit := b.int(1, -1)
	sep := b.optText(0)
	var cuts []span // the parts
	switch {
	case sep == nil:
		cuts = splitSpace(t.s, limit, name == "rsplit")
	case sep.s == "":
		throwf("empty separator")
	case name == "rsplit":
		cuts = splitRight(t.s, sep.s, limit)
	default:
		cuts = splitLeft(t.s, sep.s, limit)
	}
	items := make([]value, len(cuts))
	for i, c := range cuts {
		items[i] = t.slice(c.from, c.to)
	}
	return in.newList(items)
}

func splitLeft(s, sep string, limit int64) []span {
	var cuts []span
	from := 0
	for limit != 0 {
		i := strings.Index(s[from:], sep)
		if i < 0 {
			break
		}
		cuts = append(cuts, span{from, from + i})
		from += i + len(sep)
		limit--
	}
	return append(cuts, span{from, len(s)})
}

func splitRight(s, sep string, limit int64) []span {
	var cuts []span
	to := len(s)
	for limit != 0 {
		i := strings.LastIndex(s[:to], sep)
		if i < 0 {
			break
		}
		cuts = append(cuts, span{i + len(sep), to})
		to = i
		limit--
	}
	cuts = append(cuts, span{0, to})
	for i, j := 0, len(cuts)-1; i < j; i, j = i+1, j-1 {
		cuts[i], cuts[j] = cuts[j], cuts[i]
	}
	return cuts
}

// splitSpace splits at runs of white space; the last part keeps what a limit
// leaves over.
func splitSpace(s string, limit int64, right bool) []span {
	var words []span
	start := -1
	for i, r := range s {
		if isSpace(r) {
			if start >= 0 {
				words = append(words, span{start, i})
				start = -1
			}
		} else if start < 0 {
			start = i
		}
	}
	if start >= 0 {
		words = append(words, span{start, len(s)})
	}
	if n := int(limit); limit >= 0 && n < len(words) {
		if right {
			rest := span{0, words[len(words)-n-1].to}
			return append([]span{rest}, words[len(words)-n:]...)
		}
		return append(words[:n:n], span{words[n].from, len(s)})
	}
	return words
}

func splitLinesMethod(in *interp, t text, a args) value {
	keep := a.bind("splitlines", "keepends").bool(0, false)
	var items []value
	for from := 0; from < len(t.s); {
		end, after := lineEnd(t.s, from)
		if keep {
			end = after
		}
		items = append(items, t.slice(from, end))
		from = after
	}
	return in.newList(items)
}

// lineEnd finds the end of the line that starts at from and the start of the next.
func lineEnd(s string, from int) (end, after int) {
	for i, r := range s[from:] {
		switch r {
		case '\r':
			if strings.HasPrefix(s[from+i:], "\r\n") {
				return from + i, from + i + 2
			}
			return from + i, from + i + 1
		case '\n', '\v', '\f', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
			return from + i, from + i + utf8.RuneLen(r)
		}
	}
	return len(s), len(s)
}

func partitioner(name string, find func(s, sep string) int) textMethod {
	return func(_ *interp, t text, a args) value {
		sep := a.bind(name, "sep").text(0)
		if sep.s == "" {
			throwf("empty separator")
		}
		i := find(t.s, sep.s)
		switch {
		case i >= 0:
			return &list{tuple: true, items: []value{t.slice(0, i), t.slice(i, i+len(sep.s)), t.slice(i+len(sep.s), len(t.s))}}
		case name == "rpartition":
			return &list{tuple: true, items: []value{text{}, text{}, t}}
		}
		return &list{tuple: true, items: []value{t, text{}, text{}}}
	}
}

func affix(name string, has func(s, affix string) bool) textMethod {
	return func(_ *interp, t text, a args) value {
		b := a.bind(name, "prefix")
		if l, ok := b.need(0).(*list); ok && l.tuple {
			for _, v := range l.items {
				if p, ok := v.(text); ok && has(t.s, p.s) {
					return true
				}
			}
			return false
		}
		return has(t.s, b.text(0).s)
	}
}

func removeAffix(t, x text, prefix bool) text {
	switch {
	case prefix && strings.HasPrefix(t.s, x.s):
		return t.slice(len(x.s), len(t.s))
	case !prefix && strings.HasSuffix(t.s, x.s):
		return t.slice(0, len(t.s)-len(x.s))
	}
	return t
}

// replace is str.replace; limit < 0 replaces all.
func (in *interp) replace(t, from, to text, limit int64) text {
	b := builder{in: in}
	in.work(len(t.s) / 64)
	at := 0
	put := func(upto int) { // the piece before a match, then the replacement
		b.text(t.slice(at, upto))
		b.text(to)
	}
	if from.s == "" {
		for i := 0; i <= len(t.s) && limit != 0; limit-- {
			put(i)
			at = i
			if i == len(t.s) {
				break
			}
			_, size := utf8.DecodeRuneInString(t.s[i:])
			i += size
		}
	} else {
		for limit != 0 {
			i := strings.Index(t.s[at:], from.s)
			if i < 0 {
				break
			}
			put(at + i)
			at += i + len(from.s)
			limit--
		}
	}
	b.text(t.slice(at, len(t.s)))
	r := b.done()
	r.markup = t.markup
	return r
}

func finder(name string, find func(s, sub string) int, must bool) textMethod {
	return func(_ *interp, t text, a args) value {
		b := a.bind(name, "sub", "start", "end")
		i, j, _ := sliceBounds(t.runes(), b.value(1, nil), b.value(2, nil), nil)
		from, to := t.byteOffset(i), t.byteOffset(max(i, j))
		k := find(t.s[from:to], b.text(0).s)
		if k < 0 {
			if must {
				throwf("substring not found")
			}
			return int64(-1)
		}
		return int64(i + utf8.RuneCountInString(t.s[from:from+k]))
	}
}

func countMethod(_ *interp, t text, a args) value {
	b := a.bind("count", "sub", "start", "end")
	i, j, _ := sliceBounds(t.runes(), b.value(1, nil), b.value(2, nil), nil)
	return int64(strings.Count(t.s[t.byteOffset(i):t.byteOffset(max(i, j))], b.text(0).s))
}

func (in *interp) joinMethod(sep text, over value) text {
	b := builder{in: in}
	for i, v := range in.iterate(over) {
		t, ok := v.(text)
		if !ok {
			needDefined(v)
			throwf("sequence item %d: expected str instance, %s found", i, typeName(v))
		}
		if i > 0 {
			b.text(sep)
		}
		if sep.markup {
			t = in.escape(t)
		}
		b.text(t)
	}
	r := b.done()
	r.markup = sep.markup
	return r
}

func padder(name string) textMethod {
	return func(in *interp, t text, a args) value {
		b := a.bind(name, "width", "fillchar")
		fill := " "
		if name == "zfill" {
			fill = "0"
		} else if f := b.optText(1); f != nil {
			fill = f.s
		}
		return in.pad(t, name, b.int(0, 0), fill)
	}
}

func (in *interp) pad(t text, how string, width int64, fill string) text {
	n := width - int64(t.runes())
	if n <= 0 {
		return t
	}
	in.room(int64(len(fill)), n)
	left, right := int64(0), n
	sign := 0
	switch how {
	case "rjust":
		left, right = n, 0
	case "zfill":
		left, right = n, 0
		if strings.HasPrefix(t.s, "+") || strings.HasPrefix(t.s, "-") {
			sign = 1
		}
	case "center":
		left = n / 2
		if n&width&1 == 1 { // Python puts the odd blank on the left when the width is odd
			left++
		}
		right = n - left
	}
	b := builder{in: in}
	b.text(t.slice(0, sign))
	b.lit(strings.Repeat(fill, int(left)))
	b.text(t.slice(sign, len(t.s)))
	b.lit(strings.Repeat(fill, int(right)))
	r := b.done()
	r.markup = t.markup
	return r
}

func predicate(f func(rune) bool) textMethod {
	return func(_ *interp, t text, _ args) value {
		return t.s != "" && strings.IndexFunc(t.s, func(r rune) bool { return !f(r) }) < 0
	}
}

// cased is isupper or islower: at least one letter with a case, none of the other.
func cased(want, other func(rune) bool) textMethod {
	return func(_ *interp, t text, _ args) value {
		return strings.IndexFunc(t.s, want) >= 0 && strings.IndexFunc(t.s, other) < 0
	}
}
