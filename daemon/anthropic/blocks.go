package anthropic

import (
	"encoding/json"
	"strings"

	"inferd/daemon/ask"
	"inferd/daemon/wire"
	"inferd/tokenizer/reply"
)

// block is a part of an answer: text, thinking or tool_use.
type block struct {
	Type      string          `json:"type"`
	Text      *string         `json:"text,omitempty"`
	Thinking  *string         `json:"thinking,omitempty"`
	Signature *string         `json:"signature,omitempty"` // of thinking; always empty
	ID        string          `json:"id,omitempty"`
	Name      string          `json:"name,omitempty"`
	Input     json.RawMessage `json:"input,omitempty"` // an object
}

// newBlock returns an empty block.
func newBlock(kind string, call reply.Call) block {
	empty := ""
	switch kind {
	case "text":
		return block{Type: kind, Text: &empty}
	case "thinking":
		return block{Type: kind, Thinking: &empty, Signature: &empty}
	default:
		return block{Type: kind, ID: "toolu_" + ask.NewCallID(), Name: call.Name, Input: json.RawMessage("{}")}
	}
}

// fill gives a block its content.
func (b *block) fill(content []byte) {
	text := string(content)
	switch b.Type {
	case "text":
		b.Text = &text
	case "thinking":
		b.Thinking = &text
	default:
		b.Input = content
	}
}

// change is an event of a stream that begins, extends or ends a block.
type change struct {
	Type  string `json:"type"`
	Index int    `json:"index"`
	Block *block `json:"content_block,omitempty"`
	Delta *delta `json:"delta,omitempty"`
}

type delta struct {
	Type     string `json:"type"`
	Text     string `json:"text,omitempty"`
	Thinking string `json:"thinking,omitempty"`
	JSON     string `json:"partial_json,omitempty"`
}

func newDelta(kind, piece string) *delta {
	switch kind {
	case "text":
		return &delta{Type: "text_delta", Text: piece}
	case "thinking":
		return &delta{Type: "thinking_delta", Thinking: piece}
	default:
		return &delta{Type: "input_json_delta", JSON: piece}
	}
}

// blocks turns an answer into changes. White space alone makes no block: it
// stands between reasoning and text, or calls.
type blocks struct {
	showing bool   // reasoning becomes blocks, else it is left out
	kind    string // of the open block, empty if none is
	n       int    // blocks so far, the open one included
	space   string // of a text that has not begun yet
}

// of returns what an event changes.
func (b *blocks) of(e ask.Event) (list []change) {
	for _, part := range e.Parts {
		switch part.Kind {
		case reply.ToolCall:
			list = append(b.close(list), b.open("tool_use", part.Call))
			list = b.extend(list, string(part.Call.Arguments))
			list = b.close(list)
		case reply.ReasoningText:
			if b.showing {
				list = b.text(list, "thinking", part.Text)
			}
		default:
			list = b.text(list, "text", part.Text)
		}
	}
	if e.Finish != "" {
		list = b.close(list)
	}
	return list
}

// text adds to the open block, or to a new one if that is of another kind.
func (b *blocks) text(list []change, kind, text string) []change {
	if b.kind != kind {
		list = b.close(list)
		if text = b.space + text; strings.TrimSpace(text) == "" {
			b.space = text
			return list
		}
		list = append(list, b.open(kind, reply.Call{}))
	}
	return b.extend(list, text)
}

func (b *blocks) open(kind string, call reply.Call) change {
	b.kind, b.space = kind, ""
	b.n++
	empty := newBlock(kind, call)
	return change{Type: "content_block_start", Index: b.n - 1, Block: &empty}
}

func (b *blocks) extend(list []change, text string) []change {
	for piece := range wire.Pieces(text) {
		list = append(list, change{Type: "content_block_delta", Index: b.n - 1, Delta: newDelta(b.kind, piece)})
	}
	return list
}

func (b *blocks) close(list []change) []change {
	if b.kind == "" {
		return list
	}
	b.kind = ""
	return append(list, change{Type: "content_block_stop", Index: b.n - 1})
}

// collected are the blocks that changes make.
type collected struct {
	blocks   []block
	contents [][]byte
}

func (c *collected) add(changes []change) {
	for _, ch := range changes {
		switch {
		case ch.Block != nil:
			c.blocks = append(c.blocks, *ch.Block)
			c.contents = append(c.contents, nil)
		case ch.Delta != nil:
			content := &c.contents[ch.Index]
			*content = append(*content, ch.Delta.Text+ch.Delta.Thinking+ch.Delta.JSON...)
		}
	}
}

func (c *collected) whole() []block {
	for i := range c.blocks {
		c.blocks[i].fill(c.contents[i])
	}
	return append([]block{}, c.blocks...)
}
