package ask

import (
	"inferd/runtime"
	"inferd/tokenizer/reply"
)

// Finish says why an answer ended; empty while it has not.
type Finish string

// The ways in which answers end.
const (
	FinishStop   Finish = "stop"        // of itself
	FinishString Finish = "stop_string" // before one of Generation.Stop
	FinishLength Finish = "length"      // at the most tokens allowed, or the end of the context
	FinishCalls  Finish = "tool_calls"  // of itself, having called tools
)

// FinishOf returns how an answer that calls no tools ends.
func FinishOf(r runtime.FinishReason) Finish {
	switch r {
	case runtime.NotFinished:
		return ""
	case runtime.FinishEOG:
		return FinishStop
	case runtime.FinishStop:
		return FinishString
	default:
		return FinishLength
	}
}

// parts tells an answer's text from its reasoning and its calls of tools.
type parts struct {
	parser *reply.Parser // nil: all is text
	single bool          // nothing follows the first call
	nCalls int
	last   reply.EventKind // of what came last
}

// of returns what a token adds to the answer. The last token brings all that
// was held back.
func (p *parts) of(d runtime.Delta) []reply.Event {
	if p.parser == nil {
		if len(d.Text) == 0 {
			return nil
		}
		return []reply.Event{{Kind: reply.Text, Text: string(d.Text)}}
	}
	events := p.parser.Push(string(d.Text))
	if d.Finished != runtime.NotFinished {
		events = append(events[:len(events):len(events)], p.parser.Finish()...)
	}
	for i, e := range events {
		if p.single && p.nCalls > 0 {
			return events[:i]
		}
		if e.Kind == reply.ToolCall {
			p.nCalls++
		}
	}
	return events
}

// isReasoning reports whether a token that added events was spent on reasoning:
// one that added none goes on with what came before.
func (p *parts) isReasoning(events []reply.Event) bool {
	if len(events) > 0 {
		p.last = events[len(events)-1].Kind
	}
	return p.last == reply.ReasoningText
}

// finish is FinishOf for an answer that may have called tools.
func (p *parts) finish(r runtime.FinishReason) Finish {
	f := FinishOf(r)
	if p.nCalls > 0 && (f == FinishStop || f == FinishString) {
		return FinishCalls
	}
	return f
}
