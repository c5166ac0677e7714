package reply

import (
	"encoding/json"
	"strings"
	"unicode"
)

// EventKind says what an Event carries.
type EventKind uint8

const (
	Text          EventKind = iota // visible text, in Event.Text
	ReasoningText                  // the model's reasoning, in Event.Text
	ToolCall                       // a complete call, in Event.Call
)

// Event is a piece of an answer, in order.
type Event struct {
	Kind EventKind
	Text string
	Call Call
}

// Call is a call of a tool.
type Call struct {
	Name      string
	Arguments json.RawMessage // always a JSON object
}

// Tool is a tool that the caller offered to the model.
type Tool struct {
	Name       string
	Parameters json.RawMessage // JSON Schema of its arguments, or nil
}

// Options says how to read one answer.
type Options struct {
	// Tools are those offered. Without any, calls are left as text.
	Tools []Tool
	// Prompt is the rendered prompt's end; if it leaves a reasoning section
	// open, the answer begins inside it.
	Prompt string
}

// maxSectionBytes bounds what a parser holds back: a call that is longer is text.
const maxSectionBytes = 256 << 10

// Parser reads one answer. It is not safe for concurrent use.
type Parser struct {
	sections []*section
	tools    toolset

	buf     string   // not yet decided
	in      *section // the open section, nil in text
	as      kind     // what in holds, once known
	header  string   // of a channel
	held    string   // white space that may turn out to end a run of text
	started bool     // visible text has been seen
	fresh   bool     // text since the last section: drop its leading space
	events  []Event
}

// NewParser starts reading an answer.
func (f *Format) NewParser(o Options) *Parser {
	p := &Parser{tools: newToolset(o.Tools)}
	for _, s := range f.sections {
		if s.kind == calls && len(o.Tools) == 0 {
			continue
		}
		p.sections = append(p.sections, s)
		if s.kind == reasoning && opens(o.Prompt, s) {
			p.enter(s)
		}
	}
	return p
}

// opens reports whether the prompt ends inside section s.
func opens(prompt string, s *section) bool {
	i := strings.LastIndex(prompt, s.open)
	if i < 0 {
		return false
	}
	return strings.TrimSpace(prompt[i+len(s.open):]) == ""
}

// Push takes the next piece of the answer and returns what is decided by it.
func (p *Parser) Push(piece string) []Event {
	p.buf += piece
	return p.drain(false)
}

// Finish ends the answer and returns what was still held back.
func (p *Parser) Finish() []Event { return p.drain(true) }

func (p *Parser) drain(end bool) []Event {
	p.events = nil
	for p.step(end) {
	}
	if end && p.in == nil && !p.fresh {
		p.emit(Text, p.held)
		p.held = ""
	}
	return p.events
}

// step makes one decision and reports whether another may follow.
func (p *Parser) step(end bool) bool {
	switch {
	case p.in == nil:
		return p.stepText(end)
	case p.in.kind == channel && p.as == channel:
		return p.stepHeader(end)
	case p.as == calls:
		return p.stepCalls(end)
	}
	return p.stepStream(end)
}

func (p *Parser) enter(s *section) {
	p.in, p.as, p.header = s, s.kind, ""
	if s.kind != calls { // a call that turns out to be text gives the space before it back
		p.held = ""
	}
	p.fresh = true
}

func (p *Parser) leave() {
	p.in = nil
	p.fresh = true
	p.held = ""
}

// stepText looks for the next opening mark.
func (p *Parser) stepText(end bool) bool {
	at, found := len(p.buf), (*section)(nil)
	for _, s := range p.sections {
		i := strings.Index(p.buf, s.open)
		if i < 0 || i > at || i == at && found != nil && len(s.open) <= len(found.open) {
			continue
		}
		if s.atStart && (p.started || strings.TrimSpace(p.buf[:i]) != "") {
			continue
		}
		at, found = i, s
	}
	if !end {
		if keep := p.partial(); len(p.buf)-keep < at {
			at, found = len(p.buf)-keep, nil // a longer mark may be about to begin before it
		}
	}
	p.text(p.buf[:at])
	p.buf = p.buf[at:]
	if found == nil {
		return false
	}
	if !found.keepOpen {
		p.buf = p.buf[len(found.open):]
	}
	if found.kind == dropped {
		p.fresh = true
		p.held = ""
		return true
	}
	p.enter(found)
	return true
}

