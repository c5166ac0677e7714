package chat

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokEOF tokenKind = iota
	tokData
	tokPrintBegin // {{
	tokPrintEnd   // }}
	tokBlockBegin // {%
	tokBlockEnd   // %}
	tokName
	tokString
	tokInt
	tokFloat
	tokOp
)

type token struct {
	kind tokenKind
	s    string // the text; for strings, unescaped
	line int
}

// SyntaxError is a template that does not parse.
type SyntaxError struct {
	Line int // 1-based
	Msg  string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("chat template: line %d: %s", e.Line, e.Msg)
}

// lexer cuts a template into tokens, white space control applied: every block
// tag eats the newline behind it (trim_blocks) and the blanks before it on its
// line (lstrip_blocks), unless a + or - sign says otherwise.
type lexer struct {
	src  string
	pos  int
	line int
	toks []token
	// lineStarting is whether the last match ended in a newline: blanks before
	// the next tag then begin a line.
	lineStarting bool
}

func lex(src string) ([]token, error) {
	src = strings.ReplaceAll(strings.ReplaceAll(src, "\r\n", "\n"), "\r", "\n")
	l := &lexer{src: strings.TrimSuffix(src, "\n"), line: 1, lineStarting: true}
	for l.pos < len(l.src) {
		if err := l.root(); err != nil {
			return nil, err
		}
	}
	l.emit(tokEOF, "")
	return l.toks, nil
}

func (l *lexer) emit(k tokenKind, s string) { l.toks = append(l.toks, token{k, s, l.line}) }

func (l *lexer) errorf(format string, a ...any) error {
	return &SyntaxError{l.line, fmt.Sprintf(format, a...)}
}

// advance moves past n bytes and counts their lines.
func (l *lexer) advance(n int) {
	l.line += strings.Count(l.src[l.pos:l.pos+n], "\n")
	l.pos += n
}

// data emits template text up to end, the start of a tag; sign is the tag's
// white space control and isPrint marks {{, which lstrip_blocks leaves alone.
func (l *lexer) data(end int, sign byte, isPrint bool) {
	s := l.src[l.pos:end]
	switch {
	case sign == '-':
		s = strings.TrimRightFunc(s, isSpace)
	case sign != '+' && !isPrint:
		start := strings.LastIndexByte(s, '\n') + 1
		if (start > 0 || l.lineStarting) && strings.TrimLeftFunc(s[start:], isSpace) == "" {
			s = s[:start]
		}
	}
	if s != "" {
		l.emit(tokData, s)
	}
	l.advance(end - l.pos)
}

// sign returns the white space control character at i, or 0.
func (l *lexer) sign(i int) byte {
	if i < len(l.src) && (l.src[i] == '-' || l.src[i] == '+') {
		return l.src[i]
	}
	return 0
}

// root lexes text up to the next tag, and that tag.
func (l *lexer) root() error {
	rest := l.src[l.pos:]
	at := -1
	for from := 0; ; {
		i := strings.IndexByte(rest[from:], '{')
		if i < 0 || from+i+1 >= len(rest) {
			break
		}
		from += i
		if c := rest[from+1]; c == '{' || c == '%' || c == '#' {
			at = from
			break
		}
		from++
	}
	if at < 0 {
		l.emit(tokData, rest)
		l.advance(len(rest))
		return nil
	}
	at += l.pos
	kind, sign := l.src[at+1], l.sign(at+2)
	l.data(at, sign, kind == '{')
	n := 2
	if sign != 0 {
		n = 3
	}
	switch kind {
	case '#':
		return l.comment(n)
	case '%':
		if body, ok := l.rawBegin(n); ok {
			return l.raw(body)
		}
		l.emit(tokBlockBegin, "")
	default:
		l.emit(tokPrintBegin, "")
	}
	l.advance(n)
	return l.tag(kind == '%')
}

// comment skips a comment whose opening mark has n bytes.
func (l *lexer) comment(n int) error {
	i := strings.Index(l.src[l.pos+n:], "#}")
	if i < 0 {
		return l.errorf("a comment {# is never closed")
	}
	end := l.pos + n + i
	strip := i > 0 && l.src[end-1] == '-'
	keep := i > 0 && l.src[end-1] == '+'
	l.advance(end + 2 - l.pos)
	l.afterTag(strip, keep, true)
	return nil
}

