package openai

import (
	"iter"

	"inferd/daemon/ask"
	"inferd/daemon/wire"
	"inferd/tokenizer/reply"
)

// deltas makes chunks out of the events of one answer.
type deltas struct {
	nCalls int
}

// of returns what the chunks for an event say; one at least, if asked, which may
// say nothing.
func (p *deltas) of(e ask.Event, atLeastOne bool) iter.Seq[chatDelta] {
	return func(yield func(chatDelta) bool) {
		if len(e.Parts) == 0 && atLeastOne {
			yield(chatDelta{Content: new(string)})
			return
		}
		for _, part := range e.Parts {
			if part.Kind == reply.ToolCall {
				p.nCalls++
				if !yieldCall(newToolCall(part.Call), p.nCalls-1, yield) {
					return
				}
				continue
			}
			for piece := range wire.Pieces(part.Text) {
				delta := chatDelta{Content: &piece}
				if part.Kind == reply.ReasoningText {
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
	for piece := range wire.Pieces(arguments) {
		c = toolCall{Index: &index, Function: toolFunction{Arguments: piece}}
		if !yield(chatDelta{ToolCalls: []toolCall{c}}) {
			return false
		}
	}
	return true
}