// partial is the length of the longest end of buf that could begin a mark.
func (p *Parser) partial() int {
	best := 0
	for _, s := range p.sections {
		best = max(best, overlap(p.buf, s.open))
	}
	return best
}

// overlap is the length of the longest proper prefix of mark that ends s.
func overlap(s, mark string) int {
	for n := min(len(mark)-1, len(s)); n > 0; n-- {
		if strings.HasSuffix(s, mark[:n]) {
			return n
		}
	}
	return 0
}

// text emits visible text. White space at its end waits: it is dropped if a
// section follows.
func (p *Parser) text(s string) {
	if p.fresh {
		s = strings.TrimLeftFunc(s, unicode.IsSpace)
		if s == "" {
			return
		}
		p.fresh = false
	}
	p.run(Text, s)
	p.started = p.started || strings.TrimSpace(s) != ""
}

// run emits s and holds its trailing white space back.
func (p *Parser) run(k EventKind, s string) {
	s = p.held + s
	body := strings.TrimRightFunc(s, unicode.IsSpace)
	p.held = s[len(body):]
	p.emit(k, body)
}

func (p *Parser) emit(k EventKind, s string) {
	if s == "" {
		return
	}
	if n := len(p.events); n > 0 && p.events[n-1].Kind == k && k != ToolCall {
		p.events[n-1].Text += s
		return
	}
	p.events = append(p.events, Event{Kind: k, Text: s})
}

// ends finds the first closing mark of the open section.
func (p *Parser) ends() (at, size int) {
	at = -1
	for _, c := range p.in.close {
		if i := strings.Index(p.buf, c); i >= 0 && (at < 0 || i < at) {
			at, size = i, len(c)
		}
	}
	return at, size
}

// stepStream passes on a section that is shown as it comes.
func (p *Parser) stepStream(end bool) bool {
	k := ReasoningText
	if p.in.kind == channel && p.as == dropped { // a channel of visible text
		k = Text
	}
	at, size := p.ends()
	body := at
	if at < 0 {
		body = len(p.buf)
		if !end {
			for _, c := range p.in.close {
				body = min(body, len(p.buf)-overlap(p.buf, c))
			}
		}
	}
	s := p.buf[:body]
	if p.fresh {
		s = strings.TrimLeftFunc(s, unicode.IsSpace)
		p.fresh = s == ""
	}
	p.run(k, s)
	p.buf = p.buf[body:]
	if at < 0 {
		return false
	}
	p.buf = p.buf[size:]
	p.leave()
	return true
}

// stepHeader reads the header of a gpt-oss channel: its name, and for calls
// the tool it is for.
func (p *Parser) stepHeader(end bool) bool {
	const mark = "<|message|>"
	i := strings.Index(p.buf, mark)
	if i < 0 {
		if !end {
			return false
		}
		p.buf = ""
		p.leave()
		return false
	}
	p.header = p.buf[:i]
	p.buf = p.buf[i+len(mark):]
	switch {
	case strings.Contains(p.header, "to=") && !p.tools.empty():
		p.as = calls
	case strings.HasPrefix(p.header, "analysis"):
		p.as = reasoning
	default:
		p.as = dropped
	}
	return true
}

// stepCalls waits for the whole section and reads the calls in it.
func (p *Parser) stepCalls(end bool) bool {
	at, size := p.ends()
	mark := ""
	switch {
	case at >= 0:
		mark = p.buf[at : at+size]
	case end || len(p.buf) > maxSectionBytes:
		at = len(p.buf)
	default:
		return false
	}
	body, s := p.buf[:at], p.in
	found, ok := p.parseBody(body)
	p.buf = p.buf[at+size:]
	if ok {
		for _, c := range found {
			p.events = append(p.events, Event{Kind: ToolCall, Call: c})
		}
		p.started = true
		p.leave()
		if mark == s.open { // this mark ended one call and begins the next
			p.enter(s)
		}
		return true
	}
	whole := body + mark
	if !s.keepOpen {
		whole = s.open + whole
	}
	p.in, p.fresh, p.started = nil, false, true
	p.run(Text, whole)
	return p.buf != ""
}

func (p *Parser) parseBody(body string) ([]Call, bool) {
	if p.in.kind == channel {
		return parseChannel(p.header, body, p.tools)
	}
	if p.in.parse != nil {
		return p.in.parse(body, p.tools)
	}
	return parseCalls(body, p.tools)
}