// afterTag eats what a closing tag takes with it.
func (l *lexer) afterTag(strip, keep, trimBlock bool) {
	start := l.pos
	switch {
	case strip:
		rest := l.src[l.pos:]
		l.advance(len(rest) - len(strings.TrimLeftFunc(rest, isSpace)))
	case trimBlock && !keep && l.pos < len(l.src) && l.src[l.pos] == '\n':
		l.advance(1)
	}
	l.lineStarting = l.pos > start && l.src[l.pos-1] == '\n'
}

// rawBegin reports whether the block tag at l.pos is {% raw %}, and where the
// text behind it starts.
func (l *lexer) rawBegin(n int) (int, bool) {
	return l.bareTag(l.pos+n, "raw", false)
}

// bareTag matches NAME and the tag's end at byte i and returns the offset
// behind it, white space eaten as the tag asks.
func (l *lexer) bareTag(i int, name string, trimNewline bool) (int, bool) {
	rest := strings.TrimLeftFunc(l.src[i:], isSpace)
	if !strings.HasPrefix(rest, name) {
		return 0, false
	}
	rest = strings.TrimLeftFunc(rest[len(name):], isSpace)
	switch {
	case strings.HasPrefix(rest, "-%}"):
		rest = strings.TrimLeftFunc(rest[3:], isSpace)
	case strings.HasPrefix(rest, "+%}") && trimNewline:
		rest = rest[3:]
	case strings.HasPrefix(rest, "%}"):
		rest = rest[2:]
		if trimNewline {
			rest = strings.TrimPrefix(rest, "\n")
		}
	default:
		return 0, false
	}
	return len(l.src) - len(rest), true
}

// raw emits everything up to {% endraw %} as text.
func (l *lexer) raw(body int) error {
	l.advance(body - l.pos)
	l.lineStarting = l.src[body-1] == '\n'
	for at := l.pos; ; at += 2 {
		i := strings.Index(l.src[at:], "{%")
		if i < 0 {
			return l.errorf("a raw block is never closed")
		}
		at += i
		sign := l.sign(at + 2)
		n := 2
		if sign != 0 {
			n = 3
		}
		if end, ok := l.bareTag(at+n, "endraw", true); ok {
			l.data(at, sign, false)
			l.advance(end - l.pos)
			l.lineStarting = l.src[end-1] == '\n'
			return nil
		}
	}
}

// tag lexes the inside of {{ }} or {% %} and its end.
func (l *lexer) tag(block bool) error {
	end, kind := "}}", tokPrintEnd
	if block {
		end, kind = "%}", tokBlockEnd
	}
	var open []byte // closers still owed
	for {
		rest := strings.TrimLeftFunc(l.src[l.pos:], isSpace)
		l.advance(len(l.src) - l.pos - len(rest))
		if rest == "" {
			return l.errorf("a tag is never closed: expected %s", end)
		}
		if len(open) == 0 {
			signed := rest[0] == '-' || rest[0] == '+' && block
			if strings.HasPrefix(rest, end) || signed && strings.HasPrefix(rest[1:], end) {
				l.emit(kind, "")
				if signed {
					l.advance(1)
				}
				l.advance(len(end))
				l.afterTag(signed && rest[0] == '-', signed && rest[0] == '+', block)
				return nil
			}
		}
		if err := l.inside(rest, &open); err != nil {
			return err
		}
	}
}

