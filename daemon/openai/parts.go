package openai

import (
	"iter"
	"unicode/utf8"

	"inferd/runtime"
	"inferd/tokenizer/reply"
)

// parts tells an answer's text from its reasoning and its calls of tools.
type parts struct {
	parser *reply.Parser // nil: all is text
	single bool          // nothing follows the first call
	nCalls int
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

// deltas returns what the chunks for a token say; one at least, if asked, which
// may say nothing.
func (p *parts) deltas(d runtime.Delta, atLeastOne bool) iter.Seq[chatDelta] {
	return func(yield func(chatDelta) bool) {
		before := p.nCalls
		events := p.of(d)
		if len(events) == 0 && atLeastOne {
			yield(chatDelta{Content: new(string)})
			return
		}
		for _, e := range events {
			if e.Kind == reply.ToolCall {
				if !yieldCall(newToolCall(e.Call), before, yield) {
					return
				}
				before++
				continue
			}
			for piece := range pieces(e.Text) {
				delta := chatDelta{Content: &piece}
				if e.Kind == reply.ReasoningText {
					delta = chatDelta{Reasoning: piece}
				}
				if !yield(delta) {
					return
				}
			}
		}
	}
}

// yieldCall says whose call it is, then with what arguments.
func yieldCall(c toolCall, index int, yield func(chatDelta) bool) bool {
	arguments := c.Function.Arguments
	c.Index, c.Function.Arguments = &index, ""
	if !yield(chatDelta{ToolCalls: []toolCall{c}}) {
		return false
	}
	for piece := range pieces(arguments) {
		c = toolCall{Index: &index, Function: toolFunction{Arguments: piece}}
		if !yield(chatDelta{ToolCalls: []toolCall{c}}) {
			return false
		}
	}
	return true
}

// finish is finishReason for an answer that may have called tools.
func (p *parts) finish(r runtime.FinishReason) *string {
	name := finishReason(r)
	if name != nil && *name == "stop" && p.nCalls > 0 {
		*name = "tool_calls"
	}
	return name
}

// pieces cuts a text so that each piece fits into an event.
func pieces(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for text != "" {
			n := min(maxEventText, len(text))
			for n < len(text) && !utf8.RuneStart(text[n]) {
				n--
			}
			if !yield(text[:n]) {
				return
			}
			text = text[n:]
		}
	}
}
