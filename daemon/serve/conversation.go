package serve

import (
	"encoding/json"

	"inferd/runtime"
	"inferd/tokenizer/reply"
)

// Conversation is what the model is to continue.
type Conversation struct {
	Messages []Message
	Tools    json.RawMessage // an array as the client sent it, nil without tools

	// Vars are variables for the chat template, such as enable_thinking:
	// booleans, numbers and strings. One that the template does not read has no
	// effect.
	Vars map[string]any
}

// Message is one turn of a conversation.
type Message struct {
	Role       string // system, developer, user, assistant or tool
	Name       string // may be empty
	Content    string
	Reasoning  string     // of the assistant, before the content
	ToolCalls  []ToolCall // of the assistant, after the content
	ToolCallID string     // of a tool: the call that it answers
}

// ToolCall is a call of a tool in a conversation.
type ToolCall struct {
	ID        string
	Name      string
	Arguments json.RawMessage // a JSON object
}

// ReplyFormat is how a model writes its answers to conversations.
type ReplyFormat struct {
	*reply.Format

	// Marks are the control tokens that the format needs to see in the text.
	Marks []runtime.Token

	// TakesTools reports whether a prompt can tell the model of tools.
	TakesTools bool
}