var operators = []string{"//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";"}

// inside lexes one token of an expression.
func (l *lexer) inside(rest string, open *[]byte) error {
	c, _ := utf8.DecodeRuneInString(rest)
	switch {
	case c >= '0' && c <= '9':
		return l.number(rest)
	case c == '_' || unicode.IsLetter(c):
		n := strings.IndexFunc(rest, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		if n < 0 {
			n = len(rest)
		}
		l.emit(tokName, rest[:n])
		l.advance(n)
		return nil
	case c == '\'' || c == '"':
		return l.str(rest)
	}
	for _, op := range operators {
		if !strings.HasPrefix(rest, op) {
			continue
		}
		switch op {
		case "{":
			*open = append(*open, '}')
		case "(":
			*open = append(*open, ')')
		case "[":
			*open = append(*open, ']')
		case "}", ")", "]":
			n := len(*open)
			if n == 0 || (*open)[n-1] != op[0] {
				return l.errorf("unexpected %q", op)
			}
			*open = (*open)[:n-1]
		}
		if len(*open) > maxNesting {
			return l.errorf("brackets nested deeper than %d", maxNesting)
		}
		l.emit(tokOp, op)
		l.advance(len(op))
		return nil
	}
	return l.errorf("unexpected character %q", c)
}

// number lexes an integer or a float; a dot needs digits on both sides.
func (l *lexer) number(rest string) error {
	n := digits(rest)
	isFloat := false
	prevDot := l.pos > 0 && l.src[l.pos-1] == '.'
	if len(rest) > 1 && rest[0] == '0' && strings.ContainsRune("bBoOxX", rune(rest[1])) {
		n = 2
		for n < len(rest) && (rest[n] == '_' || isHex(rest[n])) {
			n++
		}
		v, err := strconv.ParseInt(rest[:n], 0, 64)
		if err != nil {
			return l.errorf("not a number: %q", rest[:n])
		}
		l.emit(tokInt, strconv.FormatInt(v, 10))
		l.advance(n)
		return nil
	}
	if !prevDot && n+1 < len(rest) && rest[n] == '.' && rest[n+1] >= '0' && rest[n+1] <= '9' {
		n += 1 + digits(rest[n+1:])
		isFloat = true
	}
	if !prevDot && n < len(rest) && (rest[n] == 'e' || rest[n] == 'E') {
		m := n + 1
		if m < len(rest) && (rest[m] == '+' || rest[m] == '-') {
			m++
		}
		if k := digits(rest[m:]); k > 0 {
			n, isFloat = m+k, true
		}
	}
	s := strings.ReplaceAll(rest[:n], "_", "")
	if isFloat {
		l.emit(tokFloat, s)
	} else {
		if _, err := strconv.ParseInt(s, 10, 64); err != nil {
			return l.errorf("integer out of range: %q", s)
		}
		l.emit(tokInt, s)
	}
	l.advance(n)
	return nil
}

func digits(s string) int {
	n := 0
	for n < len(s) && (s[n] >= '0' && s[n] <= '9' || n > 0 && s[n] == '_' && n+1 < len(s) && s[n+1] >= '0' && s[n+1] <= '9') {
		n++
	}
	return n
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// str lexes a string literal and undoes Python's escapes.
func (l *lexer) str(rest string) error {
	quote := rest[0]
	var b strings.Builder
	for i := 1; i < len(rest); {
		c := rest[i]
		if c == quote {
			l.emit(tokString, b.String())
			l.advance(i + 1)
			return nil
		}
		if c != '\\' || i+1 >= len(rest) {
			b.WriteByte(c)
			i++
			continue
		}
		n, err := unescape(&b, rest[i+1:])
		if err != nil {
			return l.errorf("%v", err)
		}
		i += 1 + n
	}
	return l.errorf("a string is never closed")
}

var simpleEscapes = map[byte]string{
	'\n': "", '\\': `\`, '\'': "'", '"': `"`, 'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v",
}

// unescape writes the character behind a backslash and returns its length.
func unescape(b *strings.Builder, s string) (int, error) {
	if e, ok := simpleEscapes[s[0]]; ok {
		b.WriteString(e)
		return 1, nil
	}
	if n := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[0]]; n > 0 {
		if len(s) <= n {
			return 0, fmt.Errorf("truncated \\%c escape", s[0])
		}
		v, err := strconv.ParseUint(s[1:1+n], 16, 32)
		if err != nil || v > unicode.MaxRune {
			return 0, fmt.Errorf("bad \\%c escape %q", s[0], s[1:1+n])
		}
		b.WriteRune(rune(v))
		return 1 + n, nil
	}
	if s[0] >= '0' && s[0] <= '7' {
		n := 1
		for n < 3 && n < len(s) && s[n] >= '0' && s[n] <= '7' {
			n++
		}
		v, _ := strconv.ParseUint(s[:n], 8, 32)
		b.WriteRune(rune(v))
		return n, nil
	}
	_, size := utf8.DecodeRuneInString(s)
	b.WriteByte('\\') // an unknown escape stays as written
	b.WriteString(s[:size])
	return size, nil
}
